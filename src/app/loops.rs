//! The loops, each with its cadence.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::reload::Reload;
use crate::cadence::{Cadence, Step};
use crate::housekeeping::Housekeeper;
use crate::http::state::Hub;
use crate::journal::Chores;
use crate::keyring::Keyring;
use crate::lifecycle::Lifecycle;
use crate::pulse::Pulses;
use crate::pursuit::Means;
use crate::pursuit::canceller::Canceller;
use crate::pursuit::launcher::Launcher;
use crate::pursuit::reconciler::Reconciler;
use crate::pursuit::unparker::Unparker;
use crate::relay::sender::Sender;
use crate::store::{Store, StoreError};

const PERIOD: Duration = Duration::from_secs(1);
/// Nothing waits for housekeeping, or for a log that is short.
const UNHURRIED: Duration = Duration::from_secs(60);
/// Whoever watches hears of what other replicas write, even where no announcement comes, and of what has no bell.
const WATCHING: Duration = Duration::from_millis(500);
/// What the charts of the console show is taken down so often: a bar is a minute.
const SAMPLING: Duration = Duration::from_secs(5);
/// Between two looks at what was written, and between two announcements.
const GATHERING: Duration = Duration::from_millis(100);
/// Until a connection that could not be had is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct Loops {
    pub launcher: Arc<Launcher>,
    pub reconciler: Reconciler,
    pub canceller: Arc<Canceller>,
    pub unparker: Arc<Unparker>,
    pub keyring: Keyring,
    pub reload: Reload,
    pub sender: Sender,
    pub housekeeper: Housekeeper,
    pub pulses: Pulses,
    submit: Cadence,
    reconcile: Cadence,
    cancel: Cadence,
    unpark: Cadence,
    keys: Cadence,
    files: Cadence,
    deliver: Cadence,
    tidy: Cadence,
    pulse: Cadence,
    watch: Cadence,
    sample: Cadence,
    /// Where there may be other replicas.
    announce: Option<Cadence>,
    /// Where the database does not do it by itself.
    checkpoint: Option<(Cadence, Store)>,
}

impl Loops {
    pub(super) fn new(means: &Means, reload: Reload, pulses: Pulses, sender: Sender, housekeeper: Housekeeper) -> Self {
        let most_at_a_time = sender.lanes().most();
        let cadence = |name| Cadence::new(name, PERIOD, means.clock.clone());
        let unhurried = |name| Cadence::new(name, UNHURRIED, means.clock.clone());
        Self {
            launcher: Arc::new(Launcher::new(means.clone())),
            reconciler: Reconciler::new(means.clone()),
            canceller: Arc::new(Canceller::new(means.clone())),
            unparker: Arc::new(Unparker::new(means.clone())),
            keyring: Keyring::new(means.terms.clone(), &means.upstream, means.clock.clone()),
            reload,
            sender,
            housekeeper,
            pulses,
            submit: cadence("submit"),
            reconcile: cadence("reconcile"),
            cancel: cadence("cancel"),
            unpark: cadence("unpark"),
            keys: cadence("keys"),
            files: cadence("generators").one_at_a_time(),
            deliver: cadence("deliver").with_waiting(most_at_a_time),
            tidy: unhurried("tidy"),
            pulse: unhurried("pulse").one_at_a_time(),
            watch: Cadence::new("watch", WATCHING, means.clock.clone()).one_at_a_time().resting(GATHERING),
            sample: Cadence::new("sample", SAMPLING, means.clock.clone()).one_at_a_time(),
            announce: means.store.has_others().then(|| unhurried("announce").one_at_a_time().resting(GATHERING)),
            checkpoint: means.store.has_log().then(|| (unhurried("checkpoint").one_at_a_time(), means.store.clone())),
        }
    }

    pub(super) fn cadences(&self) -> Vec<Cadence> {
        let pursuit = [&self.submit, &self.reconcile, &self.cancel, &self.unpark];
        let others = [&self.deliver, &self.keys, &self.files, &self.tidy, &self.pulse, &self.watch, &self.sample];
        let checkpoint = self.checkpoint.as_ref().map(|(cadence, _)| cadence);
        pursuit.into_iter().chain(others).chain(&self.announce).chain(checkpoint).cloned().collect()
    }

    pub(super) fn start(&self, lifecycle: &Lifecycle, chores: &Chores, writing: &Arc<DropGuard>) {
        let launcher = self.launcher.clone();
        let submit = move || {
            let launcher = launcher.clone();
            async move { launcher.step().await }
        };
        start(&self.submit, chores.submit.subscribe(), submit, lifecycle, writing);
        let reconciler = self.reconciler.clone();
        let reconcile = move || {
            let reconciler = reconciler.clone();
            async move { reconciler.step().await }
        };
        start(&self.reconcile, chores.ask.subscribe(), reconcile, lifecycle, writing);
        let canceller = self.canceller.clone();
        let cancel = move || {
            let canceller = canceller.clone();
            async move { canceller.step().await }
        };
        start(&self.cancel, chores.cancel.subscribe(), cancel, lifecycle, writing);
        let unparker = self.unparker.clone();
        let unpark = move || {
            let unparker = unparker.clone();
            async move { unparker.step().await }
        };
        start(&self.unpark, chores.unpark.subscribe(), unpark, lifecycle, writing);
        let sender = self.sender.clone();
        let deliver = move || {
            let sender = sender.clone();
            async move { sender.step().await }
        };
        start(&self.deliver, chores.deliver.subscribe(), deliver, lifecycle, writing);
        let keyring = self.keyring.clone();
        let keys = move || {
            let keyring = keyring.clone();
            async move { Ok(keyring.step().await) }
        };
        // nobody rings: whose signature waits for keys has had its answer, and the period is short
        start(&self.keys, watch::channel(()).1, keys, lifecycle, writing);
        let reload = self.reload.clone();
        let files = move || {
            let reload = reload.clone();
            async move { reload.step().await }
        };
        start(&self.files, lifecycle.hangups(), files, lifecycle, writing);
        let housekeeper = self.housekeeper.clone();
        let tidy = move || {
            let housekeeper = housekeeper.clone();
            async move { housekeeper.step().await }
        };
        start(&self.tidy, watch::channel(()).1, tidy, lifecycle, writing);
        let pulses = self.pulses.clone();
        let pulse = move || {
            let pulses = pulses.clone();
            async move { pulses.step().await }
        };
        start(&self.pulse, watch::channel(()).1, pulse, lifecycle, writing);
        if let Some((cadence, store)) = self.checkpoint.clone() {
            let step = move || {
                let store = store.clone();
                async move { store.checkpoint().await.map(|()| Step::default()) }
            };
            start(&cadence, chores.checkpoint.subscribe(), step, lifecycle, writing);
        }
    }

    /// Tells whoever watches what was written, here or elsewhere, and takes down what the charts show. Changes nothing that is due, and so runs always.
    pub(super) fn start_watching(&self, lifecycle: &Lifecycle, hub: &Arc<Hub>, writing: &Arc<DropGuard>) {
        let written = &hub.journal.chores().written;
        let bell = match &self.announce {
            None => written.subscribe(),
            Some(announce) => {
                let store = hub.store.clone();
                let step = move || {
                    let store = store.clone();
                    async move { store.announce().await.map(|()| Step::default()) }
                };
                start(announce, written.subscribe(), step, lifecycle, writing);
                self.start_hearing(lifecycle, hub.store.clone())
            }
        };
        let watching = hub.clone();
        let step = move || {
            let hub = watching.clone();
            async move { hub.live.step(&hub).await }
        };
        start(&self.watch, bell, step, lifecycle, writing);
        let sampling = hub.clone();
        let step = move || {
            let hub = sampling.clone();
            async move { Ok(hub.history.step(&hub)) }
        };
        start(&self.sample, watch::channel(()).1, step, lifecycle, writing);
    }

    /// Rings for what any replica has written, this one too.
    fn start_hearing(&self, lifecycle: &Lifecycle, store: Store) -> watch::Receiver<()> {
        let (bell, heard) = watch::channel(());
        let stopping = lifecycle.stopping().clone();
        lifecycle.spawn_loop("hear", async move {
            let hear = async {
                loop {
                    let error = store.hear(|| bell.send_replace(())).await;
                    tracing::warn!(%error, "what other replicas write is found by looking, until they can be heard again");
                    tokio::time::sleep(AGAIN).await;
                }
            };
            stopping.run_until_cancelled(hear).await;
        });
        heard
    }

    /// One step of each that somebody waits for, again and again until there is nothing left to do.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn work_off(&self) -> Result<u64, StoreError> {
        let mut handled = 0;
        loop {
            let steps = [self.launcher.step().await?, self.reconciler.step().await?, self.canceller.step().await?];
            let step: Step = steps
                .into_iter()
                .chain([self.unparker.step().await?, self.sender.step().await?, self.keyring.step().await])
                .sum();
            handled += step.handled;
            if step.handled == 0 {
                return Ok(handled);
            }
        }
    }
}

fn start<F: Future<Output = Result<Step, StoreError>> + Send + 'static>(
    cadence: &Cadence,
    hints: watch::Receiver<()>,
    step: impl Fn() -> F + Send + Sync + 'static,
    lifecycle: &Lifecycle,
    writing: &Arc<DropGuard>,
) {
    let (cadence, stopping, writing) = (cadence.clone(), lifecycle.stopping().clone(), writing.clone());
    lifecycle.spawn_loop(cadence.name, async move {
        let _writing = writing;
        cadence.run(hints, stopping, step).await;
    });
}
