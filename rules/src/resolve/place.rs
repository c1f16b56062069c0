//! Decides what domains, hours, channels, queues, entries and loads come to.

use picket_core::{Class, Floor, Millis, OfferMode, OfferPolicy, Pick, QueueOrder};

use super::Resolver;
use crate::codes::Code;
use crate::defaults;
use crate::finding::{Finding, Place};
use crate::format::{self, ClassName, Clock, Exit, ModeName, Order, PickName, Sp, Wait};
use crate::hours::{Zone, ZoneError};
use crate::model::{Channel, Domain, Entry, Load, Queue};

/// The most points a channel may cost.
pub(super) const MOST_POINTS: u32 = 1_000_000;

/// The most widenings of a queue.
const MOST_WIDENINGS: usize = 16;

impl Resolver<'_> {
    pub(super) fn domains(&mut self) {
        for named in &self.draft.domains {
            let (timezone, holidays) = (&named.item.timezone, named.item.holidays.as_ref());
            let zone = Zone::new(timezone.get(), holidays.map(|country| country.get().as_str()));
            let zone = zone.unwrap_or_else(|error| {
                let span = match (error, holidays) {
                    (ZoneError::UnknownCountry, Some(country)) => country.span(),
                    (ZoneError::UnknownCountry | ZoneError::UnknownZone, _) => timezone.span(),
                };
                self.findings.push(Finding::new(Code::BadValue, named.at(span), error.to_string()));
                Zone::utc()
            });
            self.domains.push(Domain { name: named.name.clone(), zone });
        }
        if self.domains.is_empty() {
            self.domains.push(Domain { name: "default".to_owned(), zone: Zone::utc() });
        }
    }

    pub(super) fn named_hours(&mut self) {
        for named in &self.draft.hours {
            let domain = self.domain(named.item.domain.as_ref(), &named.place);
            if let Some(hours) = self.parse_hours(&named.item.open, named.place.file, domain) {
                self.hours.push(hours);
            }
        }
    }

    /// The configured channels, and what all others are treated as.
    pub(super) fn channels(&mut self) -> (Vec<Channel>, Channel) {
        let draft = self.draft;
        let all = draft.channels.iter().map(|named| self.channel(&named.name, &named.place, &named.item));
        let (mut default, channels): (Vec<_>, Vec<_>) = all.partition(|channel| channel.name == "default");
        (channels, default.pop().unwrap_or_else(built_in_channel))
    }

    fn channel(&mut self, name: &str, place: &Place, item: &format::Channel) -> Channel {
        let class = class(item.class);
        let at = |span| Place::new(place.file, span);
        if class == Class::Live && item.longest.is_none() {
            let finding =
                Finding::new(Code::NoLongest, place.clone(), format!("the live channel `{name}` has no longest wait"));
            self.find(
                finding.label("customers wait on the line").help("add longest = \"15m\"; then `finally` applies"),
            );
        }
        let known = std::mem::take(&mut self.environment.channels);
        for other in &item.interruptible_by {
            self.known("channel", other.get(), at(other.span()), &known);
        }
        self.environment.channels = known;
        if let Some(cost) = item.cost.as_ref().filter(|cost| *cost.get() > MOST_POINTS) {
            self.find(Finding::new(Code::OutOfRange, at(cost.span()), format!("a cost is at most {MOST_POINTS}")));
        }
        if let Some(slots) = item.slots.as_ref().filter(|slots| *slots.get() == 0) {
            self.find(Finding::new(Code::OutOfRange, at(slots.span()), "with no slots nobody can serve the channel"));
        }
        Channel {
            name: name.to_owned(),
            place: place.clone(),
            class,
            cost: item.cost.as_ref().map_or(defaults::POINTS, |cost| *cost.get()),
            slots: item.slots.as_ref().map_or(defaults::SLOTS, |slots| *slots.get()),
            offer: OfferPolicy {
                mode: mode(item.offer.mode.unwrap_or(ModeName::One)),
                expires: Millis(self.passing(item.offer.expires, defaults::EXPIRES, place).0.max(1)),
                accept_within: self.passing(item.offer.accept_within, defaults::ACCEPT_WITHIN, place),
                misses: item.offer.misses.unwrap_or_else(|| defaults::misses(class)),
                away_for: self.passing(item.offer.away_for, Millis::ZERO, place),
            },
            wrap_up: self.passing(item.wrap_up, Millis::ZERO, place),
            longest: item.longest.as_ref().map(|longest| self.passing(Some(*longest.get()), Millis::ZERO, place)),
            interruptible_by: item.interruptible_by.iter().map(|other| other.get().clone()).collect(),
            max_connected: self.passing(item.max_connected, defaults::max_connected(class), place),
        }
    }

    /// A duration that only passing time can count.
    pub(super) fn passing(&mut self, wait: Option<Wait>, default: Millis, place: &Place) -> Millis {
        match wait {
            None => default,
            Some(Wait { span, clock: Clock::Passing }) => span,
            Some(Wait { span, clock: Clock::Working }) => {
                let message = "working time is for holds only";
                self.find(Finding::new(Code::BadValue, place.clone(), message).help("leave the word `working` out"));
                span
            }
        }
    }

    pub(super) fn queues(&mut self) -> Vec<Queue> {
        if self.draft.queues.is_empty() {
            self.find(
                Finding::new(Code::NoQueue, None, "no queue is declared")
                    .help("every contact gets a queue: add [[queue]]"),
            );
        }
        let draft = self.draft;
        let queues: Vec<Queue> = draft.queues.iter().map(|at| self.queue(&at.place, &at.item)).collect();
        for queue in &queues {
            let limit = queue.limit.as_ref().map(|(_, _, then)| then);
            let stated =
                [&queue.finally.busy, &queue.finally.closed_hours, &queue.finally.holiday, &queue.finally.no_cover];
            for exit in stated.into_iter().flatten().chain(limit).chain([&queue.closed]) {
                self.check_overflow(exit, &queue.id, &queue.place);
            }
        }
        queues
    }

    /// A queue overflows into another one that is declared.
    fn check_overflow(&mut self, exit: &Exit, own: &str, place: &Place) {
        let Exit::Overflow(to) = exit else { return };
        if to == own {
            let message = format!("`{own}` can not overflow into itself");
            self.find(Finding::new(Code::OutOfRange, place.clone(), message));
        }
        let known = std::mem::take(&mut self.environment.queues);
        self.known("queue", to, place.clone(), &known);
        self.environment.queues = known;
    }

    fn queue(&mut self, place: &Place, item: &format::Queue) -> Queue {
        let file = place.file;
        let domain = self.domain(item.domain.as_ref(), place);
        let hours = item.hours.as_ref().and_then(|hours| {
            Some((self.parse_hours(&hours.open, file, domain)?, Place::new(file, hours.open.span())))
        });
        let closed = item.hours.as_ref().and_then(|hours| hours.closed.clone()).unwrap_or(Exit::Stay);
        if closed == Exit::Open {
            self.find(
                Finding::new(Code::BadValue, place.clone(), "a closed queue has no fence to open")
                    .help("use stay, callback, divert:<destination> or overflow:<queue>"),
            );
        }
        let mut widen = Vec::with_capacity(item.widen.len());
        for step in &item.widen {
            let after = self.passing(Some(*step.after.get()), Millis::ZERO, place);
            if widen.last().is_some_and(|(before, _)| *before >= after) {
                self.find(Finding::new(
                    Code::OutOfRange,
                    Place::new(file, step.after.span()),
                    "widenings must come in order of time",
                ));
            }
            widen.push((after, self.needs(&step.needs, file)));
        }
        let (share_permille, within) = match item.promise {
            Some(promise) => {
                let within = self.passing(Some(promise.within), Millis::ZERO, place);
                (promise.share.map_or(defaults::PROMISE_PERMILLE, |share| share.0), Millis(within.0.max(1)))
            }
            None => (defaults::PROMISE_PERMILLE, defaults::PROMISE_WITHIN),
        };
        if item.widen.len() > MOST_WIDENINGS {
            let message = format!("a queue widens at most {MOST_WIDENINGS} times");
            self.find(Finding::new(Code::OutOfRange, place.clone(), message));
        }
        if item.floor.is_some_and(|floor| floor.over.span == Millis::ZERO) {
            self.find(Finding::new(Code::OutOfRange, place.clone(), "a floor is measured over some time"));
        }
        Queue {
            id: item.id.get().clone(),
            place: Place::new(file, item.id.span()),
            domain,
            hours,
            closed,
            needs: self.needs(&item.needs, file),
            widen,
            share_permille,
            within,
            order: self.order(item.order.as_ref(), file),
            pick: item.pick.map_or(defaults::PICK, pick),
            limit: item.limit.as_ref().map(|limit| {
                let wait = limit.wait.map(|wait| self.passing(Some(wait), Millis::ZERO, place));
                (limit.length, wait, limit.then.clone().unwrap_or(Exit::Callback))
            }),
            floor: item.floor.map(|floor| Floor {
                share_permille: floor.share.0,
                within: self.passing(Some(floor.within), Millis::ZERO, place),
                over: self.passing(Some(floor.over), Millis::ZERO, place),
                margin_permille: floor.margin.map_or(defaults::FLOOR_MARGIN_PERMILLE, |margin| margin.0),
            }),
            finally: item.finally.clone().unwrap_or_default(),
        }
    }

    fn order(&mut self, order: Option<&Sp<Order>>, file: usize) -> QueueOrder {
        let Some(order) = order else { return QueueOrder::Promise };
        match order.get() {
            Order::Promise => QueueOrder::Promise,
            Order::Fifo => QueueOrder::Fifo,
            Order::Due(points) => {
                let ascending =
                    points.windows(2).all(|pair| matches!(pair, [a, b] if a.0.span < b.0.span && a.1 <= b.1));
                if points.is_empty() || points.len() > 8 || !ascending {
                    let message = "a due curve has one to eight points, ascending in time and not falling in cost";
                    self.find(Finding::new(Code::OutOfRange, Place::new(file, order.span()), message));
                }
                QueueOrder::Due(points.iter().map(|(wait, cost)| (wait.span, *cost)).collect())
            }
        }
    }

    pub(super) fn entries(&mut self) -> Vec<Entry> {
        let draft = self.draft;
        let mut entries = Vec::with_capacity(draft.entries.len());
        for at in &draft.entries {
            let domain = self.domain(Some(&at.item.domain), &at.place);
            entries.push(Entry { to: at.item.to.get().clone(), domain });
        }
        entries
    }

    pub(super) fn loads(&mut self) -> Vec<Load> {
        let draft = self.draft;
        let mut loads = Vec::with_capacity(draft.loads.len());
        for at in &draft.loads {
            let Some(queue) = self.queue_index(&at.item.queue, at.place.file) else { continue };
            let handling = self.passing(Some(at.item.handling), Millis::ZERO, &at.place);
            let patience = self.passing(Some(at.item.patience), Millis::ZERO, &at.place);
            let place = at.at(at.item.queue.span());
            loads.push(Load { place, queue, per_hour: at.item.per_hour, handling, patience });
        }
        loads
    }

    /// The queue with this id.
    pub(super) fn queue_index(&mut self, id: &Sp<String>, file: usize) -> Option<usize> {
        let known = std::mem::take(&mut self.environment.queues);
        self.known("queue", id.get(), Place::new(file, id.span()), &known);
        self.environment.queues = known;
        self.draft.queues.iter().position(|queue| queue.item.id.get() == id.get())
    }
}

fn built_in_channel() -> Channel {
    let class = Class::Messaging;
    Channel {
        name: "default".to_owned(),
        place: Place::new(0, 0..0),
        class,
        cost: defaults::POINTS,
        slots: defaults::SLOTS,
        offer: OfferPolicy {
            mode: OfferMode::One,
            expires: defaults::EXPIRES,
            accept_within: defaults::ACCEPT_WITHIN,
            misses: defaults::misses(class),
            away_for: Millis::ZERO,
        },
        wrap_up: Millis::ZERO,
        longest: None,
        interruptible_by: Vec::new(),
        max_connected: defaults::max_connected(class),
    }
}

const fn class(name: ClassName) -> Class {
    match name {
        ClassName::Live => Class::Live,
        ClassName::Messaging => Class::Messaging,
        ClassName::Deferred => Class::Deferred,
    }
}

const fn mode(name: ModeName) -> OfferMode {
    match name {
        ModeName::One => OfferMode::One,
        ModeName::All => OfferMode::All,
        ModeName::Auto => OfferMode::Auto,
    }
}

pub(super) const fn pick(name: PickName) -> Pick {
    match name {
        PickName::LongestIdle => Pick::LongestIdle,
        PickName::LeastOccupied => Pick::LeastOccupied,
        PickName::MostProficient => Pick::MostProficient,
        PickName::LeastProficient => Pick::LeastProficient,
        PickName::FewestToday => Pick::FewestToday,
        PickName::RoundRobin => Pick::RoundRobin,
    }
}
