//! Decides where log lines go, in which form, and that a panic becomes one of them.

use std::io::IsTerminal;
use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

use crate::settings::{Log, LogFormat};

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("setting `log.filter`: `{filter}` is not a level or a list such as \"info,picket::shard=debug\"")]
    Filter {
        /// The filter.
        filter: String,
        /// Where it goes wrong.
        #[source]
        source: ParseError,
    },
    /// Somebody else has set up logging in this process.
    #[error("logging is set up already")]
    Twice(#[source] TryInitError),
}

/// Starts logging to standard error, for the life of the process, and logs panics from now on.
///
/// # Errors
/// [`Error::Filter`], and [`Error::Twice`] at a second call.
pub fn start(settings: &Log) -> Result<(), Error> {
    use tracing_subscriber::util::SubscriberInitExt;

    // The client logs messages that come back with their bodies, which hold what no log may hold.
    let filter = EnvFilter::try_new(format!("lapin::returned_messages=off,{}", settings.filter))
        .map_err(|source| Error::Filter { filter: settings.filter.clone(), source })?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    let human = match settings.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal,
    };
    if human {
        lines.finish().try_init().map_err(Error::Twice)?;
    } else {
        lines.json().flatten_event(true).with_current_span(false).finish().try_init().map_err(Error::Twice)?;
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(report: &panic::PanicHookInfo<'_>) {
    let payload = report.payload();
    let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = report.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    tracing::error!(place, thread = thread.name().unwrap_or("unnamed"), "panic: {}", said.unwrap_or("no message"));
}
