//! Bodies are stored once and as bytes; ids are version 7 UUIDs, so that new rows come last.

crate::dialect::migration!(
    "CREATE TABLE hub_payloads (
        id {uuid} NOT NULL PRIMARY KEY,
        bytes {bytes} NOT NULL
    )"
);
