//! Decides what can be typed: one file per subcommand, and one place where errors are printed.
#![expect(clippy::print_stdout, reason = "a command answers on standard output")]

mod check;
pub(crate) mod client;
mod dead;
mod demo;
mod doctor;
mod erase;
mod health;
mod import;
mod plan;
mod schema;
mod send;
mod serve;
mod setup;
mod shards;
mod simulate;
mod tail;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const ABOUT: &str = "Routes contacts to the people who should have them.

Companies build a picket fence around the customers they value most: only their dedicated team deals with them, whenever \
and however they make contact. Picket keeps that promise, and routes everybody else by skill, priority and service level.";

const EXAMPLES: &str = "\
Try it:
  picket demo                                   a small contact centre that plays itself
Set it up:
  picket check rules/                           are the rules right? what do they mean?
  picket plan --contact contact.json            what would this contact be entitled to?
  picket simulate scenario.toml                 what would it do to everybody's waits?
  picket doctor                                 is everything fit for the daemon?
  picket serve --rules rules/                   the daemon; embedded store, API on 127.0.0.1:7420
Use it:
  picket import customers customers.csv         who the customers are
  picket send --type contact.received --data '{\"contact\":\"c1\",\"channel\":\"voice\"}'
  picket tail --type 'offer.*'                  what is decided, as it happens
  picket why c-17                               why it still waits, and what keeps whom

Exit codes: 0 done; 1 done, and something was refused or found; 2 could not be done.
Every command says more with --help. Settings are explained in config/picket.toml.";

/// The `picket` command.
#[derive(Debug, Parser)]
#[command(name = "picket", version, about = ABOUT, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant per file beside this one, in the order of the help text.
#[derive(Debug, Subcommand)]
enum Command {
    /// Play a contact centre against a daemon on this machine, and see every decision
    Demo(demo::Demo),
    /// Check rule files, and run their tests
    Check(check::Check),
    /// Show what a contact would be entitled to, and why
    Plan(plan::Plan),
    /// Look whether rules, store, broker, clocks and limits are fit for the daemon
    Doctor(doctor::Doctor),
    /// Make the exchanges and queues that the daemon needs, or look whether they are there
    Setup(setup::Setup),
    /// Run a scenario in virtual time, and report waits, service and continuity
    Simulate(simulate::Simulate),
    /// Run the daemon
    Serve(serve::Serve),
    /// Send events and print what became of each
    Send(send::Send),
    /// Follow what Picket decides, live
    Tail(tail::Tail),
    /// Say why a contact waits, and what keeps each of those who could take it
    Why(why::Why),
    /// Bring in customers, accounts or agents from a file
    Import(import::Import),
    /// Look at messages that could not be understood, send them again, or drop them
    Dead(dead::Dead),
    /// Erase a customer, and say what remains until when
    Erase(erase::Erase),
    /// Show who owns each shard, and how far this daemon has followed it
    Shards(shards::Shards),
    /// Say whether the daemon can route now, and if not, why
    Health(health::Health),
    /// Write the JSON Schemas and the AsyncAPI document of the contract
    Schema(schema::Schema),
}

impl Command {
    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Plan(command) => command.run(),
            Self::Doctor(command) => command.run(),
            Self::Setup(command) => command.run(),
            Self::Simulate(command) => command.run(),
            Self::Serve(command) => command.run(),
            Self::Send(command) => command.run(),
            Self::Tail(command) => command.run(),
            Self::Why(command) => command.run(),
            Self::Import(command) => command.run(),
            Self::Dead(command) => command.run(),
            Self::Erase(command) => command.run(),
            Self::Shards(command) => command.run(),
            Self::Health(command) => command.run(),
            Self::Schema(command) => command.run(),
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // Two providers of cryptography in one build panic at the first handshake unless one is chosen; it can only be
    // chosen once, and whoever came first chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    end_quietly_at_a_closed_pipe();
    match Cli::parse().command.run() {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("picket: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// `println!` panics where the reader of our output went away.
fn end_quietly_at_a_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let said = panic.payload().downcast_ref::<String>();
        if said.is_some_and(|said| said.starts_with("failed printing to stdout: Broken pipe")) {
            std::process::exit(0);
        }
        usual(panic);
    }));
}

/// Whether the reader of our output went away, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_and_flag_is_declared_without_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example_in_its_help() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("picket {}", command.get_name())), "{}", command.get_name());
        }
    }
}
