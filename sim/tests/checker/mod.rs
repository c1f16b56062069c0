//! Streams that keep every promise, and streams that break one each.

mod feed;

use feed::{Feed, place};
use picket_sim::check::{Checker, Ending};
use serde_json::json;

/// The sentences the checker finds wrong with a stream that ended calmly.
fn wrong(feed: &Feed) -> Vec<String> {
    let mut checker = Checker::new(place());
    for event in &feed.events {
        checker.take(event);
    }
    checker.finish(Ending::Calm).violations.into_iter().map(|v| v.sentence).collect()
}

fn finds(feed: &Feed, words: &str) {
    let found = wrong(feed);
    assert!(found.iter().any(|sentence| sentence.contains(words)), "{words:?} is not in {found:#?}");
}

/// A valued customer served by her lead.
fn served_inside() -> Feed {
    Feed::default()
        .queued("c1")
        .fence("c1", "alfa")
        .offer("c1", "o1", "ann", "lead")
        .accept("c1", "o1", "ann")
        .served("c1", "ann", "lead")
}

#[test]
fn a_contact_served_by_its_lead_breaks_nothing_and_is_counted_inside() {
    let feed = served_inside();
    let mut checker = Checker::new(place());
    for event in &feed.events {
        checker.take(event);
    }
    let report = checker.finish(Ending::Calm);
    assert_eq!(report.violations, []);
    assert_eq!((report.contacts, report.fenced, report.inside()), (1, 1, 1));
    assert_eq!(report.outcomes.get("handled"), Some(&1));
    assert_eq!(report.waits.get("live, fenced").map(|w| w.sorted_ms.len()), Some(1));
}

#[test]
fn an_opened_fence_lets_an_outsider_in_and_is_counted_with_its_reason() {
    let feed =
        Feed::default().queued("c1").fence("c1", "alfa").open("c1", "hold_over").offer("c1", "o1", "zoe", "outside");
    let feed = feed.accept("c1", "o1", "zoe").served("c1", "zoe", "outside");
    assert_eq!(wrong(&feed), Vec::<String>::new());
    let mut checker = Checker::new(place());
    feed.events.iter().for_each(|event| checker.take(event));
    let report = checker.finish(Ending::Calm);
    assert_eq!(report.reasons().get("hold_over"), Some(&1));
    assert_eq!(report.fenced_by.get("outside"), Some(&1));
}

#[test]
fn a_missing_output_is_found() {
    let mut feed = served_inside();
    feed.events.remove(3);
    finds(&feed, "follows output 3");
}

#[test]
fn a_repeated_output_is_found() {
    let mut feed = served_inside();
    let again = feed.events[2].clone();
    feed.events.insert(3, again);
    finds(&feed, "output 3 follows output 3");
}

#[test]
fn a_gap_in_a_contacts_own_sequence_is_found() {
    let mut feed = served_inside();
    feed.events[4]["data"]["seq"] = json!(9);
    finds(&feed, "its output 9 follows its output 4");
}

#[test]
fn a_contact_closed_twice_is_found() {
    finds(&served_inside().close("c1", "handled"), "closed again after it was closed");
}

#[test]
fn an_offer_after_the_close_is_found() {
    finds(&served_inside().offer("c1", "o9", "ann", "lead"), "offered after it was closed");
}

#[test]
fn a_contact_never_closed_is_found_with_the_agent_who_still_has_it() {
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").accept("c1", "o1", "zoe");
    let feed = feed.assign("c1", "zoe", "queue");
    finds(&feed, "never closed");
    finds(&feed, "agent zoe: still has 1");
}

#[test]
fn two_agents_with_one_contact_are_found() {
    let feed = Feed::default().queued("c1").assign("c1", "zoe", "queue").assign("c1", "yan", "queue");
    finds(&feed.close("c1", "handled"), "assigned to yan while it is with zoe");
}

#[test]
fn an_offer_of_a_contact_that_somebody_has_is_found() {
    let feed = Feed::default().queued("c1").assign("c1", "zoe", "queue").offer("c1", "o1", "yan", "queue");
    finds(&feed, "offered to yan while it is with zoe");
}

#[test]
fn an_accept_of_a_dead_offer_is_found() {
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").over("c1", "o1", "expired");
    finds(&feed.accept("c1", "o1", "zoe"), "on offer o1, which is not live");
}

#[test]
fn an_accept_by_somebody_else_is_found() {
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").accept("c1", "o1", "yan");
    finds(&feed, "offer o1 to zoe was accepted by yan");
}

#[test]
fn a_second_accept_is_found() {
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").offer("c1", "o2", "yan", "queue");
    finds(&feed.accept("c1", "o1", "zoe").accept("c1", "o2", "yan"), "accepted by yan after zoe had accepted");
}

#[test]
fn an_assignment_to_another_than_who_accepted_is_found() {
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").accept("c1", "o1", "zoe");
    finds(&feed.assign("c1", "yan", "queue"), "accepted by zoe and assigned to yan");
}

#[test]
fn an_outsider_behind_a_closed_fence_is_found_by_her_standing() {
    let feed = Feed::default().queued("c1").fence("c1", "alfa").offer("c1", "o1", "zoe", "outside");
    finds(&feed, "offered to zoe, who is outside alfa, and its fence is closed");
}

#[test]
fn an_outsider_who_is_called_team_is_found_by_the_members_told() {
    let feed = Feed::default().queued("c1").fence("c1", "alfa").assign("c1", "zoe", "team");
    finds(&feed, "assigned to zoe, who is outside alfa, and its fence is closed");
    finds(&feed, "zoe is called team of alfa and is outside");
}

#[test]
fn a_cover_who_is_called_team_is_found() {
    let feed = Feed::default().queued("c1").fence("c1", "alfa").assign("c1", "cara", "team");
    finds(&feed, "cara is called team of alfa and only covers for it");
}

#[test]
fn an_opening_without_a_listed_reason_is_found() {
    let feed = Feed::default().queued("c1").fence("c1", "alfa").open("c1", "we felt like it");
    finds(&feed, "which is no listed reason");
}

#[test]
fn an_opening_of_no_fence_and_a_second_opening_are_found() {
    finds(&Feed::default().queued("c1").open("c1", "hold_over"), "a fence opened that was never set");
    let feed = Feed::default().queued("c1").fence("c1", "alfa").open("c1", "hold_over").open("c1", "hold_over");
    finds(&feed, "the fence opened twice");
}

#[test]
fn more_contacts_on_a_channel_than_slots_are_found() {
    let feed = (1..=4).fold(Feed::default(), |feed, n| {
        let id = format!("c{n}");
        feed.queued_on(&id, "chat").assign(&id, "zoe", "queue")
    });
    finds(&feed, "who then has 4 of 3 on chat");
}

#[test]
fn more_points_than_an_agent_has_are_found() {
    let feed = Feed::default().queued_on("c1", "chat").assign("c1", "zoe", "queue");
    let feed = feed.queued("c2").offer("c2", "o1", "zoe", "queue");
    finds(&feed, "who then has 133 of 100 points in use");
}

#[test]
fn a_call_on_top_of_interruptible_mail_is_within_capacity_and_mail_on_top_of_a_call_is_not() {
    let call_on_mail = Feed::default().queued_on("c1", "email").assign("c1", "zoe", "queue");
    let call_on_mail = call_on_mail.queued("c2").assign("c2", "zoe", "queue");
    let call_on_mail = call_on_mail.connect("c2").close("c2", "handled").close("c1", "handled");
    assert_eq!(wrong(&call_on_mail), Vec::<String>::new());
    let mail_on_call = Feed::default().queued("c1").assign("c1", "zoe", "queue");
    finds(&mail_on_call.queued_on("c2", "email").assign("c2", "zoe", "queue"), "who then has 120 of 100 points");
}

#[test]
fn an_assignment_that_says_it_is_over_capacity_is_allowed_and_one_that_does_not_is_found() {
    let busy = || Feed::default().queued("c1").assign("c1", "zoe", "queue").queued("c2");
    let said = busy().assign_over("c2", "zoe", "queue").close("c2", "handled").close("c1", "handled");
    assert_eq!(wrong(&said), Vec::<String>::new());
    finds(&busy().assign("c2", "zoe", "queue"), "who then has 2 of 1 on voice");
}

#[test]
fn a_parked_contact_takes_no_capacity_until_it_resumes() {
    let parked = Feed::default().queued_on("c1", "chat").assign("c1", "zoe", "queue").connect("c1").park("c1");
    let parked = parked.queued("c2").assign("c2", "zoe", "queue");
    finds(&parked.resume("c1", "zoe"), "resumed with zoe, who then has 133 of 100 points");
    let calm = Feed::default().queued_on("c1", "chat").assign("c1", "zoe", "queue").connect("c1").park("c1");
    let calm = calm.queued("c2").assign("c2", "zoe", "queue").close("c2", "handled").resume("c1", "zoe");
    assert_eq!(wrong(&calm.close("c1", "handled")), Vec::<String>::new());
}

#[test]
fn a_requeued_contact_frees_its_agent_and_may_be_offered_again() {
    let feed =
        Feed::default().queued("c1").assign("c1", "zoe", "queue").requeue("c1").offer("c1", "o1", "yan", "queue");
    let feed = feed.accept("c1", "o1", "yan").served("c1", "yan", "queue");
    assert_eq!(wrong(&feed), Vec::<String>::new());
}

#[test]
fn a_contact_closed_as_handled_by_nobody_or_with_a_live_offer_is_found() {
    finds(&Feed::default().queued("c1").close("c1", "handled"), "closed as handled and nobody had it");
    let feed = Feed::default().queued("c1").offer("c1", "o1", "zoe", "queue").close("c1", "abandoned");
    finds(&feed, "closed while offer o1 is live before zoe");
}

#[test]
fn a_connection_of_a_contact_that_nobody_has_is_found() {
    finds(&Feed::default().queued("c1").connect("c1"), "connected and with nobody");
}

#[test]
fn an_arrival_that_nothing_is_ever_said_about_is_found_unless_it_was_refused() {
    let arrival = json!({"type": "picket.contact.received.v1", "source": "pbx", "data": {"contact": "c7"}});
    let mut checker = Checker::new(place());
    checker.sent(&arrival);
    let silent = checker.finish(Ending::Calm);
    assert_eq!(silent.violations.len(), 1);
    assert!(silent.violations[0].sentence.contains("contact c7 of pbx: was received, and no output is about it"));

    let mut checker = Checker::new(place());
    checker.sent(&arrival);
    checker.refused(picket_sim::output::Contact { source: "pbx".into(), id: "c7".into() });
    assert!(checker.finish(Ending::Calm).holds());
}

#[test]
fn what_cannot_be_read_is_a_violation_and_not_a_crash() {
    let mut checker = Checker::new(place());
    checker.take(&json!({"type": "picket.offer.made.v1", "picketseq": 1, "time": "2026-11-23T09:00:00Z", "data": {}}));
    checker.take(&json!([1, 2]));
    let report = checker.finish(Ending::Calm);
    assert_eq!(report.violations.len(), 2);
    assert!(report.violations[0].sentence.contains("`offer` is missing"));
}
