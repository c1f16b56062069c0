//! One file per part of the design.

mod agents;
mod answers;
mod arrival;
mod capacity;
mod catch_up;
mod causes;
mod choice;
mod consult;
mod ends;
mod estimates;
mod explain;
mod fences;
mod gates;
mod hands;
mod holds;
mod lending;
mod life;
mod offers;
mod people;
mod place;
mod readiness;
mod replan;
mod smart;
mod states;
mod transfers;
mod turns;
