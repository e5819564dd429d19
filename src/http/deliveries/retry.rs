//! `POST /api/deliveries/{id}/retry`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{DeliveryBody, delivery_id, load, unknown};
use crate::domain::delivery::Status;
use crate::domain::webhook;
use crate::http::body::Nothing;
use crate::http::openapi::ActionErrors;
use crate::http::problem::{Code, Problem};
use crate::http::segment::Segment;
use crate::http::state::Hub;
use crate::store::Revival;

/// Retry a delivery
///
/// A dead one, or once more a delivered one: it is due at once and has its whole schedule before it, with the same id and
/// body. One that is pending need not wait any longer. Whoever was left alone for failing is tried again, too.
#[utoipa::path(
    post,
    path = "/api/deliveries/{delivery_id}/retry",
    tag = "deliveries",
    params(("delivery_id" = Uuid, Path, description = "The delivery's id")),
    responses((status = 200, description = "The delivery, pending", body = DeliveryBody), ActionErrors),
)]
pub async fn retry_delivery(
    State(hub): State<Arc<Hub>>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Json<DeliveryBody>, Problem> {
    let id = delivery_id(&id)?;
    let (store, now) = (hub.store.clone(), hub.clock.now());
    let revived = hub.lifecycle.see_through(async move { store.revive(id, now).await }).await;
    let conflict = |detail: String| Err(Problem::new(Code::Conflict, detail));
    match revived.ok_or_else(|| Problem::unavailable("The service is stopping"))?? {
        Revival::Due { lane } => {
            super::ring(&hub, [lane.as_str()]);
            Ok(Json(load(&hub, id).await?))
        }
        Revival::Unknown => Err(unknown()),
        Revival::Not(Status::Pending) => conflict("The delivery is being sent right now".to_owned()),
        Revival::Not(status) => {
            conflict(format!("The delivery is {}: only pending, dead and delivered ones can be retried", status.as_str()))
        }
        Revival::Deaf(webhook::Status::Disabled) => {
            conflict("The delivery's webhook is disabled: make it active first".to_owned())
        }
        Revival::Deaf(_) => conflict("The delivery's webhook was deleted".to_owned()),
    }
}
