//! URLs that want to hear. Which version of the registrations a snapshot is of, a row of `hub_versions` tells; tasks' own
//! webhooks do not count there.

crate::dialect::migration!(
    "CREATE TABLE hub_webhooks (
        id {uuid} NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        url TEXT NOT NULL,
        events TEXT NOT NULL,
        filter TEXT,
        template TEXT,
        signature TEXT NOT NULL,
        retry_delays TEXT,
        timeout_us BIGINT,
        customer_id TEXT,
        status TEXT NOT NULL,
        reason TEXT,
        task_id {id},
        origin TEXT NOT NULL,
        credentials {bytes},
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )

CREATE INDEX hub_webhooks_registered ON hub_webhooks (created_at, id) WHERE task_id IS NULL AND status <> 'deleted'

CREATE TABLE hub_versions (
        name TEXT NOT NULL PRIMARY KEY,
        version BIGINT NOT NULL
    ) {often changed}

INSERT INTO hub_versions (name, version) VALUES ('webhooks', 0)

ALTER TABLE hub_tasks ADD COLUMN webhook {uuid}

ALTER TABLE hub_tasks ADD COLUMN news BIGINT NOT NULL DEFAULT 0

ALTER TABLE hub_tasks ADD COLUMN progress_told BOOLEAN NOT NULL DEFAULT false

ALTER TABLE hub_attempts ADD COLUMN overdue_at BIGINT"
);
