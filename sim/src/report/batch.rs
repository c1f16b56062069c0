//! Decides how sure a number is: by the means of batches that are long enough to be as good as independent.

use serde::Serialize;

use super::controls::Controls;

/// A number, and half the width of its 95 % interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Which; the definitions say what it means.
    pub name: String,
    /// The number; 0 when nothing was there to count.
    pub value: f64,
    /// By batch means; `None` with fewer than two batches.
    pub half_width: Option<f64>,
}

impl Figure {
    /// The square root of it; the width follows by its slope there.
    pub(super) fn root(self) -> Self {
        let value = self.value.max(0.0).sqrt();
        let half_width = self.half_width.filter(|_| value > 0.0).map(|half| half / (2.0 * value));
        Self { value, half_width, ..self }
    }
}

/// The quotient of two sums over batches. Its half-width is the ratio estimator's, by Student's t. With controls it is
/// that of the two means without luck (Lavenberg and Welch 1981), and each control costs a degree of freedom.
#[must_use]
pub fn ratio(name: &str, pairs: &[(f64, f64)], scale: f64, controls: &Controls) -> Figure {
    let (above, below): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    if below.iter().sum::<f64>() <= 0.0 {
        return Figure { name: name.to_owned(), value: 0.0, half_width: None };
    }
    let (above, below) = (controls.clear(&above), controls.clear(&below));
    let value = above.mean / below.mean;
    let half_width = (pairs.len() >= 2 + controls.len()).then(|| {
        let degrees = f64::from(u32::try_from(pairs.len() - 1 - controls.len()).unwrap_or(u32::MAX));
        let squares: f64 = above.rest.iter().zip(&below.rest).map(|(one, other)| (one - value * other).powi(2)).sum();
        student(degrees) * (squares / degrees * controls.leverage(pairs.len())).sqrt() / below.mean.abs() * scale
    });
    Figure { name: name.to_owned(), value: value * scale, half_width }
}

/// The 97.5 % point of Student's t (Abramowitz and Stegun 1964, 26.7.5); exact for one and two degrees of freedom.
fn student(degrees: f64) -> f64 {
    if degrees < 1.5 {
        return 12.706_204_736;
    }
    if degrees < 2.5 {
        return 4.302_652_730;
    }
    let z = 1.959_963_985_f64;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / degrees) + z
}

#[cfg(test)]
mod tests {
    use super::{Controls, ratio, student};
    use crate::rng::Stream;

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (degrees, point) in [(1.0, 12.7062), (2.0, 4.3027), (4.0, 2.7764), (19.0, 2.0930), (99.0, 1.9842)] {
            assert!((student(degrees) - point).abs() < 0.02, "{degrees}: {}", student(degrees));
        }
    }

    #[test]
    fn a_ratio_is_of_the_sums_and_its_width_that_of_the_means() {
        let figure = ratio("x", &[(1.0, 1.0), (3.0, 1.0), (2.0, 1.0), (2.0, 1.0)], 10.0, &Controls::default());
        assert!((figure.value - 20.0).abs() < 1e-12);
        // The means have a variance of 2/3, so that of their mean is 1/6, and t of three degrees is 3.1824.
        assert!((figure.half_width.expect("a width") - 10.0 * 3.1824 * (1.0_f64 / 6.0).sqrt()).abs() < 0.1);
    }

    #[test]
    fn nothing_counted_is_no_number() {
        assert_eq!(ratio("x", &[(0.0, 0.0)], 1.0, &Controls::default()).half_width, None);
    }

    /// Batches of a number whose quotient is 5, and of three controls of mean zero, of which two explain most of it and
    /// the third is their sum.
    fn made_up(seed: u64, batches: usize) -> (Vec<(f64, f64)>, Vec<Vec<f64>>) {
        let mut stream = Stream::new(seed, "made up");
        // Skewed, as what is counted in a queue is.
        let mut chance = || -(1.0 - stream.unit()).ln() - 1.0;
        let batch = |_| {
            let (one, other, rest) = (chance(), chance(), chance());
            let below = 10.0 + 2.0 * other + 0.3 * chance();
            ((5.0 * below + 8.0 * one - 3.0 * other + 2.0 * rest, below), vec![one, other, one + other])
        };
        (0..batches).map(batch).unzip()
    }

    /// What never happened says only for how long it might have.
    #[test]
    fn a_control_that_lies_on_one_side_only_is_left_out() {
        let rows: Vec<Vec<f64>> = made_up(1, 60).1.into_iter().map(|row| vec![-1e-9 * row[0].abs(), row[1]]).collect();
        assert_eq!(Controls::new(&rows).len(), 1);
    }

    #[test]
    fn with_controls_the_quotient_lies_within_its_half_width_in_95_of_100_cases() {
        // With 20 batches and numbers this skewed it is 92.5 of 100: use more.
        for batches in [60, 300] {
            let (mut inside, mut plainly, mut narrower) = (0, 0, 0.0);
            for seed in 0..4000 {
                let (pairs, rows) = made_up(seed, batches);
                let controls = Controls::new(&rows);
                assert_eq!(controls.len(), 2, "the sum of two is nothing new");
                let figure = ratio("x", &pairs, 1.0, &controls);
                let plain = ratio("x", &pairs, 1.0, &Controls::default());
                let within = |value: f64, half: f64| u32::from((value - 5.0).abs() <= half);
                let (half, plain_half) = (figure.half_width.expect("a width"), plain.half_width.expect("a width"));
                inside += within(figure.value, half);
                plainly += within(plain.value, plain_half);
                narrower += plain_half / half / 4000.0;
            }
            assert!((3720..=3860).contains(&inside), "{inside} of 4000 with {batches} batches");
            assert!((3680..=3860).contains(&plainly), "{plainly} of 4000 with {batches} batches, without controls");
            assert!(narrower > 3.0, "{narrower}");
        }
    }

    #[test]
    fn a_control_that_is_not_zero_on_average_would_show_as_a_wrong_quotient() {
        let (pairs, mut rows) = made_up(1, 300);
        rows.iter_mut().flatten().for_each(|control| *control += 0.5);
        let figure = ratio("x", &pairs, 1.0, &Controls::new(&rows));
        assert!((figure.value - 5.0).abs() > 3.0 * figure.half_width.expect("a width"), "{figure:?}");
    }
}
