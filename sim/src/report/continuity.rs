//! Decides how continuity is measured: how much of a customer's contacts one person has, beside what chance would give.

use std::collections::BTreeMap;

use super::batch::{Figure, ratio};
use super::controls::Controls;
use crate::simulate::Visit;

/// Contacts below which a customer says nothing about continuity.
const LEAST: usize = 3;

/// Parts into which customers are divided, for the half-widths.
const PARTS: usize = 20;

/// Continuity of one customer with at least two contacts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Indexes {
    /// Usual provider: the largest share that one agent has.
    pub upc: f64,
    /// Bice and Boxerman (1977): how concentrated the shares are.
    pub coc: f64,
    /// Steinwachs (1979): the share of contacts with the same agent as the one before.
    pub secon: f64,
}

/// The indexes of a customer's agents, in order of contact; `None` with fewer than two.
#[must_use]
pub fn indexes(agents: &[u32]) -> Option<Indexes> {
    if agents.len() < 2 {
        return None;
    }
    let mut counts: BTreeMap<u32, f64> = BTreeMap::new();
    agents.iter().for_each(|agent| *counts.entry(*agent).or_default() += 1.0);
    let all = number(agents.len());
    let most = counts.values().copied().fold(0.0, f64::max);
    let squares: f64 = counts.values().map(|count| count * count).sum();
    let same = agents.windows(2).filter(|pair| matches!(pair, [one, next] if one == next)).count();
    Some(Indexes { upc: most / all, coc: (squares - all) / (all * (all - 1.0)), secon: number(same) / (all - 1.0) })
}

/// The figures of a class, over every replication's customers; nothing where customers are not known.
pub(super) fn figures<'a>(replications: impl Iterator<Item = &'a [Vec<Visit>]>) -> Vec<Figure> {
    let mut parts = [[(0.0, 0.0); 4]; PARTS];
    for customers in replications {
        let shares = Shares::of(customers);
        for (customer, visits) in customers.iter().enumerate().filter(|(_, visits)| visits.len() >= LEAST) {
            let agents: Vec<u32> = visits.iter().map(|visit| visit.agent).collect();
            let Some(found) = indexes(&agents) else { continue };
            let Some(part) = parts.get_mut(customer % PARTS) else { continue };
            let chance: f64 = visits.windows(2).map(|pair| shares.by_chance(pair)).sum();
            let pairs = number(visits.len() - 1);
            let sums = [(found.upc, 1.0), (found.coc, 1.0), (found.secon * pairs, pairs), (chance, pairs)];
            part.iter_mut().zip(sums).for_each(|(own, (above, below))| *own = (own.0 + above, own.1 + below));
        }
    }
    let names = ["continuity_upc", "continuity_coc", "continuity_secon", "continuity_by_chance"];
    let figures = names.iter().enumerate().map(|(at, name)| {
        let pairs: Vec<_> = parts.iter().filter_map(|part| part.get(at).copied()).collect();
        ratio(name, &pairs, 1.0, &Controls::default())
    });
    figures.filter(|figure| figure.half_width.is_some()).collect()
}

/// Which share of an hour's contacts of the class each agent had.
struct Shares {
    by_hour: BTreeMap<i64, (f64, BTreeMap<u32, f64>)>,
}

impl Shares {
    fn of(customers: &[Vec<Visit>]) -> Self {
        let mut by_hour: BTreeMap<i64, (f64, BTreeMap<u32, f64>)> = BTreeMap::new();
        for visit in customers.iter().flatten() {
            let (all, agents) = by_hour.entry(visit.hour).or_default();
            *all += 1.0;
            *agents.entry(visit.agent).or_default() += 1.0;
        }
        Self { by_hour }
    }

    /// The chance that any contact of the second one's hour was with the agent of the first one.
    fn by_chance(&self, pair: &[Visit]) -> f64 {
        let [first, second] = pair else { return 0.0 };
        let Some((all, agents)) = self.by_hour.get(&second.hour) else { return 0.0 };
        agents.get(&first.agent).map_or(0.0, |own| own / all)
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::indexes;

    /// A, B, C and D are 0 to 3.
    #[test]
    fn the_indexes_of_four_contacts_are_those_of_the_literature() {
        let cases = [
            ([0, 0, 0, 0], (1.0, 1.0, 1.0)),
            ([0, 0, 1, 1], (0.5, 1.0 / 3.0, 2.0 / 3.0)),
            ([0, 1, 0, 1], (0.5, 1.0 / 3.0, 0.0)),
            ([0, 1, 2, 3], (0.25, 0.0, 0.0)),
        ];
        for (agents, (upc, coc, secon)) in cases {
            let found = indexes(&agents).expect("four contacts");
            let near = |one: f64, other: f64| (one - other).abs() < 1e-12;
            assert!(near(found.upc, upc) && near(found.coc, coc) && near(found.secon, secon), "{agents:?}: {found:?}");
        }
        assert_eq!(indexes(&[1]), None);
    }
}
