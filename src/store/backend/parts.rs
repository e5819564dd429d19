//! Statements that change many rows, a part of them at a time. The two databases differ in how a row is locked and in how a
//! list of ids is written, and in nothing else.
//!
//! Where rows are locked one after the other, nobody waits for a row while he holds another one: what somebody else has
//! locked is left to the next part, or it is taken in the order of the ids, as everybody does.

use std::sync::LazyLock;

use sea_orm::DbBackend;

use super::Backend;

pub(in crate::store) struct Parts {
    /// Locks what is pending in lane `$1` and is not being sent at `$2`, `$3` at most; their ids.
    pub unsent_of_lane: String,
    /// The same of task `$1` and webhook `$4`.
    pub unsent_of_task: String,
    /// Locks what is due in lane `$1` after `$2` and until `$3`, and is not being sent; their ids.
    pub put_off_of_lane: String,
    /// The same of task `$1` and webhook `$4`.
    pub put_off_of_task: String,
    /// Makes the deliveries of a JSON array of ids dead at `$2`, for the reason `$3`; their lanes.
    pub bury: String,
    /// Makes the deliveries of a JSON array of ids due at `$2`.
    pub hasten: String,
    /// Moves what is pending of task `$1` and webhook `$2` to lane `$3`, `$4` at most.
    pub move_to_lane: String,
    /// Makes the next one of task `$1` and webhook `$2`, other than `$4`, due at `$3`; one that waits for its own next
    /// attempt waits on.
    pub wake_next: String,
    /// Ends the leases of the pool that are over at `$1`; whoever has had `$2` tries is given up.
    pub expire_pool: String,
}

/// How the databases differ.
struct Dialect {
    /// At the end of a choice of rows.
    lock: &'static str,
    /// The same; what somebody else has locked is his.
    skip: &'static str,
    /// Around a choice of ids.
    among: [&'static str; 2],
    /// The ids of `$1`.
    given: &'static str,
}

const SQLITE: Dialect =
    Dialect { lock: "", skip: "", among: ["IN (", ")"], given: "SELECT unhex(value, '-') FROM json_each($1)" };
const POSTGRES: Dialect = Dialect {
    lock: "FOR UPDATE",
    skip: "FOR UPDATE SKIP LOCKED",
    among: ["= ANY (ARRAY(", "))"],
    given: "SELECT json_array_elements_text($1::json)::uuid",
};

impl Backend {
    pub(in crate::store) fn parts(self) -> &'static Parts {
        static FOR_SQLITE: LazyLock<Parts> = LazyLock::new(|| Parts::of(&SQLITE));
        static FOR_POSTGRES: LazyLock<Parts> = LazyLock::new(|| Parts::of(&POSTGRES));
        match self.0 {
            DbBackend::Sqlite => &FOR_SQLITE,
            _ => &FOR_POSTGRES,
        }
    }
}

impl Parts {
    fn of(dialect: &Dialect) -> Self {
        let Dialect { lock, skip, among: [begin, end], given } = dialect;
        let of_lane = "SELECT id FROM hub_deliveries WHERE due_at IS NOT NULL AND lane = $1";
        let of_task = "SELECT id FROM hub_deliveries WHERE status = 'pending' AND task_id = $1 AND webhook = $4";
        let unsent = "(lease IS NULL OR due_at <= $2)";
        let put_off = "due_at > $2 AND due_at <= $3 AND lease IS NULL";
        let given = format!("id {begin}{given}{end}");
        Self {
            unsent_of_lane: format!("{of_lane} AND {unsent} ORDER BY due_at LIMIT $3 {skip}"),
            unsent_of_task: format!("{of_task} AND {unsent} ORDER BY sequence LIMIT $3 {skip}"),
            put_off_of_lane: format!("{of_lane} AND {put_off} ORDER BY id {lock}"),
            put_off_of_task: format!("{of_task} AND {put_off} ORDER BY id {lock}"),
            bury: format!(
                "UPDATE hub_deliveries SET status = 'dead', due_at = NULL, lease = NULL, settled_at = $2, last_error = $3
                WHERE {given} RETURNING lane"
            ),
            hasten: format!("UPDATE hub_deliveries SET due_at = $2 WHERE {given}"),
            move_to_lane: format!(
                "UPDATE hub_deliveries SET lane = $3 WHERE id {begin}
                SELECT id FROM hub_deliveries WHERE status = 'pending' AND task_id = $1 AND webhook = $2 ORDER BY id LIMIT $4 {lock}{end}"
            ),
            wake_next: format!(
                "UPDATE hub_deliveries SET due_at = $3 WHERE id = (
                SELECT n.id FROM hub_deliveries AS n WHERE n.id = (
                    SELECT d.id FROM hub_deliveries AS d WHERE d.task_id = $1 AND d.webhook = $2 AND d.status = 'pending'
                    ORDER BY d.sequence LIMIT 1)
                AND n.id <> $4 AND n.due_at > $3 AND n.lease IS NULL AND n.attempts = 0 {skip})"
            ),
            expire_pool: format!(
                "UPDATE hub_contents SET stage = CASE WHEN tries >= $2 THEN 'failed' ELSE 'pending' END, lease = NULL,
                leased_until = NULL WHERE id {begin}
                SELECT id FROM hub_contents WHERE stage = 'publishing' AND leased_until < $1 {skip}{end}"
            ),
        }
    }
}
