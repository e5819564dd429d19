//! What a subscriber knows its senders by, as it is given and as it is shown.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::webhook::Auth;
use crate::http::fields::Fields;
use crate::registrar::MASK;

/// Sent with every request: as `Authorization`, or as the header `key_name`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookAuth)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AuthBody {
    Basic {
        username: String,
        /// Shown as `***`
        password: String,
    },
    Bearer {
        /// Shown as `***`
        token: String,
    },
    ApiKey {
        #[schema(example = "X-Team-Key")]
        key_name: String,
        /// Shown as `***`
        key_value: String,
    },
}

const FORMS: &str =
    r#"{"type": "basic", "username", "password"}, {"type": "bearer", "token"} or {"type": "api_key", "key_name", "key_value"}"#;

/// What is wrong with it is not quoted: it holds secrets.
pub(super) fn read(fields: &mut Fields<'_>, name: &'static str) -> Option<Auth> {
    let auth = serde_json::from_str(fields.document(name).map(RawValue::get)?).ok();
    if auth.is_none() {
        fields.blame(name, format!("must be {FORMS}"));
    }
    auth
}

impl From<Auth> for AuthBody {
    fn from(auth: Auth) -> Self {
        let masked = || MASK.to_owned();
        match auth {
            Auth::Basic { username, .. } => Self::Basic { username, password: masked() },
            Auth::Bearer { .. } => Self::Bearer { token: masked() },
            Auth::ApiKey { key_name, .. } => Self::ApiKey { key_name, key_value: masked() },
        }
    }
}
