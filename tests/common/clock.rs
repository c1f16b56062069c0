//! Decides how a daemon gets a clock of its own, which a test moves: by libfaketime.

use std::fs;
use std::path::{Path, PathBuf};

use super::daemon::Setup;

/// Where Debian puts the library that stands between a program and the clock.
fn library() -> Option<PathBuf> {
    let lib = Path::new("/usr/lib");
    let places = [format!("{}-linux-gnu", std::env::consts::ARCH), String::new()];
    places.map(|place| lib.join(place).join("faketime/libfaketimeMT.so.1")).into_iter().find(|path| path.exists())
}

/// The clock of one daemon. The monotonic clock stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct OwnClock {
    offset: PathBuf,
}

impl OwnClock {
    /// Gives one to a daemon; none, and it is said loudly, where the library is missing.
    pub(crate) fn of(setup: Setup) -> Result<(Setup, Self), Setup> {
        let Some(library) = library() else {
            eprintln!("SKIPPED: no libfaketime; `apt-get install libfaketime`, or use ./test, which installs it");
            return Err(setup);
        };
        let offset = setup.data().with_file_name("offset");
        let setup = setup
            .set("LD_PRELOAD", &library.display().to_string())
            .set("FAKETIME_TIMESTAMP_FILE", &offset.display().to_string())
            .set("FAKETIME_NO_CACHE", "1")
            .set("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .set("DONT_FAKE_MONOTONIC", "1");
        let clock = Self { offset };
        clock.set(0);
        Ok((setup, clock))
    }

    /// How many seconds it is ahead of ours from now on, or behind.
    pub(crate) fn set(&self, seconds: i64) {
        fs::write(&self.offset, format!("{seconds:+}")).expect("the offset is written");
    }
}
