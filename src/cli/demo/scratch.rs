//! What is thrown away afterwards: a folder, a key and a secret.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;

use crate::app::StartError;
use crate::cli::Failure;
use crate::settings::{DatabaseUrl, Loaded, Settings, Sources};

/// People look at `/console`: the usual port is easier on them than a random one.
const USUAL_PORT: u16 = 8080;

pub(super) struct Scratch {
    folder: TempDir,
    /// For the hub's API.
    pub(super) key: String,
    /// Signs callbacks.
    pub(super) secret: String,
}

impl Scratch {
    pub(super) fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("callback-hub-demo-").tempdir();
        let folder = folder.context("a temporary folder cannot be made")?;
        let (key, secret) = (format!("demo_{}", hex::encode(random::<16>()?)), hex::encode(random::<32>()?));
        Ok(Self { folder, key, secret })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The demo's own, whatever the environment and the files around it say. A failed job stays failed, so that the right
    /// end of each task is known from the beginning.
    pub(super) fn settings(&self, generator: &str) -> Result<Loaded, Failure> {
        let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).is_ok();
        let database = DatabaseUrl::of_file(&self.folder().join("demo.db")).expose().to_owned();
        let settings = [
            ("SERVER_PORT", (if usual { USUAL_PORT } else { 0 }).to_string()),
            ("DATABASE_URL", database),
            ("GENERATOR_SIMULATOR_BASE_URL", generator.to_owned()),
            ("GENERATOR_SIMULATOR_SECRET", self.secret.clone()),
            ("TASK_MAX_RETRIES", "0".to_owned()),
            ("API_KEYS", self.key.clone()),
            ("LOG_LEVEL", "warn".to_owned()),
        ];
        let sources = Sources::new(settings.map(|(name, value)| (name.to_owned(), value)));
        Ok(Settings::load(&sources)?)
    }

    pub(super) fn remove(self) -> Result<(), Failure> {
        let path = self.folder.path().display().to_string();
        self.folder.close().with_context(|| format!("{path} cannot be removed"))?;
        Ok(())
    }
}

/// A short one, easy to type again.
pub(super) fn seed() -> Result<u64, Failure> {
    Ok(u16::from_le_bytes(random()?).into())
}

fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(StartError::Random)?;
    Ok(bytes)
}
