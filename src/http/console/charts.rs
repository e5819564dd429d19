//! What the charts show.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::chart::{self, Part};
use super::history::Counts;
use crate::domain::figure::Figure;
use crate::http::problem::Problem;
use crate::http::state::Hub;

/// What became of callbacks, and what was found by asking, of this process.
pub(super) fn callbacks(hub: &Hub, bars: usize, minutes: usize) -> Value {
    hub.history.step(hub);
    let now = hub.clock.now();
    let each = hub.history.minutes(now, bars * minutes);
    let sums: Vec<Counts> =
        each.chunks(minutes).map(|chunk| chunk.iter().fold(Counts::default(), |sum, one| sum.plus(*one))).collect();
    let part = |name, class, of: fn(&Counts) -> u64| Part { name, class, amounts: sums.iter().map(of).collect() };
    let parts = [
        part("applied", "good", |counts| counts.applied),
        part("duplicates", "dim", |counts| counts.duplicate),
        part("others", "busy", |counts| counts.other),
        part("refused", "bad", |counts| counts.refused),
        part("ends found by polling", "wait", |counts| counts.polled),
    ];
    let label = |bar: usize| {
        let ago = (bars - 1 - bar) * minutes;
        if ago == 0 { "now".to_owned() } else { format!("{ago} min ago") }
    };
    json!({"chart": chart::bars("Callbacks", &parts, label), "legend": chart::legend(&parts)})
}

/// How deliveries to a webhook, or to all, have ended, hour by hour for a day.
pub(super) async fn deliveries(hub: &Hub, lane: Option<&str>) -> Result<Value, Refusal> {
    const HOURS: usize = 24;
    let now = hub.clock.now();
    let newest = now.secs().div_euclid(3600);
    let since = now.minus(Duration::from_secs(3600 * (HOURS as u64 - 1)));
    let (mut delivered, mut dead) = (vec![0; HOURS], vec![0; HOURS]);
    for tally in hub.store.delivery_hours(since, lane).await.map_err(Problem::from)? {
        let place = usize::try_from(newest - tally.hour).ok().and_then(|ago| (HOURS - 1).checked_sub(ago));
        let Some(place) = place else { continue };
        match Figure::parse(&tally.figure) {
            Some(Figure::Delivered) => delivered[place] += tally.amount,
            Some(Figure::Dead) => dead[place] += tally.amount,
            _ => {}
        }
    }
    let parts =
        [Part { name: "delivered", class: "good", amounts: delivered }, Part { name: "dead", class: "bad", amounts: dead }];
    let label = |bar: usize| match HOURS - 1 - bar {
        0 => "this hour".to_owned(),
        ago => format!("{ago} h ago"),
    };
    Ok(json!({"chart": chart::bars("Deliveries", &parts, label), "legend": chart::legend(&parts)}))
}
