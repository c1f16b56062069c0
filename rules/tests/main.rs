//! Rule files from outside: what is accepted, what is found, and what plan comes out.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story fails by panicking")]

mod codes;
mod examples;
mod expressions;
mod lints;
mod plans;
mod properties;
mod support;
