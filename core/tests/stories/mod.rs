//! One file per part of the design.

mod agents;
mod arrival;
mod capacity;
mod causes;
mod choice;
mod consult;
mod ends;
mod estimates;
mod explain;
mod fences;
mod hands;
mod holds;
mod lending;
mod life;
mod offers;
mod people;
mod place;
mod replan;
mod smart;
mod turns;
