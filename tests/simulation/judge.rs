//! Decides what else must hold at the end of a run, beside what the checker reads from the outputs.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use picket::shard::ports::{Snapshot, Store};
use picket::shard::record::Record;
use picket::shard::snapshot::{decode, encode};
use picket::shard::{ShardState, record};
use picket::store::Memory;
use serde_json::Value;

use crate::daemon::SHARD;

/// Records that one who stands by may be behind the owner when all is calm.
const FAR_BEHIND: u64 = 20;

/// How outputs name an input as their cause.
fn name(event: &Value) -> String {
    format!("{} {}", event["source"].as_str().unwrap_or_default(), event["id"].as_str().unwrap_or_default())
}

/// Confirmed inputs about contacts and offers that no output names as its cause. An end that came before its contact, because
/// that one was put aside and sent again, takes effect with it: the contact's outputs name the contact's own event.
pub(crate) fn without_effect(
    confirmed: &[Value],
    causes: &BTreeMap<String, u64>,
    put_aside: &BTreeSet<String>,
) -> Vec<String> {
    let came_early = |event: &&Value| {
        let ends = ["picket.contact.abandoned.v1", "picket.contact.withdrawn.v1"];
        ends.contains(&event["type"].as_str().unwrap_or_default())
            && event["data"]["contact"].as_str().is_some_and(|contact| put_aside.contains(contact))
    };
    let about = |event: &&Value| {
        let kind = event["type"].as_str().unwrap_or_default();
        kind.starts_with("picket.contact.") || kind.starts_with("picket.offer.")
    };
    let told = confirmed.iter().filter(about).filter(|event| !came_early(event));
    let lost = told.map(name).filter(|name| !causes.contains_key(name.as_str()));
    lost.map(|name| format!("a confirmed input has no effect: {name}")).collect()
}

/// Inputs of one platform that were taken in another order than they were sent.
pub(crate) fn out_of_order(confirmed: &[Value], causes: &BTreeMap<String, u64>) -> Vec<String> {
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    let mut told = Vec::new();
    for event in confirmed {
        let source = event["source"].as_str().unwrap_or_default();
        let Some(record) = causes.get(&name(event)) else { continue };
        let last = latest.entry(source).or_insert(0);
        if record < last {
            told.push(format!("{} was taken behind what was sent later", name(event)));
        }
        *last = (*last).max(*record);
    }
    told
}

/// What the journal contradicts: its own chain, time, or the states that the daemons showed last, the owner's first.
pub(crate) fn journal(memory: &Memory, shown: &[Snapshot]) -> Vec<String> {
    let seqs: Vec<u64> = shown.iter().map(|one| one.head.seq).collect();
    let states = match replayed(memory, &seqs) {
        Ok(states) => states,
        Err(what) => return vec![what],
    };
    let mut told = Vec::new();
    for one in shown {
        match states.get(&one.head.seq) {
            Some(state) if encode(state).is_ok_and(|found| found == *one) => {}
            Some(_) => told.push("what a daemon showed last is not what the journal gives".to_owned()),
            None => told.push(format!("the journal does not reach record {}, which was shown", one.head.seq)),
        }
    }
    if let [owner, others @ ..] = seqs.as_slice()
        && let Some(behind) = others.iter().find(|seq| **seq + FAR_BEHIND < *owner)
    {
        told.push(format!("who stands by shows record {behind}, and the owner {owner}"));
    }
    told
}

/// The states at some records, by the older snapshot that reads and the journal behind it.
fn replayed(memory: &Memory, seqs: &[u64]) -> Result<BTreeMap<u64, ShardState>, String> {
    let now = "a store in memory never waits";
    let snapshots = memory.snapshots(SHARD).now_or_never().expect(now).map_err(|error| error.to_string())?;
    let mut state = snapshots.iter().rev().find_map(|one| decode(one).ok()).unwrap_or_default();
    let entries = memory.read(SHARD, state.head.seq, usize::MAX).now_or_never().expect(now);
    let mut states = BTreeMap::new();
    let mut note = |state: &ShardState| {
        if seqs.contains(&state.head.seq) {
            states.insert(state.head.seq, state.clone());
        }
    };
    note(&state);
    for entry in entries.map_err(|error| error.to_string())? {
        let record = Record::from_entry(&entry, &state.head).map_err(|error: record::Error| error.to_string())?;
        if record.at < state.time {
            return Err(format!("journal time falls at record {}", record.seq));
        }
        state.replay(&record, &entry.hash);
        note(&state);
    }
    Ok(states)
}
