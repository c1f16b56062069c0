"""E-mail: nobody is asked. It is assigned at once, and its agent closes it when it is answered."""

from foreign import check, run


def story(p):
    p.send("agent.set_state", {"agent": "emil", "state": "ready", "channels": ["email"]})
    p.expect("agent.state_changed", agent="emil", state="ready")
    for contact in ("mail-1", "mail-2"):
        p.send("contact.received", {"contact": contact, "channel": "email", "from": "a.customer@example.org"})
        p.expect("contact.assigned", contact=contact, agent="emil")
        check("offer.made" not in p.kinds(contact), "an e-mail was put before somebody as an offer")
    for contact in ("mail-1", "mail-2"):
        p.send("contact.connected", {"contact": contact, "agent": "emil"})
        p.expect("contact.connected", contact=contact)
        p.send("contact.close", {"contact": contact, "agent": "emil", "disposition": "answered"})
        p.expect("contact.closed", contact=contact, outcome="handled")
        p.hold_to_the_order(contact)


run(story)
