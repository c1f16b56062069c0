//! Decides how personal data looks in a log line: not at all.

use std::fmt;

/// Wraps a name, an address or a text of a customer: it can be carried through code that prints, and prints nothing.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T>(pub T);

impl<T> Personal<T> {
    /// The data itself, for the directory and for those who may see it; never for a log.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl<T> fmt::Display for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_never_printed() {
        let address = Personal("+442079460000");
        assert_eq!(format!("{address} {address:?} {:?}", Some(&address)), "[personal] [personal] Some([personal])");
        assert_eq!(*address.expose(), "+442079460000");
    }
}
