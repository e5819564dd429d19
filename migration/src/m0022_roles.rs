//! What an API key may do, and whose key an operator's wish came with.

crate::dialect::migration!(
    "ALTER TABLE hub_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'admin'

ALTER TABLE hub_receipts ADD COLUMN operator TEXT"
);
