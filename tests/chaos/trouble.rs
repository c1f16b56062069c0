//! Decides how each strike is done, how long it lasts, and what is written down about it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use picket::clock::Monotonic;
use picket_sim::rng::Stream;

use crate::chaos::deck::{Strike, below};
use crate::chaos::site::Site;
use crate::common::proxy::Mode;

/// What goes on for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    Frozen(usize),
    Cut(usize, usize),
    Alarm,
    Clock(usize),
}

/// What was done, and what still lasts.
#[derive(Debug, Default)]
pub(crate) struct Troubles {
    done: BTreeMap<Strike, usize>,
    lasting: Vec<(Lasting, Monotonic, Duration)>,
    /// How long it took until the other daemon was ready.
    takeovers: BTreeMap<Strike, Vec<Duration>>,
}

impl Troubles {
    /// Does one thing, unless it is being done already.
    pub(crate) fn strike(&mut self, site: &mut Site, strike: Strike, chance: &mut Stream) {
        let post = below(chance, site.posts.len());
        let done = match strike {
            Strike::KillDaemon | Strike::StopDaemon => self.end_a_daemon(site, strike, post, chance),
            Strike::FreezeDaemon => self.freeze(site, post, chance),
            Strike::CutLink => {
                let link = below(chance, 2);
                let how = [Mode::Cut, Mode::Stall, Mode::Deaf, Mode::Mute][below(chance, 4)];
                self.last(Lasting::Cut(post, link), chance) && {
                    site.posts[post].links[link].set(how);
                    true
                }
            }
            Strike::Alarm => {
                !self.has(Lasting::Alarm) && {
                    site.broker.memory_alarm(true);
                    self.last(Lasting::Alarm, chance)
                }
            }
            Strike::ClockJump => {
                self.last(Lasting::Clock(post), chance) && {
                    let seconds = i64::try_from(chance.between(1, 7200)).expect("two hours");
                    let ahead = if chance.happens(500) { seconds } else { -seconds };
                    site.posts[post].clock.as_ref().expect("a clock of its own").set(ahead);
                    true
                }
            }
            Strike::KillBroker => {
                site.broker.kill();
                site.broker.restart();
                // An alarm ends with the broker that raised it.
                self.lasting.retain(|(what, ..)| *what != Lasting::Alarm);
                true
            }
            Strike::KillStore => {
                site.primary().kill();
                pause(chance, 1_000);
                site.primary().restart();
                true
            }
            Strike::FailOver => {
                self.mend_all_cuts(site);
                site.fail_over(below(chance, 2), chance.happens(500));
                true
            }
            Strike::DiskFull => {
                // Somebody must be able to write for the server to notice.
                self.mend_all(site);
                site.fill_the_disk();
                true
            }
        };
        *self.done.entry(strike).or_default() += usize::from(done);
    }

    /// Ends what has lasted long enough, and finds daemons that ended by themselves.
    pub(crate) fn mend_what_is_over(&mut self, site: &mut Site) {
        let (over, lasting) = self.lasting.drain(..).partition(|(_, since, lasts)| since.elapsed() > *lasts);
        self.lasting = lasting;
        over.into_iter().for_each(|(what, ..)| mend(site, what));
        for post in &mut site.posts {
            assert!(post.daemon.runs(), "a daemon ended by itself:\n{}", post.daemon.log_end());
        }
    }

    /// Ends whatever lasts.
    pub(crate) fn mend_all(&mut self, site: &mut Site) {
        self.lasting.drain(..).for_each(|(what, ..)| mend(site, what));
    }

    /// What never happened proves nothing.
    pub(crate) fn assert_each_happened(&self, can: impl Fn(Strike) -> bool) {
        let never: Vec<_> = Strike::all().into_iter().filter(|one| can(*one) && !self.done.contains_key(one)).collect();
        assert!(never.is_empty(), "never happened: {never:?}");
    }

    fn end_a_daemon(&mut self, site: &mut Site, strike: Strike, post: usize, chance: &mut Stream) -> bool {
        if self.has(Lasting::Frozen(post)) {
            if strike == Strike::StopDaemon {
                // It would hear of it when it goes on.
                return false;
            }
            self.lasting.retain(|(what, ..)| *what != Lasting::Frozen(post));
        }
        let owned = self.lasting.is_empty() && site.owner() == Some(post);
        let began = Monotonic::now();
        if strike == Strike::KillDaemon {
            site.posts[post].daemon.kill();
        } else {
            let code = site.posts[post].daemon.stop();
            // None: it had only just been started, and did not listen yet.
            assert!(matches!(code, Some(0) | None), "{code:?}:\n{}", site.posts[post].daemon.log_end());
        }
        self.see_the_other_take_over(site, strike, owned.then_some(post), began);
        pause(chance, 500);
        site.posts[post].daemon.launch();
        true
    }

    fn freeze(&mut self, site: &mut Site, post: usize, chance: &mut Stream) -> bool {
        let owned = self.lasting.is_empty() && site.owner() == Some(post);
        if !self.last(Lasting::Frozen(post), chance) {
            return false;
        }
        let began = Monotonic::now();
        site.posts[post].daemon.freeze();
        let lasts = self.lasting.last().map_or(Duration::ZERO, |(.., lasts)| *lasts);
        let long = lasts > Duration::from_secs(3);
        self.see_the_other_take_over(site, Strike::FreezeDaemon, (owned && long).then_some(post), began);
        true
    }

    /// Nothing else is wrong, and the owner is gone: the other one must take over.
    fn see_the_other_take_over(&mut self, site: &Site, strike: Strike, owner: Option<usize>, began: Monotonic) {
        let Some(owner) = owner else { return };
        let other = (owner + 1) % site.posts.len();
        let what = format!("the other daemon to take over\n{}", site.log_ends());
        crate::until(&what, crate::PATIENCE, || site.is_ready(other).then_some(()));
        self.takeovers.entry(strike).or_default().push(began.elapsed());
    }

    fn has(&self, what: Lasting) -> bool {
        self.lasting.iter().any(|(known, ..)| *known == what)
    }

    /// Begins what lasts for a while, mostly a short one; false if it is going on.
    fn last(&mut self, what: Lasting, chance: &mut Stream) -> bool {
        if self.has(what) {
            return false;
        }
        let millis = match chance.below(20) {
            0 => 20_000,
            1..=5 => chance.between(3_000, 8_000),
            _ => chance.between(300, 3_000),
        };
        self.lasting.push((what, Monotonic::now(), Duration::from_millis(millis)));
        true
    }

    fn mend_all_cuts(&mut self, site: &mut Site) {
        let (cuts, others) = self.lasting.drain(..).partition(|(what, ..)| matches!(what, Lasting::Cut(..)));
        self.lasting = others;
        cuts.into_iter().for_each(|(what, ..)| mend(site, what));
    }
}

fn mend(site: &mut Site, what: Lasting) {
    match what {
        Lasting::Frozen(post) => site.posts[post].daemon.go_on(),
        Lasting::Cut(post, link) => {
            // What was stalled is gone, as it is behind a router that forgot the connection.
            site.posts[post].links[link].set(Mode::Cut);
            site.posts[post].links[link].set(Mode::Pass);
        }
        Lasting::Alarm => site.broker.memory_alarm(false),
        Lasting::Clock(post) => site.posts[post].clock.as_ref().expect("a clock of its own").set(0),
    }
}

fn pause(chance: &mut Stream, most_ms: u64) {
    std::thread::sleep(Duration::from_millis(chance.below(most_ms)));
}

impl fmt::Display for Troubles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (strike, count) in &self.done {
            writeln!(out, "{count:>6}  {strike:?}")?;
        }
        for (strike, times) in &self.takeovers {
            let mut times = times.clone();
            times.sort_unstable();
            let at = |share: usize| times.get((times.len() - 1) * share / 100).map_or(0, Duration::as_millis);
            let (median, most) = (at(50), at(100));
            writeln!(out, "{:>6}  taken over after {strike:?}: median {median} ms, at most {most} ms", times.len())?;
        }
        Ok(())
    }
}
