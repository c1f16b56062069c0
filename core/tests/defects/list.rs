//! The list of reported defects and the table of the design's paragraphs are whole, and every test that they name exists.

use std::fs;
use std::path::{Path, PathBuf};

/// Paragraphs of the design of routing, bullets and invariants counted singly.
const PARAGRAPHS: usize = 46;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the core lies in the workspace").to_path_buf()
}

/// The numbered rows of a table: number, subject, and the tests named for it or the reason why there are none.
fn rows(document: &str) -> Vec<[String; 3]> {
    let text = fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"));
    let cells = text.lines().filter(|line| line.starts_with("| ")).map(|line| line.split('|').map(str::trim));
    let rows = cells.map(|cells| cells.skip(1).take(3).map(str::to_owned).collect::<Vec<_>>());
    let rows = rows.filter_map(|cells| <[String; 3]>::try_from(cells).ok());
    rows.filter(|row| row[0].parse::<usize>().is_ok()).collect()
}

/// How many tests a document names; fails where one does not exist, or a row has neither a test nor one of the reasons.
fn named_tests(document: &str, length: usize, reasons: &[&str]) -> usize {
    let rows = rows(document);
    let numbered: Vec<usize> = rows.iter().filter_map(|row| row[0].parse().ok()).collect();
    assert_eq!(numbered, (1..=length).collect::<Vec<_>>(), "{document}: every number has its row");
    let mut named = 0;
    for [number, _, proof] in &rows {
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
fn every_paragraph_of_the_design_of_routing_names_tests_that_exist() {
    let named = named_tests("docs/routing-stories.md", PARAGRAPHS, &[]);
    assert!(named >= 4 * PARAGRAPHS, "{named} tests are named");
}
