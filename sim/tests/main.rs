//! The judge finds every broken promise; the worlds are the same on every machine.

mod checker;
mod week;
mod world;
