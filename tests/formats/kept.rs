//! Decides how a journal and its snapshot are kept as files: a line for each record (number, hash, body), and the bytes of
//! the snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use picket::shard::ports::{Entry, Head, Snapshot};
use picket::shard::{record, snapshot};

/// What a run of one version left.
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) journal: Vec<Entry>,
    pub(crate) snapshot: Snapshot,
}

impl Kept {
    /// Every version that is kept.
    pub(crate) fn all() -> Vec<Self> {
        let folders = fs::read_dir(home()).map(|entries| entries.filter_map(Result::ok)).into_iter().flatten();
        let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// That of the versions this build writes.
    pub(crate) fn present() -> Option<Self> {
        let name = present();
        home().join(&name).exists().then(|| Self::read(&name))
    }

    fn read(name: &str) -> Self {
        let folder = home().join(name);
        let journal = fs::read_to_string(folder.join("journal")).expect("a journal");
        let journal: Vec<Entry> = journal.lines().map(entry).collect();
        let body = Bytes::from(fs::read(folder.join("snapshot")).expect("a snapshot"));
        let head = journal.last().map(|last| Head { seq: last.seq, hash: last.hash.clone() });
        Self { name: name.to_owned(), snapshot: Snapshot { head: head.expect("records"), body }, journal }
    }

    /// Keeps a run of this version. What is kept is never replaced: it may have been released.
    pub(crate) fn keep(journal: Vec<Entry>, snapshot: Snapshot) {
        let folder = home().join(present());
        assert!(!folder.exists(), "{} is kept already; remove it if it was never released", folder.display());
        fs::create_dir_all(&folder).expect("a folder");
        let line = |entry: Entry| {
            let body = String::from_utf8(entry.body.to_vec()).expect("a record is text");
            format!("{} {} {body}\n", entry.seq, entry.hash)
        };
        let lines: String = journal.into_iter().map(line).collect();
        fs::write(folder.join("journal"), lines).expect("a journal is written");
        fs::write(folder.join("snapshot"), snapshot.body).expect("a snapshot is written");
        println!("kept in {}", folder.display());
    }
}

/// Version and state of a snapshot, without compression and checksum.
pub(crate) fn unpacked(snapshot: &Snapshot) -> (Bytes, Vec<u8>) {
    let plain = lz4_flex::decompress_size_prepended(&snapshot.body[8 + 32..]).expect("a snapshot unpacks");
    (snapshot.body.slice(..8), plain)
}

fn entry(line: &str) -> Entry {
    let mut parts = line.splitn(3, ' ');
    let mut part = || parts.next().expect("number, hash and body").to_owned();
    let seq = part().parse().expect("a number");
    Entry { seq, hash: part(), body: part().into() }
}

fn present() -> String {
    format!("records-{}-snapshots-{}", record::VERSION, snapshot::VERSION)
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/kept")
}
