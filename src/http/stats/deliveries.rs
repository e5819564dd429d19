//! Figures of deliveries: what came of them in the last hours, and how many wait or are dead now.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::figure::Figure;
use crate::domain::time::Timestamp;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::state::Hub;

const DEFAULT_HOURS: u64 = 24;
const MOST_HOURS: u64 = 720;
/// No request takes longer, in milliseconds.
const LONGEST: u64 = 120_000;

/// How webhooks are served.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryFigures {
    /// The window of `delivered`, `success_rate`, and the webhooks' figures, in hours. The hour in which it begins counts as a
    /// whole.
    hours: u64,
    delivered: u64,
    /// Delivered ones among those that were delivered or given up; null before the first.
    success_rate: Option<f64>,
    /// Now, in all states of webhooks.
    pending: u64,
    /// Now: the dead-letter queue.
    dead: u64,
    /// How long the one that was made first has been pending; null if none is.
    oldest_pending_seconds: Option<u64>,
    /// Requests of this process that run.
    running: u64,
    /// Webhooks that this process leaves alone for a while, since they fail.
    breakers_open: u64,
    /// Those of which there is anything to tell. Webhooks of single tasks count together by their host.
    webhooks: Vec<WebhookFigures>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub struct WebhookFigures {
    /// Null for webhooks of single tasks.
    webhook_id: Option<Uuid>,
    #[schema(example = "tasks at hooks.example")]
    name: String,
    delivered: u64,
    /// Given up.
    dead: u64,
    attempts: u64,
    success_rate: Option<f64>,
    /// Of attempts, in milliseconds; null before the first.
    mean_ms: Option<f64>,
    /// At most so long took 95 of 100 attempts, in milliseconds, rounded up to 5, 10, 25, 50, 100, 250, 500 …
    p95_ms: Option<u64>,
    /// How many were delivered or given up after 1, 2, … attempts; 10 stands for all above, too.
    tries: BTreeMap<String, u64>,
    pending_now: u64,
    dead_now: u64,
    /// Until when it is left alone; null if it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    breaker_open_until: Option<Timestamp>,
}

/// The figures of a lane in the window.
type Counted = BTreeMap<Figure, u64>;
/// Amounts by lane.
type Lanes = BTreeMap<String, u64>;

pub(super) fn hours(fields: &mut Fields<'_>) -> u64 {
    let hours = fields.parse("hours", "a whole number from 1 to 720", |text| {
        text.parse().ok().filter(|hours| (1..=MOST_HOURS).contains(hours))
    });
    hours.unwrap_or(DEFAULT_HOURS)
}

/// `pending` and `dead` are what there is now.
pub(super) async fn read(hub: &Hub, hours: u64, (pending, dead): (&Lanes, &Lanes)) -> Result<DeliveryFigures, Problem> {
    let now = hub.clock.now();
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    let window = std::time::Duration::from_secs(hours * 3600);
    for tally in hub.store.delivery_tallies(now.minus(window)).await? {
        if let Some(figure) = Figure::parse(&tally.figure) {
            counted.entry(tally.lane).or_default().insert(figure, tally.amount);
        }
    }
    let lanes = hub.registrar.sender().lanes();
    let open: BTreeMap<String, Timestamp> = lanes.open(now).into_iter().collect();
    for lane in pending.keys().chain(dead.keys()).chain(open.keys()) {
        counted.entry(lane.clone()).or_default();
    }
    let ids = counted.keys().filter_map(|lane| lane.parse().ok()).collect();
    let names = hub.store.webhook_names(ids).await?;
    let webhooks: Vec<WebhookFigures> = counted
        .iter()
        .map(|(lane, counted)| {
            let webhook_id = lane.parse::<Uuid>().ok();
            let count = |lanes: &Lanes| lanes.get(lane).copied().unwrap_or(0);
            WebhookFigures {
                webhook_id,
                name: webhook_id.map_or_else(|| lane.clone(), |id| names.get(&id).cloned().unwrap_or_default()),
                pending_now: count(pending),
                dead_now: count(dead),
                breaker_open_until: open.get(lane).copied(),
                ..WebhookFigures::of(counted)
            }
        })
        .collect();
    let delivered = webhooks.iter().map(|webhook| webhook.delivered).sum();
    let oldest = hub.store.oldest_pending_delivery().await?;
    Ok(DeliveryFigures {
        hours,
        delivered,
        success_rate: rate(delivered, webhooks.iter().map(|webhook| webhook.dead).sum()),
        pending: pending.values().sum(),
        dead: dead.values().sum(),
        oldest_pending_seconds: oldest.map(|made| now.since(made).as_secs()),
        running: lanes.running() as u64,
        breakers_open: open.len() as u64,
        webhooks,
    })
}

impl WebhookFigures {
    /// What was counted in the window.
    #[expect(clippy::cast_precision_loss, reason = "a mean, not a count")]
    fn of(counted: &Counted) -> Self {
        let count = |figure: Figure| counted.get(&figure).copied().unwrap_or(0);
        let attempts = count(Figure::Attempts);
        let tries = counted.iter().filter_map(|(figure, amount)| {
            let Figure::Tries(attempts) = figure else { return None };
            Some((attempts.to_string(), *amount))
        });
        Self {
            delivered: count(Figure::Delivered),
            dead: count(Figure::Dead),
            attempts,
            success_rate: rate(count(Figure::Delivered), count(Figure::Dead)),
            mean_ms: (attempts > 0).then(|| count(Figure::Milliseconds) as f64 / attempts as f64),
            p95_ms: percentile_95(counted),
            tries: tries.collect(),
            ..Self::default()
        }
    }
}

/// The bound of the first bucket up to which 95 of 100 attempts lie.
fn percentile_95(counted: &Counted) -> Option<u64> {
    let bucket = |(figure, amount): (&Figure, &u64)| {
        let Figure::Took(bound) = figure else { return None };
        // the last bucket is open
        Some((bound.unwrap_or(LONGEST), *amount))
    };
    let buckets: BTreeMap<u64, u64> = counted.iter().filter_map(bucket).collect();
    let wanted = (buckets.values().sum::<u64>() * 95).div_ceil(100);
    let mut so_far = 0;
    let mut below = buckets.into_iter().map(|(bound, amount)| {
        so_far += amount;
        (bound, so_far)
    });
    below.find(|(_, so_far)| *so_far >= wanted).map(|(bound, _)| bound)
}

#[expect(clippy::cast_precision_loss, reason = "a rate, not a count")]
fn rate(delivered: u64, dead: u64) -> Option<f64> {
    let settled = delivered + dead;
    (settled > 0).then(|| delivered as f64 / settled as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninety_five_of_a_hundred_lie_below_the_bound() {
        let of = |buckets: &[(Figure, u64)]| percentile_95(&buckets.iter().copied().collect());
        let (quick, slow, slowest) = (Figure::Took(Some(5)), Figure::Took(Some(1000)), Figure::Took(None));
        assert_eq!(of(&[(Figure::Attempts, 3)]), None);
        assert_eq!(of(&[(quick, 95), (slow, 5)]), Some(5));
        assert_eq!(of(&[(quick, 94), (slow, 6)]), Some(1000));
        assert_eq!(of(&[(quick, 1), (slowest, 1)]), Some(LONGEST));
    }
}
