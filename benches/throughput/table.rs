//! Decides how figures are printed: one line each, the compared one right below.

use std::time::Duration;

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// How many of it.
    pub(crate) count: usize,
    /// In which time.
    pub(crate) took: Duration,
    /// Anything a reader should know.
    pub(crate) note: String,
}

impl Row {
    fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let count = self.count as f64;
        count / self.took.as_secs_f64().max(1e-9)
    }
}

/// Prints all figures as one table.
#[expect(clippy::print_stdout, reason = "a bench answers on standard output")]
pub(crate) fn print(rows: &[Row]) {
    println!("\n{:<52} {:>9} {:>9} {:>14}  note", "what", "count", "seconds", "per second");
    for row in rows {
        let rate = format!("{:.0} {}", row.rate(), row.unit);
        println!("{:<52} {:>9} {:>9.2} {:>14}  {}", row.what, row.count, row.took.as_secs_f64(), rate, row.note);
    }
}
