//! One file per part of the design.

mod agents;
mod capacity;
mod choice;
mod estimates;
mod explain;
mod fences;
mod holds;
mod lending;
mod life;
mod offers;
mod place;
mod smart;
