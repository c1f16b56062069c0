//! Decides whether a scenario can be run: that what it names exists, and that its numbers make sense.

use std::collections::BTreeSet;

use super::{Agents, Class, Fault, PlanFrom, Scenario};

/// Agents of a scenario, at most.
const AGENTS_LIMIT: u32 = 100_000;

/// Everything that is wrong with a scenario.
pub(super) fn faults(scenario: &Scenario) -> Vec<Fault> {
    let mut faults = Vec::new();
    frame(scenario, &mut faults);
    for class in &scenario.classes {
        one_class(scenario, class, &mut faults);
    }
    for agents in &scenario.agents {
        group(scenario, agents, &mut faults);
    }
    if scenario.rules.is_none() {
        place(scenario, &mut faults);
    } else {
        ruled(scenario, &mut faults);
    }
    faults
}

fn frame(scenario: &Scenario, faults: &mut Vec<Fault>) {
    let mut fault = |place: &str, what: &str, mend: &str| faults.push(Fault::new(place, what, mend));
    if scenario.length.ticks() < i64::from(scenario.batches.max(1)) {
        fault("length", "is shorter than its batches", "write at least 1ms for each batch; usually days");
    }
    if !(2..=10_000).contains(&scenario.batches) {
        fault("batches", "there must be 2 to 10000", "20 are usual");
    }
    if !(1..=1000).contains(&scenario.replications) {
        fault("replications", "there must be 1 to 1000", "5 are usual");
    }
    if scenario.within.is_empty() || scenario.within.len() > 4 {
        fault("within", "there must be one to four times", "within = [\"20s\", \"60s\"]");
    }
    if scenario.classes.is_empty() {
        fault("class", "there are no contacts", "add a [[class]] with arrivals, handling and a plan");
    }
    twice(scenario.classes.iter().map(|class| class.name.as_str()), "class", faults);
    twice(scenario.agents.iter().map(|agents| agents.name.as_str()), "agents", faults);
    twice(scenario.teams.iter().map(|team| team.name.as_str()), "team", faults);
    twice(scenario.queues.iter().map(|queue| queue.name.as_str()), "queue", faults);
    twice(scenario.channels.iter().map(|channel| channel.name.as_str()), "channel", faults);
}

fn twice<'a>(names: impl Iterator<Item = &'a str>, kind: &str, faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            faults.push(Fault::new(format!("{kind} `{name}`"), "is there twice", "give one of them another name"));
        }
        let printable = !name.is_empty() && name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable {
            faults.push(Fault::new(format!("{kind} `{name}`"), "is no name", "use 1 to 60 letters, digits, - and _"));
        }
    }
}

fn one_class(scenario: &Scenario, class: &Class, faults: &mut Vec<Fault>) {
    let place = format!("class `{}`", class.name);
    faults.extend(class.arrivals.process(&format!("{place}, arrivals")).err());
    faults.extend(class.handling.law(&format!("{place}, handling")).err());
    faults.extend(class.patience.as_ref().and_then(|law| law.law(&format!("{place}, patience")).err()));
    if let Some(redial) = &class.redial {
        faults.extend(redial.after.law(&format!("{place}, redial.after")).err());
        if !(0.0..1.0).contains(&redial.share) {
            let what = format!("a share of {} is none", redial.share);
            faults.push(Fault::new(format!("{place}, redial.share"), what, "write 0 or more and less than 1"));
        }
    }
    if class.customers == Some(0) {
        let mend = "write at least 1, or leave it out: then each contact is somebody else's";
        faults.push(Fault::new(format!("{place}, customers"), "nobody could come", mend));
    }
    if let Some(channel) = &class.channel
        && scenario.rules.is_none()
        && !scenario.channels.iter().any(|known| known.name == *channel)
    {
        let names = scenario.channels.iter().map(|known| known.name.as_str());
        faults.push(unknown(&format!("{place}, channel"), channel, names, "[[channel]]"));
    }
    match (&class.plan, &class.contact, &scenario.rules) {
        (Some(plan), None, None) => one_plan(scenario, plan, &place, faults),
        (None, Some(_), Some(_)) => {}
        (_, _, None) => {
            let what = "without rules, a class states its plan, and no contact, customer or leads";
            faults.push(Fault::new(&place, what, "add plan = { queue = \"…\" }, or name the rules"));
        }
        (_, _, Some(_)) => {
            let what = "with rules, a class says what they are told of its contacts, and states no plan";
            faults.push(Fault::new(&place, what, "write contact = { channel = \"voice\" } and no plan"));
        }
    }
    if scenario.rules.is_none() && (!class.leads.is_empty() || class.customer.is_some() || class.account.is_some()) {
        let what = "leads, customer and account are for rules";
        faults.push(Fault::new(&place, what, "name the rules, or leave them out: a step `own` has its own leads"));
    }
}

fn one_plan(scenario: &Scenario, plan: &PlanFrom, place: &str, faults: &mut Vec<Fault>) {
    let place = format!("{place}, plan");
    if !scenario.queues.iter().any(|queue| queue.name == plan.queue) {
        let names = scenario.queues.iter().map(|queue| queue.name.as_str());
        faults.push(unknown(&format!("{place}.queue"), &plan.queue, names, "[[queue]]"));
    }
    if let Some(fence) = &plan.fence
        && !scenario.teams.iter().any(|team| team.name == *fence)
    {
        let names = scenario.teams.iter().map(|team| team.name.as_str());
        faults.push(unknown(&format!("{place}.fence"), fence, names, "[[team]]"));
    }
    let held = plan.hold_own.is_some() || plan.hold_team.is_some();
    if held && !plan.steps.is_empty() {
        let mend = "write either the holds or the steps";
        faults.push(Fault::new(&place, "there are holds and steps: the holds are short for two steps", mend));
    }
    let dedicated = plan.steps.iter().any(|step| step.who != super::WhoFrom::Queue);
    if plan.fence.is_none() && (held || dedicated || plan.finally == super::FinallyFrom::Open) {
        let what = "holds, steps of people and `finally = \"open\"` need a fence";
        faults.push(Fault::new(&place, what, "add fence = \"the team\""));
    }
    if plan.steps.len() > picket_core::STEPS_LIMIT {
        let mend = format!("write at most {}", picket_core::STEPS_LIMIT);
        faults.push(Fault::new(format!("{place}.steps"), "there are too many", mend));
    }
    if plan.promise.ticks() < 1 {
        faults.push(Fault::new(format!("{place}.promise"), "nothing is answered in no time", "write at least 1ms"));
    }
    levels(plan.needs.values(), &format!("{place}.needs"), faults);
}

fn levels<'a>(mut levels: impl Iterator<Item = &'a u8>, place: &str, faults: &mut Vec<Fault>) {
    if levels.any(|level| !(1..=10).contains(level)) {
        faults.push(Fault::new(place, "a level lies outside 1 to 10", "write 1 to 10"));
    }
}

fn group(scenario: &Scenario, agents: &Agents, faults: &mut Vec<Fault>) {
    let place = format!("agents `{}`", agents.name);
    let size = agents.size();
    if size == 0 || size > AGENTS_LIMIT {
        let mend = format!("write 1 to {AGENTS_LIMIT}");
        faults.push(Fault::new(format!("{place}, count"), format!("there are {size}"), mend));
    }
    if !agents.speeds.is_empty() && u32::try_from(agents.speeds.len()) != Ok(size) {
        let what = format!("there are {} speeds for {size} people", agents.speeds.len());
        faults.push(Fault::new(format!("{place}, speeds"), what, "give each of them one, or one `speed` to all"));
    }
    if agents.speeds.iter().chain([&agents.speed]).any(|speed| !(0.01..=100.0).contains(speed)) {
        faults.push(Fault::new(format!("{place}, speed"), "this is no speed", "write 0.01 to 100; 1 is usual"));
    }
    if !(0.0..=10.0).contains(&agents.slowdown) {
        let mend = "write 0 to 10; 0.3 is 30 % longer for each further contact";
        faults.push(Fault::new(format!("{place}, slowdown"), "this is no slowdown", mend));
    }
    let bounds = agents.shift.iter().flat_map(|(from, to)| [from.ms(), to.ms()]);
    let bounds: Vec<f64> = bounds.collect();
    if bounds.windows(2).any(|pair| matches!(pair, [one, next] if one >= next)) || bounds.iter().any(|at| *at > 8.64e7)
    {
        let mend = "list [\"from\", \"to\"] pairs, one after the other, within 24h";
        faults.push(Fault::new(format!("{place}, shift"), "these are no hours of one day", mend));
    }
    levels(agents.skills.values(), &format!("{place}, skills"), faults);
    if scenario.rules.is_none() && !agents.members.is_empty() {
        faults.push(Fault::new(&place, "members are agents of rules", "write `count`, or name the rules"));
    }
    for queue in agents.queues.iter().filter(|_| scenario.rules.is_none()) {
        if !scenario.queues.iter().any(|known| known.name == *queue) {
            let names = scenario.queues.iter().map(|queue| queue.name.as_str());
            faults.push(unknown(&format!("{place}, queues"), queue, names, "[[queue]]"));
        }
    }
}

/// What a scenario without rules must have.
fn place(scenario: &Scenario, faults: &mut Vec<Fault>) {
    if scenario.agents.is_empty() {
        faults.push(Fault::new("agents", "there is nobody", "add [[agents]] with a name and a count"));
    }
    if scenario.queues.is_empty() {
        faults.push(Fault::new("queue", "there is none, and every plan names one", "add a [[queue]] with a name"));
    }
    let people: Vec<String> = scenario.agents.iter().flat_map(Agents::people).collect();
    let groups = scenario.agents.iter().map(|agents| agents.name.as_str());
    let known: BTreeSet<&str> = people.iter().map(String::as_str).chain(groups.clone()).collect();
    for team in &scenario.teams {
        let place = format!("team `{}`", team.name);
        if team.agents.is_empty() {
            faults.push(Fault::new(&place, "has no agents", "name groups or single agents"));
        }
        for name in team.agents.iter().filter(|name| !known.contains(name.as_str())) {
            faults.push(unknown(&format!("{place}, agents"), name, known.iter().copied(), "[[agents]]"));
        }
        for queue in &team.lends_to {
            if !scenario.queues.iter().any(|known| known.name == *queue) {
                let names = scenario.queues.iter().map(|queue| queue.name.as_str());
                faults.push(unknown(&format!("{place}, lends_to"), queue, names, "[[queue]]"));
            }
        }
        for cover in &team.covers {
            if *cover == team.name || !scenario.teams.iter().any(|known| known.name == *cover) {
                let names = scenario.teams.iter().map(|team| team.name.as_str());
                faults.push(unknown(&format!("{place}, covers"), cover, names, "another [[team]]"));
            }
        }
    }
    for channel in &scenario.channels {
        if channel.slots == 0 || channel.cost > 100 {
            let what = "no agent could take one of its contacts";
            faults.push(Fault::new(
                format!("channel `{}`", channel.name),
                what,
                "write cost 0 to 100, slots 1 or more",
            ));
        }
    }
    for queue in &scenario.queues {
        if let Some(floor) = &queue.floor {
            let share = (0.0..=1.0).contains(&floor.share) && (0.0..=1.0).contains(&floor.margin);
            if !share || floor.over.ticks() < 1 {
                let what = "share and margin lie outside 0 to 1, or `over` is no time";
                faults.push(Fault::new(format!("queue `{}`, floor", queue.name), what, "share = 0.7, over = \"15m\""));
            }
        }
    }
}

/// What a scenario with rules must not have.
fn ruled(scenario: &Scenario, faults: &mut Vec<Fault>) {
    let stated = [
        ("channel", scenario.channels.is_empty()),
        ("team", scenario.teams.is_empty()),
        ("queue", scenario.queues.is_empty()),
    ];
    for (kind, _) in stated.iter().filter(|(_, absent)| !absent) {
        faults.push(Fault::new(*kind, "the rules state these", "leave it out of the scenario"));
    }
    for agents in &scenario.agents {
        let plain = agents.queues.is_empty() && agents.skills.is_empty() && agents.shift.is_empty();
        if !plain || agents.slots.is_some() || agents.members.is_empty() {
            let what = "with rules, a group only lists its members and how they work";
            let mend = "write members = [\"…\"] with ids of the rules, and speed, speeds or slowdown";
            faults.push(Fault::new(format!("agents `{}`", agents.name), what, mend));
        }
    }
}

fn unknown<'a>(place: &str, name: &str, known: impl Iterator<Item = &'a str>, kind: &str) -> Fault {
    let mut known: Vec<&str> = known.collect();
    known.sort_by_key(|other| strsim::osa_distance(other, name));
    let mend = match known.first() {
        Some(nearest) if strsim::osa_distance(nearest, name) <= 3 => format!("did you mean `{nearest}`?"),
        Some(_) => {
            known.truncate(8);
            format!("name one that is there ({}), or add it as {kind}", known.join(", "))
        }
        None => format!("add it as {kind}"),
    };
    Fault::new(place, format!("there is no `{name}`"), mend)
}

impl Agents {
    /// How many they are.
    #[must_use]
    pub fn size(&self) -> u32 {
        if self.members.is_empty() { self.count } else { u32::try_from(self.members.len()).unwrap_or(u32::MAX) }
    }

    /// Their names.
    #[must_use]
    pub fn people(&self) -> Vec<String> {
        match (self.members.is_empty(), self.count) {
            (false, _) => self.members.clone(),
            (true, 1) => vec![self.name.clone()],
            (true, count) => (1..=count.min(AGENTS_LIMIT)).map(|number| format!("{}-{number}", self.name)).collect(),
        }
    }

    /// The speed of one of them.
    #[must_use]
    pub fn speed_of(&self, place: usize) -> f64 {
        self.speeds.get(place).copied().unwrap_or(self.speed)
    }
}
