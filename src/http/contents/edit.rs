//! `PATCH /api/contents/{id}`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ContentBody, act, load, refused};
use crate::domain::plan::Refusal;
use crate::domain::review::{Act, Document};
use crate::generator::content::words_of;
use crate::http::body::Sent;
use crate::http::fields::Fields;
use crate::http::openapi::ActionErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::Papers;

/// How often an edit is made anew because somebody else's came in between.
const REPEATS: usize = 5;

/// What may be edited. What is absent stays, null takes it away.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ContentEdit)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body for the API document; it is read field by field")]
struct EditBody {
    #[schema(example = "Lighthouses at dusk")]
    title: Option<String>,
    summary: Option<String>,
    /// The text. Its words are counted again.
    content: Option<String>,
    html: Option<String>,
    /// Replaces what is there: URLs, or objects.
    #[schema(value_type = Option<Vec<serde_json::Value>>)]
    images: Option<Vec<Value>>,
    cover_image: Option<String>,
    /// Replaces what is there.
    #[schema(value_type = Option<BTreeMap<String, serde_json::Value>>)]
    fields: Option<BTreeMap<String, Value>>,
}

/// The fields that an edit names.
#[derive(Clone, Default)]
struct Edit {
    title: Option<Option<String>>,
    summary: Option<Option<String>>,
    content: Option<Option<String>>,
    html: Option<Option<String>>,
    images: Option<Option<Vec<Value>>>,
    cover_image: Option<Option<String>>,
    fields: Option<Option<Map<String, Value>>>,
}

/// Edit a content
///
/// Until it is approved; then it answers 409.
#[utoipa::path(
    patch,
    path = "/api/contents/{content_id}",
    tag = "contents",
    params(("content_id" = Uuid, Path, description = "The content's id")),
    request_body(content = EditBody, content_type = "application/json"),
    responses((status = 200, description = "The content as it is now", body = ContentBody), ActionErrors),
)]
pub async fn edit_content(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    Sent(body): Sent,
) -> Result<Json<ContentBody>, Problem> {
    let edit = Edit::read(&body)?;
    for _ in 0..REPEATS {
        let record = load(&hub, &id).await?;
        let text = stored(&edit.clone().apply(record.document))?;
        let edited = Act::Edit { document: Uuid::now_v7(), instead_of: record.content.document };
        match act(&hub, &record.content, edited, Papers::Document(text)).await? {
            // nobody's words are lost: this edit is made to theirs
            Err(Refusal::EditedMeanwhile) => {}
            Err(refusal) => return Err(refused(refusal)),
            Ok(()) => return Ok(Json(load(&hub, &id).await?.into())),
        }
    }
    Err(refused(Refusal::EditedMeanwhile))
}

impl Edit {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::of_body(body)?;
        let text = "a text, or null";
        let edit = Self {
            title: fields.change("title", |fields, name| fields.take(name, text)),
            summary: fields.change("summary", |fields, name| fields.take(name, text)),
            content: fields.change("content", |fields, name| fields.take(name, text)),
            html: fields.change("html", |fields, name| fields.take(name, text)),
            images: fields.change("images", |fields, name| fields.take(name, "a list of URLs and objects, or null")),
            cover_image: fields.change("cover_image", |fields, name| fields.take(name, text)),
            fields: fields.change("fields", |fields, name| fields.take(name, "an object, or null")),
        };
        let is_picture = |image: &Value| image.is_string() || image.is_object();
        if edit.images.iter().flatten().flatten().any(|image| !is_picture(image)) {
            fields.blame("images", "must be a list of URLs and objects, or null");
        }
        fields.refuse("word_count", "is counted by the hub");
        fields.finish()?;
        Ok(edit)
    }

    fn apply(self, mut document: Document) -> Document {
        let Self { title, summary, content, html, images, cover_image, fields } = self;
        let other_text = content.is_some() || html.is_some();
        set(&mut document.title, title);
        set(&mut document.summary, summary);
        set(&mut document.content, content);
        set(&mut document.html, html);
        set(&mut document.images, images.map(Option::unwrap_or_default));
        set(&mut document.cover_image, cover_image);
        set(&mut document.fields, fields.map(Option::unwrap_or_default));
        if other_text {
            document.word_count = words_of(document.content.as_deref(), document.html.as_deref());
        }
        document
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// As it is kept, and can be read again: within the document everything lies deeper.
fn stored(document: &Document) -> Result<Bytes, Problem> {
    let text = serde_json::to_string(document).map_err(|_| Problem::of(Code::Internal))?;
    if serde_json::from_str::<Document>(&text).is_err() {
        return Err(Problem::field(Code::InvalidRequest, "fields", "must not be nested so deeply"));
    }
    Ok(Bytes::from(text))
}
