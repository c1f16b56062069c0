//! One file per part of the design.

mod agents;
mod capacity;
mod choice;
mod consult;
mod estimates;
mod explain;
mod fences;
mod hands;
mod holds;
mod lending;
mod life;
mod offers;
mod place;
mod replan;
mod smart;
