//! The demo's world, against a router that exists only here: everybody is offered to the first agent of their team.

use picket_sim::world::{Tempo, World, place};

fn arrivals(seed: u64) -> Vec<(i64, serde_json::Value)> {
    let mut world = World::new(seed, Tempo::within(12_000), 0);
    let mut sent: Vec<_> = world.opening().into_iter().map(|event| (0, event)).collect();
    while let Some(at) = world.next().filter(|at| *at < 12_000) {
        sent.extend(world.due(at).into_iter().map(|event| (at, event)));
    }
    sent
}

#[test]
fn the_same_seed_plays_the_same_day_and_another_seed_another() {
    assert_eq!(arrivals(7), arrivals(7));
    assert_ne!(arrivals(7), arrivals(8));
}

#[test]
fn enough_valued_customers_call_in_twelve_seconds_and_an_office_stands_empty() {
    let sent = arrivals(1);
    let valued = sent.iter().filter(|(_, event)| event.pointer("/data/identity").is_some()).count();
    assert!(valued >= 40, "{valued}");
    let offline = sent.iter().filter(|(_, event)| event.pointer("/data/state") == Some(&"offline".into())).count();
    assert_eq!(offline, 2, "both people of one team go, and nobody covers for them");
}

#[test]
fn the_world_knows_the_people_and_channels_of_the_demos_rules() {
    let text = include_str!("../../../config/demo-rules/demo.toml");
    let source = picket_rules::Source { name: "demo.toml".to_owned(), text: text.to_owned() };
    let (rules, findings) = picket_rules::RuleSet::parse(&[source]).unwrap_or_else(|all| panic!("{all:#?}"));
    assert!(findings.iter().all(|finding| finding.severity != picket_rules::Severity::Warning), "{findings:#?}");
    let place = place();
    let channels: Vec<&str> = place.channels.keys().map(String::as_str).collect();
    let mut stated: Vec<&str> = rules.channels().collect();
    stated.sort_unstable();
    assert_eq!(channels, stated);
    for team in rules.teams() {
        let known = &place.teams[team];
        let members: Vec<&str> = known.members.iter().map(String::as_str).collect();
        let mut stated: Vec<&str> = rules.members(team).collect();
        stated.sort_unstable();
        assert_eq!(members, stated, "{team}");
        assert_eq!(known.covers, rules.covers(team).collect::<Vec<_>>(), "{team}");
    }
}
