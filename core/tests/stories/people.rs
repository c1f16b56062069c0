//! Whom a step means: a person, the lead, backups, a role, covers, a queue; and which checks they may skip.

use picket_core::*;

use crate::scene::*;

/// One step behind the strict fence of Hopkins.
fn only(who: Who) -> Plan {
    Plan { steps: vec![step(who, hold(600))], finally: STAY, ..fenced() }
}

#[test]
fn a_step_may_name_one_person() {
    let scene = world().ready(&[ANN, DEE], at(0)).arrives(7, only(Who::Agent(BOLA)), at(1)).then_asked(7, &[]);
    scene.ready(&[BOLA], at(2)).then_asked(7, &[BOLA]);
}

#[test]
fn the_lead_is_the_one_that_the_plan_names_or_else_the_first_of_the_team() {
    let scene = world().ready(&[ANN, BOLA], at(0));
    scene.clone().arrives(7, only(Who::Lead), at(1)).then_asked(7, &[ANN]);
    scene.arrives(7, Plan { lead: Some(BOLA), ..only(Who::Lead) }, at(1)).then_asked(7, &[BOLA]);
}

#[test]
fn backups_are_everybody_of_the_team_but_the_lead_in_order_of_rank() {
    let world = world().with(WorldChange::PutTeam(HOPKINS, team(&[ANN, BOLA, CARYS])));
    // Carys has been idle longest, and comes after Bola all the same.
    let scene = world.ready(&[CARYS], at(0)).ready(&[BOLA], at(1)).ready(&[ANN], at(2));
    let first = scene.clone().arrives(1, only(Who::Backups), at(3)).then_asked(1, &[BOLA]);
    let both = first.arrives(2, only(Who::Backups), at(4)).then_asked(2, &[CARYS]);
    both.arrives(3, only(Who::Backups), at(5)).then_asked(3, &[]);
    let named = Plan { lead: Some(BOLA), ..only(Who::Backups) };
    scene.arrives(1, named.clone(), at(3)).then_asked(1, &[ANN]).arrives(2, named, at(4)).then_asked(2, &[CARYS]);
}

#[test]
fn a_step_for_a_role_means_the_members_who_have_it() {
    let of = |agent, role, rank| Member { agent, role, rank, from: None, until: None };
    let members = vec![of(ANN, None, 1), of(BOLA, Some(RoleId(1)), 2), of(CARYS, Some(RoleId(2)), 3)];
    let scene = world().with(WorldChange::PutTeam(HOPKINS, TeamSpec { members, ..team(&[]) }));
    let scene = scene.ready(&[ANN, CARYS], at(0)).arrives(7, only(Who::Team(Some(RoleId(1)))), at(1));
    scene.then_asked(7, &[]).ready(&[BOLA], at(2)).then_asked(7, &[BOLA]);
}

#[test]
fn covers_are_the_teams_that_stand_in_at_that_moment() {
    let scene = world().ready(&[ANN, DEE], at(0)).arrives(1, only(Who::Covers), at(1)).then_asked(1, &[DEE]);
    let scene = scene.when(contact(1, ContactCommand::Abandon), at(2));
    let scene = scene.with_later(WorldChange::PutTeam(HOPKINS, team(&[ANN, BOLA])), at(3));
    let scene = scene.arrives(2, only(Who::Covers), at(4)).then_asked(2, &[]);
    let again = TeamSpec { covers: vec![NIGHT], ..team(&[ANN, BOLA]) };
    scene.with_later(WorldChange::PutTeam(HOPKINS, again), at(5)).then_asked(2, &[DEE]);
}

#[test]
fn a_step_asks_for_its_own_needs_at_their_levels_besides_the_plans() {
    let need = |skill, level| Need { skill: SkillId(skill), level: Level(level) };
    let knows = |french, law| AgentSpec {
        skills: vec![(FRENCH, Level(french)), (SkillId(1), Level(law))],
        ..agent(&[GENERAL])
    };
    let world = world().with(WorldChange::PutAgent(CARYS, knows(3, 9))).with(WorldChange::PutAgent(DEE, knows(4, 5)));
    let asks = Step { needs: vec![need(0, 4)], ..step(Who::Queue, hold(600)) };
    let plan = Plan { needs: vec![need(1, 5)], steps: vec![asks], ..plan() };
    let scene = world.ready(&[CARYS], at(0)).arrives(7, plan, at(1)).then_asked(7, &[]);
    scene.ready(&[DEE], at(2)).then_asked(7, &[DEE]);
}

/// The lead, who may skip so much.
fn dedicated(bypass: Bypass) -> Plan {
    Plan { steps: vec![Step { bypass, ..step(Who::Lead, hold(600)) }], finally: STAY, ..fenced() }
}

/// A contact that Ann could not have: she lacks the skill, has no slot left, or her shift has not begun.
fn barred(missing: Bypass, allowed: Bypass) -> Scene {
    let shift = Calendar { windows: vec![Window { from: at(1000), to: at(2000) }], ..Calendar::default() };
    let spec = AgentSpec { slots: vec![(CHAT, 1)], shift: missing.hours.then_some(CalendarId(0)), ..agent(&[]) };
    let scene = world().with(WorldChange::PutCalendar(CalendarId(0), shift)).with(WorldChange::PutAgent(ANN, spec));
    let mut scene = scene.ready(&[ANN], at(0));
    let chat = |number, plan, now| Arrival { channel: CHAT, ..arrival(number, plan, now) };
    if missing.slots {
        scene = scene.receives(chat(1, dedicated(NO_BYPASS), at(1)), at(1)).answered(1, at(2));
    }
    let french = vec![Need { skill: FRENCH, level: Level(4) }];
    let needs = if missing.skill { french } else { Vec::new() };
    scene.receives(chat(7, Plan { needs, ..dedicated(allowed) }, at(10)), at(10))
}

const CHECKS: [Bypass; 3] =
    [Bypass { skill: true, ..NO_BYPASS }, Bypass { slots: true, ..NO_BYPASS }, Bypass { hours: true, ..NO_BYPASS }];

#[test]
fn each_check_skipped_for_a_dedicated_person_is_said_in_the_offer_and_in_the_assignment() {
    let everything = Bypass { skill: true, slots: true, hours: true };
    for missing in CHECKS {
        let scene = barred(missing, everything).then_asked(7, &[ANN]);
        let offered =
            |event: &Event| matches!(event, Event::Offer(_, OfferFact::Made { bypassed, .. }) if *bypassed == missing);
        let scene = scene.then_some(offered);
        let offer = scene.offer_of(7).unwrap();
        let assigned = |event: &Event| matches!(event, Event::Contact(_, ContactFact::Assigned { bypassed, .. }) if *bypassed == missing);
        scene.when(accepts(offer.0, ANN), at(11)).then_some(assigned);
    }
}

#[test]
fn a_check_that_the_step_does_not_list_is_not_skipped() {
    for missing in CHECKS {
        let others = Bypass { skill: !missing.skill, slots: !missing.slots, hours: !missing.hours };
        barred(missing, others).then_asked(7, &[]);
    }
}
