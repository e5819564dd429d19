//! A 200 means synced: in a trace of the system calls, the sync of the log has returned before the 200 is written.

use std::net::SocketAddr;

use rstest::rstest;
use sea_orm::{ConnectionTrait, Database as SeaOrm};
use serde_json::json;

use super::client::Client;
use super::history::Creation;
use super::strace::{Call, Strace};
use crate::harness::cluster::Cluster;
use crate::harness::database::{Database, Kind};
use crate::harness::process::Process;
use crate::harness::wire::{Wire, head};

const CALLBACKS: usize = 10;
/// Every sync takes this much longer, so that who does not wait for it is seen to run ahead.
const SLOWED: [&str; 2] = ["-e", "inject=fdatasync,fsync:delay_exit=50000"];
const SLOWED_BY: f64 = 0.05;
const FAILING: [&str; 2] = ["-e", "inject=fdatasync,fsync:error=EIO"];

/// A hub over a database whose processes may be watched.
struct Setup {
    hub: Process,
    /// Hub and database.
    processes: Vec<i32>,
    /// What the path of the database's log contains.
    log: &'static str,
    task: String,
    _sqlite: Option<Database>,
    postgres: Option<Cluster>,
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_sync_returns_before_the_200_is_written(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let setup = Setup::new(kind).await;
    let strace = Strace::attach(&setup.processes, &SLOWED).await;
    let mut wire = Wire::open(setup.hub.address).await;
    for number in 0..CALLBACKS {
        let body = json!({"event": "progress", "progress": {"percentage": number}}).to_string();
        wire.send(&[head(&setup.task, body.as_bytes(), ""), body.into_bytes()].concat()).await;
        let (status, answer) = wire.answer().await;
        assert_eq!(status, 200, "{answer}");
    }
    // a 200 that promises nothing, for comparison
    wire.send(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(wire.answer().await.0, 200);
    let calls = strace.detach().await;

    let exchanges = exchanges(&calls, wire.port());
    assert_eq!(exchanges.len(), CALLBACKS + 1, "the trace shows every request and its answer");
    let (promises, plain) = exchanges.split_at(CALLBACKS);
    let leads: Vec<f64> = promises.iter().map(|exchange| proof(&calls, exchange, setup.log).expect("synced first")).collect();
    println!(
        "{kind:?}: in {CALLBACKS} of {CALLBACKS} callbacks the sync of the log had returned; the 200 came {leads:.3?} s after its begin"
    );
    assert!(leads.iter().all(|lead| *lead >= SLOWED_BY), "the 200 waits for a slow sync: {leads:?}");
    // the check can fail: on an answer without a commit, and on the same trace without its syncs
    proof(&calls, &plain[0], setup.log).expect_err("nothing was synced for an answer that promises nothing");
    let unsynced: Vec<Call> = calls.iter().filter(|call| !call.is_sync()).cloned().collect();
    proof(&unsynced, &promises[0], setup.log).expect_err("without a sync there is no proof");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_brings_no_200(#[values(Kind::Sqlite, Kind::Postgres)] kind: Kind) {
    let setup = Setup::new(kind).await;
    let body = json!({"event": "progress", "progress": {"percentage": 1}}).to_string();
    let request = [head(&setup.task, body.as_bytes(), ""), body.into_bytes()].concat();
    let strace = Strace::attach(&setup.processes, &FAILING).await;
    let mut wire = Wire::open(setup.hub.address).await;
    wire.send(&request).await;
    let (status, answer) = wire.answer().await;
    let calls = strace.detach().await;
    let failed = calls.iter().filter(|call| call.is_sync() && call.text.contains(setup.log) && call.result.contains("EIO"));
    assert!(failed.count() > 0, "a sync of the log was made to fail");
    assert_eq!(status, 503, "{answer}");
    if let Some(cluster) = &setup.postgres {
        cluster.crash();
    }

    super::outage::recovers(&setup.hub).await;
    let mut wire = Wire::open(setup.hub.address).await;
    wire.send(&request).await;
    let (status, answer) = wire.answer().await;
    assert_eq!(status, 200, "{answer}");
}

impl Setup {
    async fn new(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let database = Database::fresh(kind).await;
                let hub = Process::start(&database.url).await;
                let (processes, task) = (vec![hub.pid().as_raw()], own_task(hub.address).await);
                Self { hub, processes, log: "-wal>", task, _sqlite: Some(database), postgres: None }
            }
            Kind::Postgres => {
                let cluster = Cluster::start();
                let administrator = SeaOrm::connect(cluster.url()).await.expect("the server runs");
                let settings = [
                    // the hub does not rely on what the server's settings happen to be
                    "ALTER SYSTEM SET synchronous_commit = off",
                    // a server that starts again while its syncs still fail gives up for ever
                    "ALTER SYSTEM SET restart_after_crash = off",
                    "SELECT pg_reload_conf()",
                ];
                for statement in settings {
                    administrator.execute_unprepared(statement).await.expect(statement);
                }
                administrator.close().await.expect("a connection closes");
                let hub = Process::start(&cluster.url()).await;
                let task = own_task(hub.address).await;
                let mut processes = family(cluster.postmaster());
                processes.push(hub.pid().as_raw());
                Self { hub, processes, log: "/pg_wal/", task, _sqlite: None, postgres: Some(cluster) }
            }
        }
    }
}

async fn own_task(address: SocketAddr) -> String {
    Client::new().create(address, &mut Creation::new("own", false)).await.expect("the hub runs")
}

/// A process and its children.
fn family(parent: i32) -> Vec<i32> {
    let children = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(&children).unwrap_or_else(|error| panic!("{children}: {error}"));
    let children = children.split_whitespace().map(|child| child.parse().expect("a process id"));
    std::iter::once(parent).chain(children).collect()
}

/// A request and its answer, by their places in the trace.
#[derive(Clone, Copy, Debug)]
struct Exchange {
    read: usize,
    answered: usize,
    answered_at: f64,
}

/// On the connection with this port at the client's end, one request after the other.
fn exchanges(calls: &[Call], port: u16) -> Vec<Exchange> {
    let peer = format!(":{port}]>");
    let ours = || calls.iter().filter(|call| call.text.contains(&peer));
    let requests = ours().filter(|call| call.is_read() && (call.text.contains("\"POST /") || call.text.contains("\"GET /")));
    let answers = ours().filter(|call| !call.is_read() && call.text.contains("HTTP/1.1 200"));
    let pairs = requests.zip(answers);
    pairs.map(|(read, answer)| Exchange { read: read.ended, answered: answer.begun, answered_at: answer.at }).collect()
}

/// Seconds from the begin of the sync to the 200, if in between the log was written, then synced, and the sync returned. Whoever
/// writes first is the transaction that the 200 stands for; who writes after it, as the word to other replicas does, promises
/// nothing.
fn proof(calls: &[Call], exchange: &Exchange, log: &str) -> Result<f64, String> {
    let within = |call: &&Call| call.begun > exchange.read && call.ended < exchange.answered && call.text.contains(log);
    let is_write = |call: &&Call| call.name == "pwrite64";
    let first = calls.iter().filter(within).find(is_write).ok_or("nothing was written to the log")?;
    let of_it = || calls.iter().filter(within).filter(|call| call.thread == first.thread);
    let written = of_it().rfind(is_write).unwrap_or(first);
    let synced = of_it().rfind(|call| call.is_sync() && call.result.starts_with('0'));
    let synced = synced.ok_or("no sync of the log has returned")?;
    if synced.begun < written.ended {
        return Err(format!("the log was written after its sync: {written:?}, {synced:?}"));
    }
    Ok(exchange.answered_at - synced.at)
}

impl Call {
    fn is_sync(&self) -> bool {
        matches!(self.name.as_str(), "fdatasync" | "fsync")
    }

    fn is_read(&self) -> bool {
        matches!(self.name.as_str(), "read" | "readv" | "recvfrom" | "recvmsg")
    }
}
