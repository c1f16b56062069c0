//! Decides what an expression yields. A program is typed by construction, so it can not fail; it has no loops, and
//! every operation has a value: a missing field is empty, division by zero is zero, overflow stops at the limit.

use std::borrow::Cow;

use regex::Regex;

use super::fields::{Owner, Scope};
use crate::facts::QueueFacts;

type Pair<A> = Box<(A, A)>;

/// Yields true or false.
#[derive(Clone, Debug)]
pub(crate) enum Bool {
    Const(bool),
    Field(fn(&Scope<'_>) -> Option<bool>),
    Has(Presence),
    Not(Box<Self>),
    And(Pair<Self>),
    Or(Pair<Self>),
    If(Box<(Self, Self, Self)>),
    Same(Pair<Self>),
    Ints(Comparison, Pair<Int>),
    Floats(Comparison, Pair<Float>),
    Texts(Comparison, Pair<Text>),
    TextIn(Box<Text>, Texts),
    IntIn(Box<Int>, Vec<Int>),
    FloatIn(Box<Float>, Vec<Float>),
    StartsWith(Pair<Text>),
    EndsWith(Pair<Text>),
    Contains(Pair<Text>),
    Matches(Box<Text>, Box<Regex>),
    Open(usize),
}

/// Whether something is there.
#[derive(Clone, Debug)]
pub(crate) enum Presence {
    Bool(fn(&Scope<'_>) -> Option<bool>),
    Int(fn(&Scope<'_>) -> Option<i64>),
    Text(for<'a> fn(&Scope<'a>) -> Option<&'a str>),
    Texts(for<'a> fn(&Scope<'a>) -> &'a [String]),
    Attribute(Owner, String),
    Root(Root),
}

/// A part of the facts that may be unknown as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Customer,
    Account,
    Team,
}

/// Yields a whole number.
#[derive(Clone, Debug)]
pub(crate) enum Int {
    Const(i64),
    Field(fn(&Scope<'_>) -> Option<i64>),
    Queue(String, fn(&QueueFacts) -> u32),
    Size(Box<Text>),
    Count(Texts),
    Negate(Box<Self>),
    Arithmetic(Arithmetic, Pair<Self>),
    If(Box<(Bool, Self, Self)>),
    Least(Vec<Self>),
    Greatest(Vec<Self>),
}

/// Yields a number with a fraction; never infinite, never not a number.
#[derive(Clone, Debug)]
pub(crate) enum Float {
    Const(f64),
    Whole(Box<Int>),
    Negate(Box<Self>),
    Arithmetic(Arithmetic, Pair<Self>),
    If(Box<(Bool, Self, Self)>),
    Least(Vec<Self>),
    Greatest(Vec<Self>),
}

/// Yields a text.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Const(String),
    Field(for<'a> fn(&Scope<'a>) -> Option<&'a str>),
    Attribute(Owner, String),
    Join(Pair<Self>),
    If(Box<(Bool, Self, Self)>),
}

/// Yields a list of texts.
#[derive(Clone, Debug)]
pub(crate) enum Texts {
    Field(for<'a> fn(&Scope<'a>) -> &'a [String]),
    Items(Vec<Text>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// How two numbers are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Comparison {
    fn holds<V: PartialOrd>(self, left: &V, right: &V) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Greater => left > right,
            Self::AtLeast => left >= right,
        }
    }
}

impl Bool {
    /// Whether it holds.
    pub(crate) fn eval(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Const(value) => *value,
            Self::Field(get) => get(scope).unwrap_or_default(),
            Self::Has(presence) => presence.eval(scope),
            Self::Not(inner) => !inner.eval(scope),
            Self::And(pair) => pair.0.eval(scope) && pair.1.eval(scope),
            Self::Or(pair) => pair.0.eval(scope) || pair.1.eval(scope),
            Self::If(parts) => {
                if parts.0.eval(scope) {
                    parts.1.eval(scope)
                } else {
                    parts.2.eval(scope)
                }
            }
            Self::Same(pair) => pair.0.eval(scope) == pair.1.eval(scope),
            Self::Ints(how, pair) => how.holds(&pair.0.eval(scope), &pair.1.eval(scope)),
            Self::Floats(how, pair) => how.holds(&pair.0.eval(scope), &pair.1.eval(scope)),
            Self::Texts(how, pair) => how.holds(&pair.0.eval(scope), &pair.1.eval(scope)),
            Self::TextIn(text, list) => list.contains(&text.eval(scope), scope),
            Self::IntIn(int, list) => {
                let value = int.eval(scope);
                list.iter().any(|item| item.eval(scope) == value)
            }
            Self::FloatIn(float, list) => {
                let value = float.eval(scope);
                list.iter().any(|item| Comparison::Equal.holds(&item.eval(scope), &value))
            }
            Self::StartsWith(pair) => pair.0.eval(scope).starts_with(pair.1.eval(scope).as_ref()),
            Self::EndsWith(pair) => pair.0.eval(scope).ends_with(pair.1.eval(scope).as_ref()),
            Self::Contains(pair) => pair.0.eval(scope).contains(pair.1.eval(scope).as_ref()),
            Self::Matches(text, pattern) => pattern.is_match(&text.eval(scope)),
            Self::Open(hours) => scope.hours.get(*hours).is_some_and(|hours| hours.is_open(scope.now.at)),
        }
    }
}

impl Presence {
    fn eval(&self, scope: &Scope<'_>) -> bool {
        match self {
            Self::Bool(get) => get(scope).is_some(),
            Self::Int(get) => get(scope).is_some(),
            Self::Text(get) => get(scope).is_some(),
            Self::Texts(get) => !get(scope).is_empty(),
            Self::Attribute(owner, name) => owner.attributes(scope).is_some_and(|all| all.contains_key(name)),
            Self::Root(Root::Customer) => scope.facts.customer.is_some(),
            Self::Root(Root::Account) => scope.facts.account_id().is_some() || scope.facts.account.is_some(),
            Self::Root(Root::Team) => scope.team.is_some(),
        }
    }
}

impl Int {
    /// Its value.
    pub(crate) fn eval(&self, scope: &Scope<'_>) -> i64 {
        match self {
            Self::Const(value) => *value,
            Self::Field(get) => get(scope).unwrap_or_default(),
            Self::Queue(id, get) => scope.facts.queues.get(id).map_or(0, |queue| i64::from(get(queue))),
            Self::Size(text) => i64::try_from(text.eval(scope).chars().count()).unwrap_or(i64::MAX),
            Self::Count(list) => i64::try_from(list.len(scope)).unwrap_or(i64::MAX),
            Self::Negate(inner) => inner.eval(scope).saturating_neg(),
            Self::Arithmetic(how, pair) => {
                let (left, right) = (pair.0.eval(scope), pair.1.eval(scope));
                match how {
                    Arithmetic::Add => left.saturating_add(right),
                    Arithmetic::Subtract => left.saturating_sub(right),
                    Arithmetic::Multiply => left.saturating_mul(right),
                    Arithmetic::Divide if right == 0 => 0,
                    Arithmetic::Divide => left.saturating_div(right),
                    Arithmetic::Modulo => left.checked_rem(right).unwrap_or(0),
                }
            }
            Self::If(parts) => {
                if parts.0.eval(scope) {
                    parts.1.eval(scope)
                } else {
                    parts.2.eval(scope)
                }
            }
            Self::Least(all) => all.iter().map(|item| item.eval(scope)).min().unwrap_or(0),
            Self::Greatest(all) => all.iter().map(|item| item.eval(scope)).max().unwrap_or(0),
        }
    }
}

impl Float {
    /// Its value.
    pub(crate) fn eval(&self, scope: &Scope<'_>) -> f64 {
        match self {
            Self::Const(value) => *value,
            Self::Whole(int) => whole(int.eval(scope)),
            Self::Negate(inner) => -inner.eval(scope),
            Self::Arithmetic(how, pair) => {
                let (left, right) = (pair.0.eval(scope), pair.1.eval(scope));
                finite(match how {
                    Arithmetic::Add => left + right,
                    Arithmetic::Subtract => left - right,
                    Arithmetic::Multiply => left * right,
                    Arithmetic::Divide | Arithmetic::Modulo if right == 0.0 => 0.0,
                    Arithmetic::Divide => left / right,
                    Arithmetic::Modulo => left % right,
                })
            }
            Self::If(parts) => {
                if parts.0.eval(scope) {
                    parts.1.eval(scope)
                } else {
                    parts.2.eval(scope)
                }
            }
            Self::Least(all) => all.iter().map(|item| item.eval(scope)).reduce(f64::min).unwrap_or(0.0),
            Self::Greatest(all) => all.iter().map(|item| item.eval(scope)).reduce(f64::max).unwrap_or(0.0),
        }
    }
}

impl Text {
    /// Its value.
    pub(crate) fn eval<'a>(&'a self, scope: &Scope<'a>) -> Cow<'a, str> {
        match self {
            Self::Const(value) => Cow::Borrowed(value),
            Self::Field(get) => Cow::Borrowed(get(scope).unwrap_or_default()),
            Self::Attribute(owner, name) => {
                Cow::Borrowed(owner.attributes(scope).and_then(|all| all.get(name)).map_or("", String::as_str))
            }
            Self::Join(pair) => pair.0.eval(scope) + pair.1.eval(scope),
            Self::If(parts) => {
                if parts.0.eval(scope) {
                    parts.1.eval(scope)
                } else {
                    parts.2.eval(scope)
                }
            }
        }
    }
}

impl Texts {
    fn contains(&self, text: &str, scope: &Scope<'_>) -> bool {
        match self {
            Self::Field(get) => get(scope).iter().any(|item| item == text),
            Self::Items(items) => items.iter().any(|item| item.eval(scope) == text),
        }
    }

    fn len(&self, scope: &Scope<'_>) -> usize {
        match self {
            Self::Field(get) => get(scope).len(),
            Self::Items(items) => items.len(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers above 2^53 are rounded, as documented")]
const fn whole(int: i64) -> f64 {
    int as f64
}

const fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) }
}
