//! Decides which known name a misspelt one was meant to be.

/// The nearest of the known names, if it is near enough to be meant.
pub(super) fn nearest<'a>(said: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Longer texts are nobody's misspelling, and the distance costs the product of the lengths.
    if said.len() > 80 {
        return None;
    }
    known
        .map(|name| (strsim::damerau_levenshtein(said, name), name))
        .filter(|(distance, _)| *distance <= 6)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_recognised_and_a_foreign_one_is_not() {
        let known = ["picket.contact.received.v1", "picket.offer.accept.v1"];
        assert_eq!(nearest("picket.contact.recieved.v1", known.into_iter()), Some(known[0]));
        assert_eq!(nearest("com.twilio.taskrouter.reservation.created", known.into_iter()), None);
    }
}
