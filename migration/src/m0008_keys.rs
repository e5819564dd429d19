//! API keys, of which only a hash is kept, and secrets that the hub makes for itself once.

crate::dialect::migration!(
    "CREATE TABLE hub_keys (
        id {uuid} NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        hash {bytes} NOT NULL UNIQUE,
        created_at BIGINT NOT NULL,
        revoked_at BIGINT
    )

CREATE TABLE hub_secrets (
        name TEXT NOT NULL PRIMARY KEY,
        value {bytes} NOT NULL,
        created_at BIGINT NOT NULL
    )"
);
