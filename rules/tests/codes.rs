//! Every kind of finding has a page, and the page of defaults says what the code does.

use picket_rules::{Code, DEFAULTS};

#[test]
fn every_code_has_a_page_with_cause_and_remedy() {
    for code in Code::ALL {
        let page = code.page().unwrap_or_else(|| panic!("{} has no page", code.text()));
        assert!(page.starts_with(&format!("### {} {}", code.text(), code.title())), "{page}");
        assert!(page.contains("**Cause.**") && page.contains("**Remedy.**"), "{page}");
        assert_eq!(page.matches("\n### ").count(), 0, "{page}");
    }
}

#[test]
fn codes_are_numbered_without_gaps_and_read_in_either_case() {
    for (number, code) in (1..).zip(Code::ALL) {
        assert_eq!(code.text(), format!("R{number:03}"));
        assert_eq!(Code::parse(&code.text().to_lowercase()), Some(*code));
    }
}

#[test]
fn the_page_lists_every_default() {
    let page = include_str!("../../docs/rules.md");
    for (key, value, meaning) in DEFAULTS {
        let row = format!("| {key} | {value} | {meaning} |");
        assert!(page.contains(&row), "the page lacks: {row}");
    }
}

#[test]
fn the_schema_names_every_section_and_refuses_others() {
    let schema = picket_rules::schema();
    let properties = schema["properties"].as_object().unwrap();
    for section in ["agent", "team", "queue", "classify", "fence", "queue_rule", "expect", "scorecard"] {
        assert!(properties.contains_key(section), "{section}");
    }
    assert_eq!(schema["additionalProperties"], false);
}
