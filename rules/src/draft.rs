//! Decides how files become one draft: decoded piece by piece, so that one mistake does not hide the next, and merged
//! in order of file name.
#![expect(clippy::wildcard_enum_match_arm, reason = "whatever else a value is, it is not what the section needs")]

use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_spanned::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use crate::codes::Code;
use crate::finding::{Finding, Place, Source, closest};
use crate::format::{
    Agent, Channel, Classify, Collected, Domain, Entry, Expect, FencePolicy, FenceRule, Load, NamedHours, Queue,
    QueueRule, Scorecard, Sp, Team,
};

/// The largest file that is read, in bytes.
const LARGEST_FILE: usize = 4 * 1024 * 1024;

/// A piece and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) place: Place,
    pub(crate) item: T,
}

/// A named piece.
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) item: T,
}

impl<T> At<T> {
    /// A place in the same file.
    pub(crate) fn at(&self, span: Range<usize>) -> Place {
        Place::new(self.place.file, span)
    }
}

impl<T> Named<T> {
    /// A place in the same file.
    pub(crate) fn at(&self, span: Range<usize>) -> Place {
        Place::new(self.place.file, span)
    }
}

/// Everything that the files say, merged, with names not yet looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) skills: Vec<At<String>>,
    pub(crate) topics: Vec<At<String>>,
    pub(crate) collected: Vec<At<Collected>>,
    pub(crate) roles: Vec<Named<Sp<String>>>,
    pub(crate) hours: Vec<Named<NamedHours>>,
    pub(crate) domains: Vec<Named<Domain>>,
    pub(crate) channels: Vec<Named<Channel>>,
    pub(crate) scorecards: Vec<At<Scorecard>>,
    pub(crate) policies: Vec<Named<FencePolicy>>,
    pub(crate) agents: Vec<At<Agent>>,
    pub(crate) teams: Vec<At<Team>>,
    pub(crate) queues: Vec<At<Queue>>,
    pub(crate) entries: Vec<At<Entry>>,
    pub(crate) classify: Vec<At<Classify>>,
    pub(crate) fences: Vec<At<FenceRule>>,
    pub(crate) queue_rules: Vec<At<QueueRule>>,
    pub(crate) loads: Vec<At<Load>>,
    pub(crate) expects: Vec<At<Expect>>,
}

const SECTIONS: [&str; 18] = [
    "skills",
    "topics",
    "collected",
    "roles",
    "hours",
    "domain",
    "channel",
    "scorecard",
    "fence_policy",
    "agent",
    "team",
    "queue",
    "entry",
    "classify",
    "fence",
    "queue_rule",
    "load",
    "expect",
];

/// Reads one after the other.
pub(crate) fn read(sources: &[Source], findings: &mut Vec<Finding>) -> Draft {
    let mut draft = Draft::default();
    for (file, source) in sources.iter().enumerate() {
        let mut reader = Reader { file, text: &source.text, findings };
        reader.file(&mut draft);
    }
    draft
}

struct Reader<'a> {
    file: usize,
    text: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn place(&self, span: Range<usize>) -> Place {
        let length = self.text.len();
        Place::new(self.file, span.start.min(length)..span.end.min(length))
    }

    fn file(&mut self, draft: &mut Draft) {
        if self.text.len() > LARGEST_FILE {
            let message = format!("the file has {} bytes, {LARGEST_FILE} are allowed", self.text.len());
            self.findings.push(Finding::new(Code::Syntax, None, message));
            return;
        }
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            for error in errors.iter().take(20) {
                let place = self.place(error.span().unwrap_or_default());
                self.findings.push(Finding::new(Code::Syntax, place, error.message().trim()));
            }
            return;
        }
        let mut sections: Vec<_> = table.into_inner().into_iter().collect();
        sections.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in sections {
            self.section(key.get_ref(), key.span(), value, draft);
        }
    }

    fn section(&mut self, key: &str, span: Range<usize>, value: Spanned<DeValue<'a>>, draft: &mut Draft) {
        match key {
            "skills" => self.texts(value, &mut draft.skills),
            "topics" => self.texts(value, &mut draft.topics),
            "collected" => self.one(value, &mut draft.collected),
            "roles" => self.table(value, &mut draft.roles),
            "hours" => self.table(value, &mut draft.hours),
            "domain" => self.table(value, &mut draft.domains),
            "channel" => self.table(value, &mut draft.channels),
            "scorecard" => self.one(value, &mut draft.scorecards),
            "fence_policy" => self.table(value, &mut draft.policies),
            "agent" => self.items(key, value, &mut draft.agents),
            "team" => self.items(key, value, &mut draft.teams),
            "queue" => self.items(key, value, &mut draft.queues),
            "entry" => self.items(key, value, &mut draft.entries),
            "classify" => self.items(key, value, &mut draft.classify),
            "fence" => self.items(key, value, &mut draft.fences),
            "queue_rule" => self.items(key, value, &mut draft.queue_rules),
            "load" => self.items(key, value, &mut draft.loads),
            "expect" => self.items(key, value, &mut draft.expects),
            _ => {
                let finding = Finding::new(Code::UnknownKey, self.place(span), format!("unknown key `{key}`"));
                self.findings.push(finding.label("unknown").suggest(closest(key, SECTIONS)));
            }
        }
    }

    fn decode<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'a>>) -> Option<At<T>> {
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(item) => Some(At { place: self.place(span), item }),
            Err(error) => {
                let place = self.place(error.span().unwrap_or(span));
                self.findings.push(refused(error.message(), place));
                None
            }
        }
    }

    fn one<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'a>>, out: &mut Vec<At<T>>) {
        out.extend(self.decode(value));
    }

    fn texts(&mut self, value: Spanned<DeValue<'a>>, out: &mut Vec<At<String>>) {
        if let Some(list) = self.decode::<Vec<Sp<String>>>(value) {
            out.extend(list.item.iter().map(|text| At { place: self.place(text.span()), item: text.get().clone() }));
        }
    }

    fn items<T: DeserializeOwned>(&mut self, key: &str, value: Spanned<DeValue<'a>>, out: &mut Vec<At<T>>) {
        let place = self.place(value.span());
        match value.into_inner() {
            DeValue::Array(array) => self.array(array, out),
            _ => {
                let finding = Finding::new(Code::BadValue, place, format!("`{key}` is a list of tables"));
                self.findings.push(finding.help(format!("begin each with [[{key}]]")));
            }
        }
    }

    fn array<T: DeserializeOwned>(&mut self, array: DeArray<'a>, out: &mut Vec<At<T>>) {
        for value in array {
            out.extend(self.decode(value));
        }
    }

    fn table<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'a>>, out: &mut Vec<Named<T>>) {
        let place = self.place(value.span());
        let DeValue::Table(table) = value.into_inner() else {
            self.findings.push(Finding::new(Code::BadValue, place, "a table of names is expected here"));
            return;
        };
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let (name, place) = (key.get_ref().to_string(), self.place(key.span()));
            if let Some(At { item, .. }) = self.decode(value) {
                out.push(Named { name, place, item });
            }
        }
    }
}

/// The decoder's words as a finding: with what it expected as a suggestion.
fn refused(message: &str, place: Place) -> Finding {
    let message = message.lines().next().unwrap_or(message).trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let word = quoted.next().unwrap_or_default();
    let expected: Vec<&str> = quoted.collect();
    if message.starts_with("unknown field") {
        let finding = Finding::new(Code::UnknownKey, place, format!("unknown key `{word}`")).label("unknown");
        return match closest(word, expected.iter().copied()) {
            Some(near) => finding.suggest(Some(near)),
            None => finding.help(format!("known here: {}", expected.join(", "))),
        };
    }
    if message.starts_with("unknown variant") {
        let finding = Finding::new(Code::BadValue, place, format!("`{word}` is none of the choices"));
        return match closest(word, expected.iter().copied()) {
            Some(near) => finding.suggest(Some(near)),
            None => finding.help(format!("choose one of {}", expected.join(", "))),
        };
    }
    let plain = message.replace("missing field", "missing key");
    Finding::new(Code::BadValue, place, plain)
}
