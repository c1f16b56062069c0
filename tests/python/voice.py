"""Voice: received, queued, offer.made (ring her), accept, assigned (connect them), connected, ended, close."""

from foreign import check, run


def story(p):
    p.send("agent.set_state", {"agent": "vera", "state": "ready", "channels": ["voice"]})
    p.expect("agent.state_changed", agent="vera", state="ready")
    p.send("contact.received", {"contact": "call-1", "channel": "voice", "from": "+441632960011"})
    p.expect("contact.queued", contact="call-1")
    offer = p.expect("offer.made", contact="call-1", agent="vera")["data"]["offer"]
    p.send("offer.accept", {"offer": offer, "agent": "vera", "contact": "call-1"})
    p.expect("contact.assigned", contact="call-1", agent="vera")
    p.send("contact.connected", {"contact": "call-1", "agent": "vera"})
    p.expect("contact.connected", contact="call-1")
    p.send("contact.ended", {"contact": "call-1"})
    p.expect("contact.ended", contact="call-1")
    p.send("contact.close", {"contact": "call-1", "agent": "vera", "note": "prefers mornings"})
    p.expect("contact.closed", contact="call-1", outcome="handled")
    p.hold_to_the_order("call-1")
    check("offer.expired" not in p.kinds("call-1"), p.kinds("call-1"))


run(story)
