//! Decides how the recorded week is read: one row per call, those that never reached the queue left out.

use std::io::Read;

/// One call of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number in the trace.
    pub number: u64,
    /// The day it came, in days since 1 January 1999.
    pub day: u32,
    /// When it joined the queue, in seconds since then.
    pub arrive_s: i64,
    /// Who called, where known.
    pub customer: Option<String>,
    /// The kind of service that was asked for.
    pub kind: String,
    /// How long it waited, in seconds.
    pub wait_s: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// How long they talked, in seconds.
    pub talk_s: i64,
    /// Who served it, where known.
    pub agent: Option<String>,
}

/// How a call of the trace ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An agent served it.
    Served,
    /// The caller gave up in the queue.
    Abandoned,
}

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It is no CSV, or a column is missing or of another kind.
    #[error("the trace cannot be read")]
    Csv(#[from] csv::Error),
    /// It has nothing in it.
    #[error("the trace has no calls")]
    Empty,
}

#[derive(serde::Deserialize)]
struct Row {
    call_no: u64,
    day: u32,
    arrive_s: i64,
    customer: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    wait_s: i64,
    outcome: String,
    talk_s: i64,
    agent: Option<String>,
}

/// Reads the calls that reached the queue, in order of arrival.
///
/// # Errors
/// [`TraceError`].
pub fn read(trace: impl Read) -> Result<Vec<Call>, TraceError> {
    let mut calls = Vec::new();
    for row in csv::Reader::from_reader(trace).deserialize() {
        let row: Row = row?;
        let outcome = match row.outcome.as_str() {
            "served" | "agent_noname" => Outcome::Served,
            "abandon_queue" => Outcome::Abandoned,
            // `abandon_vru` and `phantom` never reached the queue.
            _ => continue,
        };
        calls.push(Call {
            number: row.call_no,
            day: row.day,
            arrive_s: row.arrive_s,
            customer: row.customer.filter(|customer| !customer.is_empty()),
            kind: row.kind,
            wait_s: row.wait_s,
            outcome,
            talk_s: row.talk_s,
            agent: row.agent.filter(|agent| !agent.is_empty()),
        });
    }
    if calls.is_empty() {
        return Err(TraceError::Empty);
    }
    calls.sort_by_key(|call| (call.arrive_s, call.number));
    Ok(calls)
}
