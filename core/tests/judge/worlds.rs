//! Worlds and plans for random histories: which there are is decided by dice, so that every option of the design occurs.

use picket_core::*;

use super::dice::Dice;
use super::setting::*;

pub(crate) const AGENTS: u32 = 7;
const DAY: i64 = 86_400_000;
const TO: ExitAction = ExitAction::Divert(DestinationId(1));

pub(crate) fn channels(s: Setting) -> Vec<WorldChange> {
    let channel = |class, cost, slots| ChannelSpec {
        class,
        cost,
        slots,
        interruptible_by: Vec::new(),
        max_connected: s.span(70),
    };
    let email = ChannelSpec { interruptible_by: vec![s.channel(VOICE)], ..channel(Class::Deferred, 20, 3) };
    vec![
        WorldChange::PutChannel(s.channel(VOICE), channel(Class::Live, 100, 1)),
        WorldChange::PutChannel(s.channel(CHAT), channel(Class::Messaging, 30, 3)),
        WorldChange::PutChannel(s.channel(EMAIL), email),
    ]
}

pub(crate) fn calendar(s: Setting, dice: &mut Dice, from: i64) -> Calendar {
    let (open, every) = (20 + dice.below(80), 100 + dice.below(100));
    let windows = (0..60).map(|i| from + i * i64::from(every));
    let windows = windows.map(|at| Window { from: s.at(at), to: s.at(at + i64::from(open)) }).collect();
    let until = dice.one_in(2).then(|| Timestamp(s.at(from + 60).0 + 200 * DAY));
    let holidays = (0..20).map(|i| from + i * 300).map(|at| Window { from: s.at(at), to: s.at(at + 130) }).collect();
    Calendar { windows, until, holidays }
}

pub(crate) fn agent_spec(s: Setting, dice: &mut Dice, number: u32) -> AgentSpec {
    let queues: &[QueueId] = match number {
        0 | 1 => &[],
        2 => &[s.queue(BILLING)],
        3 => &[s.queue(GENERAL)],
        _ => &[s.queue(GENERAL), s.queue(BILLING)],
    };
    let level = |dice: &mut Dice| Level(u8::try_from(1 + dice.below(10)).expect("small"));
    let mut skills = vec![(s.skill(FRENCH), level(dice))];
    if dice.one_in(2) {
        skills.push((s.skill(GERMAN), level(dice)));
    }
    AgentSpec {
        points: dice.pick(&[100, 100, 100, 60, 130]),
        skills,
        queues: queues.to_vec(),
        slots: if dice.one_in(4) { vec![(s.channel(CHAT), 1 + dice.below(4))] } else { Vec::new() },
        shift: (number >= 4 && dice.one_in(2)).then_some(s.calendar(SHIFT)),
    }
}

/// Hopkins is a team of three or four with Night as its cover; Night has one or two.
pub(crate) fn team_spec(s: Setting, dice: &mut Dice, team: u32, now: Timestamp) -> TeamSpec {
    let later = |dice: &mut Dice| Some(Timestamp(now.0 + i64::from(s.span(2 + dice.below(60)).0)));
    let people: &[u32] = if team == DEDICATED { &[0, 1, 2, 3] } else { &[2, 5] };
    let mut members = Vec::new();
    for (number, rank) in people.iter().zip(1..) {
        if number % 2 == 1 && dice.one_in(4) {
            continue;
        }
        members.push(Member {
            agent: s.agent(*number),
            role: dice.one_in(2).then_some(s.role(SERVICE)),
            rank: if dice.one_in(3) { 1 } else { rank },
            from: if dice.one_in(6) { later(dice) } else { None },
            until: None,
        });
        if dice.one_in(6) {
            let member = members.last_mut().expect("just pushed");
            member.until = later(dice).filter(|until| member.from.is_none_or(|from| from < *until));
        }
    }
    TeamSpec {
        members,
        covers: if team == DEDICATED && !dice.one_in(4) { vec![s.team(COVERING)] } else { Vec::new() },
        reserve: dice.pick(&[0, 1, 1, 2]),
        lends_to: match dice.below(4) {
            0 => Vec::new(),
            1 => vec![s.queue(BILLING)],
            2 => vec![s.queue(GENERAL)],
            _ => vec![s.queue(GENERAL), s.queue(BILLING)],
        },
        releases: !dice.one_in(3),
        helps: dice.pick(&[Vec::new(), vec![s.queue(GENERAL)], vec![s.queue(BILLING), s.queue(GENERAL)]]),
        hours: dice.one_in(3).then_some(s.calendar(HOURS)),
    }
}

pub(crate) fn queue_spec(s: Setting, dice: &mut Dice, queue: u32) -> QueueSpec {
    let need = |skill, level| Need { skill, level: Level(level) };
    let curve = vec![(s.span(10), 0), (s.span(40), 60), (s.span(90), 100)];
    let order = dice.pick(&[QueueOrder::Promise, QueueOrder::Fifo, QueueOrder::Due(curve)]);
    let pick = dice.pick(&PICKS);
    let over = ExitAction::Overflow(s.queue(if queue == GENERAL { BILLING } else { GENERAL }));
    let then = dice.pick(&[TO, ExitAction::Stay, ExitAction::Callback, over]);
    let wait = dice.one_in(2).then(|| s.span(90));
    let limit = QueueLimit { length: 4 + dice.below(5), wait, then };
    let floor =
        Floor { share_permille: 800, within: s.span(20), over: s.span(160), margin_permille: dice.pick(&[0, 50]) };
    let widen = vec![
        Widening { after: s.span(30), needs: vec![need(s.skill(FRENCH), 3)] },
        Widening { after: s.span(50), needs: Vec::new() },
    ];
    let is_skilled = queue == BILLING && !dice.one_in(4);
    QueueSpec {
        needs: if is_skilled { vec![need(s.skill(FRENCH), 6)] } else { Vec::new() },
        widen: if is_skilled { widen } else { Vec::new() },
        order,
        pick,
        limit: dice.one_in(2).then_some(limit),
        floor: (!dice.one_in(4)).then_some(floor),
        hours: dice.one_in(4).then_some(s.calendar(HOURS)),
        closed: dice.pick(&[ExitAction::Stay, ExitAction::Open, TO, ExitAction::Callback, over]),
    }
}

const PICKS: [Pick; 6] = [
    Pick::LongestIdle,
    Pick::LeastOccupied,
    Pick::MostProficient,
    Pick::LeastProficient,
    Pick::FewestToday,
    Pick::RoundRobin,
];

/// A whole place, before anybody logs in.
pub(crate) fn world(s: Setting, dice: &mut Dice) -> Vec<WorldChange> {
    let mut world = channels(s);
    world.push(WorldChange::PutCalendar(s.calendar(SHIFT), calendar(s, dice, 0)));
    world.push(WorldChange::PutCalendar(s.calendar(HOURS), calendar(s, dice, -30)));
    world.extend([GENERAL, BILLING].map(|queue| WorldChange::PutQueue(s.queue(queue), queue_spec(s, dice, queue))));
    world.extend((0..AGENTS).map(|number| WorldChange::PutAgent(s.agent(number), agent_spec(s, dice, number))));
    world.extend(
        [COVERING, DEDICATED].map(|team| WorldChange::PutTeam(s.team(team), team_spec(s, dice, team, s.at(0)))),
    );
    world
}

fn holds(s: Setting, dice: &mut Dice, who: Who) -> Holds {
    let span = |dice: &mut Dice| Hold::For(s.span(dice.pick(&[0, 5, 10, 25, 40])));
    // Nobody waits by chance for one of a whole queue.
    if who != Who::Queue && dice.one_in(4) {
        let busy = Hold::Smart(s.span(dice.pick(&[20, 40, 60])), dice.pick(&[150, 400, 700]));
        return Holds { busy, away: span(dice), absent: span(dice), off_shift: span(dice), left: span(dice) };
    }
    if dice.one_in(3) {
        return Holds::all(Hold::Working(s.span(20), s.calendar(SHIFT)));
    }
    if dice.one_in(2) {
        return Holds::all(span(dice));
    }
    Holds { busy: span(dice), away: span(dice), absent: span(dice), off_shift: span(dice), left: span(dice) }
}

fn steps(s: Setting, dice: &mut Dice, fenced: bool) -> Vec<Step> {
    let person = Who::Agent(s.agent(dice.below(AGENTS + 1)));
    let who: Vec<Who> = match (fenced, dice.below(5)) {
        (true, 0 | 1) => vec![Who::Lead, Who::Team(None), Who::Covers],
        (true, 2) => vec![Who::Lead, Who::Backups, Who::Covers],
        (true, 3) => vec![person, Who::Team(Some(s.role(SERVICE))), Who::Queue],
        (true, _) => vec![Who::Team(None)],
        (false, 0) => vec![person, Who::Queue],
        (false, 1) => vec![Who::Lead, Who::Queue],
        (false, _) => vec![Who::Queue],
    };
    let step = |who| Step {
        who,
        holds: holds(s, dice, who),
        joining: if dice.one_in(5) { Joining::Only } else { Joining::Widens },
        needs: if dice.one_in(6) { vec![Need { skill: s.skill(GERMAN), level: Level(2) }] } else { Vec::new() },
        bypass: Bypass { skill: dice.one_in(4), slots: dice.one_in(4), hours: dice.one_in(4) },
        pick: dice.pick(&PICKS),
    };
    who.into_iter().map(step).collect()
}

pub(crate) fn plan(s: Setting, dice: &mut Dice) -> Plan {
    let fence = dice.pick(&[
        None,
        None,
        Some(s.team(DEDICATED)),
        Some(s.team(DEDICATED)),
        Some(s.team(DEDICATED)),
        Some(s.team(COVERING)),
    ]);
    let over = ExitAction::Overflow(s.queue(BILLING));
    let exits = [ExitAction::Open, ExitAction::Open, ExitAction::Stay, ExitAction::Callback, TO, over];
    let one = dice.pick(&exits);
    let finally = if dice.one_in(2) {
        Finally { busy: one, closed_hours: one, holiday: one, no_cover: one }
    } else {
        let mut exit = || dice.pick(&exits);
        Finally { busy: exit(), closed_hours: exit(), holiday: exit(), no_cover: exit() }
    };
    let offer = OfferPolicy {
        mode: dice.pick(&[OfferMode::One, OfferMode::One, OfferMode::One, OfferMode::All, OfferMode::Auto]),
        expires: s.span(dice.pick(&[10, 20, 30])),
        accept_within: s.span(dice.pick(&[0, 15, 30])),
        misses: u8::try_from(dice.below(3)).expect("small"),
        away_for: s.span(dice.pick(&[0, 0, 12, 30])),
    };
    Plan {
        rules: 1,
        urgency: dice.pick(&[
            Urgency::Normal,
            Urgency::Normal,
            Urgency::Normal,
            Urgency::High,
            Urgency::Urgent,
            Urgency::Low,
        ]),
        queue: dice.pick(&[s.queue(GENERAL), s.queue(GENERAL), s.queue(BILLING)]),
        fence,
        lead: (fence.is_some() && dice.one_in(4)).then(|| s.agent(dice.below(AGENTS))),
        promise: Promise { within: s.span(dice.pick(&[20, 40, 100])), by: PromisedBy::Anyone },
        needs: if dice.one_in(5) { vec![Need { skill: s.skill(FRENCH), level: Level(4) }] } else { Vec::new() },
        steps: steps(s, dice, fence.is_some()),
        finally,
        offer,
        wrap_up: s.span(dice.pick(&[0, 10, 20])),
        longest: dice.pick(&[None, Some(90), Some(120)]).map(|ticks| s.span(ticks)),
    }
}
