//! Batch statements made once from a table's list of columns: constant texts that take any number of rows as one JSON array.

use std::fmt::Write;
use std::sync::OnceLock;

use sea_orm::DbBackend;

/// How a column's value travels in JSON.
#[derive(Clone, Copy)]
pub(in crate::store) enum Kind {
    Text,
    Int,
    Real,
    Bool,
    Uuid,
    /// As hexadecimal digits.
    Bytes,
}

pub(in crate::store) struct Table {
    pub name: &'static str,
    pub key: &'static [&'static str],
    pub columns: &'static [(&'static str, Kind)],
    /// What an upsert overwrites.
    pub mutable: &'static [&'static str],
    pub texts: Cache,
}

/// The texts of either backend, made when first needed.
pub(in crate::store) struct Cache {
    sqlite: Pair,
    postgres: Pair,
}

struct Pair {
    insert: OnceLock<String>,
    upsert: OnceLock<String>,
}

impl Cache {
    pub(in crate::store) const fn new() -> Self {
        Self { sqlite: Pair::new(), postgres: Pair::new() }
    }

    const fn of(&self, backend: DbBackend) -> &Pair {
        match backend {
            DbBackend::Sqlite => &self.sqlite,
            _ => &self.postgres,
        }
    }
}

impl Pair {
    const fn new() -> Self {
        Self { insert: OnceLock::new(), upsert: OnceLock::new() }
    }
}

/// The columns of the tables that the journal reads, as its texts name them: tasks, attempts, fingerprints (`f.`),
/// idempotency keys (`i.`), receipts (`r.`), parked callbacks (`p.`), events (`e.`), ignored callbacks (`g.`), webhooks, contents.
pub(super) fn columns() -> [String; 10] {
    use crate::store::entity::{attempt, content, event, fingerprint, idempotency, ignored, parked, receipt, task, webhook};
    [
        task::TABLE.list(""),
        attempt::TABLE.list(""),
        fingerprint::TABLE.list("f."),
        idempotency::TABLE.list("i."),
        receipt::TABLE.list("r."),
        parked::TABLE.list("p."),
        event::TABLE.list("e."),
        ignored::TABLE.list("g."),
        webhook::TABLE.list(""),
        content::TABLE.list(""),
    ]
}

impl Table {
    fn list(&self, alias: &str) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| format!("{alias}{name}")).collect();
        names.join(", ")
    }

    pub(super) fn insert(&self, backend: DbBackend) -> &str {
        self.texts.of(backend).insert.get_or_init(|| self.select_into(backend))
    }

    pub(super) fn upsert(&self, backend: DbBackend) -> &str {
        self.texts.of(backend).upsert.get_or_init(|| {
            let overwrite: Vec<_> = self.mutable.iter().map(|column| format!("{column} = excluded.{column}")).collect();
            let action = if overwrite.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", overwrite.join(", ")) };
            format!("{} ON CONFLICT ({}) DO {action}", self.select_into(backend), self.key.join(", "))
        })
    }

    fn select_into(&self, backend: DbBackend) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut text = format!("INSERT INTO {} ({}) SELECT ", self.name, names.join(", "));
        for (index, (name, kind)) in self.columns.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            // writing to a String cannot fail
            let _ = write!(text, "{comma}{}", value(backend, name, *kind));
        }
        // SQLite needs the WHERE to tell an upsert's ON from a join's
        text.push_str(&match backend {
            DbBackend::Sqlite => " FROM json_each($1) AS r WHERE true".to_owned(),
            _ => format!(" FROM json_to_recordset($1::json) AS r({})", self.record()),
        });
        text
    }

    fn record(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, kind)| format!("{name} {}", record_type(*kind))).collect();
        columns.join(", ")
    }
}

fn value(backend: DbBackend, name: &str, kind: Kind) -> String {
    match (backend, kind) {
        (DbBackend::Sqlite, Kind::Uuid) => format!("unhex(r.value ->> '{name}', '-')"),
        (DbBackend::Sqlite, Kind::Bytes) => format!("unhex(r.value ->> '{name}')"),
        (DbBackend::Sqlite, _) => format!("r.value ->> '{name}'"),
        (_, Kind::Bytes) => format!("decode(r.{name}, 'hex')"),
        _ => format!("r.{name}"),
    }
}

const fn record_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Bytes => "text",
        Kind::Int => "bigint",
        Kind::Real => "double precision",
        Kind::Bool => "boolean",
        Kind::Uuid => "uuid",
    }
}
