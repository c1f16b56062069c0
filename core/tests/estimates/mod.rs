//! Measures the estimate of a wait against the candidates it was chosen from, in virtual time on fixed seeds.
//!
//! The candidates are those of the literature: the wait of the line's first (head of line), the wait of the last one who
//! was served, and queue length over service rate. Run with `--nocapture` to see the table.
#![expect(clippy::print_stdout, reason = "a measurement shows its table")]

mod place;
pub(crate) mod random;

use place::{Case, Errors, Place};

/// Everybody's errors over all cases.
#[test]
fn the_estimate_is_off_by_less_than_the_wait_of_the_first_or_of_the_last_served() {
    let mut sums = [0.0; 4];
    println!("root mean square error ÷ mean wait; bias ÷ mean wait; share inside the band");
    println!(
        "{:<26} {:>7} {:>9} | {:>7} {:>7} {:>7} {:>7} | {:>6} {:>6}",
        "case", "waited", "mean s", "first", "served", "length", "ours", "bias", "inside"
    );
    for case in Case::ALL {
        let mut errors = Errors::default();
        for seed in 1..=3 {
            errors.add(&Place::new(case, seed).run());
        }
        let [first, served, length, ours] = errors.relative();
        println!(
            "{:<26} {:>7} {:>9.1} | {first:>7.3} {served:>7.3} {length:>7.3} {ours:>7.3} | {:>6.3} {:>6.3}",
            case.name,
            errors.count,
            errors.mean_wait(),
            errors.bias(),
            errors.inside(),
        );
        assert!(errors.count > 2000, "{}: only {} waited", case.name, errors.count);
        assert!(ours < first && ours < served, "{}: {:?}", case.name, errors.relative());
        assert!((0.85..0.95).contains(&errors.inside()), "{}: the band holds {}", case.name, errors.inside());
        for (sum, error) in sums.iter_mut().zip(errors.relative()) {
            *sum += error / Case::ALL.len() as f64;
        }
    }
    let [first, served, length, ours] = sums;
    println!("{:<45} | {first:>7.3} {served:>7.3} {length:>7.3} {ours:>7.3} |", "mean of the cases");
    // It is told neither how many serve nor how long they take, and is better than one who knows both.
    assert!(ours < length, "{sums:?}");
}
