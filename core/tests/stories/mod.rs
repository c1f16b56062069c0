//! One file per part of the design.

mod agents;
mod capacity;
mod choice;
mod fences;
mod holds;
mod lending;
mod life;
mod offers;
mod place;
