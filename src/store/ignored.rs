//! Callbacks that were ignored, since no task wanted to hear them or none came: whether they came before.

use serde::Serialize;

use super::Store;
use super::backend::Writing;
use super::entity::ignored;
use super::error::StoreError;
use crate::domain::claim::task_meant;
use crate::domain::event::Event;
use crate::domain::parked::Ignored;
use crate::domain::plan::{Command, Item, World};

#[derive(Serialize)]
struct Wanted<'a> {
    generator: &'a str,
    awaits: &'a str,
    fingerprint: String,
}

impl Store {
    pub(super) async fn load_ignored(&self, transaction: &Writing, items: &[Item], world: &mut World) -> Result<(), StoreError> {
        let ignored: Vec<Ignored> = items.iter().filter_map(|item| of_nobody(item, world)).collect();
        if ignored.is_empty() {
            return Ok(());
        }
        let wanted = ignored.iter().map(|Ignored { generator, awaits, fingerprint }| Wanted {
            generator: generator.as_str(),
            awaits,
            fingerprint: hex::encode(fingerprint.0),
        });
        let rows = self.read::<ignored::Model, _>(transaction, &self.backend.texts().ignored_before, wanted).await?;
        world.ignored = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// Needs what is parked to be loaded.
fn of_nobody(item: &Item, world: &World) -> Option<Ignored> {
    match &item.command {
        Command::Occur { occurrence, .. } => {
            let may_be_known = occurrence.event == Event::NotOfInterest || occurrence.policy.parks;
            let ignored = Ignored::by(item, occurrence).filter(|_| may_be_known)?;
            task_meant(world, item, occurrence).is_none().then_some(ignored)
        }
        Command::Visit { places, .. } => {
            let parked = world.parked.get(&places.receipt)?;
            Ignored::by_waiting(parked).filter(|_| parked.is_given_up(item.at))
        }
        _ => None,
    }
}
