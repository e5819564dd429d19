//! All that takes turns on one database within a round, so that whoever is compared are neighbours.

use std::time::Duration;

use anyhow::Context;

use super::audit::Audit;
use super::effort::Effort;
use super::hub::{Figures, Hub, ceiling};
use super::load::Pace;
use super::memory::{Memory, larger, most_during, resident};
use super::place::Place;
use super::raw::pgbench::Pgbench;
use super::raw::{postgres, sqlite};
use super::sample::{Base, Role, Sample};
use super::subject::{Kind, Subject};
use super::teller::Teller;
use super::{Plan, WEBHOOKS};

/// Callbacks that may be under way at a time, where they come by the timetable.
const MOST_LATE: usize = 256;

pub struct Group {
    base: Base,
    journal: Hub,
    one_by_one: Hub,
    /// Without and with webhooks.
    completed: Option<(Hub, Hub)>,
    raw: Raw,
    pgbench: Option<Pgbench>,
    pub memory: Memory,
}

enum Raw {
    None,
    Sqlite(Box<sqlite::Loop>),
    Postgres(postgres::Loop),
}

impl Group {
    /// # Errors
    /// When a database cannot be filled, or a process does not become ready.
    pub async fn start(base: Base, place: &Place, tasks: usize, teller: &Teller) -> anyhow::Result<Self> {
        teller.say(format!("{base} is filled with {tasks} open tasks, once for each subject"));
        let slowed = if let Base::SlowedSqlite(millis) = base { millis } else { 0 };
        let one_by_one = Hub::start(Kind::OneByOne, place.url(base, "one_by_one").await?, tasks, slowed).await?;
        let (mut completed, mut raw, mut pgbench) = (None, Raw::None, None);
        if slowed == 0 {
            let without = Hub::start(Kind::Silent, place.url(base, "completed").await?, tasks, 0).await?;
            let with = Hub::start(Kind::Silent, place.url(base, "webhooks").await?, tasks, 0).await?;
            for number in 0..WEBHOOKS {
                // nothing is sent
                with.subject.register(&format!("http://127.0.0.1:8080/{number}")).await?;
            }
            completed = Some((without, with));
            let url = place.url(base, "raw").await?;
            raw = match base {
                Base::Postgres => Raw::Postgres(postgres::Loop::new(url, tasks).await?),
                _ => Raw::Sqlite(Box::new(sqlite::Loop::new(url, tasks).await?)),
            };
        }
        if base == Base::Postgres {
            pgbench = Pgbench::new(place.url(base, "accounts").await?, tasks).await?;
            if pgbench.is_none() {
                teller.say("pgbench is not installed: its row is left out");
            }
        }
        let journal = Hub::start(Kind::Journal, place.url(base, "journal").await?, tasks, slowed).await?;
        let idle = resident(journal.subject.process()).filter(|_| slowed == 0);
        let memory = Memory { idle, ..Memory::default() };
        Ok(Self { base, journal, one_by_one, completed, raw, pgbench, memory })
    }

    /// # Errors
    /// When a subject fails.
    pub async fn round(&mut self, plan: &Plan, subject: &Subject, round: usize, teller: &Teller) -> anyhow::Result<Vec<Sample>> {
        let mut samples: Vec<Sample> = Vec::new();
        for connections in plan.connections_on(self.base) {
            let mut roles = roles(self.base, connections == plan.full());
            if round % 2 == 1 {
                // nobody always comes after the same neighbour
                roles.reverse();
            }
            for role in roles {
                let measured = self.measure(role, plan, subject, connections).await;
                let Some(figures) = measured.with_context(|| format!("{}, {role}", self.base))? else { continue };
                let sample = self.sample(round, role, connections, figures);
                teller.done(sample);
                samples.push(sample);
            }
        }
        let most = samples.iter().find(|sample| sample.role == Role::Journal && sample.connections == plan.full());
        if let Some(most) = most.filter(|_| !self.is_slowed()) {
            let figures = self.by_timetable(most.per_second / 2.0, plan.open).await?;
            let sample = self.sample(round, Role::HalfRate, MOST_LATE, figures);
            teller.done(sample);
            samples.push(sample);
        }
        Ok(samples)
    }

    fn sample(&self, round: usize, role: Role, connections: usize, figures: Figures) -> Sample {
        let Figures { per_second, commits, latency, effort } = figures;
        // the process that is looked at would be the one that slows the hub, and not the hub
        let effort = if self.is_slowed() { Effort::default() } else { effort };
        Sample { round, base: self.base, role, connections, per_second, commits, latency, effort }
    }

    #[must_use]
    pub const fn base(&self) -> Base {
        self.base
    }

    const fn is_slowed(&self) -> bool {
        matches!(self.base, Base::SlowedSqlite(_))
    }

    /// None where there is no such subject.
    async fn measure(
        &mut self,
        role: Role,
        plan: &Plan,
        subject: &Subject,
        connections: usize,
    ) -> anyhow::Result<Option<Figures>> {
        let time = plan.time;
        Ok(Some(match role {
            Role::Ceiling => ceiling(subject, plan.tasks, connections, time).await?,
            Role::OneByOne => self.one_by_one.progress(connections, Pace::For(time), None).await?,
            Role::Journal => self.journal(connections, time).await?,
            Role::Replicas => {
                let replica = self.journal.replica()?;
                let figures = self.journal.progress(connections, Pace::For(time), Some(&replica)).await?;
                replica.end()?;
                figures
            }
            Role::Completed | Role::Heard => match &mut self.completed {
                Some((without, _)) if role == Role::Completed => without.complete(connections, time).await?,
                Some((_, with)) => with.complete(connections, time).await?,
                None => return Ok(None),
            },
            Role::Raw => match &mut self.raw {
                Raw::None => return Ok(None),
                Raw::Sqlite(rows) => rate(rows.run(time).await?),
                Raw::Postgres(rows) => rate(rows.run(time).await?),
            },
            Role::Pgbench => match &self.pgbench {
                Some(pgbench) => rate(pgbench.run(time).await?),
                None => return Ok(None),
            },
            Role::HalfRate => return Ok(None),
        }))
    }

    async fn journal(&mut self, connections: usize, time: Duration) -> anyhow::Result<Figures> {
        let process = self.journal.subject.process();
        let (figures, most) = most_during(process, self.journal.progress(connections, Pace::For(time), None)).await;
        if !self.is_slowed() {
            self.memory.load = larger(self.memory.load, most);
        }
        figures
    }

    async fn by_timetable(&mut self, per_second: f64, time: Duration) -> anyhow::Result<Figures> {
        self.journal.progress(MOST_LATE, Pace::timetable(per_second, time), None).await
    }

    /// Some time after the last load.
    pub fn rest(&mut self) {
        if !self.is_slowed() {
            self.memory.after = resident(self.journal.subject.process());
        }
    }

    /// Of every hub.
    ///
    /// # Errors
    /// When a process ends badly or a database cannot be read.
    pub async fn audit(self) -> anyhow::Result<Vec<(Base, Role, Audit)>> {
        let mut audits = Vec::new();
        let completed = self.completed.map(|(without, with)| [(Role::Completed, without), (Role::Heard, with)]);
        let hubs = [(Role::Journal, self.journal), (Role::OneByOne, self.one_by_one)];
        for (role, hub) in hubs.into_iter().chain(completed.into_iter().flatten()) {
            let audit = hub.audit().await.with_context(|| format!("{}, {role}", self.base))?;
            audits.push((self.base, role, audit));
        }
        Ok(audits)
    }
}

fn rate(per_second: f64) -> Figures {
    Figures { per_second, commits: None, latency: None, effort: Effort::default() }
}

/// Who takes turns, so that who is compared with the journal comes right before or after it, or nearly so.
pub(super) fn roles(base: Base, full: bool) -> Vec<Role> {
    let mut roles = vec![Role::OneByOne, Role::Ceiling, Role::Journal];
    if full && !matches!(base, Base::SlowedSqlite(_)) {
        roles.push(Role::Raw);
        if base == Base::Postgres {
            roles.extend([Role::Pgbench, Role::Replicas]);
        }
        roles.extend([Role::Completed, Role::Heard]);
    }
    roles
}
