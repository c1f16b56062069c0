//! Decides, before anything is parsed, whether an expression is small enough, and where its clauses begin and end.

use std::ops::Range;

/// The longest expression, in bytes.
pub(crate) const LONGEST: usize = 4096;

/// The most operators, dots and brackets; what an evaluation costs is proportional to it.
pub(crate) const MOST_OPERATORS: usize = 200;

/// The deepest nesting of brackets.
pub(crate) const DEEPEST: usize = 24;

/// What a look at the characters tells.
pub(crate) struct Scan {
    operators: usize,
    depth: usize,
    splits: Vec<Range<usize>>,
    branches: bool,
}

/// Why an expression is refused unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TooLarge {
    Bytes(usize),
    Operators(usize),
    Depth(usize),
}

impl Scan {
    /// Looks at every character outside text literals once.
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut scan = Self { operators: 0, depth: 0, splits: Vec::new(), branches: false };
        let (mut at, mut depth) = (0, 0usize);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\'' | b'"' => {
                    at = literal_end(bytes, at);
                    continue;
                }
                b'(' | b'[' | b'{' => {
                    scan.operators += 1;
                    depth += 1;
                    scan.depth = scan.depth.max(depth);
                }
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b'&' if bytes.get(at + 1) == Some(&b'&') => {
                    scan.operators += 1;
                    if depth == 0 {
                        scan.splits.push(at..at + 2);
                    }
                    at += 1;
                }
                b'|' | b'?' => {
                    scan.operators += 1;
                    scan.branches |= depth == 0;
                }
                b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'.' | b':' | b'&' => {
                    scan.operators += 1
                }
                _ => {}
            }
            at += 1;
        }
        scan
    }

    /// Refuses what is too large to be read.
    pub(crate) fn bounded(&self, text: &str) -> Result<(), TooLarge> {
        if text.len() > LONGEST {
            return Err(TooLarge::Bytes(text.len()));
        }
        if self.operators > MOST_OPERATORS {
            return Err(TooLarge::Operators(self.operators));
        }
        if self.depth > DEEPEST {
            return Err(TooLarge::Depth(self.depth));
        }
        Ok(())
    }

    /// The clauses that `&&` joins at the top; one, if anything binds looser than `&&` there.
    pub(crate) fn clauses(&self, text: &str) -> Vec<Range<usize>> {
        let mut clauses = Vec::new();
        let mut from = 0;
        if !self.branches {
            for split in &self.splits {
                clauses.push(trimmed(text, from..split.start));
                from = split.end;
            }
        }
        clauses.push(trimmed(text, from..text.len()));
        clauses
    }
}

/// Where the text literal that begins at a quote ends. An unclosed one ends with the expression.
fn literal_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes.get(start).copied().unwrap_or(b'"');
    let triple = bytes.get(start + 1) == Some(&quote) && bytes.get(start + 2) == Some(&quote);
    let raw = start > 0 && matches!(bytes.get(start - 1), Some(b'r' | b'R'));
    let width = if triple { 3 } else { 1 };
    let mut at = start + width;
    while at < bytes.len() {
        if bytes.get(at) == Some(&b'\\') && !raw {
            at += 2;
            continue;
        }
        if bytes.get(at..at + width).is_some_and(|ahead| ahead.iter().all(|byte| *byte == quote)) {
            return at + width;
        }
        at += 1;
    }
    bytes.len()
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text.get(range.clone()).unwrap_or_default();
    let start = range.start + (part.len() - part.trim_start().len());
    start..(start + part.trim().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clauses(text: &str) -> Vec<&str> {
        Scan::new(text).clauses(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_conjunction_falls_into_its_clauses() {
        assert_eq!(clauses("a == 1 && (b && c) && d == \"x && y\""), ["a == 1", "(b && c)", "d == \"x && y\""]);
    }

    #[test]
    fn what_binds_looser_stays_whole() {
        assert_eq!(clauses("a && b || c"), ["a && b || c"]);
        assert_eq!(clauses("a && b ? c : d"), ["a && b ? c : d"]);
    }

    #[test]
    fn quotes_in_quotes_do_not_end_a_text() {
        assert_eq!(clauses(r#"a == 'it\'s && so' && b"#), [r"a == 'it\'s && so'", "b"]);
    }
}
