//! Decides what is looked at before contacts are trusted to a daemon with these settings, and what is said of each: how it
//! is, and how to mend it. Nothing is made or changed, but that Redis gets the function library which every daemon loads.

mod services;

use std::path::Path;

use serde::Serialize;

use super::{parts, reload};
use crate::settings::{Settings, StoreKind};
use crate::telemetry::chain;

/// Open files that a daemon needs beside those of its clients.
const FILES_LEAST: u64 = 256;

/// Below so many open files a busy daemon may come to its limit.
const FILES_WELL: u64 = 4096;

const MIB: u64 = 1 << 20;

/// Bytes free below which a journal is in danger.
const SPACE_LEAST: u64 = 100 * MIB;

/// Bytes free below which somebody should look.
const SPACE_WELL: u64 = 1024 * MIB;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Good,
    /// It works, and may not for long.
    Doubtful,
    /// A daemon would not start, or would lose what it promised to keep.
    Bad,
}

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub grade: Grade,
    /// In words.
    pub text: String,
    /// How to mend it.
    pub remedy: Option<String>,
}

impl Finding {
    fn good(subject: &'static str, text: impl Into<String>) -> Self {
        Self { subject, grade: Grade::Good, text: text.into(), remedy: None }
    }

    fn doubtful(subject: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { subject, grade: Grade::Doubtful, text: text.into(), remedy: Some(remedy.into()) }
    }

    fn bad(subject: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Bad, ..Self::doubtful(subject, text, remedy) }
    }

    /// Bad, by an error that says itself how to mend it.
    fn refused(subject: &'static str, error: &anyhow::Error) -> Self {
        Self { subject, grade: Grade::Bad, text: chain(error.as_ref()), remedy: None }
    }
}

/// Looks at everything that a daemon with these settings rests on.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let rules = reload::read(&settings.rules.path);
    let mut findings = vec![match &rules {
        Ok(rules) => {
            let domains: Vec<&str> = rules.domains().collect();
            Finding::good("rules", format!("{} pass their check, for {}", at(&settings.rules.path), domains.join(", ")))
        }
        Err(error) => Finding::refused("rules", error),
    }];
    findings.push(pepper(settings));
    findings.extend(store(settings).await);
    findings.extend(services::broker(settings, rules.ok().as_ref()).await);
    findings.extend(services::certificates(settings).await);
    findings.push(open_files(std::fs::read_to_string("/proc/self/limits").ok().as_deref()));
    findings
}

fn at(path: &Path) -> String {
    path.display().to_string()
}

/// The key that turns people into hashes; one that is made at the first start is not made here.
fn pepper(settings: &Settings) -> Finding {
    let ours = settings.store.path.join("pepper");
    match &settings.people.pepper_file {
        None if settings.store.kind == StoreKind::Embedded && !ours.exists() => {
            Finding::good("key", format!("{} is made at the first start", at(&ours)))
        }
        None if settings.store.kind == StoreKind::Memory => Finding::good("key", "made at each start"),
        given => match parts::pepper(settings) {
            Ok(_) => Finding::good("key", format!("{} reads", at(given.as_ref().unwrap_or(&ours)))),
            Err(error) => Finding::refused("key", &error),
        },
    }
}

async fn store(settings: &Settings) -> Vec<Finding> {
    match settings.store.kind {
        StoreKind::Memory => {
            let text = "nothing outlives the process: store.kind is \"memory\"";
            vec![Finding::bad("store", text, "set store.kind to \"embedded\" or \"redis\"")]
        }
        StoreKind::Embedded => vec![folder(&settings.store.path), space(&settings.store.path)],
        StoreKind::Redis => services::redis(settings).await,
    }
}

/// Whether the daemon can keep its files in a folder, which it makes if it is missing.
fn folder(path: &Path) -> Finding {
    use rustix::fs::{Access, access};
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Finding::bad("store", format!("{} is no folder", at(nearest)), "let store.path name a folder");
    }
    match access(nearest, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if nearest == path => Finding::good("store", format!("{} can be written", at(path))),
        Ok(()) => Finding::good("store", format!("{} is made at the first start", at(path))),
        Err(error) => {
            let text = format!("{} cannot be written: {error}", at(nearest));
            Finding::bad("store", text, "give the folder to the user under which the daemon runs, or set store.path")
        }
    }
}

/// How much room is left where the journal lies.
fn space(path: &Path) -> Finding {
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    match rustix::fs::statvfs(nearest) {
        Ok(disk) => roomy(disk.f_bavail.saturating_mul(disk.f_frsize), &at(nearest)),
        Err(error) => {
            let text = format!("the room left at {} cannot be asked for: {error}", at(nearest));
            Finding::doubtful("disk", text, "look with `df`")
        }
    }
}

fn roomy(free: u64, place: &str) -> Finding {
    let text = format!("{} MiB are free at {place}", free / MIB);
    let remedy = "make room, or let store.path lie on a larger disk: an append that fails stops routing";
    match free {
        free if free < SPACE_LEAST => Finding::bad("disk", text, remedy),
        free if free < SPACE_WELL => Finding::doubtful("disk", text, remedy),
        _ => Finding::good("disk", text),
    }
}

/// How many files a process started like this one may open.
fn open_files(limits: Option<&str>) -> Finding {
    let soft = limits
        .and_then(|limits| limits.lines().find_map(|line| line.strip_prefix("Max open files")))
        .and_then(|line| line.split_whitespace().next())
        .map(|soft| if soft == "unlimited" { Ok(u64::MAX) } else { soft.parse() });
    let remedy = format!("raise it to {FILES_WELL}: LimitNOFILE= in the unit, `ulimit -n` in a shell");
    match soft {
        Some(Ok(soft)) => {
            let text = format!("a process started from here may open {soft} files");
            match soft {
                soft if soft < FILES_LEAST => Finding::bad("files", text, remedy),
                soft if soft < FILES_WELL => Finding::doubtful("files", text, remedy),
                _ => Finding::good("files", text),
            }
        }
        Some(Err(_)) | None => Finding::doubtful("files", "how many files may be open is not known", remedy),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Grade, folder, open_files, roomy, space};

    #[test]
    fn little_room_is_doubtful_and_next_to_none_is_bad() {
        let grades = [1 << 40, 500 << 20, 1 << 20].map(|free| roomy(free, "/srv").grade);
        assert_eq!(grades, [Grade::Good, Grade::Doubtful, Grade::Bad]);
        assert!(space(Path::new("/")).text.contains("MiB are free at /"));
    }

    #[test]
    fn the_limit_of_open_files_is_read_as_the_system_writes_it() {
        let limits =
            |soft: &str| format!("Limit  Soft Limit  Hard Limit  Units\nMax open files  {soft}  524288  files\n");
        let graded = |soft: &str| open_files(Some(&limits(soft))).grade;
        assert_eq!(
            ["unlimited", "524288", "1024", "64"].map(graded),
            [Grade::Good, Grade::Good, Grade::Doubtful, Grade::Bad]
        );
        assert_eq!(open_files(None).grade, Grade::Doubtful);
        assert_ne!(
            open_files(std::fs::read_to_string("/proc/self/limits").ok().as_deref()).text,
            open_files(None).text
        );
    }

    #[test]
    fn a_folder_that_is_a_file_is_no_place_for_a_store() {
        let there = tempfile::tempdir().expect("a folder");
        assert_eq!(folder(there.path()).grade, Grade::Good);
        assert!(folder(&there.path().join("new/deep")).text.contains("is made at the first start"));
        std::fs::write(there.path().join("file"), "").expect("written");
        assert_eq!(folder(&there.path().join("file")).grade, Grade::Bad);
        assert_eq!(folder(&there.path().join("file/below")).grade, Grade::Bad);
    }
}
