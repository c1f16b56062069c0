//! Decides what is counted: of the contacts that arrived in a batch, and of the people's time that passed in it.

use super::luck::Luck;

/// What an agent can be to a contact, in the order of [`ClassTally::standing`].
pub const STANDINGS: [&str; 6] = ["own", "team", "cover", "outside", "queue", "lent"];

/// Why a fence can open, in the order of [`ClassTally::opened`].
pub const OPENINGS: [&str; 8] = [
    "hold_over",
    "no_cover",
    "longest",
    "supervisor",
    "customer_choice",
    "transfer",
    "no_longer_valued",
    "reidentified",
];

macro_rules! sums {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl $name {
            /// Adds another one.
            pub fn add(&mut self, other: &Self) {
                $(Sum::add(&mut self.$field, &other.$field);)*
            }
        }
    };
}

trait Sum {
    fn add(&mut self, other: &Self);
}

impl Sum for f64 {
    fn add(&mut self, other: &Self) {
        *self += other;
    }
}

impl<const N: usize> Sum for [f64; N] {
    fn add(&mut self, other: &Self) {
        self.iter_mut().zip(other).for_each(|(own, other)| *own += other);
    }
}

sums! {
    /// Contacts of one class that arrived in one batch and whose wait is over. Times are in milliseconds.
    ClassTally {
        /// Those that arrived and were answered, gave up, or were turned away.
        offered: f64,
        /// Those that nobody could take when they arrived.
        waited: f64,
        /// Those that an agent took.
        answered: f64,
        /// Those that gave up.
        abandoned: f64,
        /// Those sent elsewhere, or refused.
        diverted: f64,
        /// Those that are a further try of somebody who gave up.
        redials: f64,
        /// Their waits, of all.
        wait: f64,
        /// Of those answered.
        wait_answered: f64,
        /// Of those that gave up.
        wait_abandoned: f64,
        /// Time with the agent, of those answered.
        handling: f64,
        /// How many would have given up on average, given how long each waited.
        expected_abandoned: f64,
        /// Answered, after a wait for which an estimate was given when it began.
        promised: f64,
        /// By how much these waited longer than that.
        promise_error: f64,
        /// The squares of it.
        promise_square: f64,
        /// Those whose wait lay within the estimate's band.
        promise_kept: f64,
        /// Answered within each of the scenario's times.
        answered_within: [f64; 4],
        /// Given up within each.
        abandoned_within: [f64; 4],
        /// Answered within each, had nobody given up.
        virtual_within: [f64; 4],
        /// Answered by whom.
        standing: [f64; 6],
        /// Fences that opened, by reason.
        opened: [f64; 8],
    }
}

sums! {
    /// Time of a group's people that passed in one batch, in milliseconds.
    GroupTally {
        /// With a contact at least.
        busy: f64,
        /// On shift, or busy.
        duty: f64,
    }
}

/// What was counted in one batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its length, in milliseconds.
    pub length: f64,
    /// In the order of the scenario's classes.
    pub classes: Vec<ClassTally>,
    /// In the order of the groups.
    pub groups: Vec<GroupTally>,
    /// What was luck.
    pub luck: Luck,
}

impl Batch {
    pub(super) fn new(length: f64, classes: usize, groups: usize) -> Self {
        let (classes, groups) = (vec![ClassTally::default(); classes], vec![GroupTally::default(); groups]);
        Self { length, classes, groups, luck: Luck::default() }
    }

    /// Joins the batch that follows.
    pub(super) fn join(&mut self, next: &Self) {
        self.length += next.length;
        self.classes.iter_mut().zip(&next.classes).for_each(|(own, other)| own.add(other));
        self.groups.iter_mut().zip(&next.groups).for_each(|(own, other)| own.add(other));
        self.luck.join(&next.luck);
    }
}
