//! Settings that change while the hub runs: those of `callback-hub.toml`, of `.env`, and of files with a secret in them.

mod process;
mod refused;
mod taken;

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use crate::harness::app::Extra;
use crate::harness::{App, Database, Kind};

const OLD: &str = "the old secret of more than 32 bytes in all";
const NEW: &str = "the new secret of more than 32 bytes in all";

/// Where the settings' files are.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> String {
        self.path().join(name).display().to_string()
    }
}

async fn start(kind: Kind, folder: &Folder, settings: &[(&str, &str)]) -> App {
    let extra = Extra { settings, folder: Some(folder.path()), ..Extra::default() };
    App::with(&Arc::new(Database::fresh(kind).await), extra).await
}

/// With a secret in a file, and task `t`.
async fn with_secret(kind: Kind, folder: &Folder) -> App {
    let file = folder.file("secret");
    let app = start(kind, folder, &[("CALLBACK_SECRET_KEY", ""), ("CALLBACK_SECRET_KEY_FILE", &file)]).await;
    app.created(&json!({"id": "t"})).await;
    app
}

/// Looks twice: what has just changed may still be changing.
async fn look(app: &App) -> u64 {
    let steps = [app.loops.reload.step().await, app.loops.reload.step().await];
    steps.into_iter().map(|step| step.expect("a step").handled).sum()
}

/// A body of so many bytes.
fn padded(length: usize) -> String {
    let body = r#"{"event":"progress","progress":{"percentage":6}}"#;
    format!("{body}{}", " ".repeat(length - body.len()))
}

/// Whether a callback of task `t` is taken that is signed with this secret.
async fn takes(app: &App, secret: &str) -> bool {
    let body = json!({"event": "progress", "progress": {"percentage": 5}});
    let answer = app.callback("t", &body).secret(secret).send().await;
    assert!([200, 401].contains(&answer.status), "{} {}", answer.status, answer.text);
    answer.status == 200
}

/// Why what is there does not count; empty if it does.
async fn fault(app: &App) -> String {
    app.get("/api/generators").await.good(200)["refused"]["fault"].as_str().unwrap_or_default().to_owned()
}
