//! One event on its way to one webhook: the row is the queue. Rows that are due are found by their lane, and everything that
//! is pending has a time at which it is due.

crate::dialect::migration!(
    "ALTER TABLE hub_events ADD COLUMN letter {uuid}

ALTER TABLE hub_events ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0

CREATE TABLE hub_deliveries (
        id {uuid} NOT NULL PRIMARY KEY,
        event {uuid} NOT NULL,
        topic TEXT NOT NULL,
        task_id {id},
        sequence BIGINT NOT NULL,
        webhook {uuid} NOT NULL,
        lane {id} NOT NULL,
        status TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        due_at BIGINT,
        lease {uuid},
        outdated BOOLEAN NOT NULL,
        created_at BIGINT NOT NULL,
        settled_at BIGINT,
        last_error TEXT,
        note TEXT,
        body {uuid},
        log TEXT NOT NULL
    ) {often changed}

CREATE INDEX hub_deliveries_due ON hub_deliveries (lane, due_at) WHERE due_at IS NOT NULL

CREATE INDEX hub_deliveries_waiting ON hub_deliveries (task_id, webhook, sequence) WHERE status = 'pending' AND task_id IS NOT NULL

CREATE INDEX hub_deliveries_task ON hub_deliveries (task_id, id) WHERE task_id IS NOT NULL

CREATE INDEX hub_deliveries_webhook ON hub_deliveries (webhook, id)

CREATE INDEX hub_deliveries_event ON hub_deliveries (event)

CREATE INDEX hub_deliveries_pending ON hub_deliveries (id) WHERE status = 'pending'

CREATE INDEX hub_deliveries_dead ON hub_deliveries (id) WHERE status = 'dead'

CREATE INDEX hub_deliveries_dead_webhook ON hub_deliveries (webhook, id) WHERE status = 'dead'

CREATE INDEX hub_deliveries_dead_lane ON hub_deliveries (lane) WHERE status = 'dead'

CREATE INDEX hub_deliveries_settled ON hub_deliveries (settled_at) WHERE settled_at IS NOT NULL

CREATE TABLE hub_delivery_figures (
        lane {id} NOT NULL,
        hour BIGINT NOT NULL,
        figure TEXT NOT NULL,
        amount BIGINT NOT NULL,
        PRIMARY KEY (lane, hour, figure)
    ) {often changed}

CREATE INDEX hub_delivery_figures_hour ON hub_delivery_figures (hour)"
);
