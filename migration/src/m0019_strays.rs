//! How what is over is found where no task leads to it, and deliveries by the name of their event.

crate::dialect::migration!(
    "CREATE INDEX hub_ignored_at ON hub_ignored (at)

CREATE INDEX hub_events_unheard ON hub_events (at) WHERE letter IS NULL

CREATE INDEX hub_receipts_stray ON hub_receipts (received_at) WHERE task_id IS NULL

CREATE INDEX hub_deliveries_topic ON hub_deliveries (topic, id)"
);
