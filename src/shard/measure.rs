//! Decides what committed records count for.

use picket_core::{ContactFact, Event, FenceFact, FenceReason, Kind, OfferFact, Outcome};

use super::decided::Decided;
use super::record::{Cause, Record, Verdict};
use super::state::ShardState;
use crate::contract::Inbound;
use crate::telemetry::{InputResult, Metrics};

/// Counts one committed input or timer.
pub(super) fn count(metrics: &Metrics, model: &ShardState, decided: &Decided) {
    for output in &decided.outputs {
        metrics.output(crate::shard::feed::short_type(output.kind));
    }
    let Some((record, _)) = &decided.record else { return };
    if let Cause::Input { kind, .. } = &record.cause {
        let known = Inbound::find(kind).map_or("unknown", |kind| crate::shard::feed::short_type(kind.name));
        metrics.input(known, result(record));
    }
    if record.facts.iter().any(|fact| matches!(fact, super::record::ShellFact::ClockSetBack { .. })) {
        metrics.clock_set_back();
    }
    for event in &record.events {
        count_event(metrics, model, record, event);
    }
}

const fn result(record: &Record) -> InputResult {
    match record.verdict {
        Verdict::Applied => InputResult::Accepted,
        Verdict::Rejected { .. } => InputResult::Rejected,
    }
}

fn count_event(metrics: &Metrics, model: &ShardState, record: &Record, event: &Event) {
    match event {
        Event::Contact(contact, ContactFact::Assigned { .. }) => {
            if let Some(view) = model.router.contact(*contact) {
                metrics.waited(std::time::Duration::from_millis(u64::from(record.at.since(view.since).0)));
            }
        }
        Event::Contact(_, ContactFact::Closed { outcome }) => metrics.closed(outcome_word(outcome)),
        Event::Fence(_, FenceFact::Opened { reason, .. }) => metrics.fence_opened(reason_word(*reason)),
        Event::Fence(contact, FenceFact::TeamMissing { team }) => {
            let team = model.names.text(Kind::Team, team.0).unwrap_or("?");
            let contact = model.contact_name(*contact).map_or("?", |(_, id)| id);
            tracing::warn!(team, contact, "nobody is left in the team of a fenced contact, which stays fenced");
            metrics.team_missing();
        }
        Event::Offer(_, fact) => metrics.offer(offer_word(fact)),
        Event::World(picket_core::WorldFact::ClockJumped { .. }) => metrics.clock_jumped(),
        Event::Contact(..) | Event::Fence(..) | Event::Agent(..) | Event::World(_) => {}
    }
}

const fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Handled { .. } => "handled",
        Outcome::Abandoned { .. } => "abandoned",
        Outcome::Diverted { .. } => "diverted",
        Outcome::Expired => "expired",
        Outcome::Withdrawn(_) => "withdrawn",
        Outcome::Forwarded => "forwarded",
    }
}

const fn reason_word(reason: FenceReason) -> &'static str {
    match reason {
        FenceReason::HoldOver => "hold_over",
        FenceReason::NoCover => "no_cover",
        FenceReason::Longest => "longest",
        FenceReason::Supervisor => "supervisor",
        FenceReason::CustomerChoice => "customer_choice",
        FenceReason::Transfer => "transfer",
        FenceReason::NoLongerValued => "no_longer_valued",
        FenceReason::Reidentified => "reidentified",
    }
}

const fn offer_word(fact: &OfferFact) -> &'static str {
    match fact {
        OfferFact::Made { .. } => "made",
        OfferFact::Accepted => "accepted",
        OfferFact::Declined { .. } => "declined",
        OfferFact::Expired => "expired",
        OfferFact::Revoked { .. } => "revoked",
        OfferFact::Extended { .. } => "extended",
    }
}
