//! Decides when other rules come into force: at SIGHUP, and only if they pass their check.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use picket_rules::RuleSet;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::shard::Health;

/// Reads and checks the rules; everything that is wrong is said at once.
pub(super) fn read(path: &Path) -> anyhow::Result<RuleSet> {
    match RuleSet::load(path) {
        Ok((rules, findings)) => {
            for finding in findings {
                tracing::warn!(code = finding.code.text(), "rules: {}", finding.message);
            }
            Ok(rules)
        }
        Err(findings) => {
            let mut text = format!("the rules in {} do not pass their check", path.display());
            for finding in findings {
                let _ = write!(text, "\n  {}: {}", finding.code.text(), finding.message);
            }
            let _ = write!(text, "\nrun `picket check {}` to see each place", path.display());
            bail!(text)
        }
    }
}

/// Checks the rules again at each SIGHUP, and puts them in force if they pass; otherwise those in force stay, and readiness
/// says so.
pub(super) async fn at_hangup(
    path: PathBuf,
    activate: watch::Sender<Arc<RuleSet>>,
    healths: Vec<Arc<watch::Sender<Health>>>,
    stop: CancellationToken,
) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        tracing::error!("cannot wait for SIGHUP: rules are reloaded by a restart only");
        return stop.cancelled().await;
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = stop.cancelled() => return,
        }
        let file = path.clone();
        let read = tokio::task::spawn_blocking(move || read(&file)).await;
        let trouble = match &read {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("the rules in force stay: {error:#}")),
            Err(_) => Some(String::from("the rules in force stay: reading the new ones panicked")),
        };
        for health in &healths {
            health.send_if_modified(|health| health.set("rules", trouble.clone()));
        }
        match read {
            Ok(Ok(rules)) if rules.hash() == activate.borrow().hash() => {
                tracing::info!(hash = rules.hash(), "the rules are those in force already");
            }
            Ok(Ok(rules)) => {
                tracing::info!(hash = rules.hash(), "rules reloaded");
                activate.send_replace(Arc::new(rules));
            }
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "the rules in force stay"),
            Err(panic) => tracing::error!(%panic, "the rules in force stay: reading the new ones panicked"),
        }
    }
}
