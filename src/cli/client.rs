//! The HTTP client of the commands that talk to a hub.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use reqwest::{Certificate, Identity};

use super::Failure;

/// How a hub that speaks TLS is recognized, and how we prove who we are.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Trust {
    /// A PEM file of roots that are believed beside the system's
    #[arg(long, global = true, env = "CALLBACK_HUB_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// A PEM file with a certificate and its key, for a hub that asks its clients for one
    #[arg(long, global = true, env = "CALLBACK_HUB_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,
}

/// For requests to a hub: no redirects, no proxy of the environment, an end to waiting.
pub(super) fn client(trust: &Trust) -> Result<reqwest::Client, Failure> {
    let mut builder =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(Duration::from_secs(90));
    if let Some(path) = named(trust.ca.as_ref()) {
        let roots = Certificate::from_pem_bundle(&read(path)?).ok().filter(|roots| !roots.is_empty());
        builder = builder.tls_certs_merge(roots.ok_or_else(|| no_pem(path, "certificates"))?);
    }
    if let Some(path) = named(trust.cert.as_ref()) {
        builder = builder.identity(Identity::from_pem(&read(path)?).map_err(|_| no_pem(path, "a certificate and its key"))?);
    }
    Ok(builder.build().context("no HTTP client can be made")?)
}

/// An empty variable of the environment names none.
fn named(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path).filter(|path| !path.as_os_str().is_empty())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::Usage(anyhow!("{} cannot be read: {error}", path.display())))
}

fn no_pem(path: &Path, what: &str) -> Failure {
    Failure::Usage(anyhow!("{} is no PEM file of {what}", path.display()))
}
