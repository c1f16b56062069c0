//! Decides what expressions mean: CEL syntax, our own types, compiled to programs that can not fail.

mod atom;
mod calls;
mod compile;
mod condition;
mod fields;
mod program;
mod scan;
mod syntax;

pub(crate) use compile::{Environment, Uses};
pub(crate) use condition::{Clause, Condition, Problem, Score};
pub(crate) use fields::{Now, Owner, Scope, Stage, TeamView};
