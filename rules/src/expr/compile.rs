//! Decides whether the types of an expression fit, and compiles what fits.
#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else an expression is, it does not fit and is refused")]

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Problem;
use super::fields::{FIELDS, Field, Get, Owner, Stage, Vocabulary, find};
use super::program::{Arithmetic, Bool, Comparison, Float, Int, Presence, Root, Text, Texts};
use super::syntax::{Ast, Node, Operator};
use crate::codes::Code;
use crate::finding::closest;

/// The names that expressions may use.
#[derive(Debug, Default)]
pub(crate) struct Environment<'a> {
    pub(crate) topics: BTreeSet<&'a str>,
    pub(crate) channels: BTreeSet<&'a str>,
    pub(crate) domains: BTreeSet<&'a str>,
    pub(crate) teams: BTreeSet<&'a str>,
    pub(crate) agents: BTreeSet<&'a str>,
    pub(crate) queues: BTreeSet<&'a str>,
    pub(crate) hours: BTreeMap<&'a str, usize>,
    pub(crate) collected: BTreeMap<Owner, BTreeSet<&'a str>>,
}

/// What an expression reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Uses {
    /// The roots of its fields.
    pub(crate) roots: BTreeSet<&'static str>,
    /// Attributes.
    pub(crate) attributes: BTreeSet<(Owner, String)>,
    /// Texts compared with a field of declared words.
    pub(crate) topics: BTreeSet<String>,
    /// Named hours.
    pub(crate) hours: BTreeSet<String>,
}

/// A compiled expression of any type.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    Bool(Bool),
    Int(Int),
    Float(Float),
    Text(Text),
    Texts(Texts),
    Numbers(Vec<Self>),
}

impl Typed {
    /// Its type, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Texts(_) => "a list of texts",
            Self::Numbers(_) => "a list of numbers",
        }
    }
}

/// Checks one expression.
pub(crate) struct Checker<'a, 'e> {
    pub(super) stage: Stage,
    pub(super) environment: &'a Environment<'e>,
    pub(super) uses: &'a mut Uses,
    pub(super) problems: &'a mut Vec<Problem>,
}

impl<'a, 'e> Checker<'a, 'e> {
    pub(crate) const fn new(
        stage: Stage,
        environment: &'a Environment<'e>,
        uses: &'a mut Uses,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self { stage, environment, uses, problems }
    }

    /// The compiled expression, or none after saying why not.
    pub(crate) fn check(&mut self, ast: &Ast) -> Option<Typed> {
        Some(match &ast.node {
            Node::Bool(value) => Typed::Bool(Bool::Const(*value)),
            Node::Int(value) => Typed::Int(Int::Const(*value)),
            Node::Float(value) => Typed::Float(Float::Const(*value)),
            Node::Text(value) => Typed::Text(Text::Const(value.clone())),
            Node::List(items) => return self.list(ast, items),
            Node::Name(_) | Node::Select(..) => return self.read(ast),
            Node::Has(inner, field) => return self.has(ast, inner, field),
            Node::Not(inner) => Typed::Bool(Bool::Not(Box::new(self.bool(inner)?))),
            Node::Negate(inner) => match self.check(inner)? {
                Typed::Int(int) => Typed::Int(Int::Negate(Box::new(int))),
                Typed::Float(float) => Typed::Float(Float::Negate(Box::new(float))),
                other => return self.mismatch(inner, "a number", &other),
            },
            Node::If(test, yes, no) => return self.branch(ast, test, yes, no),
            Node::Binary(operator, left, right) => return self.binary(ast, *operator, left, right),
            Node::Index(inner, key) => return self.index(ast, inner, key),
            Node::Call(name, target, args) => return self.call(ast, name, target.as_deref(), args),
        })
    }

    pub(super) fn fail(&mut self, problem: Problem) -> Option<Typed> {
        self.problems.push(problem);
        None
    }

    pub(super) fn mismatch<T>(&mut self, ast: &Ast, wanted: &str, found: &Typed) -> Option<T> {
        let message = format!("expected {wanted}, found {}", found.kind());
        let problem = Problem::new(Code::TypeMismatch, ast.span.clone(), message);
        self.problems.push(problem.label(format!("this is {}", found.kind())));
        None
    }

    fn bool(&mut self, ast: &Ast) -> Option<Bool> {
        match self.check(ast)? {
            Typed::Bool(bool) => Some(bool),
            other => self.mismatch(ast, "true or false", &other),
        }
    }

    pub(super) fn text(&mut self, ast: &Ast) -> Option<Text> {
        match self.check(ast)? {
            Typed::Text(text) => Some(text),
            other => self.mismatch(ast, "text", &other),
        }
    }

    fn list(&mut self, ast: &Ast, items: &[Ast]) -> Option<Typed> {
        let items = items.iter().map(|item| self.check(item)).collect::<Option<Vec<_>>>()?;
        if items.iter().all(|item| matches!(item, Typed::Int(_) | Typed::Float(_))) && !items.is_empty() {
            return Some(Typed::Numbers(items));
        }
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Typed::Text(text) => texts.push(text),
                other => return self.mismatch(ast, "a list of only texts or only numbers", &other),
            }
        }
        Some(Typed::Texts(Texts::Items(texts)))
    }

    fn branch(&mut self, ast: &Ast, test: &Ast, yes: &Ast, no: &Ast) -> Option<Typed> {
        let (test, yes, no) = (self.bool(test), self.check(yes), self.check(no));
        let test = test?;
        Some(match (yes?, no?) {
            (Typed::Bool(yes), Typed::Bool(no)) => Typed::Bool(Bool::If(Box::new((test, yes, no)))),
            (Typed::Int(yes), Typed::Int(no)) => Typed::Int(Int::If(Box::new((test, yes, no)))),
            (Typed::Text(yes), Typed::Text(no)) => Typed::Text(Text::If(Box::new((test, yes, no)))),
            (yes, no) => match (float(yes.clone()), float(no.clone())) {
                (Some(yes), Some(no)) => Typed::Float(Float::If(Box::new((test, yes, no)))),
                _ => {
                    let message =
                        format!("both branches must be of one type: one is {}, the other {}", yes.kind(), no.kind());
                    return self.fail(Problem::new(Code::TypeMismatch, ast.span.clone(), message));
                }
            },
        })
    }

    fn binary(&mut self, ast: &Ast, operator: Operator, left: &Ast, right: &Ast) -> Option<Typed> {
        if let Operator::And | Operator::Or = operator {
            let (a, b) = (self.bool(left), self.bool(right));
            let pair = Box::new((a?, b?));
            return Some(Typed::Bool(if operator == Operator::And { Bool::And(pair) } else { Bool::Or(pair) }));
        }
        let (a, b) = (self.check(left), self.check(right));
        let (a, b) = (a?, b?);
        if operator == Operator::In {
            self.vocabulary(left, right);
            return self.member(right, a, b);
        }
        match (comparison(operator), arithmetic(operator)) {
            (Some(how), _) => {
                self.vocabulary(left, right);
                self.vocabulary(right, left);
                self.compare(ast, how, a, b)
            }
            (_, Some(how)) => self.calculate(ast, how, right, a, b),
            (None, None) => None,
        }
    }

    fn member(&mut self, list: &Ast, item: Typed, all: Typed) -> Option<Typed> {
        Some(Typed::Bool(match (item, all) {
            (Typed::Text(text), Typed::Texts(all)) => Bool::TextIn(Box::new(text), all),
            (Typed::Int(_) | Typed::Float(_), Typed::Texts(Texts::Items(all))) if all.is_empty() => Bool::Const(false),
            (item @ (Typed::Int(_) | Typed::Float(_)), Typed::Numbers(all)) => match (item, ints(&all)) {
                (Typed::Int(item), Some(all)) => Bool::IntIn(Box::new(item), all),
                (item, _) => Bool::FloatIn(Box::new(float(item)?), all.into_iter().filter_map(float).collect()),
            },
            (item, other @ (Typed::Texts(_) | Typed::Numbers(_))) => {
                let message = format!("{} is looked for in {}", item.kind(), other.kind());
                return self.fail(Problem::new(Code::TypeMismatch, list.span.clone(), message));
            }
            (_, other) => return self.mismatch(list, "a list", &other),
        }))
    }

    fn compare(&mut self, ast: &Ast, how: Comparison, left: Typed, right: Typed) -> Option<Typed> {
        Some(Typed::Bool(match (left, right) {
            (Typed::Int(a), Typed::Int(b)) => Bool::Ints(how, Box::new((a, b))),
            (Typed::Text(a), Typed::Text(b)) => Bool::Texts(how, Box::new((a, b))),
            (Typed::Bool(a), Typed::Bool(b)) if how == Comparison::Equal => Bool::Same(Box::new((a, b))),
            (Typed::Bool(a), Typed::Bool(b)) if how == Comparison::NotEqual => {
                Bool::Not(Box::new(Bool::Same(Box::new((a, b)))))
            }
            (a, b) => match (float(a.clone()), float(b.clone())) {
                (Some(a), Some(b)) => Bool::Floats(how, Box::new((a, b))),
                _ => {
                    let message = format!("{} is compared with {}", a.kind(), b.kind());
                    let label = "this can never hold";
                    return self.fail(Problem::new(Code::TypeMismatch, ast.span.clone(), message).label(label));
                }
            },
        }))
    }

    fn calculate(&mut self, ast: &Ast, how: Arithmetic, divisor: &Ast, a: Typed, b: Typed) -> Option<Typed> {
        if let (Arithmetic::Divide | Arithmetic::Modulo, false) = (how, nonzero(divisor)) {
            let message = "the divisor may be zero; the result is zero then";
            self.problems.push(Problem::new(Code::DefinedFallback, divisor.span.clone(), message));
        }
        Some(match (a, b) {
            (Typed::Int(a), Typed::Int(b)) => Typed::Int(Int::Arithmetic(how, Box::new((a, b)))),
            (Typed::Text(a), Typed::Text(b)) if how == Arithmetic::Add => Typed::Text(Text::Join(Box::new((a, b)))),
            (a, b) => match (float(a.clone()), float(b.clone())) {
                (Some(a), Some(b)) => Typed::Float(Float::Arithmetic(how, Box::new((a, b)))),
                _ => {
                    let message = format!("{} and {} can not be calculated with", a.kind(), b.kind());
                    return self.fail(Problem::new(Code::TypeMismatch, ast.span.clone(), message));
                }
            },
        })
    }

    fn read(&mut self, ast: &Ast) -> Option<Typed> {
        if let Node::Select(inner, name) = &ast.node
            && let Node::Call(call, None, args) = &inner.node
            && call == "queue"
        {
            return self.queue(ast, args, name);
        }
        let Some(path) = super::atom::path(ast) else {
            return self.fail(Problem::new(
                Code::TypeMismatch,
                ast.span.clone(),
                "only contact, customer, account, team, now and queue(…) have fields",
            ));
        };
        if let Some((owner, name)) = attribute(&path) {
            return self.attribute(ast, owner, name);
        }
        let field = self.field(ast, &path)?;
        Some(match field.get {
            Get::Bool(get) => Typed::Bool(Bool::Field(get)),
            Get::Int(get) => Typed::Int(Int::Field(get)),
            Get::Text(get, _) => Typed::Text(Text::Field(get)),
            Get::Texts(get, _) => Typed::Texts(Texts::Field(get)),
        })
    }

    fn has(&mut self, ast: &Ast, inner: &Ast, name: &str) -> Option<Typed> {
        let Some(base) = super::atom::path(inner) else {
            return self.fail(Problem::new(
                Code::TypeMismatch,
                ast.span.clone(),
                "`has` asks for a field, as in has(customer.team)",
            ));
        };
        let path = format!("{base}.{name}");
        let presence = if let Some((owner, name)) = attribute(&path) {
            self.attribute(ast, owner, name)?;
            Presence::Attribute(owner, name.to_owned())
        } else {
            match (path.as_str(), self.field(ast, &path)?.get) {
                ("customer.id", _) => Presence::Root(Root::Customer),
                ("account.id", _) => Presence::Root(Root::Account),
                ("team.id", _) => Presence::Root(Root::Team),
                (_, Get::Bool(get)) => Presence::Bool(get),
                (_, Get::Int(get)) => Presence::Int(get),
                (_, Get::Text(get, _)) => Presence::Text(get),
                (_, Get::Texts(get, _)) => Presence::Texts(get),
            }
        };
        Some(Typed::Bool(Bool::Has(presence)))
    }

    fn index(&mut self, ast: &Ast, inner: &Ast, key: &Ast) -> Option<Typed> {
        let path = super::atom::path(inner).unwrap_or_default();
        match (path.strip_suffix(".attributes").and_then(Owner::parse), &key.node) {
            (Some(owner), Node::Text(name)) => self.attribute(ast, owner, name),
            _ => self.fail(Problem::new(
                Code::TypeMismatch,
                ast.span.clone(),
                "only attributes are indexed, by a literal: contact.attributes[\"name\"]",
            )),
        }
    }

    fn attribute(&mut self, ast: &Ast, owner: Owner, name: &str) -> Option<Typed> {
        if let Some(known) = self.environment.collected.get(&owner)
            && !known.contains(name)
        {
            let message = format!("no attribute `{name}` is collected with {}s", owner.text());
            let problem = Problem::new(Code::UnknownField, ast.span.clone(), message).label("not in [collected]");
            return self.fail(problem.suggest(closest(name, known.iter().copied())));
        }
        self.uses.roots.insert(owner.text());
        self.uses.attributes.insert((owner, name.to_owned()));
        Some(Typed::Text(Text::Attribute(owner, name.to_owned())))
    }

    fn field(&mut self, ast: &Ast, path: &str) -> Option<&'static Field> {
        let problem = |message: String| Problem::new(Code::UnknownField, ast.span.clone(), message).label("unknown");
        let Some(field) = find(path) else {
            let (root, rest) = path.split_once('.').unwrap_or((path, ""));
            let known = FIELDS.iter().filter(|field| field.path.split('.').next() == Some(root));
            let names = known.map(|field| field.path.split_once('.').map_or(field.path, |(_, name)| name));
            let roots = ["contact", "customer", "account", "team", "now"];
            let found = if !roots.contains(&root) {
                problem(format!("`{root}` is unknown")).suggest(closest(root, roots))
            } else if rest.is_empty() {
                problem(format!("`{root}` has fields; name one of them"))
            } else {
                problem(format!("`{root}` has no field `{rest}`")).suggest(closest(rest, names))
            };
            self.problems.push(found);
            return None;
        };
        if field.since > self.stage {
            let message = format!("`{path}` is not known yet when this is evaluated");
            self.problems.push(problem(message).label("known only later").help(match self.stage {
                Stage::Scorecard => "the scorecard decides it",
                Stage::Owns | Stage::Rules => "`owns` decides the team",
            }));
            return None;
        }
        self.uses.roots.insert(path_root(field.path));
        Some(field)
    }

    /// Checks literals that stand beside a field of declared words.
    pub(super) fn vocabulary(&mut self, field: &Ast, beside: &Ast) {
        let vocabulary = super::atom::path(field).and_then(|path| find(&path)).map(|field| field.get);
        let Some(Get::Text(_, vocabulary) | Get::Texts(_, vocabulary)) = vocabulary else { return };
        let items = if let Node::List(items) = &beside.node { items.as_slice() } else { std::slice::from_ref(beside) };
        for item in items {
            if let Node::Text(text) = &item.node {
                self.word(item, text, vocabulary);
            }
        }
    }

    fn word(&mut self, ast: &Ast, text: &str, vocabulary: Vocabulary) {
        let known = match vocabulary {
            Vocabulary::Open => return,
            Vocabulary::Topic => {
                self.uses.topics.insert(text.to_owned());
                ("topic", self.environment.topics.clone())
            }
            Vocabulary::Channel => ("channel", self.environment.channels.clone()),
            Vocabulary::Domain => ("domain", self.environment.domains.clone()),
            Vocabulary::Team => ("team", self.environment.teams.clone()),
            Vocabulary::Agent => ("agent", self.environment.agents.clone()),
            Vocabulary::Words(words) => ("value", words.iter().copied().collect()),
        };
        if !known.1.contains(text) && !text.is_empty() {
            let problem =
                Problem::new(Code::UnknownName, ast.span.clone(), format!("no {} `{text}` is declared", known.0));
            self.problems.push(problem.label("unknown").suggest(closest(text, known.1.iter().copied())));
        }
    }
}

fn path_root(path: &'static str) -> &'static str {
    path.split('.').next().unwrap_or(path)
}

fn attribute(path: &str) -> Option<(Owner, &str)> {
    let (root, rest) = path.split_once(".attributes.")?;
    Some((Owner::parse(root)?, rest)).filter(|(_, name)| !name.contains('.'))
}

fn nonzero(ast: &Ast) -> bool {
    match &ast.node {
        Node::Int(value) => *value != 0,
        Node::Float(value) => value.abs() > 0.0,
        _ => false,
    }
}

pub(super) fn ints(all: &[Typed]) -> Option<Vec<Int>> {
    all.iter().map(|item| if let Typed::Int(int) = item { Some(int.clone()) } else { None }).collect()
}

pub(super) fn float(typed: Typed) -> Option<Float> {
    match typed {
        Typed::Int(int) => Some(Float::Whole(Box::new(int))),
        Typed::Float(float) => Some(float),
        Typed::Bool(_) | Typed::Text(_) | Typed::Texts(_) | Typed::Numbers(_) => None,
    }
}

const fn comparison(operator: Operator) -> Option<Comparison> {
    Some(match operator {
        Operator::Equal => Comparison::Equal,
        Operator::NotEqual => Comparison::NotEqual,
        Operator::Less => Comparison::Less,
        Operator::AtMost => Comparison::AtMost,
        Operator::Greater => Comparison::Greater,
        Operator::AtLeast => Comparison::AtLeast,
        _ => return None,
    })
}

const fn arithmetic(operator: Operator) -> Option<Arithmetic> {
    Some(match operator {
        Operator::Add => Arithmetic::Add,
        Operator::Subtract => Arithmetic::Subtract,
        Operator::Multiply => Arithmetic::Multiply,
        Operator::Divide => Arithmetic::Divide,
        Operator::Modulo => Arithmetic::Modulo,
        _ => return None,
    })
}
