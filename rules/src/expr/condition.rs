//! Decides how a condition is held: as the clauses that `&&` joins, so that a trace can say which one failed first.

use std::ops::Range;

use super::atom::{self, Atom};
use super::compile::{Checker, Environment, Typed, Uses};
use super::fields::{Scope, Stage};
use super::program::{Bool, Float};
use super::scan::{DEEPEST, LONGEST, MOST_OPERATORS, Scan, TooLarge};
use super::syntax::{self, Ast};
use crate::codes::Code;

/// What is wrong, or worth knowing, with an expression, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), label: String::new(), help: None }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn suggest(mut self, suggestion: Option<&str>) -> Self {
        if let Some(text) = suggestion {
            self.help = Some(format!("did you mean `{text}`?"));
        }
        self
    }
}

/// One of the clauses that must all hold.
#[derive(Clone, Debug)]
pub(crate) struct Clause {
    /// As written.
    pub(crate) text: String,
    /// What it asks of one field, if that is all it does.
    pub(crate) atom: Option<Atom>,
    /// Its value, if it is always the same.
    pub(crate) constant: Option<bool>,
    test: Bool,
}

/// When a rule matches.
#[derive(Clone, Debug, Default)]
pub(crate) struct Condition {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) uses: Uses,
}

/// An expression that gives points.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    pub(crate) uses: Uses,
    points: Float,
}

impl Condition {
    /// Reads, checks and compiles; problems that do not prevent it are notes.
    pub(crate) fn compile(
        text: &str,
        stage: Stage,
        environment: &Environment<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let scan = Scan::new(text);
        bounded(&scan, text, problems)?;
        let mut condition = Self::default();
        let mut sound = true;
        for span in scan.clauses(text) {
            let Some(ast) = read(text, span.clone(), problems) else {
                sound = false;
                continue;
            };
            let mut checker = Checker::new(stage, environment, &mut condition.uses, problems);
            let typed = checker.check(&ast);
            let Some(Typed::Bool(test)) = typed else {
                if let Some(other) = typed {
                    problems.push(
                        Problem::new(
                            Code::TypeMismatch,
                            span,
                            format!("a condition must be true or false, this is {}", other.kind()),
                        )
                        .label(format!("this is {}", other.kind())),
                    );
                }
                sound = false;
                continue;
            };
            let constant = atom::constant(&ast).then(|| test.eval(&atom::empty(&atom::EMPTY)));
            let text = text.get(span.clone()).unwrap_or_default().to_owned();
            condition.clauses.push(Clause { text, atom: Atom::of(&ast), constant, test });
        }
        sound.then_some(condition)
    }

    /// The first clause that does not hold, if one does not.
    pub(crate) fn first_failed(&self, scope: &Scope<'_>) -> Option<usize> {
        self.clauses.iter().position(|clause| !clause.test.eval(scope))
    }

    /// Whether every clause holds.
    pub(crate) fn holds(&self, scope: &Scope<'_>) -> bool {
        self.first_failed(scope).is_none()
    }

    /// Whether it holds for every contact.
    pub(crate) fn always(&self) -> bool {
        self.clauses.iter().all(|clause| clause.constant == Some(true))
    }
}

impl Score {
    /// Reads, checks and compiles.
    pub(crate) fn compile(
        text: &str,
        stage: Stage,
        environment: &Environment<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        bounded(&Scan::new(text), text, problems)?;
        let ast = read(text, 0..text.len(), problems)?;
        let mut uses = Uses::default();
        let points = match Checker::new(stage, environment, &mut uses, problems).check(&ast)? {
            Typed::Int(int) => Float::Whole(Box::new(int)),
            Typed::Float(float) => float,
            other @ (Typed::Bool(_) | Typed::Text(_) | Typed::Texts(_) | Typed::Numbers(_)) => {
                let message = format!("points must be a number, this is {}", other.kind());
                problems.push(Problem::new(Code::TypeMismatch, 0..text.len(), message));
                return None;
            }
        };
        Some(Self { uses, points })
    }

    /// The points.
    pub(crate) fn eval(&self, scope: &Scope<'_>) -> f64 {
        self.points.eval(scope)
    }
}

fn bounded(scan: &Scan, text: &str, problems: &mut Vec<Problem>) -> Option<()> {
    let message = match scan.bounded(text) {
        Ok(()) => return Some(()),
        Err(TooLarge::Bytes(found)) => format!("the expression has {found} bytes, {LONGEST} are allowed"),
        Err(TooLarge::Operators(found)) => {
            format!("the expression has {found} operators and brackets, {MOST_OPERATORS} are allowed")
        }
        Err(TooLarge::Depth(found)) => format!("brackets are nested {found} deep, {DEEPEST} are allowed"),
    };
    problems.push(Problem::new(Code::TooCostly, 0..text.len(), message).help("split it into several rules"));
    None
}

fn read(text: &str, span: Range<usize>, problems: &mut Vec<Problem>) -> Option<Ast> {
    let part = text.get(span.clone()).unwrap_or_default();
    if part.is_empty() {
        problems.push(Problem::new(Code::ExpressionSyntax, span, "a clause is missing here"));
        return None;
    }
    match syntax::parse(part) {
        Ok(mut ast) => {
            shift(&mut ast, span.start);
            Some(ast)
        }
        Err(unreadable) => {
            let at = unreadable.span.start + span.start..unreadable.span.end + span.start;
            problems.push(Problem::new(Code::ExpressionSyntax, at, unreadable.message));
            None
        }
    }
}

fn shift(ast: &mut Ast, by: usize) {
    ast.span = ast.span.start + by..ast.span.end + by;
    for part in ast.node.parts_mut() {
        shift(part, by);
    }
}
