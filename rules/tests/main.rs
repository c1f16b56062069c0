//! Rule files from outside: what is accepted, what is found, and what plan comes out.

mod codes;
mod examples;
mod expressions;
mod lints;
mod plans;
mod properties;
mod support;
