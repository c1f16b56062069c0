//! No input makes the check panic, and what it accepts always plans.

use picket_core::{Names, Timestamp};
use picket_rules::facts::{ContactFacts, CustomerFacts, Facts};
use proptest::prelude::*;

use super::support::check;

const EXAMPLE: &str = include_str!("files/example.toml");

/// The example with pieces cut out, doubled, swapped or overwritten.
fn mangled() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        "[a-z\"'\\[\\]{}=.,0-9 \n]{0,12}",
        Just("[[team]]\n".to_owned()),
        Just("\u{0}ä\u{1F600}".to_owned()),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, piece), 1..4).prop_map(|edits| {
        let mut chars: Vec<char> = EXAMPLE.chars().collect();
        for (at, cut, piece) in edits {
            let at = at.index(chars.len());
            let end = (at + cut).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

/// The example without some of its lines.
fn thinned() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    prop::collection::vec(any::<prop::sample::Index>(), 1..6).prop_map(move |gone| {
        let gone: Vec<usize> = gone.iter().map(|index| index.index(lines.len())).collect();
        let kept = lines.iter().enumerate().filter(|(at, _)| !gone.contains(at));
        kept.map(|(_, line)| format!("{line}\n")).collect()
    })
}

fn judge(text: &str, facts: &Facts) {
    match check(text) {
        Err(findings) => {
            assert!(!findings.is_empty());
            for place in findings.iter().filter_map(|finding| finding.place.as_ref()) {
                assert!(place.span.start <= place.span.end && place.span.end <= text.len(), "{place:?}");
            }
            let sources = [super::support::source(text)];
            let shown = picket_rules::render::human(&findings, &sources, picket_rules::render::Colour::Plain);
            assert!(!shown.is_empty());
        }
        Ok((set, _)) => {
            let (mut names, mut fresh) = (Names::default(), Vec::new());
            let _ = set.world(&mut names, &mut fresh, Timestamp(0));
            let planned = set.plan(facts, &names, Timestamp(0), 1).unwrap();
            assert!(!planned.plan.steps.is_empty());
            assert_eq!(set.plan(facts, &names, Timestamp(0), 1).unwrap(), planned);
        }
    }
}

fn facts() -> impl Strategy<Value = Facts> {
    let word = prop::sample::select(vec!["voice", "email", "fraud", "order", "jhu", "hopkins", "ann", "fr", ""]);
    let word = word.prop_map(str::to_owned);
    (prop::collection::vec(word, 8), any::<i64>(), any::<i64>(), any::<bool>()).prop_map(
        |(mut words, lifetime_value, influence, was_valued)| {
            let mut next = || words.pop().unwrap_or_default();
            let contact = ContactFacts {
                channel: next(),
                topic: Some(next()),
                language: Some(next()),
                to: Some(next()),
                ..ContactFacts::default()
            };
            let customer = CustomerFacts {
                account: Some(next()),
                team: Some(next()).filter(|team| !team.is_empty()),
                lead: Some(next()),
                lifetime_value: Some(lifetime_value),
                influence: Some(influence),
                ..CustomerFacts::default()
            };
            Facts { contact, customer: Some(customer), was_valued, ..Facts::default() }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_files_are_taken_or_refused_and_never_panic(text in mangled(), facts in facts()) {
        judge(&text, &facts);
    }

    #[test]
    fn files_with_lines_missing_are_taken_or_refused_and_never_panic(text in thinned(), facts in facts()) {
        judge(&text, &facts);
    }
}
