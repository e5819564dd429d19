//! What can be wrong with the files, in one sentence that names the setting and the file.

use rustls::pki_types::pem;
use rustls::server::VerifierBuilderError;

use super::Named;

#[derive(Debug, thiserror::Error)]
#[error("{setting} is {path}, {fault}")]
pub struct TlsError {
    setting: &'static str,
    path: String,
    fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("which cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("which is no file")]
    NoFile,
    #[error("which is larger than any such file")]
    TooLarge,
    #[error("which is no PEM file of {what}: {why}")]
    NoPem { what: &'static str, why: String },
    #[error("in which there is no certificate")]
    NoCertificate,
    #[error("and its first certificate is none of the kind X.509")]
    NoX509,
    #[error("in which the key has a passphrase: take that away, `openssl pkey` does")]
    Passphrase,
    #[error("which is not the key of SERVER_TLS_CERT")]
    OtherKey,
    #[error("in which there is a block `{0}`: certificates are `CERTIFICATE`, lists of revoked ones are `X509 CRL`")]
    StrangeBlock(String),
    #[error("in which a certificate may sign no others: name those who sign, not those who are let in")]
    NoAuthority,
    #[error("in which there is a list of revoked certificates that none of its certificates has made")]
    ForeignList,
    #[error("in which two certificates have one name, so that nobody could tell whose the list of revoked ones is")]
    TwoOfOneName,
    #[error("in which a list revokes one of its own certificates")]
    RevokesItsOwn,
    #[error("and that cannot be used: {0}")]
    Unusable(rustls::Error),
    #[error("and that cannot be used: {0}")]
    Clients(VerifierBuilderError),
}

impl Fault {
    pub(super) fn of(self, (setting, path): &Named) -> TlsError {
        TlsError { setting, path: path.display().to_string(), fault: self }
    }

    /// Without the bytes of what was read.
    pub(super) fn no_pem(what: &'static str, error: &pem::Error) -> Self {
        let why = match error {
            pem::Error::MissingSectionEnd { .. } => "a block has no end".to_owned(),
            pem::Error::IllegalSectionStart { .. } => "a block does not begin as it should".to_owned(),
            pem::Error::Base64Decode(_) => "a block is not base64".to_owned(),
            pem::Error::NoItemsFound => "there is none in it".to_owned(),
            other => other.to_string(),
        };
        Self::NoPem { what, why }
    }
}
