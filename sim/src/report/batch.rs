//! Decides how sure a number is: by the means of batches that are long enough to be as good as independent.

use serde::Serialize;

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

/// The quotient of two sums over batches. Its half-width is the ratio estimator's, by Student's t.
#[must_use]
pub fn ratio(name: &str, pairs: &[(f64, f64)], scale: f64) -> Figure {
    let (above, below) = pairs.iter().fold((0.0, 0.0), |(above, below), (one, other)| (above + one, below + other));
    if below <= 0.0 {
        return Figure { name: name.to_owned(), value: 0.0, half_width: None };
    }
    let value = above / below;
    let half_width = (pairs.len() >= 2).then(|| {
        let batches = f64::from(u32::try_from(pairs.len()).unwrap_or(u32::MAX));
        let squares: f64 = pairs.iter().map(|(one, other)| (one - value * other).powi(2)).sum();
        student(batches - 1.0) * (squares * batches / (batches - 1.0)).sqrt() / below * scale
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
    use super::{ratio, student};

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (degrees, point) in [(1.0, 12.7062), (2.0, 4.3027), (4.0, 2.7764), (19.0, 2.0930), (99.0, 1.9842)] {
            assert!((student(degrees) - point).abs() < 0.02, "{degrees}: {}", student(degrees));
        }
    }

    #[test]
    fn a_ratio_is_of_the_sums_and_its_width_that_of_the_means() {
        let figure = ratio("x", &[(1.0, 1.0), (3.0, 1.0), (2.0, 1.0), (2.0, 1.0)], 10.0);
        assert!((figure.value - 20.0).abs() < 1e-12);
        // The means have a variance of 2/3, so that of their mean is 1/6, and t of three degrees is 3.1824.
        assert!((figure.half_width.expect("a width") - 10.0 * 3.1824 * (1.0_f64 / 6.0).sqrt()).abs() < 0.1);
    }

    #[test]
    fn nothing_counted_is_no_number() {
        assert_eq!(ratio("x", &[(0.0, 0.0)], 1.0).half_width, None);
    }
}
