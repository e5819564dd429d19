//! TLS: a certificate, its key, and whose clients are let in, as files. They may change while connections go on: whoever
//! connects next meets the new ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::{parse_x509_certificate, parse_x509_crl};

use super::server::Bounds;

/// Where certificates are; each path with the setting that names it.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, with those between it and its root behind it.
    pub cert: (&'static str, PathBuf),
    pub key: (&'static str, PathBuf),
    /// Whose clients are let in: roots, and, in the same file, lists of what they have revoked. None: everybody's.
    pub client_ca: Option<(&'static str, PathBuf)>,
}

/// Why the files cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{setting} is {path}, which cannot be read: {error}")]
    Unreadable { setting: &'static str, path: String, error: std::io::Error },
    #[error("{setting} is {path}, which is no PEM file of {what}: {error}")]
    Unintelligible { setting: &'static str, path: String, what: &'static str, error: rustls::pki_types::pem::Error },
    #[error("{setting} is {path}, in which there is no certificate")]
    Empty { setting: &'static str, path: String },
    #[error("{setting} is {path}, in which there is a list of revoked certificates that none of its certificates has made")]
    ForeignList { setting: &'static str, path: String },
    #[error("{setting} is {path}, and that cannot be used: {error}")]
    Unusable { setting: &'static str, path: String, error: rustls::Error },
    #[error("{setting} is {path}, and that cannot be used: {error}")]
    Clients { setting: &'static str, path: String, error: rustls::server::VerifierBuilderError },
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
        let (setting, path) = &self.key;
        let key = PrivateKeyDer::from_pem_slice(&bytes(&self.key)?).map_err(unintelligible(&self.key, "a private key"))?;
        let clients = self.client_ca.as_ref().map(|file| clients(file, &provider)).transpose()?;
        let not_x509 = || TlsError::Unreadable {
            setting: self.cert.0,
            path: self.cert.1.display().to_string(),
            error: std::io::Error::other("it is no certificate of the kind X.509"),
        };
        let expires_at = expires_at(&chain).ok_or_else(not_x509)?;
        let unusable = |error| TlsError::Unusable { setting, path: path.display().to_string(), error };
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

fn clients(file: &(&'static str, PathBuf), provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (setting, path) = (file.0, file.1.display().to_string());
    // once: roots and lists are of the same file
    let text = bytes(file)?;
    let known = certificates(file, &text)?;
    let revoked = CertificateRevocationListDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(unintelligible(file, "lists of revoked certificates"))?;
    if !revoked.iter().all(|list| is_of(list, &known)) {
        return Err(TlsError::ForeignList { setting, path });
    }
    let mut roots = RootCertStore::empty();
    for root in known {
        roots.add(root).map_err(|error| TlsError::Unusable { setting, path: path.clone(), error })?;
    }
    // a root without a list has revoked nothing; and a list counts until there is another one, however old it is: nobody is
    // locked out because a list comes late
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .with_crls(revoked)
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| TlsError::Clients { setting, path, error })
}

/// One that somebody else has signed would revoke nobody, without a word.
fn is_of(list: &CertificateRevocationListDer<'_>, roots: &[CertificateDer<'_>]) -> bool {
    let Ok((_, list)) = parse_x509_crl(list) else { return false };
    let subjects = roots.iter().filter_map(|root| parse_x509_certificate(root).ok());
    subjects.into_iter().any(|(_, root)| root.subject().as_raw() == list.issuer().as_raw())
}

fn certificates(file: &(&'static str, PathBuf), text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(unintelligible(file, "certificates"))?;
    if found.is_empty() {
        return Err(TlsError::Empty { setting: file.0, path: file.1.display().to_string() });
    }
    Ok(found)
}

fn bytes((setting, path): &(&'static str, PathBuf)) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Unreadable { setting, path: path.display().to_string(), error })
}

fn unintelligible(
    (setting, path): &(&'static str, PathBuf),
    what: &'static str,
) -> impl FnOnce(rustls::pki_types::pem::Error) -> TlsError {
    move |error| TlsError::Unintelligible { setting, path: path.display().to_string(), what, error }
}

/// Of the one that is shown, in Unix seconds.
fn expires_at(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let (_, own) = parse_x509_certificate(chain.first()?).ok()?;
    Some(own.validity().not_after.timestamp())
}
