//! Decides how a made-up platform writes its events: CloudEvents JSON with ids that are the same in every run.

use serde_json::{Value, json};

/// One platform that sends.
#[derive(Clone, Debug)]
pub struct Sender {
    source: String,
    run: String,
    sent: u64,
}

impl Sender {
    /// A platform of this name; `run` keeps the ids of two runs apart.
    #[must_use]
    pub fn new(source: &str, run: &str) -> Self {
        Self { source: source.to_owned(), run: run.to_owned(), sent: 0 }
    }

    /// The next event: `kind` is the short type (`contact.received`). No time is stated: it happens when it is taken.
    pub fn event(&mut self, kind: &str, data: Value) -> Value {
        self.sent += 1;
        json!({
            "specversion": "1.0",
            "id": format!("{}-{}", self.run, self.sent),
            "source": self.source,
            "type": format!("picket.{kind}.v1"),
            "datacontenttype": "application/json",
            "data": data,
        })
    }
}

/// A moment as messages write it: RFC 3339 with milliseconds, UTC.
#[must_use]
pub fn moment(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_moment_has_milliseconds_and_a_z() {
        assert_eq!(moment(926_000_000_120), "1999-05-06T14:13:20.120Z");
    }
}
