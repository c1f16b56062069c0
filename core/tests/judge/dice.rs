//! Dice: numbers that follow from a seed alone, and the steps of a history as seeds of their own.

/// One step of a history: read against the present state, so that most of them make sense, and still the same step
/// when others before it are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op(pub(crate) u64);

/// A stream of numbers (splitmix64, Steele, Lea and Flood 2014).
#[derive(Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to below.
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        u32::try_from(self.next() % u64::from(below.max(1))).expect("below a u32")
    }

    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        let most = u32::try_from(items.len()).expect("few");
        items[self.below(most) as usize].clone()
    }
}

/// The steps of one history.
pub(crate) fn ops(seed: u64, length: usize) -> Vec<Op> {
    let mut dice = Dice::new(seed ^ 0x5eed);
    (0..length).map(|_| Op(dice.next())).collect()
}
