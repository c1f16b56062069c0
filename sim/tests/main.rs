//! The judge finds every broken promise; the worlds are the same on every machine.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

mod checker;
mod scenarios;
mod week;
mod world;
