//! The loops, each with its cadence.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::reload::Reload;
use crate::cadence::{Cadence, Step};
use crate::journal::Chores;
use crate::lifecycle::Lifecycle;
use crate::pursuit::Means;
use crate::pursuit::canceller::Canceller;
use crate::pursuit::launcher::Launcher;
use crate::pursuit::reconciler::Reconciler;
use crate::store::StoreError;

const PERIOD: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub struct Loops {
    pub launcher: Arc<Launcher>,
    pub reconciler: Reconciler,
    pub canceller: Arc<Canceller>,
    pub reload: Reload,
    submit: Cadence,
    reconcile: Cadence,
    cancel: Cadence,
    files: Cadence,
}

impl Loops {
    pub(super) fn new(means: &Means, reload: Reload) -> Self {
        let cadence = |name| Cadence::new(name, PERIOD, means.clock.clone());
        Self {
            launcher: Arc::new(Launcher::new(means.clone())),
            reconciler: Reconciler::new(means.clone()),
            canceller: Arc::new(Canceller::new(means.clone())),
            reload,
            submit: cadence("submit"),
            reconcile: cadence("reconcile"),
            cancel: cadence("cancel"),
            files: cadence("generators"),
        }
    }

    pub(super) fn cadences(&self) -> Vec<Cadence> {
        vec![self.submit.clone(), self.reconcile.clone(), self.cancel.clone(), self.files.clone()]
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
        let reload = self.reload.clone();
        let files = move || {
            let reload = reload.clone();
            async move { reload.step().await }
        };
        start(&self.files, lifecycle.hangups(), files, lifecycle, writing);
    }

    /// One step of each, again and again until there is nothing left to do.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn work_off(&self) -> Result<u64, StoreError> {
        let mut handled = 0;
        loop {
            let steps = [self.launcher.step().await?, self.reconciler.step().await?, self.canceller.step().await?];
            let step: Step = steps.into_iter().sum();
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
