//! How fast the core is, in inputs per second, instructions per input and contacts of the peers' scenario:
//! `cargo bench -p picket-core --bench speed [-- mix explain instructions peers digest | drive WAITING TURNS] [keep]`.
#![expect(clippy::expect_used, reason = "a bench that cannot go on says what it expected")]
#![expect(clippy::print_stdout, reason = "a bench answers on standard output")]
#![expect(clippy::wildcard_enum_match_arm, reason = "the driver looks at the few events that concern it")]

mod speed {
    pub(crate) mod calls;
    pub(crate) mod chase;
    pub(crate) mod clock;
    pub(crate) mod digest;
    pub(crate) mod explain;
    pub(crate) mod instructions;
    pub(crate) mod mix;
    pub(crate) mod peers;
    pub(crate) mod rate;
    pub(crate) mod world;
}

use std::process::ExitCode;

use speed::{digest, explain, instructions, peers, rate};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [drive, waiting, turns] = &wanted[..]
        && drive == "drive"
    {
        instructions::drive(waiting.parse().expect("a number"), turns.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let keep = wanted.iter().any(|word| word == "keep");
    let named: Vec<&String> = wanted.iter().filter(|word| *word != "keep").collect();
    let runs = |name: &str| named.is_empty() || named.iter().any(|word| *word == name);
    if runs("digest") {
        digest::print();
    }
    if runs("mix") {
        rate::print();
    }
    if runs("explain") {
        explain::print();
    }
    if runs("peers") {
        peers::print();
    }
    if runs("instructions") {
        return instructions::print(keep);
    }
    ExitCode::SUCCESS
}
