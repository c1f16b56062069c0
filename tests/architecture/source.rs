//! Decides what counts as code: the files of the tree, and their lines without comments, texts and test modules.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Source {
    /// Lines of code with their numbers: comments and texts are blanked out, test modules and test files left out.
    pub(crate) fn code(&self) -> Vec<(usize, String)> {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return Vec::new();
        }
        let bare = without_comments_and_texts(&self.text);
        let end = bare.find("#[cfg(test)]\nmod ").filter(|at| is_last_item(&bare[*at..])).unwrap_or(bare.len());
        bare[..end].lines().enumerate().map(|(n, line)| (n + 1, line.to_owned())).collect()
    }
}

/// Whether a test module is written out to the end of the file, or is only named (`mod tests;`).
fn is_last_item(rest: &str) -> bool {
    rest.lines().nth(1).is_some_and(|line| line.trim_end().ends_with('{'))
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file under a folder, in order of path.
pub(crate) fn rust_under(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut |path| {
        if path.extension().is_some_and(|e| e == "rs") {
            found.extend(load(path));
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file of the repository.
pub(crate) fn all_rust() -> Vec<Source> {
    ["src", "core", "rules", "sim", "model", "tests", "benches", "fuzz"]
        .iter()
        .flat_map(|folder| rust_under(folder))
        .collect()
}

/// Every text file of the repository that people or machines read.
pub(crate) fn texts() -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root(), &mut |path| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name != "Cargo.lock" {
            found.extend(load(path));
        }
    });
    found
}

/// A file, unless it is not text.
fn load(path: &Path) -> Option<Source> {
    let text = fs::read_to_string(path).ok()?;
    let path = path.strip_prefix(root()).ok()?.to_str()?.replace('\\', "/");
    Some(Source { path, text })
}

/// Folders and files that are made, not written.
const MADE: [&str; 6] = [".git", "target", "picket-data", "secrets", "corpus", "__pycache__"];

fn walk(folder: &Path, each: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if path.is_dir() {
            walk(&path, each);
        } else {
            each(&path);
        }
    }
}

/// Whether the word stands in the line as a word of its own, not inside a longer one.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = word.starts_with(|c: char| c.is_alphanumeric()) && inside(line[..at].chars().next_back());
        let after = word.ends_with(|c: char| c.is_alphanumeric()) && inside(line[at + word.len()..].chars().next());
        !before && !after
    })
}

/// The same lines, with everything in comments and texts replaced by spaces.
fn without_comments_and_texts(text: &str) -> String {
    #[derive(Clone, Copy, PartialEq)]
    enum In {
        Code,
        Line,
        Block(u32),
        Text,
        Raw(usize),
    }
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut state, mut at) = (String::with_capacity(text.len()), In::Code, 0);
    let hashes = |from: usize| chars[from..].iter().take_while(|c| **c == '#').count();
    while at < chars.len() {
        let (here, next) = (chars[at], chars.get(at + 1).copied());
        let (becomes, width) = match state {
            In::Code => match (here, next) {
                ('/', Some('/')) => (In::Line, 2),
                ('/', Some('*')) => (In::Block(1), 2),
                ('"', _) => (In::Text, 1),
                // A quote as a character is no text.
                ('\'', Some('"')) if chars.get(at + 2) == Some(&'\'') => (In::Code, 3),
                ('\'', Some('\\')) => (In::Code, 4),
                ('r', Some('"' | '#')) if chars.get(at + 1 + hashes(at + 1)) == Some(&'"') => {
                    (In::Raw(hashes(at + 1)), 2 + hashes(at + 1))
                }
                _ => (In::Code, 1),
            },
            In::Line if here == '\n' => (In::Code, 1),
            In::Block(depth) => match (here, next) {
                ('*', Some('/')) if depth == 1 => (In::Code, 2),
                ('*', Some('/')) => (In::Block(depth - 1), 2),
                ('/', Some('*')) => (In::Block(depth + 1), 2),
                _ => (state, 1),
            },
            In::Text => match here {
                '\\' => (In::Text, 2),
                '"' => (In::Code, 1),
                _ => (In::Text, 1),
            },
            In::Raw(count) if here == '"' && hashes(at + 1) >= count => (In::Code, 1 + count),
            In::Line | In::Raw(_) => (state, 1),
        };
        let plain = state == In::Code && becomes == In::Code;
        for c in chars.iter().skip(at).take(width) {
            out.push(if plain || *c == '\n' { *c } else { ' ' });
        }
        (state, at) = (becomes, at + width);
    }
    out
}

#[test]
fn comments_and_texts_are_no_code() {
    let text = "a(); // b\nc(\"d \\\" e\"); /* f /* g */ h */ r#\"i\"j\"#; 'k'; '\"'; '\\\"'; l\n";
    let bare = without_comments_and_texts(text);
    assert_eq!(bare.chars().count(), text.chars().count());
    assert_eq!(bare.split_whitespace().collect::<String>(), "a();c();;'k';'\"';'\\\"';l");
}

#[test]
fn a_word_inside_a_longer_one_does_not_count() {
    assert!(has_word("let x: f64 = 1;", "f64"));
    assert!(!has_word("buf64(x)", "f64"));
    assert!(has_word("std::env::var(\"A\")", "env::var"));
    assert!(!has_word("env::vars()", "env::var"));
}
