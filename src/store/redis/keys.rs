//! Decides what the keys of a shard are called. All have the tag `{shard}`, so that Redis Cluster keeps them together.

use crate::shard::ports::DirectoryKind;
use crate::store::kind_name;

/// The names of one shard's keys.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn of(shard: &str) -> Self {
        Self { prefix: format!("pk:{{{shard}}}:") }
    }

    /// The hash of everything there is one of.
    pub(super) fn own(&self) -> String {
        self.key("own")
    }

    /// What every shard's hash of that kind matches.
    pub(super) fn every_own() -> String {
        Self::of("*").own()
    }

    /// Whose such a hash is.
    pub(super) fn shard_of(own: &str) -> Option<String> {
        own.strip_prefix("pk:{")?.strip_suffix("}:own").map(str::to_owned)
    }

    /// Who may try to own the shard; it ends by itself.
    pub(super) fn lease(&self) -> String {
        self.key("lease")
    }

    /// Which daemons are there for a list of shards.
    pub(super) fn daemons(shards: &str) -> String {
        format!("pk:daemons:{shards}")
    }

    /// What is written for nothing but to see it reach the replicas.
    pub(super) fn settled(&self) -> String {
        self.key("settled")
    }

    /// The stream of records.
    pub(super) fn journal(&self) -> String {
        self.key("journal")
    }

    /// The list with the chunks of a kept snapshot.
    pub(super) fn snapshot(&self, slot: char) -> String {
        format!("{}snap:{slot}", self.prefix)
    }

    /// The list an owner uploads a snapshot to; another owner has another.
    pub(super) fn upload(&self, nonce: &str) -> String {
        format!("{}snap:new:{nonce}", self.prefix)
    }

    /// The hash of messages that were tried and not committed.
    pub(super) fn attempts(&self) -> String {
        self.key("attempts")
    }

    /// The hash of blobs.
    pub(super) fn blobs(&self) -> String {
        self.key("blobs")
    }

    /// The hash of the directory's rows of one kind.
    pub(super) fn directory(&self, kind: DirectoryKind) -> String {
        format!("{}dir:{}", self.prefix, kind_name(kind))
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}
