//! Decides how a shard is taken over, run, and taken over again when ownership ends.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use picket_core::Millis;
use picket_rules::RuleSet;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::bugs::{self, Bug};
use super::chance;
use super::decide::Decider;
use super::flight::Flight;
use super::follow::Follower;
use super::forwarder::Forwarder;
use super::handle::{Owner, ShardSide};
use super::identify::Pepper;
use super::keeper::{SnapshotKeeper, Snapshots};
use super::lag::Lag;
use super::lease::Leaseholder;
use super::moving;
use super::neighbours::Neighbours;
use super::outqueue::Outqueue;
use super::overlay::Overlay;
use super::ports::{Broker, DeadLetter, Head, Outbox, Receipt, Store, Token};
use super::presence::Presences;
use super::publisher::{Over, Publisher, WayOut};
use super::record::hex;
use super::recover::{self, Read, Recovered, recover};
use super::run::{Forwarding, Limits, Loop, Lost};
use super::spread::Spread;
use super::state::ShardState;
use super::suspects::Suspects;
use super::time::Keeper;
use super::unheard::Listener;
use super::witness::{self, Witness};
use super::writer::Writer;
use super::{undertaker, vitals};
use crate::clock::Clock;
use crate::contract::Sources;
use crate::telemetry::{Metrics, chain};

/// How long a shard that was handed over is left to whose it is now.
const HANDED_OVER: Duration = Duration::from_secs(1);

/// How often who stands by looks at its connection.
const CONNECTED: Duration = Duration::from_secs(1);

/// How long the parts of a shard may take to end after it.
const ENDING: Duration = Duration::from_secs(5);

/// Everything one shard is made of.
#[derive(Debug)]
pub struct Service {
    /// The shard's name.
    pub shard: String,
    /// This daemon's name, in tokens and logs.
    pub instance: String,
    /// This daemon's name on a lease.
    pub holder: String,
    /// How much is taken at once.
    pub limits: Limits,
    /// Records between two snapshots.
    pub snapshot_every: u64,
    /// The wall clock.
    pub clock: Clock,
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// What delivers and publishes.
    pub broker: Arc<dyn Broker>,
    /// What each platform may send.
    pub sources: Arc<Sources>,
    /// What turns people into keyed hashes.
    pub pepper: Pepper,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The rules in force.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The other shards of the installation.
    pub neighbours: Neighbours,
    /// How the shards spread over the daemons.
    pub spread: Arc<Spread>,
    /// The other side of the shard's handle.
    pub side: ShardSide,
}

/// What who stood by has ready for a term.
struct Warm {
    /// The journal, as far as it was read.
    read: Option<Read>,
    /// The way out, connected where it could be.
    outbox: Option<Box<dyn Outbox>>,
}

/// Why a term as owner ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    /// It never began.
    #[error(transparent)]
    Recovery(#[from] recover::Error),
    /// Another owner, or doubt.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The journal lost data, by the word of its witness.
    #[error(transparent)]
    Journal(witness::Error),
    /// A domain is not where the settings say.
    #[error(transparent)]
    Domain(#[from] moving::Misplaced),
    /// No randomness for a token.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The broker can never work as it is set up.
    #[error("the broker cannot be used as it is set up")]
    Broker(#[from] super::ports::BrokerError),
}

impl Service {
    /// Owns the shard, again and again, until stopped; stands by while another daemon does.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let lease = Leaseholder {
            store: Arc::clone(&self.store),
            shard: self.shard.clone(),
            name: self.holder.clone(),
            health: Arc::clone(&self.side.health),
            clock: self.clock.clone(),
            spread: Arc::clone(&self.spread),
        };
        let witness = Witness::default();
        loop {
            let seen = self.shown();
            let Some(warm) = self.stand_by(&lease, &stop).await else { break };
            let end = stop.child_token();
            self.spread.owns(&self.shard, true);
            let ended = self.term(&lease, &witness, seen, warm, &end).await;
            self.spread.owns(&self.shard, false);
            match ended {
                Ok(()) if stop.is_cancelled() => break,
                Ok(()) => {
                    lease.release().await;
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(HANDED_OVER) => {}
                    }
                    continue;
                }
                Err(ended) => {
                    let why = chain(&ended);
                    tracing::error!(shard = self.shard, error = why, "the shard is taken over anew");
                    self.side.health.send_if_modified(|health| health.set("journal", Some(why)));
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = backoff.wait() => {}
            }
        }
        lease.release().await;
    }

    /// Waits for the lease, and follows whoever has it; none if told to stop before.
    async fn stand_by(&self, lease: &Leaseholder, stop: &CancellationToken) -> Option<Warm> {
        let (store, model) = (Arc::clone(&self.store), Arc::clone(&self.side.model));
        let mut follower = Follower::new(store, self.shard.clone(), model, self.side.feed.clone());
        let mut outbox = self.broker.outbox(&self.shard).ok();
        let follow = async {
            // An only daemon has nobody to follow, and does not read twice what it takes over.
            let _ = self.side.health.subscribe().wait_for(|health| health.standby).await;
            tokio::join!(follower.follow(), keep_connected(&mut outbox)).0
        };
        let held = tokio::select! {
            biased;
            held = lease.obtain(stop) => held,
            never = follow => match never {},
        };
        held.then(|| Warm { read: follower.into_read(), outbox })
    }

    /// The last record that the read model shows.
    fn shown(&self) -> Head {
        self.side.model.read().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    /// One term as owner: from the token to the stop or the hand-over, or to its loss. `seen` is the last record that this daemon saw
    /// committed before it stood by, `warm` what it has ready since.
    async fn term(
        &mut self,
        lease: &Leaseholder,
        witness: &Witness,
        seen: Head,
        warm: Warm,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        let mut parts = JoinSet::new();
        // Cancels the parts when the term ends, however it ends.
        let over = CancellationToken::new();
        let _guard = over.clone().drop_guard();
        let mut nonce = [0; 16];
        chance::fill(&mut nonce).map_err(Ended::Random)?;
        let floor = u64::try_from(self.clock.now().0).unwrap_or(0);
        let recovered = recover(&*self.store, &self.shard, &self.instance, &hex(&nonce), floor, warm.read).await?;
        moving::check(&*self.store, &self.shard, self.sources.domains(), &self.neighbours, &recovered.read.state)
            .await?;
        parts.spawn(lease.clone().prolong(over.clone(), stop.clone()));
        let way = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            way = self.way_out(&recovered, warm.outbox, witness, seen) => way?,
        };
        let (token, since) = (Some(recovered.token.to_string()), self.clock.now());
        let owner = Some(Owner { name: self.holder.clone(), token, since });
        self.side.health.send_if_modified(|health| {
            health.owner = owner;
            let unseen = || Some(String::from("not connected yet"));
            health.set("journal", None) | health.set("store", None) | health.set("broker", unseen())
        });
        tracing::info!(
            shard = self.shard,
            token = %recovered.token,
            seq = recovered.read.state.head.seq,
            replayed = recovered.read.replayed,
            "shard taken over"
        );
        self.show(&recovered.read);
        let turn = self.assemble(recovered, way, &mut parts, &over)?;
        let result = turn.run(&mut self.side.submissions, &mut self.rules, &mut parts, stop).await;
        over.cancel();
        let ended = async { while parts.join_next().await.is_some() {} };
        if tokio::time::timeout(ENDING, ended).await.is_err() {
            tracing::warn!(shard = self.shard, "parts of the shard did not end in time, and are dropped");
        }
        Ok(result?)
    }

    /// The way out, once the journal is compared with its witness. While the broker is away, contacts that come over HTTP
    /// are routed all the same; nothing is published or taken of the broker before.
    async fn way_out(
        &self,
        recovered: &Recovered,
        outbox: Option<Box<dyn Outbox>>,
        witness: &Witness,
        seen: Head,
    ) -> Result<WayOut, Ended> {
        let shown = self.shown();
        let seen = if shown.seq > seen.seq { shown } else { seen };
        let outbox = outbox.map_or_else(|| self.broker.outbox(&self.shard), Ok)?;
        let end = recovered.read.state.head.clone();
        let mut way = WayOut { outbox, witness: witness.clone(), end, seen, compared: CancellationToken::new() };
        match way.compare(&*self.store, &self.shard).await {
            Ok(()) => {}
            Err(witness::Error::Broker(error)) => {
                tracing::warn!(shard = self.shard, error = %chain(&error), "the beacon is read later");
            }
            Err(error) => return Err(Ended::Journal(error)),
        }
        Ok(way)
    }

    /// The read model and the feed begin with what the journal holds.
    fn show(&self, read: &Read) {
        let mut model = self.side.model.write().unwrap_or_else(PoisonError::into_inner);
        // Who stood by shows it already, but for what a new shard began with.
        if model.head != read.state.head || model.head.seq == 0 {
            *model = read.state.clone();
        }
        drop(model);
        let shown = self.side.feed.last();
        self.side.feed.push(read.outputs.iter().filter(|output| output.number > shown).map(Arc::clone).collect());
    }

    fn assemble(
        &self,
        recovered: Recovered,
        way: WayOut,
        parts: &mut JoinSet<Result<(), Lost>>,
        over: &CancellationToken,
    ) -> Result<Loop, Ended> {
        let Recovered { read: Read { mut state, outputs, kept, .. }, token, watermark } = recovered;
        if bugs::has(Bug::NumbersFromWatermark) {
            state.outputs = watermark;
        }
        let health = Arc::clone(&self.side.health);
        let outqueue = Arc::new(Outqueue::behind(watermark));
        if !bugs::has(Bug::RecoveredUnpublished) {
            outqueue.add(outputs.into_iter().filter(|output| output.number > watermark));
        }
        let (batches, to_write) = mpsc::channel(1);
        let (done, written) = mpsc::channel(1);
        let writer = Writer {
            store: Arc::clone(&self.store),
            shard: self.shard.clone(),
            token: token.clone(),
            head: state.head.clone(),
            health: Arc::clone(&health),
            metrics: Arc::clone(&self.metrics),
        };
        attend(parts, over, writer.run(to_write, done));
        let inbox = self.broker.inbox(&self.shard)?;
        let (compared, witness) = (way.compared.clone(), way.witness.clone());
        self.spawn_publisher(way, &outqueue, &token, parts, over);
        let (due, to_make) = mpsc::channel(1);
        let snapshots = Snapshots::new(self.snapshot_every, (kept, state.time), due);
        let keeper = SnapshotKeeper {
            store: Arc::clone(&self.store),
            shard: self.shard.clone(),
            token: token.clone(),
            over: over.clone(),
            metrics: Arc::clone(&self.metrics),
        };
        attend(parts, over, keeper.run(to_make));
        let (dead, buried) = self.spawn_undertaker(parts, over);
        let forwarding = self.spawn_forwarder(parts, over);
        parts.spawn(vitals::store(Arc::clone(&self.store), Arc::clone(&self.side.health), over.clone()));
        if let Some(pulse) = inbox.pulse() {
            // Known before the loop turns: nobody may hear of a shard that is ready and takes nothing.
            vitals::look(&*pulse, &self.side.health);
            parts.spawn(vitals::inbox(pulse, Arc::clone(&self.side.health), over.clone()));
        }
        let (store, metrics) = (Arc::clone(&self.store), Arc::clone(&self.metrics));
        let suspects = Suspects::new(store, self.shard.clone(), token.clone(), self.holder.clone(), metrics);
        let mut decider = self.decider(token, state);
        let (gap, is_on) = (decider.keeper.gap(), decider.is_catching_up());
        let lag = Lag::new(gap, is_on, inbox.pulse().is_some());
        let queue = first_records(&mut decider);
        Ok(Loop {
            limits: self.limits,
            inbox,
            suspects,
            compared,
            witness,
            broker: Arc::clone(&self.broker),
            repair: None,
            lag,
            model: Arc::clone(&self.side.model),
            feed: self.side.feed.clone(),
            metrics: Arc::clone(&self.metrics),
            writing: None,
            decider,
            health,
            outqueue,
            snapshots,
            queue,
            batches,
            written,
            dead,
            buried,
            forwarding,
        })
    }

    fn decider(&self, token: Token, state: ShardState) -> Decider {
        let mut decider = Decider {
            shard: self.shard.clone(),
            token,
            keeper: Keeper::new(self.clock.clone(), state.time),
            rules: self.rules.borrow().clone(),
            sources: Arc::clone(&self.sources),
            pepper: self.pepper.clone(),
            neighbours: self.neighbours.clone(),
            presences: Presences::new(&self.sources, &state, state.time.max(self.clock.now())),
            store: Arc::clone(&self.store),
            overlay: Overlay::default(),
            walk: None,
            state,
        };
        // The daemon may have ended before everybody had a plan of the rules in force.
        decider.begin_replanning();
        decider
    }

    fn spawn_publisher(
        &self,
        way: WayOut,
        outqueue: &Arc<Outqueue>,
        token: &Token,
        parts: &mut JoinSet<Result<(), Lost>>,
        over: &CancellationToken,
    ) {
        let publisher = Publisher {
            queue: Arc::clone(outqueue),
            way,
            flight: Flight::default(),
            pauses: None,
            model: Arc::clone(&self.side.model),
            clock: self.clock.clone(),
            beaconed: None,
            store: Arc::clone(&self.store),
            shard: self.shard.clone(),
            token: token.clone(),
            health: Arc::clone(&self.side.health),
            metrics: Arc::clone(&self.metrics),
        };
        let health = Arc::clone(&self.side.health);
        let listener = Listener::new(self.broker.ear(), self.shard.clone(), health, Arc::clone(&self.metrics));
        let over = over.clone();
        parts.spawn(async move {
            publisher.run(listener, over).await.map_err(|error| {
                tracing::warn!(error = %chain(&error), "publishing ended");
                match error {
                    Over::Journal(error) => Lost::Journal(chain(&error)),
                    Over::Gate(_) | Over::Store(_) => Lost::Part("publishing ended"),
                }
            })
        });
    }

    /// Takes to other shards what is theirs.
    fn spawn_forwarder(&self, parts: &mut JoinSet<Result<(), Lost>>, over: &CancellationToken) -> Forwarding {
        let (arrived, arrivals) = mpsc::channel(256);
        let news = Arc::new(Notify::new());
        let forwarder = Forwarder {
            shard: self.shard.clone(),
            store: Arc::clone(&self.store),
            broker: Arc::clone(&self.broker),
            model: Arc::clone(&self.side.model),
            health: Arc::clone(&self.side.health),
            news: Arc::clone(&news),
            arrived,
        };
        let ending = over.clone();
        attend(parts, over, async move {
            ending.run_until_cancelled(forwarder.run()).await;
        });
        Forwarding { news, arrived: arrivals }
    }

    /// Keeps dead letters, one after the other; each is acknowledged once it is kept.
    fn spawn_undertaker(
        &self,
        parts: &mut JoinSet<Result<(), Lost>>,
        over: &CancellationToken,
    ) -> (mpsc::Sender<(DeadLetter, Option<Receipt>)>, mpsc::Receiver<Receipt>) {
        let (dead, letters) = mpsc::channel(256);
        let (done, buried) = mpsc::channel(256);
        let keeper = self.broker.dead_letters();
        attend(parts, over, undertaker::bury(keeper, letters, done));
        (dead, buried)
    }
}

/// Spawns what serves the loop: it ends when the loop lets go of it, which is no loss before the term is over.
fn attend(
    parts: &mut JoinSet<Result<(), Lost>>,
    over: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let over = over.clone();
    parts.spawn(async move {
        work.await;
        over.cancelled().await;
        Ok(())
    });
}

/// Keeps the way out connected, so that who takes over need not connect first.
async fn keep_connected(outbox: &mut Option<Box<dyn Outbox>>) {
    let Some(outbox) = outbox else { return };
    loop {
        if let Err(error) = outbox.check().await {
            tracing::debug!(error = %chain(&error), "who stands by is not connected to the broker");
        }
        tokio::time::sleep(CONNECTED).await;
    }
}

/// What an owner records first: the time that passed while nobody owned the shard, and the rules now in force.
fn first_records(decider: &mut Decider) -> VecDeque<super::decided::Decided> {
    let mut queue = VecDeque::new();
    let clock = decider.keeper.clock().clone();
    let (before, now, gap) = (decider.state.time, clock.now(), decider.keeper.gap());
    if clock.is_driven() {
        clock.advance(before);
        decider.keeper.reach(before);
        queue.extend(decider.let_go());
    } else {
        decider.keeper.reach(now);
        queue.extend(decider.let_go());
        queue.push_back(decider.jump(gap));
        let behind = decider.keeper.behind();
        if behind > Millis::ZERO {
            queue.push_back(decider.set_back(behind));
        }
    }
    let rules = Arc::clone(&decider.rules);
    queue.extend(decider.activate(&rules));
    queue
}
