//! Decides what memory alone costs: one dependent load after the other, over as many bytes as the router takes.

use std::hint::black_box;

use super::clock::Began;

/// One cache line.
#[derive(Clone)]
#[repr(align(64))]
struct Line(u32);

const STEPS: u32 = 4_000_000;

/// Nanoseconds of one load, over a single cycle in random order.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn load_ns(bytes: usize) -> f64 {
    let count = u32::try_from((bytes / size_of::<Line>()).max(2)).expect("fewer lines than 2^32");
    let mut order: Vec<Line> = (0..count).map(Line).collect();
    let mut random: u64 = 1;
    // Sattolo's shuffle: one cycle through all lines.
    for last in (1..count).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from((random >> 33) % u64::from(last)).expect("a place");
        order.swap(last as usize, other);
    }
    let began = Began::now();
    let mut at = 0_u32;
    for _ in 0..STEPS {
        at = order[at as usize].0;
    }
    black_box(at);
    began.used().as_nanos() as f64 / f64::from(STEPS)
}
