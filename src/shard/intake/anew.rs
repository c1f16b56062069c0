//! Decides what the rules in force entitle a contact to that is here already, from what was kept of it.

use picket_core::{ContactId, CustomerId, Kind, Plan, Relation, Replanning, TeamId};

use super::contacts::{account_of, plan, relation, valuation};
use super::{Context, Refused};
use crate::contract::Code;
use crate::shard::ports::DirectoryWrite;
use crate::shard::record::ShellFact;

/// A contact planned anew.
#[derive(Debug)]
pub(in crate::shard) struct Anew {
    pub(in crate::shard) plan: Box<Plan>,
    /// What ties its customer to agents, where that changed or another team's people come into question.
    pub(in crate::shard) relation: Option<Box<Relation>>,
    /// Its customer entered or left the circle of valued ones.
    pub(in crate::shard) valued: Option<(ShellFact, DirectoryWrite)>,
    /// Its plan goes by another account.
    pub(in crate::shard) account: Option<ShellFact>,
}

/// Plans a contact anew.
pub(in crate::shard) fn planned_anew(
    context: &mut Context<'_>,
    contact: ContactId,
    because: Replanning,
) -> Result<Anew, Refused> {
    let name = context.state.names.text(Kind::Contact, contact.0).unwrap_or_default();
    let Some(row) = context.lookup.contact_named(name) else {
        return Err(Refused::new(Code::PlanFailed, "nothing was kept of this contact to plan it from"));
    };
    let identified = context.lookup.identify(row.customer.as_deref(), row.account.as_deref());
    let planned = plan(context, row.facts, &identified)?;
    let customer = row.customer.as_ref().map(|id| {
        let hash = context.lookup.pepper.hash("customer", id);
        (CustomerId(context.intern(Kind::Customer, &hash)), hash)
    });
    let valued = customer.as_ref().and_then(|(number, hash)| valuation(hash, *number, &identified, &planned));
    let before = context.state.router.contact(contact).and_then(|view| view.fence).map(|fence| fence.team);
    let team = planned.team.as_deref().and_then(|team| context.state.names.find(Kind::Team, team)).map(TeamId);
    let relation = (because == Replanning::Customer || team != before)
        .then(|| Box::new(relation(context, &identified, customer.map(|(number, _)| number), planned.team.as_deref())));
    let account = account_of(context, contact, &identified);
    Ok(Anew { plan: Box::new(planned.plan), relation, valued, account })
}
