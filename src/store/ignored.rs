//! Callbacks that no task wanted to hear: whether they came before.

use sea_orm::DatabaseTransaction;
use serde::Serialize;

use super::Store;
use super::entity::ignored;
use super::error::StoreError;
use crate::domain::claim::task_meant;
use crate::domain::parked::Ignored;
use crate::domain::plan::{Command, Item, World};

#[derive(Serialize)]
struct Wanted<'a> {
    generator: &'a str,
    awaits: &'a str,
    fingerprint: String,
}

impl Store {
    pub(super) async fn load_ignored(
        &self,
        transaction: &DatabaseTransaction,
        items: &[Item],
        world: &mut World,
    ) -> Result<(), StoreError> {
        let of_nobody = |item: &Item| {
            let Command::Occur { occurrence, .. } = &item.command else { return None };
            Ignored::by(item, occurrence).filter(|_| task_meant(world, item, occurrence).is_none())
        };
        let ignored: Vec<Ignored> = items.iter().filter_map(of_nobody).collect();
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
