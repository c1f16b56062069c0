//! Decides what `picket demo` does: it starts a daemon of its own, plays a small world against its public interface, and
//! judges what comes out of it.

mod daemon;
mod lines;
mod summary;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::Context;
use picket_sim::check::{Checker, Ending, Report};
use picket_sim::feed::Events;
use picket_sim::output::{Contact, Output};
use picket_sim::world::{Tempo, World, place};
use serde_json::Value;

use super::client;
use crate::clock::Clock;
use daemon::Daemon;
use lines::Lines;

/// Play a contact centre against a daemon on this machine, and see every decision
///
/// Starts an embedded daemon, imports a few customers, lets customers and agents behave as people do (they miss offers,
/// decline, give up, fall ill), and prints each decision with its reason. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  picket demo                    until Ctrl-C, at a pace to follow\n  picket demo --seconds 30       ends with a summary; exit code 0 only if every promise was kept\n  picket demo --seed 7 --json    the same people and luck as every run with seed 7; the summary as JSON"
)]
pub(crate) struct Demo {
    /// End after about this many seconds (at least 8) with a summary; everything open is brought to its end first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(8..=86_400))]
    seconds: Option<u64>,
    /// The people's luck: the same seed draws the same numbers
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Where the daemon listens; a free port of this machine without it
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep the daemon's data here instead of in a temporary folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print no line per decision
    #[arg(long)]
    quiet: bool,
    /// Print the summary as JSON, and no line per decision
    #[arg(long)]
    json: bool,
}

/// What reaches the play from outside.
enum Heard {
    Output(Value),
    Stop,
    FeedEnded(String),
}

/// How long a daemon that takes nothing at the moment is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the calm at the end may take before what is still open counts as stuck.
const CALM_MS: i64 = 20_000;

impl Demo {
    /// Runs the demo.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let mut out = io::stdout();
        let daemon = Daemon::start(self.listen, self.data.clone())?;
        let client = client::Daemon::at(daemon.base());
        if !self.json {
            writeln!(out, "The API listens on {}; the live feed is {}/v1/stream", daemon.base(), daemon.base())?;
            writeln!(out, "Seed {}. Ctrl-C ends the demo.\n", self.seed)?;
        }
        let (tell, hear) = sync_channel(8192);
        listen_for_signals(tell.clone())?;
        follow(client.clone(), tell);
        let (report, interrupted) = self.play(&client, &hear, &mut out)?;
        daemon.stop();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &summary::json(&report))?;
            writeln!(out)?;
        } else {
            summary::print(&report, &mut out)?;
        }
        let shown = interrupted || self.seconds.is_none() || summary::shows_enough(&report);
        Ok(if report.holds() && shown { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn play(
        &self,
        client: &client::Daemon,
        hear: &Receiver<Heard>,
        out: &mut impl Write,
    ) -> anyhow::Result<(Report, bool)> {
        let clock = Clock::System;
        let started = clock.now().0;
        let total = self.seconds.map(|seconds| i64::try_from(seconds * 1000).unwrap_or(i64::MAX));
        let arrivals = total.map(|ms| (ms - 7000).max(ms * 6 / 10));
        let tempo = arrivals.map_or_else(Tempo::endless, |ms| Tempo::within(ms.unsigned_abs()));
        let mut play = Play {
            world: World::new(self.seed, tempo, started),
            checker: Checker::new(place()),
            lines: (!self.quiet && !self.json).then(Lines::default),
        };
        let opening = play.world.opening();
        play.send(client, &opening)?;
        let mut ending = Ending::Calm;
        loop {
            let now = clock.now().0;
            if arrivals.is_some_and(|ms| now - started >= ms) {
                play.world.calm_down(now);
            }
            let due = play.world.due(now);
            play.send(client, &due)?;
            let late = arrivals.is_some_and(|ms| now - started >= ms + CALM_MS);
            if late || (play.world.is_over() && play.checker.open() == 0) {
                break;
            }
            let wait = play.world.next().map_or(200, |at| (at - now).clamp(1, 200)).unsigned_abs();
            match hear.recv_timeout(Duration::from_millis(wait)) {
                Ok(Heard::Output(event)) => play.see(clock.now().0, &event, out)?,
                Ok(Heard::Stop) => {
                    ending = Ending::Interrupted;
                    break;
                }
                Ok(Heard::FeedEnded(why)) => anyhow::bail!("the live feed ended: {why}"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => anyhow::bail!("nobody reads the live feed any more"),
            }
            while let Ok(Heard::Output(event)) = hear.try_recv() {
                play.see(clock.now().0, &event, out)?;
            }
        }
        Ok((play.checker.finish(ending), ending == Ending::Interrupted))
    }
}

/// The world, its judge, and what is shown of both.
struct Play {
    world: World,
    checker: Checker,
    lines: Option<Lines>,
}

impl Play {
    fn send(&mut self, client: &client::Daemon, events: &[Value]) -> anyhow::Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let answers = client.send(events, PATIENCE)?;
        for (event, answer) in events.iter().zip(&answers) {
            if answer.get("result").and_then(Value::as_str) == Some("rejected") {
                if let Some(contact) = arrival(event) {
                    self.checker.refused(contact);
                }
            } else {
                self.checker.sent(event);
            }
        }
        Ok(())
    }

    fn see(&mut self, now: i64, event: &Value, out: &mut impl Write) -> anyhow::Result<()> {
        self.checker.take(event);
        let Ok(output) = Output::read(event) else { return Ok(()) };
        self.world.see(now, &output);
        if let Some(lines) = &mut self.lines
            && let Some(line) = lines.line(&output, &self.world)
        {
            writeln!(out, "{line}").context("cannot write to the terminal")?;
        }
        Ok(())
    }
}

/// The contact of an arrival.
fn arrival(event: &Value) -> Option<Contact> {
    let kind = event.get("type").and_then(Value::as_str)?;
    let source = event.get("source").and_then(Value::as_str)?.to_owned();
    let id = event.pointer("/data/contact").and_then(Value::as_str)?.to_owned();
    (kind == "picket.contact.received.v1").then_some(Contact { source, id })
}

/// Reads the live feed on a thread of its own, until the daemon is gone.
fn follow(client: client::Daemon, tell: SyncSender<Heard>) {
    std::thread::spawn(move || {
        let told = read_feed(&client, |event| tell.send(Heard::Output(event)).is_ok());
        let why = told.map_or_else(|error| format!("{error:#}"), |()| "the daemon closed it".to_owned());
        // The play may be over, and nobody there to hear it.
        let _: Result<(), _> = tell.send(Heard::FeedEnded(why));
    });
}

/// Reads the live feed from its first output, as long as `take` wants more.
fn read_feed(client: &client::Daemon, mut take: impl FnMut(Value) -> bool) -> anyhow::Result<()> {
    let mut events = Events::new(client.follow("/v1/stream", Some(0))?);
    while let Some(event) = events.next().context("cannot read the live feed")? {
        let output = serde_json::from_str(&event.data).context("an output is not JSON")?;
        if !take(output) {
            break;
        }
    }
    Ok(())
}

/// Turns Ctrl-C and a request to end into a word to the play.
fn listen_for_signals(tell: SyncSender<Heard>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot hear signals")?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            let Ok(mut ended) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
                return;
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = ended.recv() => {}
            }
        });
        if let Err(TrySendError::Full(stop)) = tell.try_send(Heard::Stop) {
            let _: Result<(), _> = tell.send(stop);
        }
    });
    Ok(())
}
