//! Decides how committed outputs reach those who follow live: a bounded ring that never waits for a reader.
//!
//! The loop pushes, readers pull. A reader that falls behind the ring loses its place and is told so with
//! [`Item::Reset`]; the loop never notices.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::contract::wire::OutMessage;

/// How many bytes of outputs are kept at most, whatever their number.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How many outputs a reader looks at while it holds the ring.
const LOOKED_AT_ONCE: usize = 256;

/// The outputs of one shard, newest kept. Cheap to clone; clones share the ring.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: RwLock<Ring>,
    /// The number of the last output; what readers wait for.
    last: watch::Sender<u64>,
    subscribers: AtomicUsize,
    keep: usize,
}

#[derive(Debug)]
struct Ring {
    /// The first output that was live when the feed began; readers wait until it has begun.
    began: Option<u64>,
    /// The number of the first message kept, or of the next to come when none is.
    first: u64,
    kept: VecDeque<Arc<OutMessage>>,
    bytes: usize,
}

impl Ring {
    /// The number of the next output to come.
    fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    fn begin(&mut self, next: u64) {
        if self.began.is_none() {
            self.began = Some(next);
            if self.kept.is_empty() {
                self.first = next;
            }
        }
    }

    fn add(&mut self, message: Arc<OutMessage>, keep: usize) {
        if message.number < self.next() {
            return;
        }
        if message.number > self.next() {
            self.kept.clear();
            self.bytes = 0;
            self.first = message.number;
        }
        self.bytes += message.body.len();
        self.kept.push_back(message);
        while self.kept.len() > keep || (self.bytes > MOST_BYTES && self.kept.len() > 1) {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.first += 1;
            self.bytes -= oldest.body.len();
        }
    }
}

impl Feed {
    /// A feed that keeps at most `keep` outputs and 64 MiB. It begins with [`Feed::begin`] or the first push: until
    /// then nobody knows which outputs there are, and readers wait.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        let ring = Ring { began: None, first: 1, kept: VecDeque::new(), bytes: 0 };
        let shared = Shared {
            ring: RwLock::new(ring),
            last: watch::Sender::new(0),
            subscribers: AtomicUsize::new(0),
            keep: keep.max(1),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Begins with what the journal holds: outputs of the past that can still be had, and the number of the last one.
    ///
    /// A reader who asked for what comes from now on gets what comes after `last`. A feed that has begun before, because
    /// the shard was lost and taken again, goes on: only what it does not have is added.
    pub fn begin(&self, past: Vec<Arc<OutMessage>>, last: u64) {
        let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
        for message in past {
            ring.add(message, self.shared.keep);
        }
        ring.begin(last + 1);
        let last = ring.next() - 1;
        drop(ring);
        self.shared.last.send_replace(last);
    }

    /// Adds committed outputs in order and wakes whoever waits.
    ///
    /// One that is there already is passed over, so a rebuilt loop may push again. A gap, which only a new history of
    /// the shard can bring, empties the ring: everybody behind it is reset.
    pub fn push(&self, messages: Vec<Arc<OutMessage>>) {
        let Some(first) = messages.first().map(|message| message.number) else { return };
        let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.begin(first);
        for message in messages {
            ring.add(message, self.shared.keep);
        }
        let last = ring.next() - 1;
        drop(ring);
        self.shared.last.send_replace(last);
    }

    /// The number of the last output.
    #[must_use]
    pub fn last(&self) -> u64 {
        *self.shared.last.borrow()
    }

    /// How many follow now.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.subscribers.load(Ordering::Relaxed)
    }

    /// Follows from behind output `after`, or from now on.
    #[must_use]
    pub fn subscribe(&self, after: Option<u64>, filter: Filter) -> Subscription {
        self.shared.subscribers.fetch_add(1, Ordering::Relaxed);
        let last = self.shared.last.subscribe();
        let ring = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner);
        let from_now_on = ring.began.map(|_| ring.next());
        let next = after.map_or(from_now_on, |after| Some(after.saturating_add(1)));
        drop(ring);
        Subscription { shared: Arc::clone(&self.shared), last, next, filter }
    }
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The next output that passes the filter.
    Message(Arc<OutMessage>),
    /// The reader's place is not kept: what lies before `from` is lost to it, and it goes on there.
    Reset {
        /// The next output it can get.
        from: u64,
    },
}

/// One reader's place in the feed.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    last: watch::Receiver<u64>,
    /// The next output to look at; none until a feed that is followed from now on has begun.
    next: Option<u64>,
    filter: Filter,
}

enum Looked {
    Found(Item),
    NothingYet,
    NothingHere,
}

impl Subscription {
    /// The next item, as soon as there is one. Cancel-safe.
    pub async fn next(&mut self) -> Item {
        loop {
            // Marked before looking: a push in between is seen by the next wait.
            self.last.borrow_and_update();
            match self.look() {
                Looked::Found(item) => return item,
                // Other tasks get their turn between two stretches of outputs that are none of ours.
                Looked::NothingHere => tokio::task::yield_now().await,
                // The sender lives as long as this subscription, so waiting cannot fail.
                Looked::NothingYet => drop(self.last.changed().await),
            }
        }
    }

    /// The number of the last output considered, whether it passed the filter or not: where to resume. None before the
    /// feed has begun.
    #[must_use]
    pub fn position(&self) -> Option<u64> {
        self.next.map(|next| next.saturating_sub(1))
    }

    fn look(&mut self) -> Looked {
        let ring = self.shared.ring.read().unwrap_or_else(PoisonError::into_inner);
        let Some(began) = ring.began else { return Looked::NothingYet };
        let next = *self.next.get_or_insert(began);
        // A place ahead of the feed was given by another history of the shard.
        if next < ring.first || next > ring.next() {
            let from = if next < ring.first { ring.first } else { ring.next() };
            self.next = Some(from);
            return Looked::Found(Item::Reset { from });
        }
        let start = usize::try_from(next - ring.first).unwrap_or(usize::MAX);
        let mut looked_at = 0;
        for message in ring.kept.range(start.min(ring.kept.len())..).take(LOOKED_AT_ONCE) {
            looked_at += 1;
            self.next = Some(message.number + 1);
            if self.filter.passes(message) {
                return Looked::Found(Item::Message(Arc::clone(message)));
            }
        }
        if looked_at == LOOKED_AT_ONCE { Looked::NothingHere } else { Looked::NothingYet }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which outputs a reader wants. An empty list wants everything of its kind; all three must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    types: Vec<Pattern>,
    domains: Vec<Pattern>,
    agents: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exactly(String),
    BeginsWith(String),
}

impl Pattern {
    fn list(text: &str) -> Vec<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part.strip_suffix('*') {
                Some(start) => Self::BeginsWith(start.to_owned()),
                None => Self::Exactly(part.to_owned()),
            })
            .collect()
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exactly(whole) => whole == text,
            Self::BeginsWith(start) => text.starts_with(start.as_str()),
        }
    }
}

impl Filter {
    /// Reads comma lists, `*` at the end of a part standing for anything.
    ///
    /// A type may be written whole (`picket.offer.made.v1`) or short (`offer.made`, `offer.*`).
    #[must_use]
    pub fn parse(types: &str, domains: &str, agents: &str) -> Self {
        Self { types: Pattern::list(types), domains: Pattern::list(domains), agents: Pattern::list(agents) }
    }

    /// Whether the reader wants this output.
    #[must_use]
    pub fn passes(&self, message: &OutMessage) -> bool {
        let short = short_type(message.kind);
        let of = |wanted: &[Pattern], has: &dyn Fn(&Pattern) -> bool| wanted.is_empty() || wanted.iter().any(has);
        of(&self.types, &|pattern| pattern.fits(message.kind) || pattern.fits(short))
            && of(&self.domains, &|pattern| pattern.fits(&message.domain))
            && of(&self.agents, &|pattern| message.agent.as_deref().is_some_and(|agent| pattern.fits(agent)))
    }
}

/// `picket.offer.made.v1` in short is `offer.made`.
#[must_use]
pub fn short_type(kind: &str) -> &str {
    let inner = kind.strip_prefix("picket.").unwrap_or(kind);
    match inner.rsplit_once(".v") {
        Some((short, version)) if version.bytes().all(|byte| byte.is_ascii_digit()) => short,
        Some(_) | None => inner,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::FutureExt;

    use super::*;

    fn output(number: u64, kind: &'static str, agent: Option<&str>) -> Arc<OutMessage> {
        Arc::new(OutMessage {
            number,
            seq: number,
            id: format!("o{number}"),
            kind,
            routing_key: String::new(),
            contact: None,
            agent: agent.map(String::from),
            domain: "emea".into(),
            body: Bytes::from_static(b"{}"),
        })
    }

    fn offers(numbers: std::ops::RangeInclusive<u64>) -> Vec<Arc<OutMessage>> {
        numbers.map(|number| output(number, "picket.offer.made.v1", Some("ann"))).collect()
    }

    /// A feed that has begun behind output `last`.
    fn feed(keep: usize, last: u64) -> Feed {
        let feed = Feed::new(keep);
        feed.begin(Vec::new(), last);
        feed
    }

    /// What the reader gets without waiting.
    fn now(reader: &mut Subscription) -> Vec<String> {
        std::iter::from_fn(|| reader.next().now_or_never())
            .map(|item| match item {
                Item::Message(message) => message.number.to_string(),
                Item::Reset { from } => format!("reset to {from}"),
            })
            .collect()
    }

    #[tokio::test]
    async fn a_reader_gets_what_comes_after_its_place_once_and_in_order() {
        let feed = feed(10, 0);
        feed.push(offers(1..=3));
        let mut resumed = feed.subscribe(Some(1), Filter::default());
        let mut live = feed.subscribe(None, Filter::default());
        assert_eq!(now(&mut resumed), ["2", "3"]);
        assert!(now(&mut live).is_empty());
        feed.push(offers(3..=5));
        assert_eq!(now(&mut resumed), ["4", "5"]);
        assert_eq!(now(&mut live), ["4", "5"]);
        assert_eq!((feed.last(), feed.subscribers()), (5, 2));
        drop(live);
        assert_eq!(feed.subscribers(), 1);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken_by_a_push() {
        let feed = feed(10, 7);
        let mut reader = feed.subscribe(None, Filter::default());
        let (item, ()) = tokio::join!(reader.next(), async { feed.push(offers(8..=8)) });
        assert!(matches!(item, Item::Message(message) if message.number == 8));
    }

    #[tokio::test]
    async fn a_reader_too_slow_for_the_ring_is_reset_and_goes_on() {
        let feed = feed(3, 0);
        let mut slow = feed.subscribe(None, Filter::default());
        feed.push(offers(1..=10));
        assert_eq!(now(&mut slow), ["reset to 8", "8", "9", "10"]);
    }

    #[tokio::test]
    async fn a_place_that_never_was_is_reset() {
        let feed = feed(3, 20);
        assert_eq!(now(&mut feed.subscribe(Some(99), Filter::default())), ["reset to 21"]);
        assert_eq!(now(&mut feed.subscribe(Some(5), Filter::default())), ["reset to 21"]);
        assert_eq!(now(&mut feed.subscribe(Some(u64::MAX), Filter::default())), ["reset to 21"]);
        assert!(now(&mut feed.subscribe(Some(20), Filter::default())).is_empty());
    }

    #[tokio::test]
    async fn a_gap_in_what_is_pushed_resets_everybody_behind_it() {
        let feed = feed(10, 0);
        let mut reader = feed.subscribe(None, Filter::default());
        feed.push(offers(1..=2));
        feed.push(offers(9..=9));
        assert_eq!(now(&mut reader), ["reset to 9", "9"]);
    }

    #[tokio::test]
    async fn a_filter_passes_by_short_or_whole_type_domain_and_agent() {
        let feed = feed(1000, 0);
        let mut offers_of_ann = feed.subscribe(None, Filter::parse("offer.*", "emea,apac", "ann"));
        let mut whole = feed.subscribe(None, Filter::parse("picket.contact.queued.v1", "", ""));
        let mut elsewhere = feed.subscribe(None, Filter::parse("", "ap*", ""));
        feed.push(vec![
            output(1, "picket.contact.queued.v1", None),
            output(2, "picket.offer.made.v1", Some("ann")),
            output(3, "picket.offer.made.v1", Some("annabel")),
            output(4, "picket.offer.expired.v1", Some("ann")),
        ]);
        assert_eq!(now(&mut offers_of_ann), ["2", "4"]);
        assert_eq!(now(&mut whole), ["1"]);
        assert!(now(&mut elsewhere).is_empty());
        assert_eq!(elsewhere.position(), Some(4), "it can resume behind what it did not want");
    }

    #[tokio::test]
    async fn before_the_journal_is_read_everybody_waits_and_nobody_is_reset() {
        let feed = Feed::new(10);
        let mut resumed = feed.subscribe(Some(38), Filter::default());
        let mut live = feed.subscribe(None, Filter::default());
        assert!(now(&mut resumed).is_empty() && now(&mut live).is_empty());
        assert_eq!(live.position(), None);
        feed.begin(offers(36..=40), 40);
        assert_eq!(now(&mut resumed), ["39", "40"]);
        assert!(now(&mut live).is_empty());
        feed.push(offers(41..=41));
        feed.begin(offers(40..=42), 42);
        assert_eq!(now(&mut live), ["41", "42"], "a shard that is taken again goes on where it was");
        assert_eq!(now(&mut resumed), ["41", "42"]);
    }

    #[test]
    fn a_type_in_short_has_neither_prefix_nor_version() {
        assert_eq!(short_type("picket.offer.made.v1"), "offer.made");
        assert_eq!(short_type("org.example.voted"), "org.example.voted");
    }
}
