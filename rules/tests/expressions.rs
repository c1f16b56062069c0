//! What expressions may say, what they yield, and what is refused, seen through points of a scorecard.

use cel::{Context, Program, Value};
use picket_core::Timestamp;
use picket_rules::facts::{CustomerFacts, Facts};
use picket_rules::{Code, Finding, RuleSet};
use proptest::prelude::*;

use super::support::check;

fn rules(points: &str) -> String {
    format!(
        "topics = [\"a.b\", \"c\"]\n[hours.office]\nopen = \"Mo-Fr 09:00-17:00\"\n[channel.voice]\nclass = \"live\"\nlongest = \"9m\"\n[scorecard]\nenter = 2\nleave = 1\npoints.x = '''{points}'''\n[[queue]]\nid = \"general\"\n[[queue_rule]]\nqueue = \"general\"\n"
    )
}

fn set(points: &str) -> Result<RuleSet, Vec<Finding>> {
    check(&rules(points)).map(|(set, _)| set)
}

fn facts() -> Facts {
    let customer = CustomerFacts {
        id: Some("c1".to_owned()),
        segment: Some("hospital".to_owned()),
        influence: Some(7),
        nuisance: Some(0),
        prefers: vec!["ann".to_owned()],
        attributes: [("tier".to_owned(), "gold".to_owned())].into(),
        ..CustomerFacts::default()
    };
    Facts { customer: Some(customer), ..Facts::default() }
}

/// Monday 2026-11-23, 12:30 UTC.
const NOON: Timestamp = Timestamp(1_795_437_000_000);

fn score(points: &str) -> i64 {
    let set = set(points).unwrap_or_else(|findings| panic!("{points}: {findings:#?}"));
    set.value(&facts(), NOON).score
}

fn holds(condition: &str) -> bool {
    score(&format!("({condition}) ? 1 : 0")) == 1
}

fn refused(points: &str) -> Code {
    set(points).expect_err(points)[0].code
}

#[test]
fn operators_functions_and_fields_yield_what_they_say() {
    for condition in [
        "customer.influence == 7 && 7 % 4 == 3 && -7 / 2 == -3",
        "customer.segment.startsWith(\"hos\") && customer.segment.endsWith(\"al\") && customer.segment.contains(\"spit\")",
        "customer.segment.matches(\"^h.*l$\") && !customer.segment.matches(\"^x\")",
        "\"ann\" in customer.prefers && !(\"bola\" in customer.prefers) && size(customer.prefers) == 1",
        "customer.influence in [1, 7] && customer.segment in [\"x\", \"hospital\"] && !(1 in [])",
        "has(customer.segment) && !has(customer.region) && has(customer.attributes.tier)",
        "customer.attributes.tier == \"gold\" && customer.attributes[\"tier\"] == \"gold\" && customer.attributes.none == \"\"",
        "min(3, 1, 2) == 1 && max([1, 5]) == 5 && min(1.5, 2) == 1.5",
        "size(\"grün\") == 4 && \"a\" + \"b\" == \"ab\" && \"a\" < \"b\"",
        "customer.relationship == \"standard\" && customer.lifetime_value == 0 && customer.team == \"\"",
        "now.weekday == 1 && now.hour == 12 && now.minute == 30 && now.day == 23 && now.month == 11",
        "open(\"office\") && now.open(\"office\")",
        "queue(\"general\").length == 0 && queue(\"general\").service <= 100",
        "1 < 1.5 && 2 == 2.0 && true == (1 == 1) && (true ? 1 : 2.5) == 1.0",
    ] {
        assert!(holds(condition), "{condition}");
    }
}

#[test]
fn nothing_fails_at_run_time() {
    assert_eq!(score("100 / customer.nuisance"), 0);
    assert_eq!(score("100 % customer.nuisance"), 0);
    assert_eq!(score("1.0 / 0.0 + 3.0"), 3);
    assert_eq!(score("9223372036854775807 + customer.influence"), i64::MAX);
    assert_eq!(score("-9223372036854775807 - customer.influence"), i64::MIN);
    assert!(holds("1e308 * 10.0 > 1e307"));
}

#[test]
fn what_does_not_fit_is_refused_with_its_code() {
    for (points, code) in [
        ("customer.influenec", Code::UnknownField),
        ("custmer.influence", Code::UnknownField),
        ("customer", Code::UnknownField),
        ("customer.valued ? 1 : 0", Code::UnknownField),
        ("team.size", Code::UnknownField),
        ("frobnicate(1)", Code::UnknownField),
        ("queue(\"general\").size", Code::UnknownField),
        ("customer.influence > \"5\" ? 1 : 0", Code::TypeMismatch),
        ("customer.segment + 1", Code::TypeMismatch),
        ("customer.segment", Code::TypeMismatch),
        ("customer.segment && true ? 1 : 0", Code::TypeMismatch),
        ("(true ? 1 : \"x\")", Code::TypeMismatch),
        ("\"x\" in [1, 2] ? 1 : 0", Code::TypeMismatch),
        ("[1, \"x\"] == [1] ? 1 : 0", Code::TypeMismatch),
        ("customer.segment.matches(customer.region) ? 1 : 0", Code::TypeMismatch),
        ("customer.segment.matches(\"(\") ? 1 : 0", Code::ExpressionSyntax),
        ("customer.segment.matches(\"(a{1000}){1000}\") ? 1 : 0", Code::TooCostly),
        ("contact.topic == \"d\" ? 1 : 0", Code::UnknownName),
        ("contact.topic.startsWith(\"x\") ? 1 : 0", Code::UnknownName),
        ("customer.relationship == \"distant\" ? 1 : 0", Code::UnknownName),
        ("open(\"nights\") ? 1 : 0", Code::UnknownName),
        ("queue(\"special\").length", Code::UnknownName),
        ("1 +", Code::ExpressionSyntax),
        ("", Code::ExpressionSyntax),
        ("null", Code::ExpressionSyntax),
        ("1u", Code::ExpressionSyntax),
        ("{\"a\": 1}", Code::ExpressionSyntax),
        ("[1].map(x, x)", Code::ExpressionSyntax),
    ] {
        assert_eq!(refused(points), code, "{points}");
    }
    let long = format!("1{}", " + 1".repeat(300));
    assert_eq!(refused(&long), Code::TooCostly);
    assert_eq!(refused(&format!("{}1{}", "(".repeat(30), ")".repeat(30))), Code::TooCostly);
    assert_eq!(refused(&format!("size(\"{}\")", "x".repeat(5000))), Code::TooCostly);
}

#[test]
fn a_misspelt_field_is_shown_where_it_stands_with_a_suggestion() {
    let text = rules("1 + customer.influenec");
    let finding = check(&text).unwrap_err().remove(0);
    let place = finding.place.unwrap();
    assert_eq!(&text[place.span], "customer.influenec");
    assert_eq!(finding.help.as_deref(), Some("did you mean `influence`?"));
}

/// An expression of whole numbers, as text.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-50i64..50).prop_map(|n| if n < 0 { format!("({n})") } else { n.to_string() }),
        Just("customer.influence".to_owned()),
        Just("size(customer.segment)".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("-({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} < {b} ? {b} : {c})")),
        ]
    })
}

/// A condition, as text.
fn condition() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec!["customer.segment", "customer.id", "\"hos\"", "\"hospital\"", "\"\""]);
    let compare = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (number(), compare.clone(), number()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text.clone(), compare, text.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
        (text.clone(), prop::sample::select(vec!["startsWith", "endsWith", "contains"]), text.clone())
            .prop_map(|(a, call, b)| format!("{a}.{call}({b})")),
        (text.clone(), text.clone(), text).prop_map(|(a, b, c)| format!("{a} in [{b}, {c}]")),
        (number(), number(), number()).prop_map(|(a, b, c)| format!("{a} in [{b}, {c}]")),
    ];
    leaf.prop_recursive(3, 10, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["&&", "||", "=="]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
        ]
    })
}

/// What the reference interpreter says, if it says anything.
fn reference(expression: &str) -> Option<Value> {
    let program = Program::compile(expression).ok()?;
    let mut context = Context::default();
    let customer: std::collections::HashMap<String, Value> = [
        ("segment".to_owned(), Value::from("hospital")),
        ("id".to_owned(), Value::from("c1")),
        ("influence".to_owned(), Value::Int(7)),
    ]
    .into();
    context.add_variable_from_value("customer", customer);
    program.execute(&context).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn numbers_agree_with_the_reference_interpreter(expression in number()) {
        if let (Ok(set), Some(Value::Int(expected))) = (set(&expression), reference(&expression)) {
            // Points are rounded through a float; beyond 2^53 only nearness can be asked for.
            prop_assume!(expected.abs() < 1 << 53);
            prop_assert_eq!(set.value(&facts(), NOON).score, expected, "{}", expression);
        }
    }

    #[test]
    fn conditions_agree_with_the_reference_interpreter(expression in condition()) {
        let ours = set(&format!("({expression}) ? 1 : 0"));
        if let (Ok(set), Some(Value::Bool(expected))) = (ours, reference(&expression)) {
            prop_assert_eq!(set.value(&facts(), NOON).score == 1, expected, "{}", expression);
        }
    }

    #[test]
    fn any_text_as_an_expression_is_taken_or_refused(text in "[ -~äß]{0,60}") {
        let text = text.replace("'''", "");
        if let Ok(set) = set(&text) {
            let _ = set.value(&facts(), NOON);
        }
    }
}
