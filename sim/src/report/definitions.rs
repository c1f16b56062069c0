//! Decides what each number means, in the words that are printed beside it.

use serde::Serialize;

/// The meaning of one number; `T` stands for a time of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// The number's name.
    pub name: &'static str,
    /// What it means.
    pub text: &'static str,
}

const fn means(name: &'static str, text: &'static str) -> Definition {
    Definition { name, text }
}

/// Every number that a report can have.
pub const DEFINITIONS: [Definition; 29] = [
    means("±", "half the width of the 95 % interval, by means of batches over all replications (ratio estimator, t)"),
    means("offered", "arrived in the measured time, further tries included, and the wait is over"),
    means("p_wait", "nobody could take it when it arrived ÷ offered; p_no_wait is the rest"),
    means("mean_wait_s", "time until answered, given up or diverted, of all offered"),
    means("mean_wait_answered_s", "the same, of those answered (average speed of answer)"),
    means("mean_wait_abandoned_s", "the same, of those who gave up"),
    means("abandoned", "gave up ÷ offered, short ones included"),
    means(
        "abandoned_expected",
        "how many would have given up on average in the waits there were ÷ offered: the same, less noisy",
    ),
    means("diverted", "sent elsewhere or refused by a full queue ÷ offered"),
    means("redials", "further tries of somebody who gave up ÷ offered"),
    means("mean_handling_s", "from the answer to the end of after-contact work, of those answered"),
    means("estimate_given", "told a wait when it began to wait, and answered ÷ answered"),
    means("estimate_bias_s", "by how much these waited longer than they were told, on average"),
    means("estimate_error_s", "root of the mean square of that difference"),
    means("estimate_in_band", "share of these whose wait lay within the band that they were told; meant to be 0.9"),
    means("mean_queue", "sum of the waits ÷ time: contacts waiting on average"),
    means("within_T_of_offered", "answered within T ÷ offered"),
    means("within_T_of_answered", "answered within T ÷ answered"),
    means("within_T_without_short", "answered within T ÷ (offered − gave up within T)"),
    means("within_T_with_short", "(answered within T + gave up within T) ÷ offered"),
    means(
        "within_T_virtual",
        "share answered within T, had nobody given up; each answer weighs 1 ÷ share still waiting then",
    ),
    means(
        "served_by_…",
        "by the customer's own agent, team, cover, outsider after an opening; by the queue's agent or a lent one",
    ),
    means("served_by_own_and_team", "by a member of the fence's team ÷ answered"),
    means("opened_…", "fences that opened for this reason ÷ offered"),
    means(
        "continuity_upc",
        "usual provider: largest share of a customer's contacts with one agent, mean over customers with 3 or more",
    ),
    means("continuity_coc", "Bice and Boxerman: (Σ nⱼ² − N) ÷ (N (N − 1)), mean over the same customers"),
    means("continuity_secon", "share of contacts with the same agent as that customer's contact before"),
    means(
        "continuity_by_chance",
        "what continuity_secon would be if any contact of the class in that hour had been theirs",
    ),
    means("occupancy", "time with at least one contact, after-contact work included ÷ time on shift, or busy"),
];
