//! Tells a history as a story: one line per step, with its time and what came of it; and makes it as short as it can be.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use picket_core::*;

use super::dice::Op;
use super::history::Run;

/// An input in a line.
pub(crate) fn told(input: &Input) -> String {
    match input {
        Input::Receive(arrival) => {
            let Arrival { contact, channel, since, thread, matter, prefers, avoids, scheduled_for, .. } = &**arrival;
            format!(
                "{contact:?} arrives on {channel:?} since {since:?}, thread {thread:?}, matter {matter:?}, prefers \
                 {prefers:?}, avoids {avoids:?}, familiar {:?}, for {scheduled_for:?}\n      {}",
                arrival.familiar,
                planned(&arrival.plan)
            )
        }
        Input::Contact(contact, ContactCommand::Replan(plan, because)) => {
            format!("{contact:?} is planned anew ({because:?})\n      {}", planned(plan))
        }
        other => format!("{other:?}"),
    }
}

fn planned(plan: &Plan) -> String {
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{:?} ({:?}, busy {:?}, needs {:?})", step.who, step.joining, step.holds.busy, step.needs))
        .collect();
    format!(
        "plan: {:?}, {:?}, fence {:?}, lead {:?}, needs {:?}, offer {:?}, longest {:?}, finally busy {:?}; steps: {}",
        plan.urgency,
        plan.queue,
        plan.fence,
        plan.lead,
        plan.needs,
        plan.offer,
        plan.longest,
        plan.finally.busy,
        steps.join("; ")
    )
}

impl Run {
    /// The end of the story, in lines.
    pub(crate) fn tell(&self, most: usize) -> String {
        let mut lines = Vec::new();
        let ends = self.story.iter().skip(1).map(|(_, _, events)| *events).chain([self.log.len()]);
        let told: Vec<_> = self.story.iter().zip(ends).collect();
        for ((at, line, from), to) in told.iter().skip(told.len().saturating_sub(most)) {
            let seconds = at.0 - self.start().0;
            lines.push(format!("{:>4}.{:01} s  {line}", seconds / 1000, seconds % 1000 / 100));
            for (_, event) in self.log.get(*from..*to).unwrap_or_default() {
                let said = format!("{event:?}");
                lines.push(format!("            → {}", said.chars().take(220).collect::<String>()));
            }
        }
        lines.join("\n")
    }
}

thread_local! {
    /// Whether a panic of this thread is expected, and not worth printing.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// What went wrong in a history, if anything: the message of its panic.
pub(crate) fn failure(run: impl FnOnce()) -> Option<String> {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                usual(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(run));
    IS_QUIET.set(false);
    let caught = done.err()?;
    let text = caught.downcast_ref::<String>().cloned();
    Some(text.or_else(|| caught.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

/// The fewest steps found that still fail: whole stretches are left out, then single steps.
pub(crate) fn shrunk(ops: Vec<Op>, fails: impl Fn(&[Op]) -> bool) -> Vec<Op> {
    let mut kept = ops;
    let mut stretch = kept.len().div_ceil(2);
    while stretch > 0 {
        let mut from = 0;
        let mut is_shorter = false;
        while from < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(from..(from + stretch).min(kept.len()));
            if fails(&fewer) {
                kept = fewer;
                is_shorter = true;
            } else {
                from += stretch;
            }
        }
        if !is_shorter || stretch > 1 {
            stretch /= 2;
        }
    }
    kept
}
