//! Rule files from outside: what is accepted, what is found, and what plan comes out.

mod examples;
mod support;
