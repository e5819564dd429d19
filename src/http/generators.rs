//! `GET /api/generators`: the catalog as it is loaded.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::access::Caller;
use super::cursor::{self, MOST_ITEMS};
use super::fields::Fields;
use super::openapi::ListErrors;
use super::problem::Problem;
use super::state::Hub;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::generator::entry::Generator;
use crate::generator::explain::Chapter;
use crate::generator::needs::Need;
use crate::generator::scalar::Ingress;
use crate::terms::{Loaded, Refused};

#[derive(Debug, Serialize, ToSchema)]
pub struct GeneratorList {
    /// By name.
    items: Vec<GeneratorBody>,
    /// Give it as `cursor` for the next page; null on the last one.
    next_cursor: Option<String>,
    /// When the files were read that count.
    #[schema(value_type = String, format = DateTime)]
    loaded_at: Timestamp,
    /// Set while the files that are there now are broken: those from before count.
    refused: Option<RefusedFiles>,
}

/// A generator as its file and the settings describe it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Generator)]
pub struct GeneratorBody {
    #[schema(example = "default")]
    name: String,
    /// What it is, in one line.
    about: Option<String>,
    /// Whether its file's facts are unsure.
    experimental: bool,
    /// Where its file's facts come from.
    sources: Vec<String>,
    /// Whether its file came with the hub; else it lies in `GENERATORS_DIR`.
    built_in: bool,
    /// The generator that its file extends.
    extends: Option<String>,
    /// Whether all settings are there that it cannot do without.
    configured: bool,
    settings: Vec<GeneratorSetting>,
    /// `verify`, `token`, `none`: what proves its callbacks.
    #[schema(example = "verify")]
    trust: &'static str,
    /// `never`, `terminal`, `always`: whether callbacks are only a reason to ask.
    #[schema(example = "never")]
    confirm: &'static str,
    /// `task`, `shared`: where its callbacks arrive.
    #[schema(example = "task")]
    ingress: &'static str,
    /// `reject`, `retry`, `park`: what becomes of a callback that comes before its task is known.
    #[schema(example = "reject")]
    early: &'static str,
    /// The form of the callback URLs that are handed out; each task shows its own.
    #[schema(example = "http://127.0.0.1:8080/callback/{task_id}?generator=default&attempt={attempt}&token={token}")]
    callback_url: Option<String>,
    /// The one URL for all of its callbacks, where it has one.
    ingress_url: Option<String>,
    /// Whether the hub can submit jobs to it, as it is configured.
    can_submit: bool,
    /// Whether the hub can ask it about jobs.
    can_ask: bool,
    can_cancel: bool,
    /// Names of the `params` that its requests are filled with; `name=value` for one that a task need not say.
    params: Vec<String>,
    /// From submission to deadline, where file or settings say so.
    timeout_seconds: Option<u64>,
    max_retries: u32,
    max_concurrent: Option<u32>,
    /// What the hub understood from its file, in words.
    understood: Vec<GeneratorChapter>,
    /// What in its file is likely to disappoint.
    warnings: Vec<String>,
    /// The body of a `POST /api/tasks`.
    #[schema(value_type = serde_json::Value)]
    example: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedFiles {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// File, line and key, and what is wrong there.
    #[schema(example = "lumen.toml:8: `event.staet` is no key here; did you mean `state`?")]
    fault: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GeneratorSetting {
    #[schema(example = "GENERATOR_SIMULATOR_BASE_URL")]
    name: String,
    /// What it is for.
    what: &'static str,
    required: bool,
    set: bool,
    /// Secrets masked; null if not set.
    value: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GeneratorChapter {
    #[schema(example = "proof")]
    title: &'static str,
    rows: Vec<GeneratorRow>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GeneratorRow {
    label: String,
    text: String,
}

/// List generators
///
/// The catalog as it is loaded, with what each generator needs, and what the hub understood from its file.
#[utoipa::path(
    get,
    path = "/api/generators",
    tag = "generators",
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 200, description = "Items on a page; 200 if absent"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of generators", body = GeneratorList), ListErrors),
)]
pub async fn list_generators(
    State(hub): State<Arc<Hub>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<GeneratorList>, Problem> {
    let mut fields = Fields::of_query(query.as_deref());
    let limit = fields.parse("limit", "a whole number from 1 to 200", cursor::limit).unwrap_or(MOST_ITEMS);
    let after = fields.parse("cursor", "the next_cursor of a page", cursor::decode::<1>);
    fields.finish()?;
    let Loaded { catalog, at, refused, .. } = hub.terms.loaded();
    let base_url = hub.terms.base_url();
    // a URL with a token in it is the right to call back
    let ingress_url = |generator| (caller.role >= Role::Tasks).then(|| hub.terms.ingress_url(generator));
    let is_behind = |generator: &&Arc<Generator>| after.as_ref().is_none_or(|[after]| generator.name().as_str() > after.as_str());
    let mut behind = catalog.iter().filter(is_behind);
    let page: Vec<_> = behind.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let next_cursor = page.last().filter(|_| behind.next().is_some()).map(|last| cursor::encode(&[last.name().as_str()]));
    let items = page.iter().map(|generator| GeneratorBody::of(generator, &base_url, ingress_url(generator))).collect();
    let refused = refused.map(|Refused { at, fault }| RefusedFiles { at, fault });
    Ok(Json(GeneratorList { items, next_cursor, loaded_at: at, refused }))
}

impl GeneratorBody {
    /// `ingress_url`: with its token, where it has one; none: its form is shown.
    #[must_use]
    pub fn of(generator: &Generator, base_url: &str, ingress_url: Option<String>) -> Self {
        let name = generator.name();
        let base = base_url.trim_end_matches('/');
        let (callback_url, ingress_url) = match generator.ingress() {
            Ingress::Task => {
                (Some(format!("{base}/callback/{{task_id}}?generator={name}&attempt={{attempt}}&token={{token}}")), None)
            }
            Ingress::Shared => {
                let token = if generator.needs_ingress_token() { "?token={token}" } else { "" };
                (None, ingress_url.or_else(|| Some(format!("{base}/hooks/{name}{token}"))))
            }
        };
        Self {
            name: name.to_string(),
            about: generator.about().map(ToOwned::to_owned),
            experimental: generator.experimental(),
            sources: generator.sources().to_vec(),
            built_in: generator.is_built_in(),
            extends: generator.extends().map(ToOwned::to_owned),
            configured: generator.is_configured(),
            settings: generator.needs().into_iter().map(GeneratorSetting::from).collect(),
            trust: generator.trust().as_str(),
            confirm: generator.confirm().as_str(),
            ingress: generator.ingress().as_str(),
            early: generator.early().as_str(),
            callback_url,
            ingress_url,
            can_submit: generator.can_submit().is_ok(),
            can_ask: generator.polling().is_some(),
            can_cancel: generator.can_cancel(),
            params: generator.params(),
            timeout_seconds: generator.timeout().map(|timeout| timeout.as_secs()),
            max_retries: generator.max_retries(),
            max_concurrent: generator.max_concurrent(),
            understood: generator.explained().into_iter().map(GeneratorChapter::from).collect(),
            warnings: generator.warnings(),
            example: generator.example(),
        }
    }

    /// Where its callbacks go: the form of a task's URL, or its one URL.
    #[must_use]
    pub fn url(&self) -> &str {
        self.callback_url.as_deref().or(self.ingress_url.as_deref()).unwrap_or_default()
    }
}

impl From<Need> for GeneratorSetting {
    fn from(need: Need) -> Self {
        Self { value: need.shown, name: need.setting, what: need.what, required: need.required, set: need.is_set }
    }
}

impl From<Chapter> for GeneratorChapter {
    fn from(chapter: Chapter) -> Self {
        let row = |(label, text)| GeneratorRow { label, text };
        Self { title: chapter.title, rows: chapter.rows.into_iter().map(row).collect() }
    }
}
