"""Chat: as voice, but the customer goes quiet (parked: capacity is free) and comes back to the same person (resumed)."""

from foreign import check, run


def story(p):
    p.send("agent.set_state", {"agent": "chad", "state": "ready", "channels": ["chat"]})
    p.expect("agent.state_changed", agent="chad", state="ready")
    connect(p, "chat-1")
    p.send("contact.parked", {"contact": "chat-1"})
    p.expect("contact.parked", contact="chat-1")
    # She has one slot: the second chat can only be hers because the first one is quiet.
    connect(p, "chat-2")
    p.send("contact.close", {"contact": "chat-2", "agent": "chad"})
    p.expect("contact.closed", contact="chat-2", outcome="handled")
    p.send("contact.resumed", {"contact": "chat-1"})
    p.expect("contact.resumed", contact="chat-1", agent="chad")
    p.send("contact.ended", {"contact": "chat-1"})
    p.expect("contact.ended", contact="chat-1")
    p.send("contact.close", {"contact": "chat-1", "agent": "chad"})
    p.expect("contact.closed", contact="chat-1", outcome="handled")
    p.hold_to_the_order("chat-1")
    check(p.kinds("chat-1").count("offer.made") == 1, "a quiet customer was offered anew")


def connect(p, contact):
    p.send("contact.received", {"contact": contact, "channel": "chat"})
    offer = p.expect("offer.made", contact=contact, agent="chad")["data"]["offer"]
    p.send("offer.accept", {"offer": offer, "agent": "chad"})
    p.expect("contact.assigned", contact=contact, agent="chad")
    p.send("contact.connected", {"contact": contact, "agent": "chad"})
    p.expect("contact.connected", contact=contact)


run(story)
