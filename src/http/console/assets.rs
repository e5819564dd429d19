//! The one stylesheet, the one script and the icon. Each goes by a name that changes with what is in it, and so may be kept.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::generator::mac::sha256;
use crate::http::problem::{Code, Problem};

pub(super) struct Asset {
    name: String,
    kind: &'static str,
    text: &'static str,
}

pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::new("css", "text/css", include_str!("console.css")));
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::new("js", "text/javascript", include_str!("console.js")));
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::new("svg", "image/svg+xml", include_str!("icon.svg")));

impl Asset {
    fn new(extension: &str, kind: &'static str, text: &'static str) -> Self {
        let hash = hex::encode(&sha256([text.as_bytes()])[..6]);
        Self { name: format!("console-{hash}.{extension}"), kind, text }
    }

    pub fn path(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

pub(super) async fn read(Path(name): Path<String>) -> Response {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return Problem::of(Code::NotFound).into_response();
    };
    let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.text).into_response()
}
