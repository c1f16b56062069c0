//! Decides which functions expressions may call.
#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else an expression is, it is not a literal")]

use regex::RegexBuilder;

use super::atom;
use super::compile::{Checker, Typed, float, ints};
use super::condition::Problem;
use super::fields::{Get, Vocabulary, find};
use super::program::{Bool, Float, Int};
use super::syntax::{Ast, Node};
use crate::codes::Code;
use crate::facts::QueueFacts;
use crate::finding::closest;

/// The most memory a pattern may take.
const PATTERN_BYTES: usize = 64 * 1024;

/// Functions of a text, then functions of their own.
const METHODS: [&str; 5] = ["startsWith", "endsWith", "contains", "matches", "size"];
const FUNCTIONS: [&str; 6] = ["size", "min", "max", "open", "queue", "has"];

impl Checker<'_, '_> {
    pub(super) fn call(&mut self, ast: &Ast, name: &str, target: Option<&Ast>, args: &[Ast]) -> Option<Typed> {
        match (name, target, args) {
            ("startsWith" | "endsWith" | "contains", Some(target), [arg]) => self.search(name, target, arg),
            ("matches", Some(target), [pattern]) => self.matches(target, pattern),
            ("size", Some(of), []) | ("size", None, [of]) => self.size(of),
            ("min" | "max", None, [_, ..]) => self.extreme(ast, name, args),
            ("open", None, [hours]) => self.open(hours),
            ("open", Some(target), [hours]) if atom::path(target).as_deref() == Some("now") => self.open(hours),
            ("queue", None, [_]) => {
                let message = "a queue is asked for its length, wait or service: queue(\"id\").length";
                self.fail(Problem::new(Code::TypeMismatch, ast.span.clone(), message))
            }
            _ => self.unknown(ast, name, target),
        }
    }

    fn unknown(&mut self, ast: &Ast, name: &str, target: Option<&Ast>) -> Option<Typed> {
        let known: &[&str] = if target.is_some() { &METHODS } else { &FUNCTIONS };
        let problem = if known.contains(&name) {
            let message = format!("`{name}` does not take these arguments");
            Problem::new(Code::TypeMismatch, ast.span.clone(), message)
        } else {
            let message = format!("there is no function `{name}` here");
            Problem::new(Code::UnknownField, ast.span.clone(), message).suggest(closest(name, known.iter().copied()))
        };
        self.fail(problem)
    }

    fn search(&mut self, name: &str, target: &Ast, arg: &Ast) -> Option<Typed> {
        let (text, part) = (self.text(target), self.text(arg));
        let pair = Box::new((text?, part?));
        if name == "startsWith" {
            self.prefix(target, arg);
        }
        Some(Typed::Bool(match name {
            "startsWith" => Bool::StartsWith(pair),
            "endsWith" => Bool::EndsWith(pair),
            _ => Bool::Contains(pair),
        }))
    }

    /// A prefix that no declared topic has is a typo.
    fn prefix(&mut self, target: &Ast, arg: &Ast) {
        let field = atom::path(target).and_then(|path| find(&path)).map(|field| field.get);
        if let (Some(Get::Text(_, Vocabulary::Topic)), Node::Text(prefix)) = (field, &arg.node) {
            let matching: Vec<_> =
                self.environment.topics.iter().filter(|topic| topic.starts_with(prefix.as_str())).collect();
            if matching.is_empty() {
                let near = closest(prefix, self.environment.topics.iter().copied());
                let problem =
                    Problem::new(Code::UnknownName, arg.span.clone(), format!("no topic begins with `{prefix}`"));
                self.problems.push(problem.label("unknown").suggest(near));
            }
            self.uses.topics.extend(matching.into_iter().map(|topic| (*topic).to_owned()));
        }
    }

    fn matches(&mut self, target: &Ast, pattern: &Ast) -> Option<Typed> {
        let text = self.text(target)?;
        let Node::Text(source) = &pattern.node else {
            let message = "the pattern of `matches` must be a literal, so that it can be checked";
            return self.fail(Problem::new(Code::TypeMismatch, pattern.span.clone(), message));
        };
        match RegexBuilder::new(source).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build() {
            Ok(regex) => Some(Typed::Bool(Bool::Matches(Box::new(text), Box::new(regex)))),
            Err(regex::Error::CompiledTooBig(_)) => {
                self.fail(Problem::new(Code::TooCostly, pattern.span.clone(), "the pattern is too large"))
            }
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.fail(Problem::new(
                    Code::ExpressionSyntax,
                    pattern.span.clone(),
                    format!("not a pattern: {reason}"),
                ))
            }
        }
    }

    fn size(&mut self, of: &Ast) -> Option<Typed> {
        Some(Typed::Int(match self.check(of)? {
            Typed::Text(text) => Int::Size(Box::new(text)),
            Typed::Texts(texts) => Int::Count(texts),
            Typed::Numbers(all) => Int::Const(i64::try_from(all.len()).unwrap_or(i64::MAX)),
            other => return self.mismatch(of, "text or a list", &other),
        }))
    }

    fn extreme(&mut self, ast: &Ast, name: &str, args: &[Ast]) -> Option<Typed> {
        let mut all = args.iter().map(|arg| self.check(arg)).collect::<Option<Vec<_>>>()?;
        if let [Typed::Numbers(listed)] = all.as_slice() {
            all = listed.clone();
        }
        if let Some(ints) = ints(&all) {
            return Some(Typed::Int(if name == "min" { Int::Least(ints) } else { Int::Greatest(ints) }));
        }
        if let Some(other) = all.iter().find(|item| !matches!(item, Typed::Int(_) | Typed::Float(_))) {
            return self.mismatch(ast, "numbers", other);
        }
        let floats = all.into_iter().filter_map(float).collect();
        Some(Typed::Float(if name == "min" { Float::Least(floats) } else { Float::Greatest(floats) }))
    }

    fn open(&mut self, hours: &Ast) -> Option<Typed> {
        let Node::Text(name) = &hours.node else {
            let message = "`open` takes the name of hours as a literal: open(\"office\")";
            return self.fail(Problem::new(Code::TypeMismatch, hours.span.clone(), message));
        };
        let Some(index) = self.environment.hours.get(name.as_str()) else {
            let near = closest(name, self.environment.hours.keys().copied());
            let problem =
                Problem::new(Code::UnknownName, hours.span.clone(), format!("no hours `{name}` are declared"));
            return self.fail(problem.label("unknown").suggest(near));
        };
        self.uses.hours.insert(name.clone());
        Some(Typed::Bool(Bool::Open(*index)))
    }

    pub(super) fn queue(&mut self, ast: &Ast, args: &[Ast], field: &str) -> Option<Typed> {
        let [Ast { node: Node::Text(id), span }] = args else {
            let message = "`queue` takes the id of a queue as a literal: queue(\"general\")";
            return self.fail(Problem::new(Code::TypeMismatch, ast.span.clone(), message));
        };
        if !self.environment.queues.contains(id.as_str()) {
            let near = closest(id, self.environment.queues.iter().copied());
            let problem = Problem::new(Code::UnknownName, span.clone(), format!("no queue `{id}` is declared"));
            return self.fail(problem.label("unknown").suggest(near));
        }
        let get: fn(&QueueFacts) -> u32 = match field {
            "length" => |queue| queue.length,
            "wait" => |queue| queue.wait_s,
            "service" => |queue| queue.service_percent,
            _ => {
                let problem =
                    Problem::new(Code::UnknownField, ast.span.clone(), format!("a queue has no field `{field}`"));
                return self.fail(problem.suggest(closest(field, ["length", "wait", "service"])));
            }
        };
        Some(Typed::Int(Int::Queue(id.clone(), get)))
    }
}
