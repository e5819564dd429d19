//! The constant texts that are not made from entities: the databases' differ in words, not in what they do.

/// Constant texts: the statement cache is keyed by them. `$1` is one JSON text unless the name says otherwise. Columns are
/// named, since a cached `*` would change its meaning, and fail, when a newer version adds one.
pub(in crate::store) struct Texts {
    /// The tasks of a JSON array of ids, their attempts, and the version of the webhooks: JSON texts of the former two, where
    /// that is better than rows, and nothing has to be locked.
    pub world: Option<String>,
    /// Locks the tasks of a JSON array of ids, in the order of their ids.
    pub lock_tasks: String,
    pub attempts_of: String,
    /// The same tasks without a lock, in no order.
    pub tasks_by_id: String,
    /// Of the receipts of a JSON array of ids what watchers are told, oldest first.
    pub said: &'static str,
    /// The same of rejections.
    pub refused: &'static str,
    /// Locks due tasks of generator `$1` at `$2` that nobody else has locked, `$3` at most.
    pub due_tasks: String,
    /// The same for pending ones of generator `$1` and priority `$2` at `$3`, `$4` at most.
    pub pending_tasks: String,
    /// The same for those of a JSON array of ids that are pending at `$2`, `$3` at most.
    pub orphaned_tasks: String,
    /// Attempts that hold one of a JSON array of external ids, under any generator.
    pub external_ids: String,
    /// `[{"task_id", "fingerprint" (hex)}]`
    pub spilled: String,
    /// `[{"owner", "idempotency_key"}]`
    pub idempotent: String,
    /// Locks the parked callbacks of a JSON array of ids, in the order of their ids.
    pub lock_parked: String,
    /// `[{"generator", "awaits", "fingerprint" (hex)}]`
    pub parked_already: String,
    /// Locks parked callbacks that are due at `$1`, and first of those that wait for the same id, that nobody else has
    /// locked, `$2` at most.
    pub due_parked: String,
    /// Makes those due at `$2` that wait for any of `[{"generator", "awaits"}]`, locked in the order of their ids.
    pub wake_parked: &'static str,
    /// `[{"generator", "task_id" (or empty), "fingerprint" (hex)}]`
    pub events_told: String,
    /// `[{"generator", "awaits" (or empty), "fingerprint" (hex)}]`
    pub ignored_before: String,
    /// A task's receipts from `$1` (id) back along the chain, `$2` at most.
    pub receipt_chain: String,
    /// Deletes the bodies that a task's receipts point to, from `$1` back along the chain.
    pub erase_bodies: &'static str,
    /// Makes a task's receipts, from `$1` back along the chain, forget headers and bodies.
    pub erase_receipts: &'static str,
    /// Makes the refused callbacks that named one of a JSON array of tasks forget headers and bodies.
    pub erase_rejections: String,
    /// Make the custom events that were told on the paths of a JSON array of tasks forget what they told, one after the other.
    pub erase_events: [String; 3],
    /// Webhooks of a JSON array of ids.
    pub webhooks: String,
    /// Stored texts of a JSON array of ids.
    pub payloads: &'static str,
    /// Their sizes in bytes instead.
    pub payload_sizes: &'static str,
    /// Locks the contents of a JSON array of tasks, in the order of their ids.
    pub lock_contents: String,
    /// Locks the entries of the pool of priority `$1` that may be lent at `$2` and that nobody else has locked, `$3` at most.
    pub due_contents: String,
    /// Supersedes what is pending of the progress of a JSON array of tasks, at `$2`; what is being sent is only marked. The
    /// lanes and states of all of them.
    pub outdate: &'static str,
    /// Locks the deliveries of lane `$1` that are due at `$2` and that nobody else has locked, `$3` at most; their ids.
    pub due_deliveries: &'static str,
    /// The deliveries of a JSON array of ids, and what each has to wait for.
    pub deliveries_in_line: String,
    /// Lends the deliveries of a JSON array of ids under `$2` until `$3`.
    pub lend_deliveries: &'static str,
    /// The same, and what they send is the letter, unless they have sent something before.
    pub lend_letters: &'static str,
    /// `[{"lane", "hour", "figure", "amount"}]`
    pub add_figures: &'static str,
    /// Forget everything that a JSON array of tasks have told webhooks, and what became of their results, one after the other.
    pub erase_relayed: [String; 6],
    /// Delete a JSON array of tasks, and what is left of them, one after the other.
    pub delete_tasks: [String; 6],
    /// The receipts from each of a JSON array of ids back along its chain, the oldest of each chain first, with the bodies that
    /// there still are.
    pub receipt_chains: &'static str,
    /// Deletes the payloads of a JSON array of ids.
    pub delete_payloads: &'static str,
    /// Locks the deliveries that were settled before `$1`, the oldest `$2`.
    pub settled_deliveries: &'static str,
    /// Deletes the deliveries of a JSON array of ids.
    pub delete_deliveries: &'static str,
    /// The events of a JSON array of ids, and whether deliveries bring them.
    pub events_needed: String,
    /// Deletes the events of a JSON array of ids.
    pub delete_events: &'static str,
    /// Deletes the receipts of a JSON array of ids.
    pub delete_receipts: &'static str,
    /// Takes the letters from the events of a JSON array of ids.
    pub forget_letters: &'static str,
}

/// Those that are due at `$1`, `$2` at most: of those that wait for the same id only the first, so that they keep their order.
pub(super) const DUE_PARKED: &str = "p.due_at <= $1 AND NOT EXISTS (
        SELECT 1 FROM hub_parked AS q WHERE q.generator = p.generator AND q.awaits = p.awaits
        AND (q.arrived_at, q.id) < (p.arrived_at, p.id))
    ORDER BY p.due_at LIMIT $2";

/// `among`: that something is one of a JSON array of tasks.
pub(super) fn erase_rejections(among: &str, nothing: &str) -> String {
    format!("UPDATE hub_rejections SET headers = '{{}}', body = {nothing} WHERE task_id {among}")
}

pub(super) fn erase_events(among: &str) -> [String; 3] {
    [
        format!(
            "DELETE FROM hub_payloads WHERE id IN (SELECT data FROM hub_events WHERE task_id {among}
        UNION SELECT id FROM hub_events WHERE task_id {among})"
        ),
        format!(
            "UPDATE hub_receipts SET headers = '{{}}', payload = NULL WHERE id IN (SELECT id FROM hub_events WHERE task_id {among})"
        ),
        format!("UPDATE hub_events SET data = NULL WHERE task_id {among}"),
    ]
}

/// Letters, rendered bodies and documents; then the rows.
pub(super) fn erase_relayed(among: &str) -> [String; 6] {
    [
        // whoever is sending one keeps nothing of it any more
        format!("UPDATE hub_deliveries SET lease = NULL WHERE task_id {among}"),
        format!(
            "DELETE FROM hub_payloads WHERE id IN (SELECT letter FROM hub_events WHERE task_id {among}
        UNION SELECT metadata FROM hub_events WHERE task_id {among} UNION SELECT body FROM hub_deliveries WHERE task_id {among}
        UNION SELECT document FROM hub_contents WHERE task_id {among})"
        ),
        format!("DELETE FROM hub_deliveries WHERE task_id {among}"),
        format!("DELETE FROM hub_contents WHERE task_id {among}"),
        format!("UPDATE hub_events SET letter = NULL, metadata = NULL, traceparent = NULL WHERE task_id {among}"),
        format!("DELETE FROM hub_webhooks WHERE id IN (SELECT webhook FROM hub_tasks WHERE id {among})"),
    ]
}

pub(super) fn delete_tasks(among: &str) -> [String; 6] {
    [
        format!("DELETE FROM hub_events WHERE task_id {among}"),
        format!("DELETE FROM hub_idempotency WHERE task_id {among}"),
        format!("DELETE FROM hub_cancellations WHERE task_id {among}"),
        format!("DELETE FROM hub_fingerprints WHERE task_id {among}"),
        format!("DELETE FROM hub_attempts WHERE task_id {among}"),
        format!("DELETE FROM hub_tasks WHERE id {among}"),
    ]
}

/// What is being sent is soon over, whenever its lease ends.
pub(super) const IN_LINE: &str = "SELECT d.id, d.webhook, d.lane, d.topic, d.task_id, d.attempts, d.body, d.log, d.outdated,
        (SELECT e.letter FROM hub_events AS e WHERE e.id = d.event) AS letter,
        (SELECT e.traceparent FROM hub_events AS e WHERE e.id = d.event) AS traceparent,
        (SELECT max(CASE WHEN o.lease IS NULL THEN o.due_at ELSE 0 END) FROM hub_deliveries AS o WHERE o.task_id = d.task_id AND o.webhook = d.webhook
            AND o.status = 'pending' AND o.sequence < d.sequence) AS waits_until
    FROM hub_deliveries AS d";

pub(super) const EVENTS_NEEDED: &str = "SELECT e.id, e.generator, e.data, e.metadata, e.fingerprint, e.letter,
        EXISTS (SELECT 1 FROM hub_deliveries AS d WHERE d.event = e.id) AS is_needed
    FROM hub_events AS e";
