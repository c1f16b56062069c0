//! Every kind of finding has a file that brings it about; what people see of it is compared letter by letter.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use picket_rules::render::{self, Colour};
use picket_rules::{Code, RuleSet, Severity};

use super::support::{findings, source};

fn files(folder: &str) -> Vec<(String, PathBuf)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(folder);
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path)).collect();
    files.sort();
    files
}

#[test]
fn a_clean_file_has_no_finding() {
    assert_eq!(findings(include_str!("files/clean.toml")), []);
}

#[test]
fn each_bad_file_has_the_finding_it_is_named_after() {
    let mut seen = BTreeSet::new();
    for (name, path) in files("bad") {
        let found = findings(&fs::read_to_string(path).unwrap());
        let code = Code::parse(&name[..4]).unwrap();
        let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&code), "{name}: {found:#?}");
        let first = found.iter().find(|finding| finding.code == code).unwrap();
        assert_eq!(first.severity, code.severity(), "{name}");
        seen.insert(code);
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, Vec::<&Code>::new(), "kinds without a bad file");
}

#[test]
fn a_set_is_refused_exactly_if_a_finding_is_an_error() {
    for (name, path) in files("bad") {
        let text = fs::read_to_string(path).unwrap();
        let error = findings(&text).iter().any(|finding| finding.severity == Severity::Error);
        assert_eq!(RuleSet::parse(&[source(&text)]).is_err(), error, "{name}");
    }
}

#[test]
fn people_see_the_place_the_words_and_the_remedy() {
    let golden = files("golden");
    assert!(golden.len() >= 12, "{} golden outputs", golden.len());
    for (name, path) in golden {
        let text = fs::read_to_string(path.with_file_name(format!("../bad/{name}.toml"))).unwrap();
        let shown = render::human(&findings(&text), &[source(&text)], Colour::Plain);
        assert_eq!(shown.trim_end(), fs::read_to_string(&path).unwrap().trim_end(), "{name}");
    }
}

#[test]
fn machines_get_lines_and_columns() {
    let text = include_str!("files/bad/R002-unknown-key.toml");
    let (found, sources) = (findings(text), [source(text)]);
    let json = render::json(&found, &sources);
    let line = text.lines().position(|line| line.starts_with("costs")).unwrap() + 1;
    assert_eq!(json["findings"][0]["at"]["line"], line);
    assert_eq!(json["findings"][0]["code"], "R002");
    let sarif = render::sarif(&found, &sources);
    let region = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startLine"], &region["startColumn"]), (&line.into(), &1.into()));
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let text = include_str!("files/clean.toml")
        .replace("class = \"deferred\"", "class = \"defered\"")
        .replace("agent = \"bola\"", "agent = \"bolla\"")
        .replace("customer.valued", "customer.valud");
    let codes: BTreeSet<_> = findings(&text).iter().map(|finding| finding.code).collect();
    assert!(codes.is_superset(&BTreeSet::from([Code::BadValue, Code::UnknownName, Code::UnknownField])), "{codes:?}");
}
