//! Decides how luck is taken out of a number: by regression on what is zero on average whatever the core decides.

/// Batches per control, at least: with fewer, the regression would fit what it has to judge.
const BATCHES_PER_CONTROL: usize = 4;

/// One of so many batches is the least in which a control must say something: what is rarer would explain single batches,
/// not luck.
const SAYING: usize = 4;

/// One of so many batches is the least in which it must lie above, and below, what was to be expected. What never
/// happened, however little it was to be expected, lies below always, and would take the place of luck.
const SWINGING: usize = 10;

/// Part of a control's square that must be new beside those before it.
const NEW: f64 = 1e-6;

/// Controls, made orthogonal to each other, batch by batch.
#[derive(Clone, Debug, Default)]
pub struct Controls {
    /// Of length one each, and of mean zero.
    columns: Vec<Vec<f64>>,
    /// The mean that each had by luck.
    means: Vec<f64>,
}

/// A mean over batches, without luck, and what is left of each batch.
#[derive(Clone, Debug)]
pub(super) struct Cleared {
    pub(super) mean: f64,
    pub(super) rest: Vec<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "batches are far fewer than 2^53")]
const fn real(count: usize) -> f64 {
    count as f64
}

fn product(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

impl Controls {
    /// The controls of some batches, a row each; those that say nothing new are left out.
    #[must_use]
    pub fn new(rows: &[Vec<f64>]) -> Self {
        let batches = rows.len();
        let mut controls = Self::default();
        for place in 0..rows.first().map_or(0, Vec::len) {
            if (controls.columns.len() + 1) * BATCHES_PER_CONTROL > batches {
                break;
            }
            let column: Vec<f64> = rows.iter().map(|row| row.get(place).copied().unwrap_or_default()).collect();
            let above = column.iter().filter(|value| **value > 0.0).count();
            let below = column.iter().filter(|value| **value < 0.0).count();
            if (above + below) * SAYING >= batches && above.min(below) * SWINGING >= batches {
                controls.push(column);
            }
        }
        controls
    }

    /// Modified Gram-Schmidt; what is done to a column is done to its mean.
    fn push(&mut self, mut column: Vec<f64>) {
        let mut mean = column.iter().sum::<f64>() / real(column.len());
        column.iter_mut().for_each(|value| *value -= mean);
        let before = product(&column, &column);
        // Twice is enough (Giraud, Langou and Rozložník 2005).
        for (known, its_mean) in self.columns.iter().zip(&self.means).chain(self.columns.iter().zip(&self.means)) {
            let part = product(&column, known);
            column.iter_mut().zip(known).for_each(|(value, known)| *value -= part * known);
            mean -= part * its_mean;
        }
        let square = product(&column, &column);
        if square > NEW * before && square > 0.0 {
            let length = square.sqrt();
            column.iter_mut().for_each(|value| *value /= length);
            self.columns.push(column);
            self.means.push(mean / length);
        }
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.columns.len()
    }

    /// What the mean's variance is to that of one batch.
    pub(super) fn leverage(&self, batches: usize) -> f64 {
        1.0 / real(batches) + product(&self.means, &self.means)
    }

    /// A number without luck: the intercept of its regression on the controls.
    pub(super) fn clear(&self, values: &[f64]) -> Cleared {
        let mut mean = values.iter().sum::<f64>() / real(values.len().max(1));
        let mut rest: Vec<f64> = values.iter().map(|value| value - mean).collect();
        for (column, its_mean) in self.columns.iter().zip(&self.means) {
            let part = product(&rest, column);
            rest.iter_mut().zip(column).for_each(|(value, known)| *value -= part * known);
            mean -= part * its_mean;
        }
        Cleared { mean, rest }
    }
}
