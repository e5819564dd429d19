//! One small row a task: what events change, and nothing that is large.

crate::dialect::migration!(
    "CREATE TABLE hub_tasks (
        id {id} NOT NULL PRIMARY KEY,
        generator TEXT NOT NULL,
        status TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        hub_submits BOOLEAN NOT NULL,
        max_retries INTEGER NOT NULL,
        timeout_us BIGINT NOT NULL,
        priority INTEGER NOT NULL,
        not_before BIGINT,
        percent {real},
        stage TEXT,
        message TEXT,
        progress_at BIGINT,
        generator_time BIGINT,
        started_at BIGINT,
        settled_at BIGINT,
        settled_by TEXT,
        late BOOLEAN NOT NULL,
        result_payload {uuid},
        result_start BIGINT,
        result_end BIGINT,
        error_code TEXT,
        error_type TEXT,
        error_message TEXT,
        error_details TEXT,
        next_poll_at BIGINT,
        empty_answers INTEGER NOT NULL,
        late_hints INTEGER NOT NULL,
        submit_unknown BOOLEAN NOT NULL,
        input {uuid},
        params {uuid},
        metadata {uuid},
        request_digest {bytes} NOT NULL,
        receipts BIGINT NOT NULL,
        last_receipt {uuid},
        recent {bytes} NOT NULL,
        created_at BIGINT NOT NULL,
        erased_at BIGINT
    ) {often changed}

CREATE INDEX hub_tasks_created ON hub_tasks (created_at, id)

CREATE INDEX hub_tasks_settled ON hub_tasks (settled_at) WHERE settled_at IS NOT NULL"
);
