//! Many clients at once: they create tasks and send what generators send, again and again, through every fault.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::chance::Chance;
use super::client::{Client, Trouble};
use super::history::{Creation, History, Sent};

const CLIENTS: usize = 12;
/// So many of the newest tasks get callbacks: few enough for many events each, and for clients that meet at one task.
const BUSY: usize = 24;
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Where the hub is, and which of its lives this is.
type Place = (u32, SocketAddr);

pub(super) struct Load {
    clients: JoinSet<History>,
    place: watch::Sender<Place>,
    done: watch::Sender<bool>,
    begun: watch::Sender<usize>,
    acknowledged: watch::Sender<usize>,
}

struct Sender {
    name: usize,
    chance: Chance,
    client: Client,
    history: History,
    place: watch::Receiver<Place>,
    done: watch::Receiver<bool>,
    begun: watch::Sender<usize>,
    acknowledged: watch::Sender<usize>,
    /// Of all clients.
    tasks: Arc<Mutex<Vec<String>>>,
    marks: usize,
}

impl Load {
    pub(super) fn start(chance: &mut Chance, address: SocketAddr) -> Self {
        let (place, _) = watch::channel((0, address));
        let (done, _) = watch::channel(false);
        let (begun, _) = watch::channel(0);
        let (acknowledged, _) = watch::channel(0);
        let tasks = Arc::new(Mutex::new(Vec::new()));
        let mut clients = JoinSet::new();
        for name in 0..CLIENTS {
            let sender = Sender {
                name,
                chance: chance.split(),
                client: Client::new(),
                history: History::default(),
                place: place.subscribe(),
                done: done.subscribe(),
                begun: begun.clone(),
                acknowledged: acknowledged.clone(),
                tasks: tasks.clone(),
                marks: 0,
            };
            clients.spawn(sender.run());
        }
        Self { clients, place, done, begun, acknowledged }
    }

    /// The hub lives again, somewhere else.
    pub(super) fn moved(&self, address: SocketAddr) {
        self.place.send_modify(|(life, place)| {
            *life += 1;
            *place = address;
        });
    }

    /// Until that many more requests were acknowledged.
    pub(super) async fn until(&self, more: usize) {
        reach(&self.acknowledged, more).await;
    }

    /// Until that many more were acknowledged, and then a few more begun: not always just after an answer.
    pub(super) async fn moment(&self, chance: &mut Chance, acknowledged: usize) {
        self.until(acknowledged).await;
        reach(&self.begun, chance.below(2 * CLIENTS)).await;
    }

    /// Lets the clients end what they have begun.
    pub(super) async fn finish(self) -> History {
        self.done.send_replace(true);
        let mut history = History::default();
        for part in self.clients.join_all().await {
            history.join(part);
        }
        history
    }
}

async fn reach(count: &watch::Sender<usize>, more: usize) {
    let mut count = count.subscribe();
    let goal = *count.borrow() + more;
    let reached = timeout(PATIENCE, count.wait_for(|count| *count >= goal)).await;
    reached.unwrap_or_else(|_| panic!("the hub answers too little: {more} more were wanted")).expect("the load goes on");
}

impl Sender {
    async fn run(mut self) -> History {
        while !*self.done.borrow() {
            let place = *self.place.borrow();
            self.begun.send_modify(|count| *count += 1);
            match self.act(place.1).await {
                Ok(()) => self.acknowledged.send_modify(|count| *count += 1),
                Err(Trouble::Lost) => {
                    self.history.lost += 1;
                    self.wait_for_another_life(place.0).await;
                }
                Err(Trouble::Unavailable) => {
                    self.history.unavailable += 1;
                    self.wait_until_ready(place.1).await;
                }
            }
        }
        self.history
    }

    async fn wait_for_another_life(&mut self, known: u32) {
        let (mut place, mut done) = (self.place.clone(), self.done.clone());
        tokio::select! {
            _ = place.wait_for(|(life, _)| *life != known) => {}
            _ = done.wait_for(|done| *done) => {}
        }
    }

    async fn wait_until_ready(&self, address: SocketAddr) {
        let mut ticks = tokio::time::interval(PAUSE);
        while !*self.done.borrow() && !self.client.is_ready(address).await {
            ticks.tick().await;
        }
    }

    async fn act(&mut self, address: SocketAddr) -> Result<(), Trouble> {
        let tasks: Vec<String> = {
            let all = self.tasks.lock().expect("no client panics with it");
            all.iter().rev().take(BUSY).cloned().collect()
        };
        if tasks.len() < 4 || self.chance.one_in(12) {
            return self.create(address).await;
        }
        let many = if self.chance.one_in(6) { 2 + self.chance.below(6) } else { 1 };
        let mut events: Vec<(String, Sent)> = (0..many).map(|_| self.event(&tasks)).collect();
        // nobody knows in which order equal items of one batch would be answered for
        events.sort_by(|(one, _), (other, _)| one.cmp(other));
        events.dedup_by(|(one, _), (other, _)| one == other);
        let (marks, mut sent): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        let outcome = self.client.send(address, &mut sent).await;
        self.history.events.extend(marks.into_iter().zip(sent));
        outcome
    }

    async fn create(&mut self, address: SocketAddr) -> Result<(), Trouble> {
        let mark = self.mark();
        let mut creation = Creation::new(&mark, self.chance.one_in(2));
        let outcome = self.client.create(address, &mut creation).await;
        self.history.creations.insert(mark, creation);
        self.tasks.lock().expect("no client panics with it").push(outcome?);
        Ok(())
    }

    /// A new one, or one that was sent before.
    fn event(&mut self, tasks: &[String]) -> (String, Sent) {
        let known = self.history.events.len();
        if known > 0 && self.chance.one_in(8) {
            let nth = self.chance.below(known);
            let (mark, sent) = self.history.events.iter().nth(nth).expect("fewer than there are");
            return (mark.clone(), sent.clone());
        }
        let (task, mark) = (&tasks[self.chance.below(tasks.len())], self.mark());
        let event = self.news(&mark);
        let with_id = self.chance.one_in(2);
        let sent = Sent::new(task, &mark, with_id, event);
        (mark, sent)
    }

    fn news(&mut self, mark: &str) -> Value {
        match self.chance.below(30) {
            0 => json!({"event": "completed", "result": {"of": mark, "text": "x".repeat(self.chance.below(4_000))}}),
            1 => json!({"event": "failed", "error": {"code": "E_CHAOS", "message": mark}}),
            2 => json!({"event": "cancelled"}),
            _ => json!({"event": "progress", "progress": {"percentage": self.chance.below(101), "message": mark}}),
        }
    }

    fn mark(&mut self) -> String {
        self.marks += 1;
        format!("{:02}-{:05}", self.name, self.marks)
    }
}
