//! Decides when an agent is done with a contact: its work at her speed, slower while she has several at once.

/// One person at work.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) group: usize,
    speed: f64,
    slowdown: f64,
    /// Contacts she has: those that need her, and how much work is left; wrap-up needs none.
    active: Vec<(u32, f64)>,
    /// Contacts she has, wrap-up included.
    pub(super) held: u32,
    /// What is left holds as of then.
    as_of: i64,
}

impl Worker {
    pub(super) const fn new(group: usize, speed: f64, slowdown: f64) -> Self {
        Self { group, speed, slowdown, active: Vec::new(), held: 0, as_of: 0 }
    }

    /// Whether one contact more or less changes when the others are done.
    pub(super) fn is_shared(&self) -> bool {
        self.slowdown > 0.0
    }

    /// Whether a contact's work is done in as much time, whatever else she has.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_shared() && self.speed.total_cmp(&1.0).is_eq()
    }

    /// Work per millisecond on each contact.
    fn rate(&self) -> f64 {
        let others = u32::try_from(self.active.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.speed / (1.0 + self.slowdown * f64::from(others))
    }

    #[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53 ms")]
    fn settle(&mut self, now: i64) {
        let done = (now - self.as_of) as f64 * self.rate();
        self.active.iter_mut().for_each(|(_, left)| *left -= done);
        self.as_of = now;
    }

    /// Begins a contact; how long it takes as things stand.
    pub(super) fn begin(&mut self, now: i64, contact: u32, work: f64) -> f64 {
        if self.is_shared() {
            self.settle(now);
            self.active.push((contact, work));
        }
        work / self.rate()
    }

    /// Is done with a contact.
    pub(super) fn finish(&mut self, now: i64, contact: u32) {
        if self.is_shared() {
            self.settle(now);
            self.active.retain(|(own, _)| *own != contact);
        }
    }

    /// When each contact will be done as things stand, from now on.
    pub(super) fn remaining(&self) -> impl Iterator<Item = (u32, f64)> {
        let rate = self.rate();
        self.active.iter().map(move |(contact, left)| (*contact, left.max(0.0) / rate))
    }
}
