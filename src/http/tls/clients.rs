//! Whose clients are let in: roots, and lists of what they have revoked, in one file. What would let somebody in whom the
//! operator meant to keep out, without a word, is refused.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::{parse_x509_certificate, parse_x509_crl};

use super::fault::{Fault, TlsError};
use super::{Named, bytes, certificates};

const KNOWN_BLOCKS: [&str; 2] = ["CERTIFICATE", "X509 CRL"];

pub(super) fn clients(file: &Named, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let text = bytes(file)?;
    // others would be passed over, and a list of revoked ones among them
    if let Some(label) = labels(&text).find(|label| !KNOWN_BLOCKS.contains(&label.as_str())) {
        return Err(Fault::StrangeBlock(label).of(file));
    }
    let roots = certificates(file, &text)?;
    let lists = CertificateRevocationListDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Fault::no_pem("lists of revoked certificates", &error).of(file))?;
    check(&roots, &lists).map_err(|fault| fault.of(file))?;
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(|error| Fault::Unusable(error).of(file))?;
    }
    // a root without a list has revoked nothing; and a list counts until there is another one, however old it is: nobody is
    // locked out because a list comes late
    WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone())
        .with_crls(lists)
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| Fault::Clients(error).of(file))
}

fn check(roots: &[CertificateDer<'_>], lists: &[CertificateRevocationListDer<'_>]) -> Result<(), Fault> {
    let roots = roots.iter().map(|root| parse_x509_certificate(root).map(|(_, root)| root));
    let roots = roots.collect::<Result<Vec<_>, _>>().map_err(|_| Fault::NoX509)?;
    // whoever has its key could sign clients of his own
    if !roots.iter().all(|root| root.is_ca()) {
        return Err(Fault::NoAuthority);
    }
    for list in lists {
        let (_, list) = parse_x509_crl(list).map_err(|_| Fault::ForeignList)?;
        let named: Vec<_> = roots.iter().filter(|root| root.subject().as_raw() == list.issuer().as_raw()).collect();
        match named[..] {
            [root] if is_of(&list, root) => {}
            [_, _, ..] => return Err(Fault::TwoOfOneName),
            // it would revoke nobody, or everybody of a root whose key has changed
            _ => return Err(Fault::ForeignList),
        }
        // what is in the file is trusted, whatever is said of it
        let is_own = |serial: &[u8]| {
            let own =
                |root: &&X509Certificate<'_>| root.issuer().as_raw() == list.issuer().as_raw() && root.raw_serial() == serial;
            roots.iter().any(|root| own(&root))
        };
        if list.iter_revoked_certificates().any(|revoked| is_own(revoked.raw_serial())) {
            return Err(Fault::RevokesItsOwn);
        }
    }
    Ok(())
}

/// Names are equal; keys must be, too, as far as they are told.
fn is_of(list: &CertificateRevocationList<'_>, root: &X509Certificate<'_>) -> bool {
    let key_of = |extension: &X509Extension<'_>| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|key| key.0.to_vec()),
        ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0.to_vec()),
        _ => None,
    };
    let authority = list.extensions().iter().find(|it| is_authority(it)).and_then(key_of);
    let subject = root.extensions().iter().find(|it| !is_authority(it) && key_of(it).is_some()).and_then(key_of);
    authority.is_none() || subject.is_none() || authority == subject
}

fn is_authority(extension: &X509Extension<'_>) -> bool {
    matches!(extension.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(_))
}

/// Of the blocks of a PEM text.
fn labels(text: &[u8]) -> impl Iterator<Item = String> {
    text.split(|byte| *byte == b'\n').filter_map(|line| {
        let label = line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(String::from_utf8_lossy(label).into_owned())
    })
}
