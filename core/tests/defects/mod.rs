//! What other routers got wrong: each reported defect of `docs/defects.md` that can happen here, told as a story.

mod capacity;
mod life;
mod list;
mod liveness;
mod offers;
mod order;

use picket_core::*;

use crate::scene::*;

/// So many agents of the general queue, numbered from 10, all ready at 0; agent 10 became ready first.
fn crowd(agents: u32) -> Scene {
    let mut scene = world();
    for number in 10..10 + agents {
        scene.put(WorldChange::PutAgent(AgentId(number), agent(&[GENERAL])));
        scene = scene.ready(&[AgentId(number)], at(0));
    }
    scene
}

/// Every offer ever made, in order.
fn made(scene: &Scene) -> Vec<(ContactId, AgentId)> {
    let offers = scene.log.iter().filter_map(|(_, event)| match event {
        Event::Offer(_, OfferFact::Made { contact, agent, .. }) => Some((*contact, *agent)),
        _ => None,
    });
    offers.collect()
}

fn not_ready(agent: AgentId) -> Input {
    Input::Agent(agent, says(Presence::NotReady))
}

fn offline(agent: AgentId) -> Input {
    Input::Agent(agent, says(Presence::Offline))
}

/// To everybody at once.
fn to_all(plan: Plan) -> Plan {
    Plan { offer: OfferPolicy { mode: OfferMode::All, ..plan.offer }, ..plan }
}

fn on(channel: ChannelId, number: u32, plan: Plan, now: Timestamp) -> Arrival {
    Arrival { channel, ..arrival(number, plan, now) }
}

/// For the general queue, chosen among in this way.
fn picking(pick: Pick) -> Plan {
    Plan { steps: vec![Step { pick, ..step(Who::Queue, hold(600)) }], ..plan() }
}
