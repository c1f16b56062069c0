//! Decides what must stay the same when the core becomes faster: every event of the mix, byte for byte.

use picket_core::Event;

use super::mix::{Mix, Watch};

const WAITING: usize = 20_000;
const TURNS: u32 = 60_000;

/// FNV-1a over the serialised events.
struct Digest {
    hash: u64,
    events: u64,
}

impl Watch for Digest {
    fn call<R>(&mut self, call: impl FnOnce() -> R) -> R {
        call()
    }

    fn see(&mut self, events: &[Event]) {
        for event in events {
            self.events += 1;
            for byte in postcard::to_allocvec(event).expect("an event has a form") {
                self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
}

pub(crate) fn print() {
    let mut digest = Digest { hash: 0xcbf2_9ce4_8422_2325, events: 0 };
    let mut mix = Mix::new(WAITING);
    (0..TURNS).for_each(|_| mix.turn(&mut digest));
    println!("digest of {} events of {TURNS} turns with {WAITING} waiting: {:016x}", digest.events, digest.hash);
}
