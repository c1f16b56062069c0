//! Decides how one run goes: a world of customers and agents, two daemons, a broker and a store; a time of trouble, then a
//! time without, in which everything that is open must end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use picket::contract::wire::OutMessage;
use picket::shard::ports::Snapshot;
use picket::shard::{ShardHandle, chance};
use picket_core::Timestamp;
use picket_sim::check::{Checker, Ending};
use picket_sim::output::Output;
use picket_sim::world::{Tempo, World, place};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::daemon::Daemon;
use crate::fate::{Fate, Strike, Tally};
use crate::platform::{Doors, Platform};
use crate::{broker, judge, store};

/// When every run begins: a Monday in November 2026, at noon.
const NOON: i64 = 1_795_435_200_000;
/// How long contacts arrive, in milliseconds.
const ARRIVALS: u64 = 8_000;
/// How long trouble lasts.
const TROUBLE: Duration = Duration::from_secs(30);
/// How long everything may take to end once there is no more trouble.
const HEALING: Duration = Duration::from_secs(90);
/// How long nothing may change at the end.
const SETTLED: Duration = Duration::from_secs(8);
/// How long a daemon may take to stop, whatever it waits for.
const STOPPING: Duration = Duration::from_secs(60);
/// How often the world looks around.
const PACE: Duration = Duration::from_millis(20);
/// After how long without a heartbeat the broker gives a connection up.
const HEARTBEATS: Duration = Duration::from_secs(12);

/// What a run showed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) wrong: Vec<String>,
    pub(crate) tally: Tally,
    pub(crate) calls: u64,
    pub(crate) simulated: Duration,
    pub(crate) inputs: u64,
    pub(crate) outputs: BTreeMap<String, u64>,
    /// Everything that was heard, in one number.
    pub(crate) trace: u64,
}

/// Runs a seed to its end.
pub(crate) fn run(seed: u64, fate: Fate, trouble: bool) -> Outcome {
    chance::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let mut room = Room::open(seed, Arc::new(fate));
        if trouble {
            room.trouble().await;
        } else {
            room.live_until(room.started + Duration::from_millis(ARRIVALS), &mut Vec::new()).await;
        }
        room.heal().await;
        room.end().await
    })
}

/// What ends a strike.
#[derive(Clone, Copy, Debug)]
enum Mend {
    Start(usize),
    Thaw(usize),
    Reconnect(usize),
    /// Heartbeats of a daemon stayed away for long enough, if they still do.
    Miss(usize),
    Broker,
    Alarm,
    Store,
}

struct Room {
    started: Instant,
    fate: Arc<Fate>,
    store: store::Server,
    broker: broker::Server,
    daemons: Vec<Option<Daemon>>,
    /// Where the platforms' HTTP requests go.
    doors: Doors,
    starts: u64,
    world: World,
    platform: Platform,
    checker: Checker,
    heard: usize,
    ids: BTreeMap<u64, String>,
    given: BTreeSet<String>,
    /// What brought outputs about, with the record that it was taken in.
    causes: BTreeMap<String, u64>,
    kinds: BTreeMap<String, u64>,
    trace: u64,
    wrong: Vec<String>,
    /// The catch-up that is on, by its end.
    catching_up: Option<Timestamp>,
    /// Who ends now is not started again.
    over: bool,
}

impl Room {
    fn open(seed: u64, fate: Arc<Fate>) -> Self {
        let tempo = Tempo { valued_every: 900, act: ARRIVALS, endless: false };
        let mut world = World::new(seed, tempo, NOON);
        let opening = world.opening();
        let (store, broker) = (store::Server::new(), broker::Server::new(&fate));
        let doors = Arc::new(Mutex::new(vec![None, None]));
        let mut platform = Platform::start(&broker, &doors, &fate);
        platform.send(NOON, opening);
        let mut room = Self {
            started: Instant::now(),
            fate,
            store,
            broker,
            daemons: vec![None, None],
            doors,
            starts: 0,
            world,
            platform,
            checker: Checker::new(place()),
            heard: 0,
            ids: BTreeMap::new(),
            given: BTreeSet::new(),
            causes: BTreeMap::new(),
            kinds: BTreeMap::new(),
            trace: 0xcbf2_9ce4_8422_2325,
            wrong: Vec::new(),
            catching_up: None,
            over: false,
        };
        room.start(0);
        room.start(1);
        room
    }

    fn now(&self) -> i64 {
        NOON + i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    fn start(&mut self, at: usize) {
        if self.daemons[at].is_some() {
            return;
        }
        self.starts += 1;
        let name = format!("picket-{at} {}", self.starts);
        // No two clocks show the same.
        let now = Timestamp(self.now() + i64::try_from(self.fate.below(1_000)).unwrap_or(0) - 500);
        let daemon = Daemon::start(name, now, &self.store, &self.broker, &self.fate);
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(daemon.handle.clone());
        self.daemons[at] = Some(daemon);
    }

    fn take(&mut self, at: usize) -> Option<Daemon> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner)[at] = None;
        self.daemons[at].take()
    }

    async fn kill(&mut self, at: usize, mends: &mut Vec<(Instant, Mend)>) {
        if let Some(daemon) = self.take(at) {
            self.broker.hang_up_on(&daemon.process);
            daemon.kill().await;
            mends.push((Instant::now() + self.fate.lasting() / 4, Mend::Start(at)));
        }
    }

    /// The time in which things go wrong.
    async fn trouble(&mut self) {
        let end = self.started + TROUBLE;
        let mut mends = Vec::new();
        while let Some((within, strike)) = self.fate.next_strike() {
            let then = Instant::now() + within;
            self.live_until(then.min(end), &mut mends).await;
            if Instant::now() >= end {
                break;
            }
            self.strike(strike, &mut mends).await;
        }
        self.live_until(end, &mut mends).await;
        mends.sort_by_key(|(at, _)| *at);
        for (_, mend) in mends {
            self.mend(mend);
        }
    }

    async fn strike(&mut self, strike: Strike, mends: &mut Vec<(Instant, Mend)>) {
        self.fate.struck(strike);
        tracing::info!(now = self.now() - NOON, ?strike, "strike");
        let (at, lasting) = (usize::from(self.fate.below(2) == 1), self.fate.lasting());
        let (until, missed) = (Instant::now() + lasting, Instant::now() + HEARTBEATS);
        let cut = |daemon: &Daemon, from_store: bool, from_broker: bool| {
            if from_store {
                daemon.process.store.store(false, Ordering::Relaxed);
            }
            if from_broker {
                daemon.process.broker.store(false, Ordering::Relaxed);
            }
        };
        match (strike, &self.daemons[at]) {
            (Strike::Kill, _) => self.kill(at, mends).await,
            (Strike::Stop, Some(_)) => {
                if let Some(daemon) = &mut self.daemons[at] {
                    daemon.stop();
                }
            }
            (Strike::Freeze, Some(daemon)) => {
                daemon.process.freeze();
                mends.push((missed, Mend::Miss(at)));
                mends.push((until, Mend::Thaw(at)));
            }
            (Strike::CutFromStore | Strike::CutFromBroker | Strike::CutFromBoth, Some(daemon)) => {
                cut(daemon, strike != Strike::CutFromBroker, strike != Strike::CutFromStore);
                mends.push((missed, Mend::Miss(at)));
                mends.push((until, Mend::Reconnect(at)));
            }
            (Strike::BrokerDies, _) => {
                self.broker.set_away(true);
                mends.push((until, Mend::Broker));
            }
            (Strike::BrokerHangsUp, _) => self.broker.hang_up(),
            (Strike::Alarm, _) => {
                self.broker.set_alarm(true);
                mends.push((until, Mend::Alarm));
            }
            (Strike::StoreDies, _) => {
                self.store.set_away(true);
                mends.push((until, Mend::Store));
            }
            (Strike::StoreFailsOver, _) => self.store.fail_over(&self.fate),
            (Strike::ClockAhead, Some(daemon)) => daemon.clock.put(self.fate.span()),
            (Strike::ClockBack, Some(daemon)) => daemon.clock.put(-self.fate.span()),
            (_, None) => {}
        }
    }

    fn mend(&mut self, mend: Mend) {
        tracing::info!(now = self.now() - NOON, ?mend, "mend");
        match mend {
            Mend::Start(at) => self.start(at),
            Mend::Broker => self.broker.set_away(false),
            Mend::Alarm => self.broker.set_alarm(false),
            Mend::Store => self.store.set_away(false),
            Mend::Thaw(at) => {
                if let Some(daemon) = &self.daemons[at] {
                    daemon.process.thaw();
                }
            }
            Mend::Reconnect(at) => {
                if let Some(daemon) = &self.daemons[at] {
                    daemon.process.store.store(true, Ordering::Relaxed);
                    daemon.process.broker.store(true, Ordering::Relaxed);
                }
            }
            Mend::Miss(at) => {
                let process = self.daemons[at].as_ref().map(|daemon| &daemon.process);
                if let Some(process) = process.filter(|one| !one.is_alive() || !one.broker.load(Ordering::Relaxed)) {
                    self.broker.hang_up_on(process);
                }
            }
        }
    }

    /// Lives on until then: mends what is due, lets the world act, and hears what comes out.
    async fn live_until(&mut self, then: Instant, mends: &mut Vec<(Instant, Mend)>) {
        loop {
            let now = Instant::now();
            while let Some(at) = mends.iter().position(|(due, _)| *due <= now) {
                let (_, mend) = mends.remove(at);
                self.mend(mend);
            }
            for at in 0..self.daemons.len() {
                self.look_after(at, mends).await;
            }
            self.turn();
            if now >= then {
                return;
            }
            sleep(PACE.min(then - now)).await;
        }
    }

    /// Looks whether a daemon was killed in the middle of a call, has stopped as it was told, or has ended by itself.
    async fn look_after(&mut self, at: usize, mends: &mut Vec<(Instant, Mend)>) {
        let Some(daemon) = &self.daemons[at] else { return };
        if daemon.process.is_dead() {
            self.kill(at, mends).await;
        } else if daemon.has_ended() {
            if daemon.stopping.is_none() {
                self.wrong.push(format!("daemon {at} ended by itself"));
            }
            self.take(at);
            if !self.over {
                self.start(at);
            }
        } else if daemon.stopping.is_some_and(|since| since.elapsed() > STOPPING) {
            self.wrong.push(format!("daemon {at} was told to stop and does not"));
            self.kill(at, mends).await;
        }
    }

    fn turn(&mut self) {
        self.hear();
        let now = self.now();
        let due = self.world.due(now);
        self.platform.send(now, due);
        self.look_for_catch_ups();
        self.platform.publish();
        self.broker.send_again();
    }

    /// Counts catch-ups as they begin and end.
    fn look_for_catch_ups(&mut self) {
        let Some((end, time)) =
            self.owner().map(|owner| owner.model()).map(|model| (model.router.catching_up(), model.time))
        else {
            return;
        };
        match (self.catching_up, end) {
            (None, Some(_)) => self.fate.noted("CatchUp began"),
            (Some(until), None) if time >= until => self.fate.noted("CatchUp ended by its limit"),
            (Some(_), None) => self.fate.noted("CatchUp ended"),
            _ => {}
        }
        self.catching_up = end;
    }

    /// What the platforms' own queue brought.
    fn hear(&mut self) {
        let new = self.broker.published(self.heard);
        self.heard += new.len();
        for message in new {
            self.hear_one(&message);
        }
    }

    fn hear_one(&mut self, message: &OutMessage) {
        for byte in message.body.iter() {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(known) = self.ids.get(&message.number) {
            if *known != message.id {
                self.wrong.push(format!("output {} is {known} and {}", message.number, message.id));
            }
            return;
        }
        self.ids.insert(message.number, message.id.clone());
        *self.kinds.entry(message.kind.to_owned()).or_insert(0) += 1;
        tracing::debug!(now = self.now() - NOON, body = %String::from_utf8_lossy(&message.body), "output");
        let Ok(event) = serde_json::from_slice::<Value>(&message.body) else {
            self.wrong.push(format!("output {} is no JSON", message.number));
            return;
        };
        // An input's name has a blank between source and id; a timer's has none.
        if let Some(cause) = event["picketcause"].as_str().filter(|cause| cause.contains(' ')) {
            let record = *self.causes.entry(cause.to_owned()).or_insert(message.seq);
            if record != message.seq {
                self.wrong.push(format!("{cause} was taken twice, in records {record} and {}", message.seq));
            }
        }
        if !self.given.insert(message.id.clone()) {
            self.wrong.push(format!("output {} has the id of another one, {}", message.number, message.id));
        }
        self.checker.take(&event);
        match Output::read(&event) {
            Ok(output) => self.world.see(self.now(), &output),
            Err(error) => self.wrong.push(error.to_string()),
        }
    }

    /// No more trouble: everything that is open ends, and everything that was sent is answered.
    async fn heal(&mut self) {
        self.fate.heal();
        let at = self.now();
        self.world.calm_down(at);
        self.start(0);
        self.start(1);
        // Somebody sets the clocks right: by one that is behind, what is scheduled would begin too late for this run.
        for daemon in self.daemons.iter().flatten() {
            daemon.clock.put(at - daemon.clock.now().0);
        }
        let deadline = Instant::now() + HEALING;
        let mut mends = Vec::new();
        while !self.is_calm() && Instant::now() < deadline {
            let then = Instant::now() + Duration::from_millis(500);
            self.live_until(then, &mut mends).await;
        }
    }

    fn is_calm(&self) -> bool {
        self.world.is_over() && self.checker.open() == 0 && self.platform.is_idle() && self.broker.left() == (0, 0)
    }

    /// Of two daemons one owns the shard, and goes on owning it; the other stands by.
    async fn settle(&mut self) {
        let before = self.broker.gate();
        let then = Instant::now() + SETTLED;
        self.live_until(then, &mut Vec::new()).await;
        if before.is_none() || self.broker.gate() != before {
            self.wrong.push("the daemons go on taking the shard from each other".to_owned());
        }
        let health = self.daemons.iter().flatten().map(|daemon| daemon.handle.health());
        let (owners, others): (Vec<_>, Vec<_>) = health.partition(|health| health.active);
        if owners.len() != 1 || !others.iter().all(|other| other.standby) {
            self.wrong.push(format!("{} daemons own the shard, and not every other stands by", owners.len()));
        }
    }

    /// Stops everything, and judges.
    async fn end(mut self) -> Outcome {
        self.settle().await;
        let simulated = self.started.elapsed();
        let shown = self.shown();
        if self.owner().is_some_and(|owner| owner.model().router.catching_up().is_some()) {
            self.wrong.push("catching up never ends".to_owned());
        }
        self.over = true;
        self.daemons.iter_mut().flatten().for_each(Daemon::stop);
        while self.daemons.iter().any(Option::is_some) {
            let then = Instant::now() + PACE;
            self.live_until(then, &mut Vec::new()).await;
        }
        let confirmed = self.platform.confirmed();
        let (left, dead) = self.broker.left();
        if left + dead > 0 {
            self.wrong.push(format!("{left} messages are left in the queue, and {dead} are dead letters"));
        }
        if shown.is_empty() {
            self.wrong.push("nobody owns the shard at the end".to_owned());
        }
        self.wrong.extend(judge::without_effect(&confirmed, &self.causes, &self.broker.put_aside()));
        // What was put aside and sent again comes later than it was sent first.
        if !self.broker.has_dead_letters_behind() {
            self.wrong.extend(judge::out_of_order(&confirmed, &self.causes));
        }
        self.wrong.extend(judge::journal(&self.store.memory(), &shown));
        for event in &confirmed {
            self.checker.sent(event);
        }
        let report = self.checker.finish(Ending::Calm);
        self.wrong.extend(report.violations.iter().map(|v| format!("at {}: {}", v.number, v.sentence)));
        Outcome {
            wrong: self.wrong,
            tally: self.fate.tally(),
            calls: self.fate.calls(),
            simulated,
            inputs: confirmed.len() as u64,
            outputs: self.kinds,
            trace: self.trace,
        }
    }

    /// What the daemons show, the owner first; nothing without one.
    fn shown(&self) -> Vec<Snapshot> {
        let Some(owner) = self.owner() else { return Vec::new() };
        let others = self.daemons.iter().flatten().map(|daemon| &daemon.handle).filter(|one| !one.health().active);
        let all = std::iter::once(owner).chain(others);
        all.filter_map(|handle| picket::shard::snapshot::encode(&handle.model()).ok()).collect()
    }

    fn owner(&self) -> Option<&ShardHandle> {
        self.daemons.iter().flatten().map(|daemon| &daemon.handle).find(|handle| handle.health().active)
    }
}
