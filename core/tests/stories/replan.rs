//! Waiting contacts are planned anew: by slices, fenced ones first, and never by surprise.

use picket_core::*;

use crate::scene::*;

/// Three wait by the first rule set, one of them behind a fence.
fn waiting() -> Scene {
    let strict = Plan { finally: STAY, ..fenced() };
    world().arrives(1, plan(), at(1)).arrives(2, strict, at(2)).arrives(3, plan(), at(3))
}

fn renewed(number: u32, plan: Plan) -> (ContactId, Box<Plan>) {
    (ContactId(number), Box::new(Plan { rules: 2, ..plan }))
}

#[test]
fn those_behind_a_closed_fence_are_planned_anew_first() {
    let scene = waiting();
    let (first, more) = scene.router.to_replan(2, None);
    assert_eq!((first, more), (vec![ContactId(2), ContactId(1), ContactId(3)], None));
    let strict = Plan { finally: STAY, ..fenced() };
    let slice = vec![renewed(1, plan()), renewed(3, plan()), renewed(2, strict)];
    let scene = scene.when(Input::Replan(slice, Replanning::Rules), at(10));
    let order: Vec<ContactId> = scene
        .last
        .iter()
        .filter_map(|event| match event {
            Event::Contact(id, ContactFact::Replanned { .. }) => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(order, [ContactId(2), ContactId(1), ContactId(3)]);
    assert_eq!(scene.router.to_replan(2, None), (Vec::new(), None));
}

#[test]
fn a_walk_over_the_waiting_goes_on_where_the_slice_before_ended() {
    let mut scene = world();
    for number in 0..1100 {
        scene = scene.arrives(number, plan(), at(1));
    }
    let (first, more) = scene.router.to_replan(2, None);
    let (second, more) = scene.router.to_replan(2, more);
    let (third, more) = scene.router.to_replan(2, more);
    assert_eq!((first.len(), second.len(), third.len(), more), (SLICE_LIMIT, SLICE_LIMIT, 100, None));
    let mut all: Vec<u32> = first.iter().chain(&second).chain(&third).map(|contact| contact.0).collect();
    all.dedup();
    assert_eq!(all, (0..1100).collect::<Vec<_>>());
}

#[test]
fn a_slice_is_taken_whole_or_not_at_all() {
    let bad = Plan { steps: Vec::new(), ..plan() };
    let slice = vec![renewed(1, plan()), renewed(3, bad)];
    waiting().when(Input::Replan(slice, Replanning::Rules), at(10)).then_refused(Rejection::BadPlan);
    let long: Vec<_> = (0..=500).map(|number| renewed(number, plan())).collect();
    waiting().when(Input::Replan(long, Replanning::Rules), at(10)).then_refused(Rejection::BadPlan);
}

#[test]
fn who_is_gone_by_then_is_passed_over() {
    let scene = waiting().when(contact(1, ContactCommand::Abandon), at(5));
    let slice = vec![renewed(1, plan()), renewed(99, plan()), renewed(3, plan())];
    let scene = scene.when(Input::Replan(slice, Replanning::Rules), at(10));
    let planned = |id| {
        scene.last.iter().any(
            |event| matches!(event, Event::Contact(found, ContactFact::Replanned { .. }) if *found == ContactId(id)),
        )
    };
    assert!(planned(3) && !planned(1) && !planned(99));
}

#[test]
fn rules_that_end_the_entitlement_open_the_fence_and_others_do_not() {
    let scene = waiting().ready(&[CARYS], at(4));
    let kept = scene.clone().when(Input::Replan(vec![renewed(2, fenced())], Replanning::Rules), at(10));
    kept.then_none(|event| opened_for(event).is_some());
    let ended = scene.when(Input::Replan(vec![renewed(2, plan())], Replanning::Rules), at(10));
    ended.then_some(|event| opened_for(event) == Some(FenceReason::NoLongerValued));
}

#[test]
fn a_contact_keeps_its_plan_until_its_own_slice() {
    let slice = vec![renewed(1, Plan { urgency: Urgency::Low, ..plan() })];
    let scene = waiting().when(Input::Replan(slice, Replanning::Rules), at(10));
    let rules = |number| scene.router.contact(ContactId(number)).unwrap().plan.rules;
    assert_eq!((rules(1), rules(3)), (2, 1));
    scene.ready(&[CARYS], at(11)).then_asked(3, &[CARYS]);
}

#[test]
fn a_fence_of_another_team_is_still_a_fence() {
    let moved = Plan { fence: Some(NIGHT), finally: STAY, ..fenced() };
    let scene =
        waiting().ready(&[CARYS], at(4)).when(Input::Replan(vec![renewed(2, moved)], Replanning::Customer), at(10));
    let scene = scene.then_none(|event| opened_for(event).is_some());
    let set = Event::Fence(ContactId(2), FenceFact::Set { team: NIGHT });
    scene.then_some(|event| *event == set).ready(&[DEE], at(11)).then_asked(2, &[DEE]);
}

#[test]
fn a_contact_that_is_somebody_elses_is_judged_by_the_new_customers_ties() {
    let relation = Relation { customer: Some(CustomerId(5)), avoids: vec![CARYS], ..Relation::default() };
    let scene = world().ready(&[CARYS, DEE], at(0)).arrives(7, plan(), at(1)).then_asked(7, &[CARYS]);
    let scene = scene.when(contact(7, ContactCommand::Identify(Box::new(relation))), at(2));
    let revoked = Event::Offer(OfferId(1), OfferFact::Revoked { cause: RevokeCause::Replanned });
    let scene = scene.then_some(|event| *event == revoked).then_asked(7, &[DEE]);
    assert_eq!(scene.router.contact(ContactId(7)).unwrap().customer, Some(CustomerId(5)));
}
