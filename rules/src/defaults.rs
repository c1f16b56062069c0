//! Decides what holds where a file says nothing. `docs/rules.md` prints this table; a test compares them.

use picket_core::{Class, Millis, Pick};

use crate::format::{Clock, Wait};
use crate::model::HoldWaits;

/// Every default: the key, its value, and what it means.
pub const TABLE: &[(&str, &str, &str)] = &[
    ("domain of an agent, team, queue or hours", "the only domain", "an error where there are several"),
    ("channel.cost", "100", "points of an agent"),
    ("channel.slots", "1", "concurrent contacts of an agent"),
    ("channel.offer.mode", "one", "one agent is asked at a time"),
    ("channel.offer.expires", "20s", "how long an offer stays before an agent"),
    ("channel.offer.accept_within", "30s", "how long an accepted contact may stay unconnected"),
    ("channel.offer.misses", "1 live, 2 otherwise", "no-answers in a row after which the agent is not ready"),
    ("channel.offer.away_for", "until she says that she is ready", "how long she stays not ready then"),
    ("channel.wrap_up", "0s", "after-contact work"),
    ("channel.max_connected", "4h live, 24h otherwise", "when the source of a connected contact is asked"),
    ("channel.default", "messaging, as above", "what a channel that nobody configured is treated as"),
    ("scorecard.combine", "max", "the better of person and account"),
    ("customer.relationship", "standard", "how close a relationship the customer wants"),
    ("classify.urgency", "normal", "when no rule says otherwise"),
    ("agent.points", "100", "what her contacts may cost together"),
    ("agent.shift", "none", "she works whenever she is logged in"),
    ("team.fence_policy", "lead, team, covers", "each with the holds below"),
    ("team.reserve", "0", "members kept free for fenced contacts"),
    ("team.helps", "none", "queues that it helps only below their floor"),
    ("team.releases", "true", "a queue below its floor gets the reserve"),
    ("team.hours", "its members' shifts together", "none, if a member has no shift"),
    ("member.rank", "the place in the list", "1 leads"),
    ("hold", "30s live, 2m messaging, 4 working hours deferred", "one duration sets all five causes"),
    ("hold.busy, away", "as the class above", "where causes are listed and these are not"),
    ("hold.absent, off_shift, left", "0s", "where causes are listed and these are not"),
    ("hold = \"smart\"", "smart = 40%, busy = the limit below", "waits for somebody busy only while it is worth it"),
    ("hold.busy with smart", "3m live, 10m messaging, 4h deferred", "the longest that a smart hold may last"),
    ("hold in working time", "passing time", "for a team without hours"),
    ("fence_policy.finally.busy", "open", "everybody is busy"),
    ("fence_policy.finally.closed_hours", "callback", "hours are over"),
    ("fence_policy.finally.holiday", "as closed_hours", "a holiday"),
    ("fence_policy.finally.no_cover", "open", "nobody is there who could ever serve"),
    ("queue.hours.closed", "stay", "what happens outside opening hours"),
    ("queue.promise", "80% within 20s", "what is promised"),
    ("queue.order", "promise", "the larger waited ÷ promised first"),
    ("queue.pick", "longest_idle", "which agent is chosen"),
    ("queue.limit.then", "callback", "what happens to one too many"),
    ("queue.floor.margin", "5%", "the reserve comes back at the floor plus this"),
    ("queue.finally.busy", "limit.then, else callback on live channels, else stay", "when the longest wait is over"),
    ("queue.finally.closed_hours, holiday", "hours.closed", "the queue is closed"),
    ("queue.finally.no_cover", "as busy", "nobody is there who could ever serve"),
];

/// Points of an agent, and the cost of a channel.
pub(crate) const POINTS: u32 = 100;
pub(crate) const SLOTS: u32 = 1;
pub(crate) const EXPIRES: Millis = Millis::from_secs(20);
pub(crate) const ACCEPT_WITHIN: Millis = Millis::from_secs(30);
pub(crate) const PROMISE_WITHIN: Millis = Millis::from_secs(20);
pub(crate) const PROMISE_PERMILLE: u32 = 800;
pub(crate) const FLOOR_MARGIN_PERMILLE: u32 = 50;
pub(crate) const PICK: Pick = Pick::LongestIdle;

/// No-answers in a row.
pub(crate) const fn misses(class: Class) -> u8 {
    match class {
        Class::Live => 1,
        Class::Messaging | Class::Deferred => 2,
    }
}

/// When the source of a connected contact is asked.
pub(crate) const fn max_connected(class: Class) -> Millis {
    match class {
        Class::Live => Millis::from_secs(4 * 3600),
        Class::Messaging | Class::Deferred => Millis::from_secs(24 * 3600),
    }
}

/// The hold of a class.
pub(crate) const fn hold(class: Class) -> Wait {
    match class {
        Class::Live => Wait { span: Millis::from_secs(30), clock: Clock::Passing },
        Class::Messaging => Wait { span: Millis::from_secs(120), clock: Clock::Passing },
        Class::Deferred => Wait { span: Millis::from_secs(4 * 3600), clock: Clock::Working },
    }
}

/// The least chance for which a smart hold waits, in thousandths.
pub(crate) const SMART: u16 = 400;

/// The longest that a smart hold of a class may last. At the usual four or five minutes of a call, one in two frees up
/// within three.
pub(crate) const fn smart_limit(class: Class) -> Wait {
    let seconds = match class {
        Class::Live => 180,
        Class::Messaging => 600,
        Class::Deferred => 4 * 3600,
    };
    Wait { span: Millis::from_secs(seconds), clock: Clock::Passing }
}

/// One duration for all five causes.
pub(crate) const fn same(wait: Wait) -> HoldWaits {
    HoldWaits { busy: wait, away: wait, absent: wait, off_shift: wait, left: wait, smart: None }
}
