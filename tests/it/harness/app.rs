//! An app on a port of its own, with a clock that the test moves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callback_hub::app::{self, Loops, Surroundings};
use callback_hub::clock::Clock;
use callback_hub::domain::time::Timestamp;
use callback_hub::journal::Limits;
use callback_hub::lifecycle::Lifecycle;
use callback_hub::settings::{Settings, Sources};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::{Answer, Database, Kind, generators};

pub(crate) const SECRET: &str = "a secret of these tests and of 32 bytes or more";
/// When every test begins.
pub(crate) const START: i64 = 1_800_000_000;

pub(crate) struct App {
    pub base: String,
    pub address: SocketAddr,
    /// Of API and console.
    pub admin: SocketAddr,
    pub clock: Clock,
    pub database: Arc<Database>,
    pub client: reqwest::Client,
    /// For working off by hand what is due.
    pub loops: Loops,
    pub warnings: Vec<String>,
    lifecycle: Lifecycle,
    running: Option<JoinHandle<bool>>,
    generators: TempDir,
}

/// What an app may be started with beside its database.
#[derive(Default)]
pub(crate) struct Extra<'a> {
    pub settings: &'a [(&'a str, &'a str)],
    /// More generator files: name and text.
    pub generators: &'a [(&'a str, &'a str)],
    pub journal: Option<Limits>,
    /// Whether the loops run by themselves; else their steps are called by hand.
    pub loops_run: bool,
    /// Where `callback-hub.toml` and `.env` are.
    pub folder: Option<&'a Path>,
    /// A clock of the test's own.
    pub clock: Option<Clock>,
}

impl App {
    pub(crate) async fn start(kind: Kind, settings: &[(&str, &str)]) -> Self {
        Self::on(&Arc::new(Database::fresh(kind).await), settings).await
    }

    /// With the system's clock, which is the database's, too.
    pub(crate) async fn in_real_time(kind: Kind, settings: &[(&str, &str)]) -> Self {
        let extra = Extra { settings, clock: Some(Clock::System), ..Extra::default() };
        Self::with(&Arc::new(Database::fresh(kind).await), extra).await
    }

    /// Another app, or the same again, on a database that is there.
    pub(crate) async fn on(database: &Arc<Database>, settings: &[(&str, &str)]) -> Self {
        Self::with(database, Extra { settings, ..Extra::default() }).await
    }

    pub(crate) async fn with(database: &Arc<Database>, extra: Extra<'_>) -> Self {
        let lifecycle = Lifecycle::new();
        let clock = extra.clock.clone().unwrap_or_else(|| Clock::manual(Timestamp::from_secs(START)));
        let (folder, built) = build(database, &extra, &clock, &lifecycle).await;
        let app = built.unwrap_or_else(|error| panic!("the app starts: {error}"));
        let address = app.address().expect("an address");
        let admin = app.admin_address().expect("an address");
        let (loops, warnings) = (app.loops().clone(), app.warnings.clone());
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        // a connection that the hub is about to close for its silence is not used again
        let client = client.pool_idle_timeout(Duration::from_secs(1));
        #[expect(clippy::disallowed_methods, reason = "what it answers is looked at in the end")]
        let running = tokio::spawn(app.run(lifecycle.clone()));
        Self {
            base: format!("http://{address}"),
            address,
            admin,
            clock,
            database: database.clone(),
            client: client.timeout(Duration::from_secs(60)).build().expect("a client"),
            loops,
            warnings,
            lifecycle,
            running: Some(running),
            generators: folder,
        }
    }

    /// Every test ends here: the app must stop when it is told to, with all its parts alive until then.
    pub(crate) async fn stop(mut self) -> Arc<Database> {
        self.lifecycle.stop();
        let running = self.running.take().expect("it runs");
        assert!(running.await.expect("the app does not panic"), "a part of the app died before its time");
        self.database.clone()
    }

    /// Gives it one more loop, which should run for ever and may not. Whether the app ends well.
    pub(crate) async fn end_with(mut self, part: impl Future<Output = ()> + Send + 'static) -> bool {
        self.lifecycle.spawn_loop("of the test", part);
        self.running.take().expect("it runs").await.expect("the app does not panic")
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::of(request.send().await.expect("an answer")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.client.delete(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.post(format!("{}{path}", self.base)).body(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.client.patch(format!("{}{path}", self.base)).body(body.to_string())).await
    }

    pub(crate) async fn create(&self, body: &Value) -> Answer {
        self.post("/api/tasks", body).await
    }

    /// A new task, as the answer to its creation shows it.
    pub(crate) async fn created(&self, body: &Value) -> Value {
        self.create(body).await.good(201)
    }

    pub(crate) async fn task(&self, id: &str) -> Value {
        self.get(&format!("/api/tasks/{id}")).await.good(200)
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        self.task(id).await["status"].as_str().expect("a status").to_owned()
    }

    /// What a list holds.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.get(path).await.good(200)["items"].as_array().expect("a list").clone()
    }

    /// Refused callbacks, once there are as many as expected: they are written behind the answers' backs.
    pub(crate) async fn rejections(&self, expected: usize) -> Vec<Value> {
        let mut found = Vec::new();
        self.until(async || {
            found = self.items("/api/callbacks?verdict=rejected&limit=200").await;
            found.len() >= expected
        })
        .await;
        assert_eq!(found.len(), expected);
        found
    }

    /// Asks again and again, without end but for a bound on the real time.
    pub(crate) async fn until(&self, mut ask: impl AsyncFnMut() -> bool) {
        let asking = async {
            while !ask().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asking).await.expect("it becomes true within 20 seconds");
    }

    /// Puts a file into the folder of generators, or another in its place.
    pub(crate) fn write_generator(&self, name: &str, text: &str) {
        std::fs::write(self.generators.path().join(format!("{name}.toml")), text).expect("a generator's file");
    }

    pub(crate) fn remove_generator(&self, name: &str) {
        std::fs::remove_file(self.generators.path().join(format!("{name}.toml"))).expect("a generator's file");
    }

    /// Does what is due now, until there is nothing left to do.
    pub(crate) async fn work_off(&self) -> u64 {
        self.loops.work_off().await.expect("the steps succeed")
    }

    /// The same, so much later.
    pub(crate) async fn later(&self, by: Duration) -> u64 {
        self.clock.advance(by);
        self.work_off().await
    }

    /// Waits until so many entries are queued behind what the journal is writing.
    pub(crate) async fn until_queued(&self, entries: u64) {
        self.until(async || self.get("/api/stats").await.good(200)["journal"]["waiting"].as_u64() >= Some(entries)).await;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        assert!(self.running.is_none() || std::thread::panicking(), "a test that starts an app stops it");
    }
}

/// Why an app with these settings does not start.
pub(crate) async fn refusal(database: &Database, extra: Extra<'_>) -> String {
    let (_folder, built) = build(database, &extra, &Clock::manual(Timestamp::from_secs(START)), &Lifecycle::new()).await;
    match built {
        Ok(_) => panic!("the app starts"),
        Err(error) => error.to_string(),
    }
}

async fn build(
    database: &Database,
    extra: &Extra<'_>,
    clock: &Clock,
    lifecycle: &Lifecycle,
) -> (TempDir, Result<app::App, app::StartError>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generators::write(folder.path());
    for (name, text) in extra.generators {
        std::fs::write(folder.path().join(format!("{name}.toml")), text).expect("a generator's file");
    }
    let environment = environment(database, folder.path().to_str().expect("UTF-8"), extra.settings);
    let sources = match extra.folder {
        Some(folder) => Sources::in_folder(environment, folder).expect("files that can be read"),
        None => Sources::new(environment),
    };
    let mut surroundings = Surroundings { clock: clock.clone(), loops_run: extra.loops_run, ..Surroundings::default() };
    if let Some(limits) = extra.journal {
        // what is bounded by hand is one worker's
        (surroundings.journal, surroundings.journal_workers) = (limits, Some(1));
    }
    let built = match Settings::load(&sources) {
        Ok(loaded) => {
            surroundings.sources = Some(sources);
            app::build(&loaded, surroundings, lifecycle).await
        }
        Err(error) => Err(error.into()),
    };
    (folder, built)
}

/// Never the process's: a later value of a name replaces an earlier one, and an empty one unsets it.
fn environment(database: &Database, folder: &str, settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let basic = [
        ("SERVER_PORT", "0"),
        ("DATABASE_URL", &database.url),
        ("DATABASE_MAX_CONNECTIONS", "4"),
        ("CALLBACK_SECRET_KEY", SECRET),
        ("GENERATORS_DIR", folder),
        ("GENERATOR_STAMPED_SECRET", SECRET),
        ("GENERATOR_BARE_SECRET", SECRET),
        ("GENERATOR_FENCED_SECRET", SECRET),
        ("GENERATOR_WELCOME_SECRET", SECRET),
        ("GENERATOR_SMALL_SECRET", SECRET),
        ("GENERATOR_PATIENT_SECRET", SECRET),
        ("GENERATOR_QUIET_SECRET", SECRET),
        ("GENERATOR_BEARER_SECRET", SECRET),
        ("GENERATOR_BOUND_SECRET", SECRET),
    ];
    let all = basic.into_iter().chain(settings.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
