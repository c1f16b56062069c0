//! Decides what a contact is entitled to: rule files, checked like a program, and the plan they make.
//!
//! Pure: the same rules, facts, names and time make the same plan. Reading files is the only input or output here,
//! and [`RuleSet::parse`] does without.

mod codes;
mod defaults;
mod draft;
mod expect;
mod expr;
pub mod facts;
mod finding;
mod fit;
pub mod format;
mod hours;
mod lint;
mod load;
mod lookup;
mod model;
pub mod plan;
pub mod render;
mod resolve;
mod shell;
mod world;

pub use codes::Code;
pub use defaults::TABLE as DEFAULTS;
pub use finding::{Finding, Place, Severity, Source};
pub use fit::Fit;
pub use hours::HORIZON_DAYS;
pub use load::sources;
pub use lookup::ServiceLevel;
pub use model::RuleSet;
pub use plan::{Alarm, Planned, RuleTrace, Valuation};

/// The JSON Schema of a rule file: the reference of the format.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(format::File).to_value()
}
