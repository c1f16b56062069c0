//! Decides how instructions are counted: callgrind runs the mix, and what it says of each input is compared with what
//! was kept.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use super::mix::{Idle, Mix};

/// What is counted, in the order of the table. The names are those of the functions in `calls`.
const KINDS: [&str; 10] =
    ["receive", "accept", "connect", "end", "close", "abandon", "miss", "hold_over", "pause", "resume"];
/// Inputs of the mix; the others are timers and breaks.
const INPUTS: usize = 6;
const TIMERS: usize = 8;
const WAITING: [usize; 2] = [100_000, 1_000_000];
const TURNS: u32 = 40_000;
const PAUSES: u32 = 2_000;
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
/// An input may take so many percent more than was kept.
const TOLERANCE: f64 = 10.0;
/// Instructions per input at the longer line, divided by those at the shorter one.
const GOAL: f64 = 1.5;

/// What one kind of input takes.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    calls: u64,
    instructions: u64,
}

impl Cost {
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    fn mean(self) -> f64 {
        self.instructions as f64 / self.calls.max(1) as f64
    }
}

type Costs = BTreeMap<&'static str, Cost>;

/// What the profiler runs.
pub(crate) fn drive(waiting: usize, turns: u32) {
    let mut mix = Mix::new(waiting);
    (0..turns).for_each(|_| mix.turn(&mut Idle));
    (0..PAUSES).for_each(|_| mix.pause());
}

/// Prints the table; fails where an input takes more than was kept, or the longer line costs too much.
pub(crate) fn print(keep: bool) -> ExitCode {
    let Some([short, long]) = both() else {
        println!("\ninstructions: `valgrind` did not run");
        return ExitCode::FAILURE;
    };
    let kept = read();
    let mut failed = false;
    println!("\ninstructions of one input");
    println!("{:<10} {:>10} {:>12} {:>12} {:>7} {:>9}", "input", "kept", "100,000", "1,000,000", "ratio", "change");
    for kind in KINDS {
        let (one, other) = (mean(&short, kind), mean(&long, kind));
        let before = kept.get(kind).copied();
        let change = before.map(|before| (one / before - 1.0) * 100.0);
        failed |= change.is_none_or(|change| change > TOLERANCE);
        let told =
            |figure: Option<f64>, unit: &str| figure.map_or("-".to_owned(), |figure| format!("{figure:.0}{unit}"));
        println!(
            "{kind:<10} {:>10} {one:>12.0} {other:>12.0} {:>7.2} {:>9}",
            told(before, ""),
            other / one,
            told(change, " %")
        );
    }
    let (one, other) = (per_input(&short), per_input(&long));
    let ratio = other / one;
    println!("{:<10} {:>10} {one:>12.0} {other:>12.0} {ratio:>7.2}   (goal {GOAL})", "all, timers included", "");
    if keep {
        write(&short);
        return ExitCode::SUCCESS;
    }
    if failed || ratio > GOAL { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn mean(costs: &Costs, kind: &str) -> f64 {
    costs.get(kind).copied().unwrap_or_default().mean()
}

/// Instructions of all inputs of the mix and of its timers, per input.
fn per_input(costs: &Costs) -> f64 {
    let cost = |kind: &&str| costs.get(kind).copied().unwrap_or_default();
    let calls = KINDS[..INPUTS].iter().map(|kind| cost(kind).calls).sum();
    let instructions = KINDS[..TIMERS].iter().map(|kind| cost(kind).instructions).sum();
    Cost { calls, instructions }.mean()
}

fn both() -> Option<[Costs; 2]> {
    let [short, long] = WAITING;
    Some([count(short)?, count(long)?])
}

fn count(waiting: usize) -> Option<Costs> {
    let own = std::env::current_exe().ok()?;
    let file = own.with_extension(format!("callgrind-{waiting}"));
    let done = Command::new("valgrind")
        .args(["--tool=callgrind", "-q"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(&own)
        .args(["drive".to_owned(), waiting.to_string(), TURNS.to_string()])
        .status()
        .ok()?;
    let text = std::fs::read_to_string(&file).ok()?;
    done.success().then(|| costs(&text))
}

/// What is said of calls to the functions in `calls`: `cfn=(number) name` once and by its number later, then `calls=`,
/// then a position and the cost with everything below it.
fn costs(profile: &str) -> Costs {
    let mut numbers: BTreeMap<&str, &'static str> = BTreeMap::new();
    let mut costs = Costs::new();
    let mut called: Option<(&'static str, u64)> = None;
    let mut callee: Option<&'static str> = None;
    for line in profile.lines() {
        if let Some((kind, calls)) = called.take() {
            let cost = costs.entry(kind).or_default();
            cost.calls += calls;
            cost.instructions += line.split(' ').nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let calls = calls.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            called = callee.take().map(|kind| (kind, calls));
        } else if let Some(name) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if let Some(kind) = KINDS.iter().find(|kind| is_call(name, kind)) {
                numbers.insert(number, kind);
            }
            callee = if line.starts_with("cfn=") { numbers.get(number).copied() } else { None };
        }
    }
    costs
}

/// `speed::speed::calls::accept`, with or without a hash behind it.
fn is_call(name: &str, kind: &str) -> bool {
    let Some((_, function)) = name.split_once("speed::calls::") else { return false };
    function.split("::").next() == Some(kind)
}

fn read() -> BTreeMap<String, f64> {
    let text = std::fs::read_to_string(KEPT).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.filter_map(|(kind, figure)| Some((kind.trim().to_owned(), figure.trim().parse().ok()?))).collect()
}

fn write(costs: &Costs) {
    let mut text = "# Instructions of one input with 100,000 waiting, as `cargo bench -p picket-core --bench speed -- instructions keep`\n# wrote them; without `keep` the bench fails where one takes a tenth more.\n".to_owned();
    for kind in KINDS {
        text.push_str(&format!("{kind} = {:.0}\n", mean(costs, kind)));
    }
    std::fs::write(KEPT, text).expect("the file of counts");
}
