//! Reads a step of a history against the present state: what is out is likely to be answered, what is connected to end,
//! and now and then somebody says what makes no sense.

mod nonsense;

use picket_core::*;

use super::dice::{Dice, Op};
use super::setting::*;
use super::worlds::{AGENTS, agent_spec, calendar, channels, plan, queue_spec, team_spec};

/// What a history is read against.
pub(crate) struct Reader<'a> {
    pub(crate) s: Setting,
    pub(crate) live: &'a Router,
    pub(crate) now: Timestamp,
    /// The number of the next contact.
    pub(crate) next: u32,
}

/// Makes one input of a kind.
type Choice<R> = fn(&R, &mut Dice) -> Input;

impl Reader<'_> {
    /// The time that passes before the step, and whether timers are late in it.
    pub(crate) fn time(&self, op: Op) -> (Timestamp, bool) {
        let mut dice = Dice::new(op.0 ^ 1);
        let next = self.live.next_wake().map_or(self.now, |wake| wake.at.max(self.now));
        match dice.below(16) {
            0..=6 => (self.now, false),
            7..=12 => (self.later(&mut dice, 6), false),
            13 => (self.later(&mut dice, 40), false),
            // Just at a deadline, before its timer has fired.
            14 => (next, true),
            _ => (self.later(&mut dice, 6), dice.one_in(2)),
        }
    }

    pub(crate) fn input(&self, op: Op) -> Input {
        let mut dice = Dice::new(op.0 ^ 2);
        let count = |states: &[ContactState]| {
            u32::try_from(self.live.contacts().filter(|contact| states.contains(&contact.state)).count()).expect("few")
        };
        use ContactState::{Assigned, Connected, Offered, Orphaned, Parked, Scheduled, Waiting, WrapUp};
        let offers = u32::try_from(self.live.offers().count()).expect("few");
        let (waiting, with_agents) = (count(&[Waiting, Offered]), count(&[Assigned, Connected, Parked, WrapUp]));
        let crowd = waiting + with_agents + count(&[Scheduled, Orphaned]);
        let some = |number: u32, weight: u32| if number > 0 { weight } else { 0 };
        let choices: [(u32, Choice<Self>); 14] = [
            ([30, 12, 2][(crowd / 9).min(2) as usize], Self::arrival),
            (some(offers, 22) + offers.min(8), Self::answer),
            (some(count(&[Assigned]), 14), Self::assigned),
            (some(count(&[Connected]), 12) + with_agents.min(8), Self::connected),
            (some(count(&[Parked]), 6), Self::parked),
            (some(waiting, 8) + waiting / 2, Self::waiting),
            (some(count(&[Scheduled, WrapUp, Orphaned]), 2), Self::any_contact),
            (17, Self::agent),
            (7, Self::back),
            (some(waiting, 7), Self::supervision),
            (some(waiting + with_agents, 9), Self::by_hand),
            (5, Self::change),
            (5, Self::misbehaviour),
            // It lasts by a constant of the core's own.
            (
                if self.s.is_scalable { 0 } else { 2 + some(u32::from(self.live.catching_up().is_some()), 6) },
                Self::catch_up,
            ),
        ];
        let total = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = dice.below(total);
        for (weight, make) in choices {
            if left < weight {
                return make(self, &mut dice);
            }
            left -= weight;
        }
        self.misbehaviour(&mut dice)
    }

    fn later(&self, dice: &mut Dice, ticks: u32) -> Timestamp {
        self.now + self.s.span(1 + dice.below(ticks))
    }

    fn anybody(&self, dice: &mut Dice) -> AgentId {
        self.s.agent(dice.below(AGENTS))
    }

    fn arrival(&self, dice: &mut Dice) -> Input {
        let since = self.now - self.s.span(dice.pick(&[0, 0, 0, 3, 12]));
        let channel = self.s.channel(dice.pick(&[VOICE, VOICE, CHAT, EMAIL]));
        let known = |dice: &mut Dice| Familiar {
            agent: self.anybody(dice),
            contacts: 1 + dice.below(3),
            last: since - self.s.span(dice.below(50)),
        };
        Input::Receive(Box::new(Arrival {
            contact: self.s.contact(self.next),
            channel,
            customer: None,
            source: self.s.source(0),
            since,
            plan: plan(self.s, dice),
            thread: dice.one_in(5).then(|| self.s.thread(dice.below(3))),
            matter: dice.one_in(6).then(|| self.s.matter(dice.below(3))),
            familiar: if dice.one_in(3) { vec![known(dice), known(dice)] } else { Vec::new() },
            fit: if dice.one_in(3) { self.fit(dice) } else { Vec::new() },
            prefers: if dice.one_in(8) { vec![self.anybody(dice)] } else { Vec::new() },
            avoids: if dice.one_in(8) { vec![self.anybody(dice)] } else { Vec::new() },
            scheduled_for: dice.one_in(12).then(|| self.later(dice, 60)),
        }))
    }

    fn fit(&self, dice: &mut Dice) -> Vec<Fit> {
        let stated = 1 + dice.below(3);
        let fits = |dice: &mut Dice| {
            let matched = u16::try_from(dice.below(stated + 1)).expect("small");
            Fit { agent: self.anybody(dice), matched, stated: u16::try_from(stated).expect("small") }
        };
        (0..3).map(|_| fits(dice)).collect()
    }

    /// What is done by hand, agents' consultations included.
    fn by_hand(&self, dice: &mut Dice) -> Input {
        use ContactState::{Assigned, Connected, Offered, Parked, Waiting};
        let waiting = self.one_of(dice, &[Waiting, Offered]);
        let handler = Handler { agent: self.anybody(dice) };
        let until = (self.s.is_scalable || dice.one_in(2)).then(|| self.later(dice, 40));
        let some = |marked: fn(&ContactView<'_>) -> bool| {
            self.live.contacts().find(|contact| marked(contact)).map(|contact| contact.id)
        };
        match dice.below(14) {
            0 | 1 => Input::Supervise(waiting, Supervision::Hold(until)),
            2 => match some(|contact| contact.held_until.is_some()) {
                Some(held) => Input::Supervise(held, Supervision::Release),
                None => Input::Supervise(waiting, Supervision::Hold(until)),
            },
            3 if !self.s.is_scalable => Input::Supervise(waiting, Supervision::Force(handler)),
            3 | 4 => {
                let with_agent = self.one_of(dice, &[Assigned, Connected, Parked]);
                Input::Supervise(with_agent, Supervision::TakeBack)
            }
            5 | 6 => Input::Agent(handler.agent, AgentCommand::Pull(waiting)),
            7 | 8 => {
                let connected = self.one_of(dice, &[Connected]);
                Input::Contact(connected, ContactCommand::Consult(handler.agent))
            }
            9 => match some(|contact| contact.consulted.is_some()) {
                Some(asking) => Input::Contact(asking, ContactCommand::EndConsult),
                None => self.lending(dice, until),
            },
            10 => self.lending(dice, until),
            11 => {
                let relation = Relation {
                    customer: None,
                    familiar: Vec::new(),
                    prefers: vec![self.anybody(dice)],
                    avoids: vec![self.anybody(dice)],
                    fit: self.fit(dice),
                };
                Input::Contact(waiting, ContactCommand::Identify(Box::new(relation)))
            }
            12 => {
                let (contacts, _) = self.live.to_replan(dice.below(3), None);
                let slice = contacts.into_iter().filter(|contact| contact.0 % 2 == 0);
                let slice = slice.map(|contact| (contact, Box::new(plan(self.s, dice))));
                Input::Replan(slice.collect(), dice.pick(&[Replanning::Rules, Replanning::Customer]))
            }
            _ => {
                let closed = self.live.contacts().filter(|contact| {
                    contact.state != ContactState::Closed && contact.fence.is_some_and(|fence| fence.open.is_none())
                });
                let closed: Vec<ContactId> = closed.map(|contact| contact.id).collect();
                if closed.is_empty() || dice.one_in(4) {
                    return Input::Contact(waiting, ContactCommand::Forward);
                }
                Input::Supervise(dice.pick(&closed), Supervision::OpenFenceUntil(self.later(dice, 40)))
            }
        }
    }

    fn lending(&self, dice: &mut Dice, until: Option<Timestamp>) -> Input {
        let lent = self.live.teams().find_map(|team| Some((team.id, team.lent_to.first()?.0)));
        match lent.filter(|_| dice.one_in(3)) {
            Some((team, queue)) => Input::Team(team, TeamCommand::EndLend(queue)),
            None => Input::Team(self.s.team(dice.below(2)), TeamCommand::Lend(self.s.queue(dice.below(2)), until)),
        }
    }

    fn answer(&self, dice: &mut Dice) -> Input {
        let offers: Vec<OfferView> = self.live.offers().collect();
        let Some(offer) = offers.get(dice.below(u32::try_from(offers.len()).expect("few")) as usize) else {
            return self.misbehaviour(dice);
        };
        let (id, agent) = (offer.id, offer.agent);
        let command = match dice.below(16) {
            0..=2 => OfferCommand::Decline(agent, None),
            3 => OfferCommand::Accept(self.anybody(dice)),
            _ => OfferCommand::Accept(agent),
        };
        Input::Offer(id, command)
    }

    /// A contact in one of some states; any known one if there is none.
    fn one_of(&self, dice: &mut Dice, states: &[ContactState]) -> ContactId {
        let fit: Vec<ContactId> =
            self.live.contacts().filter(|contact| states.contains(&contact.state)).map(|contact| contact.id).collect();
        if fit.is_empty() { self.s.contact(dice.below(self.next + 1)) } else { dice.pick(&fit) }
    }

    fn assigned(&self, dice: &mut Dice) -> Input {
        let retry_at = dice.one_in(2).then(|| self.later(dice, 40));
        let command = match dice.below(16) {
            0 => ContactCommand::FailToConnect(ConnectFailure::Agent),
            1 => ContactCommand::FailToConnect(ConnectFailure::Customer { retry_at }),
            2 if dice.one_in(2) => ContactCommand::FailToConnect(ConnectFailure::Deadline),
            2 | 3 => ContactCommand::Abandon,
            4 => ContactCommand::Close,
            5 => ContactCommand::Requeue,
            6 => ContactCommand::Transfer(self.transfer(dice)),
            _ => ContactCommand::Connect,
        };
        Input::Contact(self.one_of(dice, &[ContactState::Assigned]), command)
    }

    fn transfer(&self, dice: &mut Dice) -> Transfer {
        let to = if self.s.is_scalable { 3 } else { dice.below(5) };
        match to {
            0 => Transfer::Team(self.s.team(dice.below(2))),
            1 => Transfer::Queue(self.s.queue(dice.below(2))),
            2 | 3 => Transfer::Needs(vec![Need { skill: self.s.skill(FRENCH), level: Level(dice.pick(&[1, 4, 8])) }]),
            _ => Transfer::Agent(self.anybody(dice)),
        }
    }

    fn connected(&self, dice: &mut Dice) -> Input {
        let states = [ContactState::Connected];
        let command = match dice.below(20) {
            0..=6 => ContactCommand::End,
            7..=9 => ContactCommand::Close,
            10 | 11 => return Input::Contact(self.chatting(dice), ContactCommand::Park),
            12 => ContactCommand::Requeue,
            13 | 14 => ContactCommand::Transfer(self.transfer(dice)),
            15 => ContactCommand::Schedule(self.later(dice, 60)),
            16 => return Input::Contact(self.one_of(dice, &states), self.replan(dice)),
            _ => {
                let states = [ContactState::WrapUp, ContactState::Connected];
                return Input::Contact(self.one_of(dice, &states), ContactCommand::Close);
            }
        };
        Input::Contact(self.one_of(dice, &states), command)
    }

    /// A connected contact whose customer may go quiet.
    fn chatting(&self, dice: &mut Dice) -> ContactId {
        let quiet = self
            .live
            .contacts()
            .filter(|contact| contact.state == ContactState::Connected && contact.channel != self.s.channel(VOICE));
        let quiet: Vec<ContactId> = quiet.map(|contact| contact.id).collect();
        if quiet.is_empty() { self.one_of(dice, &[ContactState::Connected]) } else { dice.pick(&quiet) }
    }

    fn parked(&self, dice: &mut Dice) -> Input {
        let command = match dice.below(12) {
            0 => ContactCommand::Close,
            1 => ContactCommand::End,
            2 => ContactCommand::Withdraw(OutsideEnd::Gone),
            3 => ContactCommand::Requeue,
            _ => ContactCommand::Resume,
        };
        Input::Contact(self.one_of(dice, &[ContactState::Parked]), command)
    }

    fn replan(&self, dice: &mut Dice) -> ContactCommand {
        let reasons = [Replanning::Rules, Replanning::Customer, Replanning::Updated, Replanning::Reidentified];
        let reason = dice.pick(&reasons);
        ContactCommand::Replan(Box::new(plan(self.s, dice)), reason)
    }

    fn waiting(&self, dice: &mut Dice) -> Input {
        let states = [ContactState::Waiting, ContactState::Offered];
        let command = match dice.below(12) {
            0..=4 => ContactCommand::Abandon,
            5 => ContactCommand::Withdraw(dice.pick(&[OutsideEnd::HandledElsewhere, OutsideEnd::Gone])),
            6 => ContactCommand::Schedule(self.later(dice, 60)),
            _ => self.replan(dice),
        };
        Input::Contact(self.one_of(dice, &states), command)
    }

    fn any_contact(&self, dice: &mut Dice) -> Input {
        let states = [ContactState::Scheduled, ContactState::WrapUp, ContactState::Orphaned];
        let command = match dice.below(6) {
            0 => ContactCommand::Abandon,
            1 => ContactCommand::Withdraw(OutsideEnd::HandledElsewhere),
            2 => ContactCommand::End,
            3 => ContactCommand::Schedule(self.later(dice, 60)),
            4 => self.replan(dice),
            _ => ContactCommand::Close,
        };
        Input::Contact(self.one_of(dice, &states), command)
    }

    fn says(&self, dice: &mut Dice, presence: Presence) -> AgentCommand {
        let is_over = dice.one_in(10);
        let by = if is_over { StateSetter::Supervisor } else { StateSetter::Source(self.s.source(0)) };
        // Without an end a supervisor's word has one of the core's own.
        let until = (dice.one_in(4) || (is_over && self.s.is_scalable)).then(|| self.later(dice, 60));
        let channels = match dice.below(4) {
            0 => vec![self.s.channel(dice.below(3))],
            _ => Vec::new(),
        };
        AgentCommand::SetState { channels, presence, reason: dice.one_in(2).then_some(self.s.reason(1)), until, by }
    }

    fn agent(&self, dice: &mut Dice) -> Input {
        let agent = self.anybody(dice);
        let until = self.later(dice, 60);
        let deputy = dice.one_in(2).then(|| self.anybody(dice)).filter(|deputy| *deputy != agent);
        let command = match dice.below(20) {
            0 => AgentCommand::Absent { from: self.now, until, reason: None, deputy },
            1 => AgentCommand::Absent { from: until, until: until + self.s.span(30), reason: None, deputy },
            2 => AgentCommand::Load(self.s.channel(dice.below(3)), dice.below(2)),
            3 if !self.s.is_scalable => AgentCommand::Vouch(ExpectedPresence::Lost),
            3..=7 => self.says(dice, Presence::NotReady),
            8 => self.says(dice, Presence::Offline),
            _ => self.says(dice, Presence::Ready),
        };
        Input::Agent(agent, command)
    }

    /// Whoever is away comes back.
    fn back(&self, dice: &mut Dice) -> Input {
        let away = self.live.agents().filter(|agent| agent.absent_until.is_some() || agent.lost);
        let away: Vec<(AgentId, bool)> = away.map(|agent| (agent.id, agent.lost)).collect();
        if away.is_empty() {
            return Input::Agent(self.anybody(dice), self.says(dice, Presence::Ready));
        }
        let (agent, is_lost) = dice.pick(&away);
        Input::Agent(agent, if is_lost { AgentCommand::Vouch(ExpectedPresence::Seen) } else { AgentCommand::Return })
    }

    fn supervision(&self, dice: &mut Dice) -> Input {
        let fenced = |open: bool| {
            let of = move |contact: &ContactView<'_>| {
                contact.state != ContactState::Closed && contact.fence.is_some_and(|fence| fence.open.is_some() == open)
            };
            self.live.contacts().filter(of).map(|contact| contact.id).collect::<Vec<_>>()
        };
        let (closed, open) = (fenced(false), fenced(true));
        match dice.below(6) {
            0 | 1 if !closed.is_empty() => {
                // What a supervisor opens ends after a time of the core's own.
                let by_hand = if self.s.is_scalable { FenceReason::CustomerChoice } else { FenceReason::Supervisor };
                let reason = dice.pick(&[by_hand, FenceReason::CustomerChoice]);
                Input::Supervise(dice.pick(&closed), Supervision::OpenFence(reason))
            }
            2 if !open.is_empty() => Input::Supervise(dice.pick(&open), Supervision::CloseFence),
            _ => {
                let free: Vec<AgentId> = self
                    .live
                    .agents()
                    .filter(|agent| agent.offers.len() + agent.contacts.len() < 2)
                    .map(|agent| agent.id)
                    .collect();
                let agent = if free.is_empty() { self.anybody(dice) } else { dice.pick(&free) };
                let contact = self.one_of(dice, &[ContactState::Waiting, ContactState::Offered]);
                Input::Supervise(contact, Supervision::Assign(Handler { agent }))
            }
        }
    }

    fn change(&self, dice: &mut Dice) -> Input {
        let s = self.s;
        let number = dice.below(2);
        let (agent, from) = (dice.below(AGENTS), (self.now.0 - s.at(0).0) / i64::from(s.ms_per_tick));
        let change = match dice.below(14) {
            0..=3 => WorldChange::PutTeam(s.team(number), team_spec(s, dice, number, self.now)),
            4 => WorldChange::RemoveTeam(s.team(number)),
            5..=8 => WorldChange::PutAgent(s.agent(agent), agent_spec(s, dice, agent)),
            9 => WorldChange::RemoveAgent(s.agent(agent)),
            10 => WorldChange::PutQueue(s.queue(number), queue_spec(s, dice, number)),
            11 => WorldChange::PutCalendar(s.calendar(number), calendar(s, dice, from)),
            12 => dice.pick(&channels(s)),
            _ => return Input::ClockJumped(s.span(dice.below(20))),
        };
        Input::World(Box::new(change))
    }

    /// What happened meanwhile is listened to first, or was; at times it is said twice.
    fn catch_up(&self, dice: &mut Dice) -> Input {
        let is_on = self.live.catching_up().is_some() != dice.one_in(6);
        Input::CatchUp(if is_on { CatchUp::End } else { CatchUp::Begin })
    }
}
