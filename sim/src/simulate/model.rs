//! Decides what a scenario means: its laws ready to be drawn from, its place ready for the core.

use picket_core::{ChannelId, Kind};

use super::Error;
use super::place::Place;
use super::plan::PlanOf;
use crate::scenario::{Arrivals, Class, Fault, Law, Scenario};

/// A scenario that can be run.
#[derive(Debug)]
pub struct Model {
    /// As it was written.
    pub scenario: Scenario,
    pub(super) place: Place,
    pub(super) classes: Vec<ClassModel>,
}

/// One class, ready to be drawn from.
#[derive(Debug)]
pub(super) struct ClassModel {
    pub(super) channel: ChannelId,
    pub(super) arrivals: Arrivals,
    pub(super) handling: Law,
    pub(super) patience: Option<Law>,
    pub(super) redial: Option<(f64, Law)>,
    pub(super) customers: Option<u32>,
    pub(super) plan: PlanOf,
}

impl Model {
    /// Makes a scenario ready.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(scenario: Scenario) -> Result<Self, Error> {
        let place = Place::new(&scenario).map_err(Error::Scenario)?;
        let classes = scenario.classes.iter().map(|class| class_model(&scenario, &place, class));
        let classes = classes.collect::<Result<Vec<_>, _>>().map_err(|fault| Error::Scenario(vec![fault]))?;
        Ok(Self { scenario, place, classes })
    }

    /// The names of the groups of agents.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.place.groups
    }

    /// How many agents there are.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.place.workers.len()
    }
}

fn class_model(scenario: &Scenario, place: &Place, class: &Class) -> Result<ClassModel, Fault> {
    let at = format!("class `{}`", class.name);
    let named = class.contact.as_ref().map(|contact| contact.channel.as_str()).or(class.channel.as_deref());
    let channel = match named {
        Some(name) => place.names.find(Kind::Channel, name).ok_or_else(|| Fault {
            place: format!("{at}, channel"),
            what: format!("the rules have no channel `{name}`"),
            mend: "name one of theirs".to_owned(),
        })?,
        None => 0,
    };
    Ok(ClassModel {
        channel: ChannelId(channel),
        arrivals: class.arrivals.process(&at)?,
        handling: class.handling.law(&at)?,
        patience: class.patience.as_ref().map(|law| law.law(&at)).transpose()?,
        redial: class.redial.as_ref().map(|again| Ok((again.share, again.after.law(&at)?))).transpose()?,
        customers: class.customers,
        plan: PlanOf::new(scenario, place, class),
    })
}
