//! Decides how the shell asks for what only it needs: aliases by source, and hours that a platform states.

use picket_core::{Calendar, Timestamp};

use crate::hours::{Hours, Zone};
use crate::model::RuleSet;

impl RuleSet {
    /// What each source calls an agent, where that differs from her own id.
    pub fn aliases(&self, agent: &str) -> impl Iterator<Item = (&str, &str)> {
        let known = self.agents.iter().find(|known| known.id == agent);
        known
            .into_iter()
            .flat_map(|known| known.aliases.iter().map(|(source, alias)| (source.as_str(), alias.as_str())))
    }

    /// Hours that somebody states outside the rule files, in a domain's zone and with its holidays: the name of their
    /// calendar, and the calendar.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn hours(&self, text: &str, domain: &str, now: Timestamp) -> Result<(String, Calendar), String> {
        let known = self.domains.iter().find(|known| known.name == domain);
        let hours = Hours::parse(text, &known.map_or_else(Zone::utc, |known| known.zone.clone()))?;
        Ok((hours.name().to_owned(), hours.calendar(now)))
    }
}
