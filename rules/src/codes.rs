//! Decides which kinds of findings there are. Each has a page in `docs/rules.md`, shown by `picket check --why`.

use serde::{Serialize, Serializer};

use crate::finding::Severity;

macro_rules! codes {
    ($($name:ident = $text:literal, $severity:ident, $title:literal;)*) => {
        /// A kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable text.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it is about, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// How much it matters.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    Syntax = "R001", Error, "a file that is not TOML";
    UnknownKey = "R002", Error, "an unknown key";
    BadValue = "R003", Error, "a value that can not be read";
    UnknownName = "R004", Error, "an unknown or misspelt name";
    DefinedTwice = "R005", Error, "defined twice";
    ExpressionSyntax = "R006", Error, "an expression that can not be read";
    UnknownField = "R007", Error, "an unknown field in an expression";
    TypeMismatch = "R008", Error, "types that do not fit in an expression";
    TooCostly = "R009", Error, "an expression that is too long, too deep or too costly";
    NoQueue = "R010", Error, "contacts without a queue";
    NoLongest = "R011", Error, "a live channel without a longest wait";
    OutOfRange = "R012", Error, "a value out of its range";
    ExpectFailed = "R013", Error, "an expectation that is not met";
    Unreachable = "R014", Warning, "an unreachable rule";
    FencedWithoutTeam = "R015", Warning, "a fenced customer without a team";
    StrictWithoutExit = "R016", Warning, "a strict fence with no exit while nobody is on shift";
    EndlessWait = "R017", Warning, "a wait without end";
    TwoOwners = "R018", Warning, "two teams own one customer";
    TeamOfOne = "R019", Warning, "a team of one";
    NobodyOnShift = "R020", Warning, "nobody on shift in opening hours";
    ReserveTooLarge = "R021", Warning, "a reserve not below the team's size";
    LendsWithoutReserve = "R022", Warning, "lending without a reserve from behind a strict fence";
    HoldOverPromise = "R023", Warning, "a hold longer than the promise";
    CoverCircle = "R024", Warning, "a cover in a circle";
    UnservedQueue = "R025", Warning, "a queue nobody can serve";
    UnmetNeed = "R026", Warning, "a need no agent has";
    CostOverPoints = "R027", Warning, "a channel that costs more than an agent's points";
    Flapping = "R028", Warning, "thresholds that flap";
    Constant = "R029", Warning, "an expression that is always true or always false";
    Duplicate = "R030", Warning, "a duplicate";
    Unused = "R031", Warning, "an unused definition";
    CollectedUnused = "R032", Warning, "personal data collected and never used";
    Understaffed = "R033", Warning, "a promise the staffing can not keep";
    DefinedFallback = "R034", Note, "an operation that may fall back to its defined value";
}

impl Code {
    /// The kind with this text, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.text().eq_ignore_ascii_case(text.trim()))
    }

    /// Its page: cause and remedy, as Markdown.
    #[must_use]
    pub fn page(self) -> Option<&'static str> {
        let pages = include_str!("../../docs/rules.md");
        let heading = pages.find(&format!("\n### {} ", self.text()))? + 1;
        let page = pages.get(heading..)?;
        let end = page.get(1..).and_then(|rest| rest.find("\n### ").or_else(|| rest.find("\n## "))).map(|at| at + 2);
        Some(page.get(..end.unwrap_or(page.len())).unwrap_or(page).trim_end())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}
