//! Whatever stands in a rule file, its check answers, findings can be shown, and what passes makes a place and plans.
//!
//! A seed is a rule file and, behind a line `%%`, the facts of a contact in JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use picket_core::{Input, Names, Router, Timestamp};
use picket_rules::facts::Facts;
use picket_rules::{RuleSet, Source, render};

const NOW: Timestamp = Timestamp(1_795_435_200_000);

fuzz_target!(|text: &str| {
    let (text, facts) = text.split_once("\n%%\n").unwrap_or((text, ""));
    let facts: Facts = serde_json::from_str(facts).unwrap_or_default();
    let sources = [Source { name: "rules.toml".to_owned(), text: text.to_owned() }];
    match RuleSet::parse(&sources) {
        Err(findings) => {
            assert!(!findings.is_empty(), "refused without a reason");
            assert!(!render::human(&findings, &sources, render::Colour::Plain).is_empty());
        }
        Ok((rules, findings)) => {
            let shown = render::human(&findings, &sources, render::Colour::Plain);
            assert_eq!(shown.is_empty(), findings.is_empty());
            let (mut names, mut fresh, mut events) = (Names::default(), Vec::new(), Vec::new());
            let mut router = Router::default();
            for change in rules.world(&mut names, &mut fresh, NOW) {
                let put = router.handle(NOW, Input::World(Box::new(change)), &mut events);
                assert_eq!(put, Ok(()), "what passed its check is no place");
            }
            let planned = rules.plan(&facts, &names, NOW, 1).expect("what passed its check plans");
            assert!(!planned.plan.steps.is_empty());
            assert_eq!(rules.plan(&facts, &names, NOW, 1).expect("it plans again"), planned);
        }
    }
});
