//! What is known of callbacks that no task wanted to hear: enough to know them again.

crate::dialect::migration!(
    "CREATE TABLE hub_ignored (
        generator TEXT NOT NULL,
        awaits {id} NOT NULL,
        fingerprint {bytes} NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (fingerprint, generator, awaits)
    ) {clustered}"
);
