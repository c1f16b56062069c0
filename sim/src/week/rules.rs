//! Decides what the recorded week's customers are entitled to: the rule file is written from the people of the trace.

use std::fmt::Write;

use super::people::Week;

/// What does not depend on who is who.
const FRAME: &str = r#"# Written from a recorded week: three teams, one queue, one channel.
[domain.bank]
timezone = "UTC"

[channel.voice]
class = "live"
cost = 100
slots = 1
offer = { expires = "20s", misses = 1, accept_within = "30s" }
wrap_up = "60s"
longest = "4h"

[fence_policy.held]
steps = [
  { who = "lead", hold.live = { busy = "20s", away = "10s", absent = "0s", off_shift = "0s" } },
  { who = "team", hold.live = { busy = "90s", away = "30s", absent = "0s", off_shift = "0s" } },
]
finally = { busy = "open", closed_hours = "open", no_cover = "open" }

[[queue]]
id = "general"
domain = "bank"
promise = { share = "80%", within = "20s" }
order = "promise"
pick = "longest_idle"

[[fence]]
name = "those who call most have their own people"
when = 'customer.valued'
fence = "own_team"
[[queue_rule]]
queue = "general"
"#;

impl Week {
    /// The rule file.
    #[must_use]
    pub fn rules(&self) -> String {
        let mut text = FRAME.to_owned();
        let least = self.least_calls;
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "\n[scorecard]\nenter = {least}\nleave = {}\npoints.calls = 'customer.frequency'\n",
            least / 2
        );
        for (id, members) in &self.teams {
            let _ = write!(text, "\n[[team]]\nid = \"{id}\"\ndomain = \"bank\"\nfence_policy = \"held\"\n");
            let _ = write!(text, "reserve = 1\nlends_to = [\"general\"]\nmembers = [\n");
            for (rank, agent) in members.iter().enumerate() {
                let _ = writeln!(text, "  {{ agent = \"{agent}\", rank = {} }},", rank + 1);
            }
            text.push_str("]\n");
        }
        for agent in self.teams.iter().flat_map(|(_, members)| members) {
            let _ = write!(text, "\n[[agent]]\nid = \"{agent}\"\n");
        }
        for agent in &self.others {
            let _ = write!(text, "\n[[agent]]\nid = \"{agent}\"\nqueues = [\"general\"]\n");
        }
        text
    }
}
