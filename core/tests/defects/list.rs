//! The lists of reported defects and of failure windows and the table of the design's paragraphs are whole, and every
//! test that they name exists.

use std::fs;
use std::path::PathBuf;

/// Paragraphs of the design of routing, bullets and invariants counted singly.
const PARAGRAPHS: usize = 46;

fn root() -> PathBuf {
    // Where tests are run from, and not where they were compiled: a build that is kept may come from another clone.
    PathBuf::from("..")
}

/// The numbered rows of a table: number, and the tests named for it or the reason why there are none, in the last column.
fn rows(document: &str) -> Vec<(usize, String)> {
    let text = fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.trim_end().trim_end_matches('|').split('|').map(str::trim);
        let number = cells.next()?.trim_start_matches('W').parse().ok()?;
        Some((number, cells.next_back()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

/// How many tests a document names; fails where one does not exist, or a row has neither a test nor one of the reasons.
fn named_tests(document: &str, length: usize, reasons: &[&str]) -> usize {
    let rows = rows(document);
    let numbered: Vec<usize> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbered, (1..=length).collect::<Vec<_>>(), "{document}: every number has its row");
    let mut named = 0;
    for (number, proof) in &rows {
        let mut found = 0;
        for (file, test) in proof.split('`').filter_map(|word| word.split_once("::")) {
            let path = root().join(file);
            let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{document} {number}: {file}: {error}"));
            assert!(text.contains(&format!("fn {test}(")), "{document} {number}: {file} has no test {test}");
            found += 1;
        }
        let is_excused = reasons.iter().any(|reason| proof.to_lowercase().contains(reason));
        assert!(found > 0 || is_excused, "{document} {number}: neither a test nor a reason");
        named += found;
    }
    named
}

#[test]
fn every_test_that_the_list_of_defects_names_exists() {
    let named = named_tests("docs/defects.md", 50, &["cannot happen", "missing"]);
    assert!(named >= 50, "{named} tests are named");
}

#[test]
fn every_test_that_the_list_of_failure_windows_names_exists() {
    let named = named_tests("docs/windows.md", 60, &["cannot happen", "missing"]);
    assert!(named >= 30, "{named} tests are named");
}

#[test]
fn every_paragraph_of_the_design_of_routing_names_tests_that_exist() {
    let named = named_tests("docs/routing-stories.md", PARAGRAPHS, &[]);
    assert!(named >= 4 * PARAGRAPHS, "{named} tests are named");
}
