//! Real daemons, a real RabbitMQ and a real Redis with two replicas, and everything that goes wrong with them, under load.
//!
//! A judge who knows only what was sent, what was heard and what lies in the dead letters looks for anything lost, done
//! twice, or against a promise. `PICKET_CHAOS_MINUTES=n` for longer, `PICKET_CHAOS_SEED=n` for another order.
#![allow(dead_code, reason = "what several test binaries share is not all used here")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use picket::clock::Monotonic;
use picket_sim::rng::Stream;

use chaos::deck::Deck;
use chaos::site::Site;
use chaos::trouble::Troubles;
use common::busy::{PATIENCE, judge, load, open, open_the_place};
use common::platform::Platform;
use common::wait::until;

mod common {
    pub(crate) mod busy;
    pub(crate) mod clock;
    pub(crate) mod daemon;
    pub(crate) mod http;
    pub(crate) mod platform;
    pub(crate) mod port;
    pub(crate) mod proxy;
    pub(crate) mod rabbitmq;
    pub(crate) mod redis;
    pub(crate) mod wait;
}

mod chaos {
    pub(crate) mod deck;
    pub(crate) mod site;
    pub(crate) mod trouble;
}

/// How long it goes on where nothing is said.
const MINUTES: u64 = 4;

/// A number of the environment.
fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how a long run is asked for")]
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

#[test]
fn whatever_happens_to_the_processes_nothing_is_lost_and_nothing_is_done_twice() {
    let minutes = setting("PICKET_CHAOS_MINUTES").unwrap_or(MINUTES);
    let seed = setting("PICKET_CHAOS_SEED").unwrap_or(1);
    println!("PICKET_CHAOS_SEED={seed}, {minutes} minutes");
    let mut site = Site::start();
    let platform = Platform::start(&site.broker.url(), "chaos", "chaos");
    open_the_place(&platform);
    site.broker.wait_until_it_remembers("%2F", "chaos");

    let over = AtomicBool::new(false);
    let (struck, sent) = std::thread::scope(|scope| {
        let coming = scope.spawn(|| come(&platform, &over));
        let at_the_end = Ends(&over);
        let struck = strike(&mut site, seed, Duration::from_secs(minutes * 60), || coming.is_finished());
        drop(at_the_end);
        let sent = coming.join().expect("contacts kept coming");
        (struck, sent)
    });
    print!("{struck}");

    let say = || format!("{} contacts open\n{}", open(&platform, sent), site.log_ends());
    until(&say(), PATIENCE, || (open(&platform, sent) == 0).then_some(()));
    until("an owner", PATIENCE, || site.owner().is_some().then_some(()));
    // What was said about a contact that had closed meanwhile is refused, and that comes last.
    let mut dead = Vec::new();
    until("every input to have its effect, or to be a dead letter", PATIENCE, || {
        dead = site.dead_letters();
        let ledger = platform.ledger();
        ledger.without_effect().iter().all(|name| dead.contains(name)).then_some(())
    });
    until("every queue to be empty", PATIENCE, || (site.left_in_the_queue() == 0).then_some(()));
    let ledger = platform.ledger();
    println!(
        "{} inputs, {} outputs, {} contacts, {} outputs heard again, {} dead letters",
        ledger.confirmed.len(),
        ledger.outputs.len(),
        sent,
        ledger.repeated,
        dead.len()
    );
    judge(&ledger, &dead);
    struck.assert_each_happened(|strike| site.can(strike));
}

/// Has no more contacts come when it is dropped, by a panic too.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Contacts come until it is over; how many came.
fn come(platform: &Platform, over: &AtomicBool) -> usize {
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        sent = load(platform, sent, sent + 1, || String::from("the daemons' logs are below"));
    }
    sent
}

/// Strikes for a time, or until the load has ended in an error; then everything is mended.
fn strike(site: &mut Site, seed: u64, time: Duration, ended: impl Fn() -> bool) -> Troubles {
    let began = Monotonic::now();
    let mut deck = Deck::new(seed, |strike| site.can(strike));
    let (mut troubles, mut chance) = (Troubles::default(), Stream::new(seed, "pauses"));
    while began.elapsed() < time && !ended() {
        std::thread::sleep(Duration::from_millis(chance.between(50, 800)));
        troubles.mend_what_is_over(site);
        troubles.strike(site, deck.draw(), &mut chance);
    }
    troubles.mend_all(site);
    troubles
}
