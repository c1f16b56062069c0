//! Decides what can be said of a clause without evaluating it: whether it is constant, and what it asks of a field.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else a clause is, it is not a plain question about one field"
)]

use std::sync::LazyLock;

use picket_core::Timestamp;

use super::fields::{Now, Scope};
use super::syntax::{Ast, Node, Operator};
use crate::facts::Facts;

/// A clause that asks one thing of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Atom {
    /// The field's path.
    pub(crate) path: String,
    /// What it must be.
    pub(crate) test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    /// Is one of these texts.
    OneOf(Vec<String>),
    /// Is not this text.
    Not(String),
    /// Begins with this text.
    Prefix(String),
}

pub(crate) static EMPTY: LazyLock<Facts> = LazyLock::new(Facts::default);

/// A scope in which nothing is known, for expressions that ask nothing.
pub(crate) fn empty(facts: &Facts) -> Scope<'_> {
    let now = Now { at: Timestamp(0), weekday: 4, hour: 0, minute: 0, day: 1, month: 1 };
    Scope { facts, valued: false, team: None, now, hours: &[] }
}

/// Whether an expression reads nothing at all.
pub(crate) fn constant(ast: &Ast) -> bool {
    let reads = matches!(&ast.node, Node::Name(_))
        || matches!(&ast.node, Node::Call(name, ..) if name == "open" || name == "queue");
    !reads && ast.node.parts().into_iter().all(constant)
}

impl Atom {
    /// What a clause asks of a field, if that is all it does.
    pub(crate) fn of(ast: &Ast) -> Option<Self> {
        match &ast.node {
            Node::Binary(Operator::Equal, left, right) => {
                let (path, text) = sides(left, right)?;
                Some(Self { path, test: Test::OneOf(vec![text]) })
            }
            Node::Binary(Operator::NotEqual, left, right) => {
                let (path, text) = sides(left, right)?;
                Some(Self { path, test: Test::Not(text) })
            }
            Node::Binary(Operator::In, left, right) => {
                let Node::List(items) = &right.node else { return None };
                let texts = items.iter().map(literal).collect::<Option<Vec<_>>>()?;
                Some(Self { path: path(left)?, test: Test::OneOf(texts) })
            }
            Node::Call(name, Some(target), args) if name == "startsWith" => {
                let text = literal(args.first()?)?;
                Some(Self { path: path(target)?, test: Test::Prefix(text) })
            }
            _ => None,
        }
    }

    /// Whether every value that passes this one passes the other too.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        self.path == other.path
            && match (&self.test, &other.test) {
                (Test::OneOf(mine), _) => mine.iter().all(|text| other.accepts(text)),
                (Test::Prefix(mine), Test::Prefix(theirs)) => mine.starts_with(theirs.as_str()),
                (Test::Not(mine), Test::Not(theirs)) => mine == theirs,
                (Test::Prefix(mine), Test::Not(theirs)) => !theirs.starts_with(mine.as_str()),
                (Test::Prefix(_) | Test::Not(_), _) => false,
            }
    }

    /// Whether no value can pass both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.path == other.path
            && match (&self.test, &other.test) {
                (Test::OneOf(mine), _) => !mine.iter().any(|text| other.accepts(text)),
                (_, Test::OneOf(theirs)) => !theirs.iter().any(|text| self.accepts(text)),
                (Test::Prefix(mine), Test::Prefix(theirs)) => {
                    !mine.starts_with(theirs.as_str()) && !theirs.starts_with(mine.as_str())
                }
                (Test::Prefix(_) | Test::Not(_), _) => false,
            }
    }

    /// Texts that pass, as far as they are named.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match &self.test {
            Test::OneOf(texts) => texts.iter().map(String::as_str).collect(),
            Test::Prefix(prefix) => vec![prefix],
            Test::Not(_) => Vec::new(),
        }
    }

    /// Whether a text passes.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        match &self.test {
            Test::OneOf(texts) => texts.iter().any(|one| one == text),
            Test::Not(one) => one != text,
            Test::Prefix(prefix) => text.starts_with(prefix.as_str()),
        }
    }
}

/// The path of a plain field.
pub(crate) fn path(ast: &Ast) -> Option<String> {
    match &ast.node {
        Node::Name(name) => Some(name.clone()),
        Node::Select(inner, field) => Some(format!("{}.{field}", path(inner)?)),
        _ => None,
    }
}

fn literal(ast: &Ast) -> Option<String> {
    match &ast.node {
        Node::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn sides(left: &Ast, right: &Ast) -> Option<(String, String)> {
    match (path(left), literal(right)) {
        (Some(path), Some(text)) => Some((path, text)),
        _ => Some((path(right)?, literal(left)?)),
    }
}
