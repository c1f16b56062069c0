//! Decides what chance is: a small generator that gives the same numbers everywhere, one stream per source of
//! randomness, so that drawing more of one thing changes nothing about another.

/// One stream of random numbers (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a name under a seed; other names give streams that have nothing to do with it.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a spreads the name; one step of the generator mixes it with the seed.
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut stream = Self { state: seed ^ hash };
        let state = stream.next();
        Self { state }
    }

    /// The stream of one numbered thing under a seed and name, whatever was drawn for others.
    #[must_use]
    pub fn keyed(seed: u64, name: &str, number: u64) -> Self {
        let mut stream = Self::new(seed, name);
        stream.state ^= number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
        let state = stream.next();
        Self { state }
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "the field's own word for one step of a generator")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`, evenly; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True in `permille` of a thousand cases.
    pub fn happens(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// One of some things; none of nothing.
    pub fn one_of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(things.len() as u64)).unwrap_or(0);
        things.get(index)
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    /// An exponentially distributed span with this mean, at least 1.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "means are far below 2^53")]
        let span = -(1.0 - self.unit()).ln() * mean as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a logarithm of (0, 1] is not positive"
        )]
        let whole = span as u64;
        whole.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn the_same_seed_and_name_give_the_same_numbers_and_another_name_gives_others() {
        let draw = |seed, name| {
            let mut stream = Stream::new(seed, name);
            [stream.next(), stream.next(), stream.next()]
        };
        assert_eq!(draw(7, "arrivals"), draw(7, "arrivals"));
        assert_ne!(draw(7, "arrivals"), draw(7, "patience"));
        assert_ne!(draw(7, "arrivals"), draw(8, "arrivals"));
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_both_ends() {
        let mut stream = Stream::new(1, "bounds");
        let drawn: Vec<u64> = (0..1000).map(|_| stream.between(3, 5)).collect();
        assert!(drawn.iter().all(|n| (3..=5).contains(n)));
        assert!(drawn.contains(&3) && drawn.contains(&5));
        let mean = (0..10_000).map(|_| stream.exponential(1000)).sum::<u64>() / 10_000;
        assert!((950..1050).contains(&mean), "{mean}");
    }
}
