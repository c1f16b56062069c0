"""Callback: scheduled; at its time an offer; assigned (dial); the customer does not answer, is tried again, and is there."""

from foreign import check, now, run


def story(p):
    p.send("agent.set_state", {"agent": "cara", "state": "ready", "channels": ["callback"]})
    p.expect("agent.state_changed", agent="cara", state="ready")
    data = {"contact": "back-1", "channel": "callback", "direction": "outbound", "from": "+441632960044"}
    planned = now(ahead_s=1.5)
    p.send("contact.received", dict(data, scheduled_for=planned))
    first = take(p)
    check(first["time"] >= planned, f"the offer of {first['time']} came before its time, {planned}")
    p.send(
        "contact.connect_failed",
        {"contact": "back-1", "side": "customer", "cause": "no answer", "retry_at": now(ahead_s=1.5)},
    )
    second = take(p)
    check(second["data"]["offer"] != first["data"]["offer"], "the second attempt is the first offer again")
    p.send("contact.connected", {"contact": "back-1", "agent": "cara"})
    p.expect("contact.connected", contact="back-1")
    p.send("contact.ended", {"contact": "back-1"})
    p.expect("contact.ended", contact="back-1")
    p.send("contact.close", {"contact": "back-1", "agent": "cara"})
    p.expect("contact.closed", contact="back-1", outcome="handled")
    p.hold_to_the_order("back-1")


def take(p):
    offer = p.expect("offer.made", contact="back-1", agent="cara")
    p.send("offer.accept", {"offer": offer["data"]["offer"], "agent": "cara"})
    p.expect("contact.assigned", contact="back-1", agent="cara")
    return offer


run(story)
