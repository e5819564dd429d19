//! `callback-hub keys`: API keys, directly in the database, so that the first one can be made.

use clap::Subcommand;
use uuid::Uuid;

use super::{Failure, Outcome, say, settings};
use crate::app::{self, StartError};
use crate::clock::Clock;
use crate::domain::role::Role;
use crate::generator::mac::sha256;
use crate::store::Store;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a key; it is shown this once
    Create {
        /// What or whom it is for
        #[arg(long, default_value = "unnamed")]
        name: String,
        /// What it may do: `read` looks on, `tasks` is for an application that hands out tasks, `admin` may do everything
        #[arg(long, default_value = "admin", value_parser = role)]
        role: Role,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List all keys
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key useless
    Revoke {
        /// The key's id, as `list` shows it
        id: Uuid,
    },
}

pub(super) async fn run(command: Command) -> Outcome {
    let loaded = settings()?;
    let store = app::open(&loaded.settings).await?;
    let outcome = match command {
        Command::Create { name, role, json } => create(&store, &name, role, json).await,
        Command::List { json } => list(&store, json).await,
        Command::Revoke { id } => revoke(&store, id, loaded.settings.api.keys.is_empty()).await,
    };
    store.close().await;
    outcome
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "read, tasks or admin".to_owned())
}

async fn create(store: &Store, name: &str, role: Role, json: bool) -> Outcome {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(StartError::Random)?;
    let key = format!("chk_{}", hex::encode(random));
    let made = store.add_key(name, role, &sha256([key.as_bytes()]), Clock::System.now()).await.map_err(StartError::from)?;
    if json {
        say(serde_json::json!({"id": made.id, "name": made.name, "role": role.as_str(), "key": key}));
    } else {
        say(key);
        eprintln!("callback-hub: key {} ({}, {}); it is not shown again", made.id, made.name, role.as_str());
    }
    Ok(())
}

async fn list(store: &Store, json: bool) -> Outcome {
    for key in store.keys().await.map_err(StartError::from)? {
        if json {
            let row = serde_json::json!({
                "id": key.id, "name": key.name, "role": key.role.map(Role::as_str), "created_at": key.created_at, "revoked_at": key.revoked_at,
            });
            say(row);
        } else {
            let state = key.revoked_at.map_or_else(|| "live".to_owned(), |time| format!("revoked {time}"));
            say(format!("{}  {}  {:<5}  {}  {state}", key.id, key.created_at, key.role.map_or("?", Role::as_str), key.name));
        }
    }
    Ok(())
}

/// `last`: whether it may have been the last one, for all that the settings say.
async fn revoke(store: &Store, id: Uuid, last: bool) -> Outcome {
    let revoked = store.revoke_key(id, Clock::System.now()).await.map_err(StartError::from)?;
    if !revoked {
        return Err(Failure::No(anyhow::anyhow!("there is no live key {id}")));
    }
    if last && !store.has_keys().await.map_err(StartError::from)? {
        eprintln!("callback-hub: that was the last API key; without one the service starts on a loopback address only");
    }
    Ok(())
}
