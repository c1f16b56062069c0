//! The list of reported defects is whole, and every test that it names exists.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_list_of_defects_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the core lies in the workspace");
    let list = fs::read_to_string(root.join("docs/defects.md")).expect("the list is there");
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let numbered: Vec<usize> = rows.iter().filter_map(|row| row.get(1)?.parse().ok()).collect();
    assert_eq!(numbered, (1..=50).collect::<Vec<_>>(), "every defect has its row");
    let mut named = 0;
    for row in rows.iter().filter(|row| row[1].parse::<usize>().is_ok()) {
        let tests = row[3].split('`').filter_map(|word| word.split_once("::"));
        let mut found = 0;
        for (file, test) in tests {
            let text =
                fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{}: {file}: {error}", row[1]));
            assert!(text.contains(&format!("fn {test}(")), "{}: {file} has no test {test}", row[1]);
            found += 1;
        }
        let is_excused = ["cannot happen", "missing"].iter().any(|word| row[3].to_lowercase().contains(word));
        assert!(found > 0 || is_excused, "{}: neither a test nor a reason", row[1]);
        named += found;
    }
    assert!(named >= 50, "{named} tests are named");
}
