//! TLS: a certificate, its key, and whose clients are let in, as files. They may change while connections go on: whoever
//! connects next meets the new ones.

mod clients;
mod fault;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{InconsistentKeys, ServerConfig};
use x509_parser::parse_x509_certificate;

use super::server::Bounds;
use clients::clients;
use fault::Fault;

pub use fault::TlsError;

/// Much more than anybody's chain, or anybody's list of revoked certificates that is read at each change.
const LARGEST: u64 = 64 << 20;

/// A file, behind the setting that names it.
pub type Named = (&'static str, PathBuf);

/// Where certificates are.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, with those between it and its root behind it.
    pub cert: Named,
    pub key: Named,
    /// Whose clients are let in: roots, and, in the same file, lists of what they have revoked. None: everybody's.
    pub client_ca: Option<Named>,
}

/// What listeners speak. Cheap to clone; all clones change together.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    config: RustlsConfig,
}

/// What the files say.
struct Reading {
    config: ServerConfig,
    /// In Unix seconds.
    expires_at: i64,
}

impl Tls {
    /// With the Unix second in which the certificate expires.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn new(files: Files) -> Result<(Self, i64), TlsError> {
        let Reading { config, expires_at } = files.read()?;
        Ok((Self { files: Arc::new(files), config: RustlsConfig::from_config(Arc::new(config)) }, expires_at))
    }

    /// Reads the files again, for whoever connects from now on; says when the certificate expires, in Unix seconds.
    ///
    /// # Errors
    /// What is wrong with them; then those from before count.
    pub fn take_up(&self) -> Result<i64, TlsError> {
        let Reading { config, expires_at } = self.files.read()?;
        self.config.reload_from_config(Arc::new(config));
        Ok(expires_at)
    }

    /// Greets as long as a head may take, then leaves the connection to `inner`.
    pub(super) fn acceptor<A>(&self, bounds: Bounds, inner: A) -> RustlsAcceptor<A> {
        RustlsAcceptor::new(self.config.clone()).handshake_timeout(bounds.head_timeout).acceptor(inner)
    }
}

impl Files {
    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        [&self.cert, &self.key].into_iter().chain(&self.client_ca).map(|(_, path)| path.as_path())
    }

    fn read(&self) -> Result<Reading, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = certificates(&self.cert, &bytes(&self.cert)?)?;
        let expires_at = expires_at(&chain).ok_or_else(|| Fault::NoX509.of(&self.cert))?;
        let key = private_key(&self.key)?;
        let clients = self.client_ca.as_ref().map(|file| clients(file, &provider)).transpose()?;
        let unusable = |error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Fault::OtherKey.of(&self.key),
            error => Fault::Unusable(error).of(&self.key),
        };
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unusable)?;
        let has_clients = clients.is_some();
        let config = match clients {
            Some(clients) => config.with_client_cert_verifier(clients),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if has_clients {
            // who resumes a session is not looked at again, and may have been revoked meanwhile
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Reading { config, expires_at })
    }
}

fn private_key(file: &Named) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = bytes(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_sealed = text.windows(9).any(|word| word == b"ENCRYPTED");
        if is_sealed { Fault::Passphrase.of(file) } else { Fault::no_pem("a private key", &error).of(file) }
    })
}

fn certificates(file: &Named, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| Fault::no_pem("certificates", &error).of(file))?;
    if found.is_empty() { Err(Fault::NoCertificate.of(file)) } else { Ok(found) }
}

/// Nothing that would make the hub wait, or read without an end.
fn bytes(file: &Named) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| Fault::Unreadable(error).of(file);
    let about = file.1.metadata().map_err(unreadable)?;
    match about.len() {
        _ if !about.is_file() => Err(Fault::NoFile.of(file)),
        length if length > LARGEST => Err(Fault::TooLarge.of(file)),
        _ => std::fs::read(&file.1).map_err(unreadable),
    }
}

/// Of the one that is shown, in Unix seconds.
fn expires_at(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let (_, own) = parse_x509_certificate(chain.first()?).ok()?;
    Some(own.validity().not_after.timestamp())
}
