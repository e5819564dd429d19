/// Why a delivery must not go there: a sentence that shows nothing of a URL but its scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("This is no URL: {0}")]
    NoUrl(String),
    #[error("Deliveries go to http and https URLs, not to `{0}`")]
    Scheme(String),
    #[error("The URL must carry no user name and password: `auth` is the place for them")]
    Userinfo,
    #[error("Deliveries never go to port {0}, where other protocols than HTTP are at home")]
    Port(u16),
    #[error("Deliveries never go to {0}, which hands out a machine's credentials")]
    Metadata(String),
    #[error(
        "Deliveries do not go to {place}, {what}, unless DELIVERY_ALLOWED_NETWORKS names its network, its host, or, for \
         private networks and this machine, `private`"
    )]
    Address {
        /// Host and address.
        place: String,
        what: &'static str,
    },
}
