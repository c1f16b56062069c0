//! Decides which live contacts are whose, and which of them are still to be planned anew because their customer or their
//! account changed.
//!
//! Who waits is planned anew at once. Who is with an agent keeps the plan until the contact waits again.

use std::collections::{BTreeMap, BTreeSet};

use picket_core::{ContactFact, ContactId, CustomerId};
use serde::{Deserialize, Serialize};

/// Live contacts by customer and account. The same records give the same ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ties {
    whose: BTreeMap<ContactId, Whose>,
    of_customer: BTreeMap<CustomerId, BTreeSet<ContactId>>,
    of_account: BTreeMap<String, BTreeSet<ContactId>>,
    /// To be planned anew now.
    stale: BTreeSet<ContactId>,
    /// To be planned anew once they wait again.
    later: BTreeSet<ContactId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Whose {
    customer: Option<CustomerId>,
    account: Option<String>,
}

impl Ties {
    /// Notes what an event says of whose a contact is, and whether it waits.
    pub(super) fn note(&mut self, contact: ContactId, fact: &ContactFact) {
        match fact {
            ContactFact::Received(arrival) => self.tie_customer(contact, arrival.customer),
            ContactFact::Identified(relation) => self.tie_customer(contact, relation.customer),
            ContactFact::Replanned { .. } => self.stands(contact),
            ContactFact::Assigned { .. } => {
                if self.stale.remove(&contact) {
                    self.later.insert(contact);
                }
            }
            ContactFact::Requeued { .. } | ContactFact::Scheduled { .. } => {
                if self.later.remove(&contact) {
                    self.stale.insert(contact);
                }
            }
            ContactFact::Closed { .. } => self.untie(contact),
            ContactFact::Due
            | ContactFact::StepEntered { .. }
            | ContactFact::PlanExhausted { .. }
            | ContactFact::Connected
            | ContactFact::ConnectFailed { .. }
            | ContactFact::WrapUp { .. }
            | ContactFact::Parked
            | ContactFact::Resumed { .. }
            | ContactFact::Transferred { .. }
            | ContactFact::Orphaned { .. }
            | ContactFact::Stalled
            | ContactFact::CallbackWanted
            | ContactFact::Held { .. }
            | ContactFact::Consulted { .. }
            | ContactFact::ConsultEnded
            | ContactFact::Overflowed { .. } => {}
        }
    }

    fn tie_customer(&mut self, contact: ContactId, customer: Option<CustomerId>) {
        let whose = self.whose.entry(contact).or_default();
        if let Some(before) = std::mem::replace(&mut whose.customer, customer) {
            leave(&mut self.of_customer, &before, contact);
        }
        if let Some(customer) = customer {
            self.of_customer.entry(customer).or_default().insert(contact);
        }
    }

    /// A contact's plan goes by this account.
    pub(super) fn tie_account(&mut self, contact: ContactId, account: Option<&str>) {
        let whose = self.whose.entry(contact).or_default();
        if let Some(before) = std::mem::replace(&mut whose.account, account.map(str::to_owned)) {
            leave(&mut self.of_account, &before, contact);
        }
        if let Some(account) = account {
            self.of_account.entry(account.to_owned()).or_default().insert(contact);
        }
    }

    fn untie(&mut self, contact: ContactId) {
        self.stands(contact);
        self.tie_customer(contact, None);
        self.tie_account(contact, None);
        self.whose.remove(&contact);
    }

    /// The account that a contact's plan goes by.
    pub(super) fn account(&self, contact: ContactId) -> Option<&str> {
        self.whose.get(&contact)?.account.as_deref()
    }

    /// Whether a customer has live contacts.
    pub(super) fn is_customer_here(&self, customer: CustomerId) -> bool {
        self.of_customer.contains_key(&customer)
    }

    /// Whether an account has live contacts.
    pub(super) fn is_account_here(&self, account: &str) -> bool {
        self.of_account.contains_key(account)
    }

    /// A customer changed. `waits` tells whether a contact waits now.
    pub(super) fn customer_changed(&mut self, customer: CustomerId, waits: impl Fn(ContactId) -> bool) {
        let theirs: Vec<ContactId> = self.of_customer.get(&customer).into_iter().flatten().copied().collect();
        self.outdate(theirs, waits);
    }

    /// An account changed. `waits` tells whether a contact waits now.
    pub(super) fn account_changed(&mut self, account: &str, waits: impl Fn(ContactId) -> bool) {
        let theirs: Vec<ContactId> = self.of_account.get(account).into_iter().flatten().copied().collect();
        self.outdate(theirs, waits);
    }

    fn outdate(&mut self, contacts: Vec<ContactId>, waits: impl Fn(ContactId) -> bool) {
        for contact in contacts {
            let set = if waits(contact) { &mut self.stale } else { &mut self.later };
            set.insert(contact);
        }
    }

    /// A contact was planned anew, or its plan is to stand.
    pub(super) fn stands(&mut self, contact: ContactId) {
        self.stale.remove(&contact);
        self.later.remove(&contact);
    }

    /// Contacts to be planned anew now, in order of their number.
    pub(super) fn stale(&self) -> impl Iterator<Item = ContactId> {
        self.stale.iter().copied()
    }
}

fn leave<K: Ord>(index: &mut BTreeMap<K, BTreeSet<ContactId>>, key: &K, contact: ContactId) {
    if let Some(contacts) = index.get_mut(key) {
        contacts.remove(&contact);
        if contacts.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use picket_core::{AgentId, Assignment, Bypass, Outcome, Relation, RequeueCause, Standing};

    use super::*;

    const CHIEF: CustomerId = CustomerId(3);

    fn is_of(customer: Option<CustomerId>) -> ContactFact {
        ContactFact::Identified(Box::new(Relation { customer, ..Relation::default() }))
    }

    fn assigned() -> ContactFact {
        ContactFact::Assigned {
            agent: AgentId(0),
            how: Assignment::Auto,
            standing: Standing::Queue,
            over_capacity: false,
            bypassed: Bypass::default(),
        }
    }

    fn stale(ties: &Ties) -> Vec<u32> {
        ties.stale().map(|contact| contact.0).collect()
    }

    #[test]
    fn who_is_with_an_agent_is_planned_anew_once_the_contact_waits_again() {
        let mut ties = Ties::default();
        for contact in [1, 2, 3] {
            ties.note(ContactId(contact), &is_of(Some(CHIEF)));
        }
        ties.customer_changed(CHIEF, |contact| contact != ContactId(2));
        assert_eq!(stale(&ties), [1, 3]);
        ties.note(ContactId(3), &assigned());
        assert_eq!(stale(&ties), [1]);
        for contact in [2, 3] {
            ties.note(ContactId(contact), &ContactFact::Requeued { cause: RequeueCause::Agent });
        }
        ties.stands(ContactId(1));
        assert_eq!(stale(&ties), [2, 3]);
    }

    #[test]
    fn a_contact_that_is_over_or_somebody_elses_leaves_nothing_behind() {
        let mut ties = Ties::default();
        ties.note(ContactId(1), &is_of(Some(CHIEF)));
        ties.tie_account(ContactId(1), Some("lab"));
        ties.note(ContactId(1), &is_of(Some(CustomerId(4))));
        assert!(!ties.is_customer_here(CHIEF) && ties.is_account_here("lab"));
        ties.account_changed("lab", |_| true);
        assert_eq!(stale(&ties), [1]);
        ties.note(ContactId(1), &ContactFact::Closed { outcome: Outcome::Expired });
        assert_eq!(ties, Ties::default());
    }
}
