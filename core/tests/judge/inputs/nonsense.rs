//! Decides what somebody says that makes no sense: at the wrong moment, about what is not there, beyond all reckoning.

use picket_core::*;

use super::Reader;
use crate::judge::dice::Dice;
use crate::judge::worlds::{plan, team_spec};

impl Reader<'_> {
    /// What nobody should say.
    pub(super) fn misbehaviour(&self, dice: &mut Dice) -> Input {
        let s = self.s;
        let contact = s.contact(dice.below(self.next + 1));
        let with_agent = self.one_of(dice, &[ContactState::Connected, ContactState::Assigned]);
        let offer = self.live.offers().last().map_or(OfferId(1), |offer| offer.id);
        let fine = plan(s, dice);
        let bad_plan = Plan { steps: Vec::new(), ..fine.clone() };
        let Input::Receive(arrival) = self.arrival(dice) else { return Input::ClockJumped(Millis::ZERO) };
        let again = |arrival: Arrival| Input::Receive(Box::new(arrival));
        let nobody = s.agent(900);
        let put = |change| Input::World(Box::new(change));
        match dice.below(34) {
            30.. if !s.is_scalable => self.absurd_times(dice),
            24 => Input::Agent(self.anybody(dice), AgentCommand::Pull(with_agent)),
            25 => Input::Contact(contact, ContactCommand::EndConsult),
            26 => Input::Supervise(contact, Supervision::Release),
            27 => Input::Team(s.team(9), TeamCommand::Lend(s.queue(0), Some(self.now))),
            28 => again(Arrival {
                plan: Plan {
                    steps: vec![Step {
                        who: Who::Queue,
                        holds: Holds::all(Hold::Working(s.span(1), s.calendar(9))),
                        joining: Joining::Widens,
                        needs: Vec::new(),
                        bypass: Bypass::default(),
                        pick: Pick::LongestIdle,
                    }],
                    ..fine
                },
                ..*arrival
            }),
            0 => again(Arrival { contact, ..*arrival }),
            1 => again(Arrival { channel: s.channel(9), ..*arrival }),
            2 => again(Arrival { since: self.now + s.span(1), ..*arrival }),
            3 => again(Arrival { plan: bad_plan, ..*arrival }),
            4 => Input::Offer(OfferId(offer.0 + 1000), OfferCommand::Accept(self.anybody(dice))),
            5 => Input::Offer(OfferId(1 + u64::from(dice.below(8))), OfferCommand::Accept(self.anybody(dice))),
            6 => Input::Offer(offer, OfferCommand::Accept(self.anybody(dice))),
            7 => Input::Agent(nobody, self.says(dice, Presence::Ready)),
            8 => Input::Agent(self.anybody(dice), AgentCommand::Load(s.channel(9), 1)),
            9 => Input::Agent(self.anybody(dice), AgentCommand::Return),
            10 => Input::Contact(with_agent, ContactCommand::Transfer(Transfer::Queue(s.queue(9)))),
            11 => Input::Contact(with_agent, ContactCommand::Transfer(Transfer::Team(s.team(9)))),
            12 => Input::Contact(with_agent, ContactCommand::Transfer(Transfer::Agent(nobody))),
            13 => Input::Contact(contact, ContactCommand::Schedule(self.now)),
            14 => Input::Contact(contact, ContactCommand::Replan(Box::new(bad_plan), Replanning::Rules)),
            15 => Input::Supervise(contact, Supervision::OpenFence(FenceReason::HoldOver)),
            16 => Input::Supervise(contact, Supervision::CloseFence),
            17 if !s.is_scalable => Input::Supervise(contact, Supervision::OpenFence(FenceReason::Supervisor)),
            17 => Input::Supervise(contact, Supervision::OpenFence(FenceReason::CustomerChoice)),
            29 if dice.one_in(2) => Input::ReceiveEnded(arrival, EarlyEnd::Abandoned { at: self.now }),
            29 if dice.one_in(2) => Input::ReceiveEnded(arrival, EarlyEnd::Forwarded),
            29 => Input::ReceiveEnded(arrival, EarlyEnd::Withdrawn(OutsideEnd::Gone)),
            18 => put(WorldChange::RemoveTeam(s.team(9))),
            19 => put(WorldChange::PutTeam(
                s.team(0),
                TeamSpec { covers: vec![s.team(0)], ..team_spec(s, dice, 0, self.now) },
            )),
            20 => Input::Contact(s.contact(self.next + 50), ContactCommand::Abandon),
            21 => Input::Contact(contact, ContactCommand::Connect),
            22 => {
                Input::Contact(contact, dice.pick(&[ContactCommand::Park, ContactCommand::Resume, ContactCommand::End]))
            }
            _ => put(WorldChange::RemoveAgent(nobody)),
        }
    }

    /// Moments a thousand years away, or beyond all reckoning; some are refused, and some are granted.
    fn absurd_times(&self, dice: &mut Dice) -> Input {
        const AGES: i64 = 1000 * 365 * 86_400_000;
        let at = dice.pick(&[Timestamp(self.now.0 - AGES), Timestamp(self.now.0 + AGES), Timestamp(i64::MAX)]);
        let Input::Receive(arrival) = self.arrival(dice) else { return Input::ClockJumped(Millis::ZERO) };
        let agent = self.anybody(dice);
        let waiting = self.one_of(dice, &[ContactState::Waiting, ContactState::Offered]);
        let with_agent = self.one_of(dice, &[ContactState::Connected, ContactState::Assigned]);
        let (presence, by) = (Presence::NotReady, StateSetter::Source(self.s.source(0)));
        let mut plan = plan(self.s, dice);
        match dice.below(12) {
            0 => Input::Receive(Box::new(Arrival { since: at, ..*arrival })),
            1 => Input::Receive(Box::new(Arrival { scheduled_for: Some(at), ..*arrival })),
            2 => Input::Contact(waiting, ContactCommand::Schedule(at)),
            3 => {
                let failure = ConnectFailure::Customer { retry_at: Some(at) };
                Input::Contact(with_agent, ContactCommand::FailToConnect(failure))
            }
            4 => {
                let pause =
                    AgentCommand::SetState { channels: Vec::new(), presence, reason: None, until: Some(at), by };
                Input::Agent(agent, pause)
            }
            5 => Input::Agent(agent, AgentCommand::Absent { from: self.now, until: at, reason: None, deputy: None }),
            6 => Input::Agent(agent, AgentCommand::Absent { from: at, until: at, reason: None, deputy: None }),
            7 => Input::Supervise(waiting, Supervision::Hold(Some(at))),
            8 => Input::Supervise(waiting, Supervision::OpenFenceUntil(at)),
            9 => Input::Team(self.s.team(dice.below(2)), TeamCommand::Lend(self.s.queue(0), Some(at))),
            10 => Input::ClockJumped(Millis(u32::MAX)),
            _ => {
                (plan.longest, plan.wrap_up) = (Some(Millis(u32::MAX)), Millis(u32::MAX));
                plan.promise.within = dice.pick(&[Millis(1), Millis(u32::MAX)]);
                Input::Receive(Box::new(Arrival { plan, ..*arrival }))
            }
        }
    }
}
