//! The API document: what belongs to all of it. Operations document themselves where they are.

mod alternatives;
mod bodies;
mod errors;

use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::problem::ProblemBody;

pub use alternatives::arrival_time;
pub use bodies::{BatchBody, CallbackBody};
pub use errors::{
    ActionErrors, BatchErrors, BulkErrors, CallbackErrors, ChangeErrors, ContentErrors, CreationErrors, EventErrors, LeaseErrors,
    ListErrors, PlainErrors, ReceiptErrors, ReplayErrors, SharedErrors, TaskErrors, VerifyErrors,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callback Hub",
        description = include_str!("openapi.md"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "The hub that serves this document")),
    tags(
        (name = "callbacks", description = "Where generators call. Proven by a signature or by the URL's token, never by an API key."),
        (name = "tasks", description = "Jobs handed to generators, and how they ended."),
        (name = "contents", description = "Results that are to be published: reviewed, edited, approved or rejected."),
        (name = "pool", description = "Approved contents, lent to whoever publishes them, one at a time."),
        (name = "receipts", description = "What came for tasks: callbacks, refused ones too, and operators' events. For finding out why."),
        (name = "events", description = "Events of your own, for the webhooks that want to hear of them."),
        (name = "deliveries", description = "What webhooks were told, what they have yet to be told, and what was given up."),
        (name = "webhooks", description = "Who is told what happens: URLs, the events that they want, and what proves the hub to them."),
        (name = "generators", description = "The catalog: who can be given tasks, and what each needs."),
        (name = "operations", description = "Figures for dashboards, health for supervisors."),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Keys),
)]
pub struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key"));
        let header = ApiKeyValue::with_description("X-API-Key", "An API key");
        let signature = ApiKeyValue::with_description(
            "X-Webhook-Signature",
            "HMAC-SHA256 over the raw body, hex or base64, with or without `sha256=`; other generators use the headers that their files name",
        );
        let token = ApiKeyValue::with_description("token", "The capability token of the callback URL");
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
        components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(signature)));
        components.add_security_scheme("capability_token", SecurityScheme::ApiKey(ApiKey::Query(token)));
    }
}

/// Each of these schemes is enough for every operation of the part.
#[must_use]
pub fn secured(mut part: utoipa::openapi::OpenApi, schemes: [&str; 2]) -> utoipa::openapi::OpenApi {
    let no_scopes: [String; 0] = [];
    let any_of = schemes.map(|name| SecurityRequirement::new(name, no_scopes.clone()));
    for operation in part.paths.paths.values_mut().flat_map(operations) {
        operation.security = Some(any_of.to_vec());
    }
    part
}

/// All operations of a path.
fn operations(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = &mut utoipa::openapi::path::Operation> {
    let each = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    each.into_iter().filter_map(Option::as_mut)
}
