//! An authority of the test's own, and the certificates that it signs.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

pub(crate) struct Authority {
    /// As a PEM text.
    pub root: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM texts.
pub(crate) struct Signed {
    pub cert: String,
    pub key: String,
}

/// From when until when: the last day as a year, a month and a day.
type Last = (i32, u8, u8);
pub(crate) const LONG: Last = (4000, 1, 1);
pub(crate) const OVER: Last = (2020, 1, 1);

impl Authority {
    pub(crate) fn new() -> Self {
        Self::called("an authority of the tests")
    }

    pub(crate) fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("a root").pem();
        Self { root, issuer: Issuer::new(params, key) }
    }

    /// For whoever listens on loopback.
    pub(crate) fn server(&self) -> Signed {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        self.sign(&CertificateParams::new(names).expect("names"))
    }

    pub(crate) fn client(&self, serial: u64, (year, month, day): Last) -> Signed {
        let mut params = CertificateParams::new(vec!["client.example.org".to_owned()]).expect("a name");
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(year, month, day));
        self.sign(&params)
    }

    /// The list of what is revoked, as a PEM text.
    pub(crate) fn revoking(&self, serials: &[u64]) -> String {
        let revoked_certs = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a list")
    }

    fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Signed { cert: cert.pem(), key: key.serialize_pem() }
    }
}

impl Signed {
    /// Both in one text, as clients want them.
    pub(crate) fn identity(&self) -> String {
        format!("{}{}", self.cert, self.key)
    }

    /// Into `cert.pem` and `key.pem`.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.cert).expect("a certificate's file");
        std::fs::write(folder.join("key.pem"), &self.key).expect("a key's file");
    }
}
