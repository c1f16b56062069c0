//! temp
#![expect(clippy::print_stdout, reason = "a command answers on standard output")]
mod check;
mod plan;
use clap::Parser;
#[derive(Debug, Parser)]
enum Cli { Check(check::Check), Plan(plan::Plan) }
/// t
pub fn main() -> std::process::ExitCode {
    let result = match Cli::parse() { Cli::Check(c) => c.run(), Cli::Plan(c) => c.run() };
    result.unwrap_or_else(|e| { println!("picket: {e:#}"); std::process::ExitCode::from(2) })
}
