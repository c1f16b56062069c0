//! The examples that the documentation shows pass their own check.

use std::path::Path;

use picket_core::{Hold, Kind, Millis, PromisedBy, TeamId, Who};
use picket_rules::RuleSet;
use picket_rules::facts::{ContactFacts, CustomerFacts, Facts};

use super::support::{Applied, check, errors};

const EXAMPLE: &str = include_str!("files/example.toml");

fn chief_scientist() -> Facts {
    let contact = ContactFacts {
        channel: "voice".to_owned(),
        topic: Some("delivery.late".to_owned()),
        ..ContactFacts::default()
    };
    let customer = CustomerFacts {
        account: Some("jhu".to_owned()),
        lifetime_value: Some(120_000),
        influence: Some(5),
        ..CustomerFacts::default()
    };
    Facts { contact, customer: Some(customer), ..Facts::default() }
}

#[test]
fn the_example_of_the_design_passes_its_own_check() {
    let found = check(EXAMPLE).map(|(_, findings)| findings);
    assert!(found.is_ok(), "{:#?}", errors(&found.unwrap_err()));
}

#[test]
fn the_worked_example_passes_without_a_warning() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/rules");
    let (set, findings) = RuleSet::load(&path).unwrap_or_else(|findings| panic!("{:#?}", errors(&findings)));
    assert_eq!(findings, [], "{findings:#?}");
    assert!(set.agents().count() >= 12 && set.teams().count() >= 3 && set.channels().count() >= 4);
}

#[test]
fn the_chief_scientist_waits_for_ann_then_the_service_role_then_the_covers() {
    let applied = Applied::new(check(EXAMPLE).unwrap().0);
    let planned = applied.plan(&chief_scientist());
    let plan = planned.plan;
    assert_eq!(plan.fence, applied.names.find(Kind::Team, "hopkins").map(TeamId));
    assert_eq!(plan.promise.by, PromisedBy::Lead);
    assert_eq!(plan.longest, Some(Millis::from_secs(900)));
    let who: Vec<Who> = plan.steps.iter().map(|step| step.who).collect();
    assert!(matches!(who.as_slice(), [Who::Lead, Who::Team(Some(_)), Who::Covers]), "{who:?}");
    assert_eq!(plan.steps[0].holds.busy, Hold::For(Millis::from_secs(30)));
    assert_eq!(plan.steps[0].holds.absent, Hold::For(Millis::ZERO));
    assert!(planned.valued.valued);
}
