//! Webhooks as operators see them: contract.md, sections 4 and 5.

mod breaker;
mod changing;
mod file;
mod own;
mod refused;
mod registering;
mod rotating;
mod rotating_twice;
mod trying;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::harness::callback::hmac;
use crate::harness::subscriber::Told;

/// 32 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
/// Subscribers of the tests are on this machine.
const HERE: [(&str, &str); 2] = [("DELIVERY_ALLOWED_NETWORKS", "private"), ("SECRETS_KEY", KEY)];

/// Whether a request carries this secret's signature, for Standard Webhooks one of several.
pub(crate) fn is_signed(told: &Told, secret: &str) -> bool {
    let (id, at) = (told.header("webhook-id"), told.header("webhook-timestamp"));
    let content = [id.as_bytes(), b".", at.as_bytes(), b".", &told.body].concat();
    let key =
        secret.strip_prefix("whsec_").map_or_else(|| secret.as_bytes().to_vec(), |key| STANDARD.decode(key).expect("base64"));
    let signature = format!("v1,{}", STANDARD.encode(hmac(&key, &content)));
    told.header("webhook-signature").split(' ').any(|signed| signed == signature)
}

fn path(webhook: &Value) -> String {
    format!("/api/webhooks/{}", webhook["id"].as_str().expect("an id"))
}
