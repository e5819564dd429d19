//! The schema of Callback Hub: one migration a table or change, in order, each in a transaction of its own.
//!
//! | migration | what it brings |
//! | --- | --- |
//! | `m0001_payloads` | bodies, results, inputs: stored once, as bytes, pointed to by id |
//! | `m0002_tasks` | a task's state, and its newest fingerprints, in one small row |
//! | `m0003_attempts` | submissions of a task; external ids, unique per generator |
//! | `m0004_receipts` | accepted callbacks and events, append-only, chained per task |
//! | `m0005_fingerprints` | fingerprints that no longer fit into their task's row |
//! | `m0006_rejections` | refused callbacks |
//! | `m0007_idempotency` | `Idempotency-Key`s of task creations |
//! | `m0008_keys` | API keys (hashed) and secrets that the hub makes once |
//! | `m0009_leases` | who acts for a task right now; what is due |
//! | `m0010_cancellations` | attempts to be stopped at their generator |
//! | `m0011_parked` | callbacks that wait for their task to become known |
//! | `m0012_events` | custom events |
//! | `m0013_findings` | why refused callbacks were refused, in detail |
//! | `m0014_ignored` | callbacks that no task wanted to hear, to be known again |
//! | `m0015_told` | whether a callback told of a task's end before polling did |
//! | `m0016_webhooks` | URLs that want to hear, and which news each task has told |
//! | `m0017_deliveries` | events on their way to webhooks, and figures of how that went |
//! | `m0018_contents` | results on their way to review, and into the publish pool |
//! | `m0019_strays` | how what is over is found where no task leads to it |
//! | `m0020_quiet` | pending tasks are told by when they may go |
//! | `m0021_lists` | a generator's tasks, and those that ended without a result, in order |
//! | `m0022_roles` | what API keys may do, and whose key an operator's wish came with |
//! | `m0023_pulses` | how many callbacks each generator has sent, hour by hour |
//! | `m0024_order` | a generator's tasks in an order that only their own index has |
//! | `m0025_marks` | how far retention has come, and which keys stand for a task |
//! | `m0026_traces` | the trace that an event is a part of |

use sea_orm_migration::prelude::*;

mod dialect;
mod m0001_payloads;
mod m0002_tasks;
mod m0003_attempts;
mod m0004_receipts;
mod m0005_fingerprints;
mod m0006_rejections;
mod m0007_idempotency;
mod m0008_keys;
mod m0009_leases;
mod m0010_cancellations;
mod m0011_parked;
mod m0012_events;
mod m0013_findings;
mod m0014_ignored;
mod m0015_told;
mod m0016_webhooks;
mod m0017_deliveries;
mod m0018_contents;
mod m0019_strays;
mod m0020_quiet;
mod m0021_lists;
mod m0022_roles;
mod m0023_pulses;
mod m0024_order;
mod m0025_marks;
mod m0026_traces;

pub use sea_orm_migration::MigratorTrait;

/// Every table that the hub owns, but for the migrations' own.
pub const TABLES: [&str; 20] = [
    "hub_payloads",
    "hub_tasks",
    "hub_attempts",
    "hub_receipts",
    "hub_fingerprints",
    "hub_rejections",
    "hub_idempotency",
    "hub_keys",
    "hub_secrets",
    "hub_cancellations",
    "hub_parked",
    "hub_events",
    "hub_ignored",
    "hub_webhooks",
    "hub_versions",
    "hub_deliveries",
    "hub_delivery_figures",
    "hub_contents",
    "hub_pulses",
    "hub_marks",
];

/// Where applied migrations are noted.
pub const MIGRATIONS_TABLE: &str = "hub_migrations";

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_payloads::Migration),
            Box::new(m0002_tasks::Migration),
            Box::new(m0003_attempts::Migration),
            Box::new(m0004_receipts::Migration),
            Box::new(m0005_fingerprints::Migration),
            Box::new(m0006_rejections::Migration),
            Box::new(m0007_idempotency::Migration),
            Box::new(m0008_keys::Migration),
            Box::new(m0009_leases::Migration),
            Box::new(m0010_cancellations::Migration),
            Box::new(m0011_parked::Migration),
            Box::new(m0012_events::Migration),
            Box::new(m0013_findings::Migration),
            Box::new(m0014_ignored::Migration),
            Box::new(m0015_told::Migration),
            Box::new(m0016_webhooks::Migration),
            Box::new(m0017_deliveries::Migration),
            Box::new(m0018_contents::Migration),
            Box::new(m0019_strays::Migration),
            Box::new(m0020_quiet::Migration),
            Box::new(m0021_lists::Migration),
            Box::new(m0022_roles::Migration),
            Box::new(m0023_pulses::Migration),
            Box::new(m0024_order::Migration),
            Box::new(m0025_marks::Migration),
            Box::new(m0026_traces::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        MIGRATIONS_TABLE.into_iden()
    }
}
