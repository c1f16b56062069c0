//! Decides what there is to be struck: two daemons, their links, a broker, a store of three servers, their disks.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::chaos::deck::Strike;
use crate::common::busy::RULES;
use crate::common::clock::OwnClock;
use crate::common::daemon::{Daemon, Setup};
use crate::common::proxy::{Mode, Proxy};
use crate::common::rabbitmq::Server;
use crate::common::redis::RedisServer;

/// How large the disk of a store's server is.
const DISK: &str = "size=192m";

/// One daemon, its links to broker and store, and its clock.
pub(crate) struct Post {
    pub(crate) daemon: Daemon,
    pub(crate) links: [Proxy; 2],
    pub(crate) clock: Option<OwnClock>,
}

/// Everything that runs.
pub(crate) struct Site {
    pub(crate) posts: Vec<Post>,
    pub(crate) broker: Server,
    stores: Vec<RedisServer>,
    primary: usize,
    // Behind the servers that write on them.
    disks: Vec<SmallDisk>,
    _runtime: Runtime,
}

impl Site {
    /// Starts it all, and waits for an owner.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let broker = Server::start();
        let disks: Vec<SmallDisk> = (0..3).map_while(|_| SmallDisk::mount()).collect();
        let folder = |at: usize| match disks.get(at) {
            Some(disk) => TempDir::new_in(disk.path()).expect("a folder on the small disk"),
            None => TempDir::new().expect("a temporary folder"),
        };
        // A journal that is trimmed leaves the file by its rewriting.
        let settings = [("auto-aof-rewrite-min-size", "16mb")];
        let mut stores: Vec<RedisServer> = (0..3).map(|at| RedisServer::start_in(folder(at), &settings)).collect();
        let port = stores[0].port();
        stores[1..].iter_mut().for_each(|replica| replica.follow(Some(port)));
        stores[0].wait_for(|report| report.matches("state=online").count() == 2);
        let posts = (0..2).map(|_| post(&runtime, &broker, port)).collect();
        let mut site = Self { posts, broker, stores, primary: 0, disks, _runtime: runtime };
        site.posts.iter_mut().for_each(|post| post.daemon.launch());
        crate::until("an owner", crate::PATIENCE, || site.owner());
        site
    }

    /// What can be done here.
    pub(crate) fn can(&self, strike: Strike) -> bool {
        let has_disks = self.disks.len() == self.stores.len();
        let has_clocks = self.posts.iter().all(|post| post.clock.is_some());
        (strike != Strike::DiskFull || has_disks) && (strike != Strike::ClockJump || has_clocks)
    }

    /// The daemon that is ready.
    pub(crate) fn owner(&self) -> Option<usize> {
        (0..self.posts.len()).find(|at| self.is_ready(*at))
    }

    /// Whether a daemon takes and decides events.
    pub(crate) fn is_ready(&self, at: usize) -> bool {
        self.posts[at].daemon.try_get("/readyz").is_some_and(|reply| reply.status == 200)
    }

    /// The store's primary.
    pub(crate) fn primary(&mut self) -> &mut RedisServer {
        &mut self.stores[self.primary]
    }

    /// A replica takes the primary's place, which follows it when it is back. Either it died, or it was only cut off and
    /// still takes what the daemons write until they are sent elsewhere.
    pub(crate) fn fail_over(&mut self, next: usize, dies: bool) {
        let old = self.primary;
        self.primary = (old + 1 + next) % self.stores.len();
        if dies {
            self.stores[old].kill();
        }
        let port = self.primary().port();
        self.primary().follow(None);
        for at in (0..self.stores.len()).filter(|at| *at != old && *at != self.primary) {
            self.stores[at].follow(Some(port));
        }
        for link in self.posts.iter().map(|post| &post.links[1]) {
            link.aim(port);
            link.set(Mode::Cut);
            link.set(Mode::Pass);
        }
        self.stores[old].follow(Some(port));
        if dies {
            self.stores[old].restart();
        }
    }

    /// The primary's disk is full until it has ended of it; then there is room again, and it starts.
    pub(crate) fn fill_the_disk(&mut self) {
        let full = self.disks[self.primary].fill();
        let primary = self.primary();
        crate::until("the store's server to end", crate::PATIENCE, || primary.has_ended().then_some(()));
        drop(full);
        self.primary().restart();
    }

    /// Sources and ids of what lies in the dead letters.
    pub(crate) fn dead_letters(&self) -> Vec<String> {
        let Some(owner) = self.owner() else { return Vec::new() };
        let daemon = &self.posts[owner].daemon;
        let listed = daemon.command(&["dead", "list", "--limit", "10000", "--json"]);
        let shown = listed.iter().flat_map(|letter| daemon.command(&["dead", "show", text(letter, "id"), "--json"]));
        let bodies = shown.filter_map(|letter| serde_json::from_str::<Value>(text(&letter, "body")).ok());
        bodies.map(|event| format!("{} {}", text(&event, "source"), text(&event, "id"))).collect()
    }

    /// How many inputs the broker still has.
    pub(crate) fn left_in_the_queue(&self) -> u64 {
        let queues = self.broker.ctl(&["list_queues", "name", "messages", "--silent"]);
        let found = queues.lines().find_map(|line| line.strip_prefix("picket.in.chaos\t"));
        found.and_then(|count| count.trim().parse().ok()).unwrap_or(u64::MAX)
    }

    /// The last that each daemon said.
    pub(crate) fn log_ends(&self) -> String {
        self.posts.iter().map(|post| post.daemon.log_end()).collect::<Vec<_>>().join("\n--- and the other ---\n")
    }
}

fn text<'a>(letter: &'a Value, member: &str) -> &'a str {
    letter[member].as_str().unwrap_or_default()
}

/// A daemon that reaches broker and store through links that can be cut.
fn post(runtime: &Runtime, broker: &Server, store: u16) -> Post {
    let links = [broker.port(), store].map(|port| runtime.block_on(Proxy::start(port)));
    let amqp = format!("amqp://guest:guest@127.0.0.1:{}/%2f", links[0].port());
    let redis = format!("redis://127.0.0.1:{}", links[1].port());
    let setup = Setup::with_services(RULES, "chaos", &amqp, &redis)
        .set("PICKET_STORE__REDIS__PROFILE", "redis-ha")
        .set("PICKET_STORE__REDIS__REPLICAS", "2")
        .set("PICKET_SHARD__SNAPSHOT_RECORDS", "500");
    let (setup, clock) = match OwnClock::of(setup) {
        Ok((setup, clock)) => (setup, Some(clock)),
        Err(setup) => (setup, None),
    };
    Post { daemon: setup.idle(), links, clock }
}

/// A file system in memory that is soon full. It goes with this process, however this process ends.
struct SmallDisk {
    path: PathBuf,
    reaper: Child,
}

impl SmallDisk {
    /// None, and it is said loudly, where this process may not mount one.
    fn mount() -> Option<Self> {
        let path = TempDir::new().expect("a temporary folder").keep();
        let mut mount = Command::new("mount");
        if !mount
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs"])
            .arg(&path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|done| done.success())
        {
            eprintln!("SKIPPED: no disk is filled, because only root may mount a small one");
            fs::remove_dir(&path).expect("an empty folder");
            return None;
        }
        let script = "cat > /dev/null; sleep 1; umount -l \"$0\"; rmdir \"$0\"";
        let reaper = Command::new("sh").args(["-c", script]).arg(&path).stdin(Stdio::piped()).spawn();
        Some(Self { path, reaper: reaper.expect("sh starts") })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// Takes all the room there is, until the file is dropped.
    fn fill(&self) -> Ballast {
        let path = self.path.join("ballast");
        let mut file = File::create(&path).expect("a file");
        // The last block does not fit whole.
        for size in [1 << 20, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ballast(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.reaper.stdin.take());
        self.reaper.wait().expect("the reaper ends");
    }
}

/// A file that fills a disk.
struct Ballast(PathBuf);

impl Drop for Ballast {
    fn drop(&mut self) {
        fs::remove_file(&self.0).expect("there is room again");
    }
}
