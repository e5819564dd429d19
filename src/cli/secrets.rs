//! `callback-hub secrets`: what the hub keeps encrypted, directly in the database.

use clap::Subcommand;
use uuid::Uuid;

use super::{Failure, Outcome, say, settings};
use crate::app::{self, StartError, offline};
use crate::store::Store;
use crate::vault::Vault;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Encrypt all stored credentials with the first key of SECRETS_KEY; then the others may go
    Rotate {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// In one transaction.
const AT_ONCE: u64 = 500;
/// Over all credentials, as long as somebody else changes some of them meanwhile.
const MOST_PASSES: usize = 5;

#[derive(Default)]
struct Counts {
    rotated: usize,
    /// Those that the newest key encrypts already.
    unchanged: usize,
}

pub(super) async fn run(command: Command) -> Outcome {
    let Command::Rotate { json } = command;
    let loaded = settings()?;
    let vault = offline::vault(&loaded.settings);
    if !vault.has_key() {
        return Err(Failure::Usage(anyhow::anyhow!("SECRETS_KEY is not set: there is no key to encrypt with")));
    }
    let store = app::open(&loaded.settings).await?;
    let outcome = rotate(&store, &vault).await;
    store.close().await;
    let Counts { rotated, unchanged } = outcome?;
    if json {
        say(serde_json::json!({"rotated": rotated, "unchanged": unchanged}));
    } else {
        say(format!("The credentials of {rotated} webhooks are encrypted anew; those of {unchanged} had the newest key already"));
    }
    Ok(())
}

/// First all are opened, so that one that cannot be stops it before anything is written. What is interrupted later can be
/// repeated: each row has one key or the other.
async fn rotate(store: &Store, vault: &Vault) -> Result<Counts, Failure> {
    let mut closed = Vec::new();
    each_page(store, async |page| {
        let cannot =
            |(id, sealed): &(Uuid, Vec<u8>)| Some(format!("webhook {id}: {}", vault.open_credentials(*id, sealed).err()?));
        closed.extend(page.iter().filter_map(cannot));
        Ok(())
    })
    .await?;
    if !closed.is_empty() {
        closed.push("nothing was changed: SECRETS_KEY must hold the old keys, too, behind the new one".to_owned());
        return Err(Failure::No(anyhow::anyhow!(closed.join("\n"))));
    }
    let mut counts = Counts::default();
    for _ in 0..MOST_PASSES {
        let (written, missed) = pass(store, vault).await?;
        counts.rotated += written.rotated;
        if missed == 0 {
            // those that a pass before has written are found again
            counts.unchanged = written.unchanged - (counts.rotated - written.rotated).min(written.unchanged);
            return Ok(counts);
        }
    }
    Err(Failure::No(anyhow::anyhow!("webhooks are being changed all the time: run it again, so that none keeps an old key")))
}

/// All credentials once; also how many somebody has changed meanwhile, perhaps with an old key.
async fn pass(store: &Store, vault: &Vault) -> Result<(Counts, usize), Failure> {
    let (mut counts, mut missed) = (Counts::default(), 0);
    each_page(store, async |page| {
        let mut fresh = Vec::new();
        for (id, sealed) in page.into_iter() {
            if vault.is_newest(&sealed) {
                counts.unchanged += 1;
            } else {
                let opened = vault.open_credentials(id, &sealed).map_err(anyhow::Error::from)?;
                let anew = vault.seal_credentials(id, &opened).map_err(anyhow::Error::from)?;
                fresh.push((id, sealed, anew));
            }
        }
        let written = store.reseal(&fresh).await.map_err(StartError::from)?;
        counts.rotated += written;
        missed += fresh.len() - written;
        Ok(())
    })
    .await?;
    Ok((counts, missed))
}

async fn each_page(store: &Store, mut take: impl AsyncFnMut(Vec<(Uuid, Vec<u8>)>) -> Outcome) -> Outcome {
    let mut after = Uuid::nil();
    loop {
        let page = store.sealed_credentials(after, AT_ONCE).await.map_err(StartError::from)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = *last;
        take(page).await?;
    }
}
