//! Decides what each platform may send.

use std::collections::{BTreeMap, BTreeSet};

use picket_core::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::inbound::{Inbound, Kind};
use super::value::{is_id, is_name};

/// One configured platform: `[source.<name>]`, where the name is the CloudEvents `source` it sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceConfig {
    /// The broker's user, or the name of the HTTP token, that must have sent its messages; any without one.
    pub user: Option<String>,
    /// The domains it may send to; empty means all.
    pub domains: Vec<String>,
    /// What it may send: `contact.*`, `offer.accept`; empty means everything that is not for the control exchange,
    /// which has to be listed (`supervisor.*`).
    pub types: Vec<String>,
    /// Whether a `reply_to` of its messages is answered.
    pub reply: bool,
    /// Attributes of its contacts that are personal: kept in the directory only.
    pub personal: Vec<String>,
    /// After how many milliseconds of silence it, or an agent it told of, is lost; none means never.
    pub lost_after_ms: Option<u32>,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            user: None,
            domains: Vec::new(),
            types: Vec::new(),
            reply: true,
            personal: Vec::new(),
            lost_after_ms: None,
        }
    }
}

/// Every configured source, and the domains there are. With no source configured, any source is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    by_name: BTreeMap<String, SourceConfig>,
    domains: BTreeSet<String>,
    /// Domains of other shards: what comes here for them is sent on.
    elsewhere: BTreeSet<String>,
    /// Whether a message has to say which domain it is for, although only one is taken here.
    has_to_say: bool,
}

/// Why a configuration of sources cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourcesError {
    /// The name cannot be a CloudEvents source here.
    #[error("the source {name:?} is not 1 to 128 printable ASCII characters without spaces")]
    Name {
        /// The name.
        name: String,
    },
    /// The domain is not written as one.
    #[error("the domain {domain:?} is not 1 to 32 of a-z, 0-9, _ and -")]
    Domain {
        /// The domain.
        domain: String,
    },
    /// A source may send to a domain that is not configured.
    #[error("the source {name:?} names the domain {domain:?}, which is not configured")]
    UnknownDomain {
        /// The source.
        name: String,
        /// The domain.
        domain: String,
    },
    /// A pattern matches no type of the contract.
    #[error("the source {name:?} may send {pattern:?}, which matches no type of the contract")]
    Type {
        /// The source.
        name: String,
        /// The pattern.
        pattern: String,
    },
}

impl Sources {
    /// Checks and takes a configuration. With no domain given, any domain is taken.
    ///
    /// # Errors
    /// When a name, a domain or a pattern can never match anything.
    pub fn new(
        sources: BTreeMap<String, SourceConfig>,
        domains: impl IntoIterator<Item = String>,
    ) -> Result<Self, SourcesError> {
        let domains: BTreeSet<String> = domains.into_iter().collect();
        if let Some(domain) = domains.iter().find(|domain| !is_name(domain)) {
            return Err(SourcesError::Domain { domain: domain.clone() });
        }
        for (name, config) in &sources {
            if !is_id(name) {
                return Err(SourcesError::Name { name: name.clone() });
            }
            if let Some(domain) = config.domains.iter().find(|domain| !is_name(domain)) {
                return Err(SourcesError::Domain { domain: domain.clone() });
            }
            if let Some(domain) = config.domains.iter().find(|domain| !domains.is_empty() && !domains.contains(*domain))
            {
                return Err(SourcesError::UnknownDomain { name: name.clone(), domain: domain.clone() });
            }
            let idle = |pattern: &&String| !Inbound::KINDS.iter().any(|kind| matches(pattern, kind));
            if let Some(pattern) = config.types.iter().find(idle) {
                return Err(SourcesError::Type { name: name.clone(), pattern: pattern.clone() });
            }
        }
        let has_to_say = domains.len() > 1;
        Ok(Self { by_name: sources, domains, elsewhere: BTreeSet::new(), has_to_say })
    }

    /// The same for one of several shards: only these domains are its own.
    #[must_use]
    pub fn of_shard(&self, domains: &[String]) -> Self {
        let domains: BTreeSet<String> = domains.iter().cloned().collect();
        let elsewhere = self.domains.difference(&domains).cloned().collect();
        Self { domains, elsewhere, ..self.clone() }
    }

    /// The configuration of a source; none when it is not configured.
    #[must_use]
    pub fn find(&self, source: &str) -> Option<&SourceConfig> {
        self.by_name.get(source)
    }

    /// The configured domains.
    #[must_use]
    pub const fn domains(&self) -> &BTreeSet<String> {
        &self.domains
    }

    /// Which domain a message is for, given what it says.
    pub(crate) fn domain(&self, said: Option<&str>) -> Result<Option<String>, (Code, String)> {
        match said {
            Some(domain)
                if !self.domains.is_empty() && !self.domains.contains(domain) && !self.elsewhere.contains(domain) =>
            {
                Err((Code::UnknownDomain, format!("the domain {domain} is not configured")))
            }
            Some(domain) => Ok(Some(domain.to_owned())),
            None if self.has_to_say => Err((
                Code::MissingDomain,
                "several domains are configured and none is named; send picketdomain or a routing key".to_owned(),
            )),
            None => Ok(self.domains.first().cloned()),
        }
    }

    /// Whether a source may send a message.
    pub(crate) fn permit(
        &self,
        source: &str,
        user: Option<&str>,
        kind: &Kind,
        domain: Option<&str>,
    ) -> Result<(), (Code, String)> {
        if self.by_name.is_empty() {
            return Ok(());
        }
        let refuse = |what: String| Err((Code::SourceNotAllowed, what));
        let Some(config) = self.by_name.get(source) else {
            return refuse(format!("the source {source} is not configured; add [source.\"{source}\"]"));
        };
        if config.user.is_some() && config.user.as_deref() != user {
            return refuse(format!(
                "the source {source} may be used by its own user only; set user_id or use its token"
            ));
        }
        let listed = if config.types.is_empty() {
            !kind.is_control()
        } else {
            config.types.iter().any(|pattern| matches(pattern, kind))
        };
        if !listed {
            return refuse(format!("the source {source} may not send {}; list it in its types", kind.name));
        }
        match domain {
            Some(domain) if !config.domains.is_empty() && !config.domains.iter().any(|allowed| allowed == domain) => {
                refuse(format!("the source {source} may not send to the domain {domain}; list it in its domains"))
            }
            _ => Ok(()),
        }
    }

    /// The sources that are to be heard of, and how long they may be silent.
    pub(crate) fn lost_after(&self) -> impl Iterator<Item = (&str, Millis)> {
        self.by_name.iter().filter_map(|(name, config)| Some((name.as_str(), Millis(config.lost_after_ms?))))
    }

    /// Whether a sender of this source is answered at its `reply_to`.
    pub(crate) fn replies(&self, source: &str) -> bool {
        self.by_name.get(source).is_none_or(|config| config.reply)
    }
}

/// `*` is every type but those of the control exchange.
fn matches(pattern: &str, kind: &Kind) -> bool {
    if pattern == "*" {
        return !kind.is_control();
    }
    match pattern.split_once('.') {
        Some((noun, "*")) => noun == kind.noun,
        Some((noun, verb)) => pattern == kind.name || (noun == kind.noun && verb == kind.verb),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(config: SourceConfig) -> Sources {
        let domains = ["emea", "apac"].map(str::to_owned);
        Sources::new(BTreeMap::from([("pbx".to_owned(), config)]), domains).unwrap()
    }

    fn kind(name: &str) -> &'static Kind {
        Inbound::find(name).unwrap()
    }

    #[test]
    fn a_source_sends_what_it_lists_and_only_as_its_user_to_its_domains() {
        let sources = sources(SourceConfig {
            user: Some("pbx-user".to_owned()),
            domains: vec!["emea".to_owned()],
            types: vec!["contact.*".to_owned(), "offer.accept".to_owned()],
            ..SourceConfig::default()
        });
        let permit =
            |source, user, name, domain| sources.permit(source, user, kind(name), domain).map_err(|(code, _)| code);
        let refused = Err(Code::SourceNotAllowed);
        assert_eq!(permit("pbx", Some("pbx-user"), "picket.contact.received.v1", Some("emea")), Ok(()));
        assert_eq!(permit("pbx", Some("pbx-user"), "picket.offer.accept.v1", Some("emea")), Ok(()));
        assert_eq!(permit("pbx", Some("pbx-user"), "picket.offer.decline.v1", Some("emea")), refused);
        assert_eq!(permit("pbx", Some("pbx-user"), "picket.contact.received.v1", Some("apac")), refused);
        assert_eq!(permit("pbx", Some("other"), "picket.contact.received.v1", Some("emea")), refused);
        assert_eq!(permit("pbx", None, "picket.contact.received.v1", Some("emea")), refused);
        assert_eq!(permit("crm", Some("pbx-user"), "picket.contact.received.v1", Some("emea")), refused);
    }

    #[test]
    fn control_has_to_be_listed() {
        let open = sources(SourceConfig::default());
        assert!(open.permit("pbx", None, kind("picket.agent.put.v1"), None).is_ok());
        assert!(open.permit("pbx", None, kind("picket.supervisor.assign.v1"), None).is_err());
    }

    #[test]
    fn without_sources_any_source_is_taken() {
        assert!(Sources::default().permit("anyone", None, kind("picket.supervisor.assign.v1"), None).is_ok());
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_an_error() {
        let config = SourceConfig { types: vec!["contract.*".to_owned()], ..SourceConfig::default() };
        let error = Sources::new(BTreeMap::from([("pbx".to_owned(), config)]), []).unwrap_err();
        assert_eq!(error, SourcesError::Type { name: "pbx".to_owned(), pattern: "contract.*".to_owned() });
    }
}
