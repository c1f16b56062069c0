"""A contact from the agent's log-in to its end, in structured and binary mode, and an answer that comes too late."""

from foreign import check, run


def story(p):
    p.send("agent.set_state", {"agent": "ann", "state": "ready", "channels": ["sms"]}, answered=True)
    check(p.answer()["result"] == "accepted", "the agent's state was not accepted")
    p.expect("agent.state_changed", agent="ann", state="ready")

    received = p.send("contact.received", {"contact": "c-1", "channel": "sms", "from": "+441632960001"}, answered=True)
    answer = p.answer()
    check((answer["id"], answer["result"]) == (received, "accepted"), answer)
    p.expect("contact.queued", contact="c-1")
    offer = p.expect("offer.made", contact="c-1", agent="ann")
    p.send_binary("offer.accept", {"offer": offer["data"]["offer"], "agent": "ann"})
    p.expect("offer.accepted", offer=offer["data"]["offer"])
    p.expect("contact.assigned", contact="c-1", agent="ann")
    p.send("contact.connected", {"contact": "c-1", "agent": "ann"})
    p.expect("contact.connected", contact="c-1")
    p.send("contact.close", {"contact": "c-1", "agent": "ann", "disposition": "answered"})
    p.expect("contact.closed", contact="c-1", outcome="handled")
    p.hold_to_the_order("c-1")

    # The same event again changes nothing and is answered as it was.
    p.send("contact.received", {"contact": "c-1", "channel": "sms", "from": "+441632960001"}, event_id=received)
    late(p)


def late(p):
    p.send("contact.received", {"contact": "c-2", "channel": "sms"})
    missed = p.expect("offer.made", contact="c-2", agent="ann")["data"]["offer"]
    p.expect("offer.expired", offer=missed)
    accept = p.send("offer.accept", {"offer": missed, "agent": "ann"})
    rejected = p.expect("command.rejected", id=accept)
    check(rejected["data"]["code"] in ("offer_expired", "offer_gone"), rejected["data"])
    check(rejected["data"]["source"] == p.source, rejected["data"])
    p.send("contact.abandoned", {"contact": "c-2"})
    p.expect("contact.closed", contact="c-2", outcome="abandoned")
    p.hold_to_the_order("c-2")


run(story)
