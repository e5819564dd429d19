//! Completed results on their way to the public. The place in the publish pool is part of the row: there is no approval
//! without one.

crate::dialect::migration!(
    "ALTER TABLE hub_tasks ADD COLUMN auto_approve BOOLEAN NOT NULL DEFAULT true

CREATE TABLE hub_contents (
        id {uuid} NOT NULL PRIMARY KEY,
        task_id {id} NOT NULL,
        generator TEXT NOT NULL,
        document {uuid} NOT NULL,
        review TEXT NOT NULL,
        note TEXT,
        created_at BIGINT NOT NULL,
        priority INTEGER,
        stage TEXT,
        tries INTEGER NOT NULL,
        publish_after BIGINT,
        approved_at BIGINT,
        published_at BIGINT,
        lease {uuid},
        leased_until BIGINT,
        error TEXT,
        CHECK ((review = 'approved') = (stage IS NOT NULL))
    ) {often changed}

CREATE UNIQUE INDEX hub_contents_task ON hub_contents (task_id)

CREATE INDEX hub_contents_review ON hub_contents (review, id)

CREATE INDEX hub_contents_stage ON hub_contents (stage, id) WHERE stage IS NOT NULL

CREATE INDEX hub_contents_pool ON hub_contents (priority, publish_after) WHERE stage = 'pending'

CREATE INDEX hub_contents_lent ON hub_contents (leased_until) WHERE stage = 'publishing'"
);
