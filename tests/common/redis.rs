//! Starts Redis servers of a test's own: on free ports, in temporary folders, ended by their process.
//!
//! Other test binaries use it through `#[path = "common/redis.rs"] mod redis_server;`.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;

use super::port::free_port;

/// What a durable server is started with; later settings win over earlier ones.
const DURABLE: [(&str, &str); 6] = [
    ("bind", "127.0.0.1"),
    ("appendonly", "yes"),
    ("appendfsync", "always"),
    ("maxmemory-policy", "noeviction"),
    ("repl-diskless-sync-delay", "0"),
    ("repl-ping-replica-period", "1"),
];

/// A `redis-server` with a folder of its own. It is killed when this is dropped.
pub(crate) struct RedisServer {
    folder: TempDir,
    port: u16,
    settings: Vec<(String, String)>,
    child: Option<Child>,
    reaper: Option<Child>,
}

impl RedisServer {
    /// Starts a server that keeps what it acknowledges.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with other settings than [`RedisServer::start`]'s, or with more.
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().expect("a temporary folder can be made"), settings)
    }

    /// The same in a folder of the caller's.
    pub(crate) fn start_in(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let settings =
            DURABLE.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Self { folder, port: 0, settings, child: None, reaper: None };
        // Another process may take the port between finding it free and using it.
        for _ in 0..10 {
            server.port = free_port();
            match server.launch() {
                Ok(()) => return server,
                Err(log) if log.contains("Address already in use") => {}
                Err(log) => panic!("redis-server did not start:\n{log}"),
            }
        }
        panic!("no port was free ten times in a row");
    }

    /// Starts a replica of this server and returns once it follows.
    pub(crate) fn start_replica(&self) -> Self {
        let replica = Self::start_with(&[("replicaof", &format!("127.0.0.1 {}", self.port))]);
        replica.wait_for(|report| report.contains("master_link_status:up"));
        replica
    }

    /// Makes a replica the primary.
    pub(crate) fn promote(&self) {
        let _: String = self.ask(&["REPLICAOF", "NO", "ONE"]);
    }

    /// Makes a server a replica of another one from now on, or of none: at once if it runs, and whenever it starts.
    pub(crate) fn follow(&mut self, primary: Option<u16>) {
        self.settings.retain(|(name, _)| name != "replicaof");
        let port = primary.map(|port| port.to_string());
        if let Some(port) = &port {
            self.settings.push(("replicaof".to_owned(), format!("127.0.0.1 {port}")));
        }
        if self.child.is_some() {
            let words = port.as_ref().map_or(["REPLICAOF", "NO", "ONE"], |port| ["REPLICAOF", "127.0.0.1", port]);
            let _: String = self.ask(&words);
        }
    }

    /// `redis://…`, as a daemon needs it.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends the process at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("a killed server ends");
        }
        if let Some(mut reaper) = self.reaper.take() {
            // Nothing is left for it to do, and it must not take the folder away.
            reaper.kill().expect("the reaper waits");
            reaper.wait().expect("a killed reaper ends");
        }
    }

    /// Starts the server again on the same port and folder; what was killed comes back with what it had kept.
    pub(crate) fn restart(&mut self) {
        self.kill();
        if let Err(log) = self.launch() {
            panic!("redis-server did not start again:\n{log}");
        }
    }

    /// Whether the process ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_some()))
    }

    /// Stops the process without ending it; it answers nothing until [`RedisServer::go_on`].
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen process go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    /// Sends one command and returns its answer.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Sends one command, which may fail.
    pub(crate) fn try_ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_connection()?;
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query(&mut connection)
    }

    /// Returns once `INFO` says what is wanted; fails after a generous time.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&str) -> bool) {
        let mut report = String::new();
        // Each round blocks in the server for a moment: BLPOP on a key that nobody writes.
        for _ in 0..300 {
            report = self.ask(&["INFO"]);
            if wanted(&report) {
                return;
            }
            let _: redis::RedisResult<redis::Value> = self.try_ask(&["BLPOP", "nobody-writes-this", "0.05"]);
        }
        panic!("the server never got there:\n{report}");
    }

    /// Starts the process and waits until it says that it is ready; `Err` is what it said instead.
    fn launch(&mut self) -> Result<(), String> {
        let mut command = Command::new("redis-server");
        command.arg("--port").arg(self.port.to_string()).arg("--dir").arg(self.folder.path());
        command.args(["--daemonize", "no", "--logfile", "", "--save", ""]);
        for (name, value) in &self.settings {
            command.arg(format!("--{name}")).args(value.split(' '));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect(
            "redis-server cannot be run; install Debian's package `redis-server`, or use ./test, which installs it",
        );
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let mut log = String::new();
        while let Some(Ok(line)) = lines.next() {
            log.push_str(&line);
            log.push('\n');
            if line.contains("Ready to accept connections") {
                // A full pipe would stop the server; what it says from now on is not needed.
                thread::spawn(move || lines.for_each(drop));
                self.reaper = Some(reaper(child.id(), self.folder.path()));
                self.child = Some(child);
                return Ok(());
            }
        }
        child.kill().ok();
        child.wait().ok();
        Err(log)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("the server runs").id().to_string();
        let done = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("`kill` can be run");
        assert!(done.success(), "the server could not be sent {name}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that waits for the end of its input, which is the end of this process, and then ends a server that nobody
/// dropped: what a whole test binary shares never is.
fn reaper(server: u32, folder: &Path) -> Child {
    let script = "cat > /dev/null; grep -qs redis \"/proc/$0/comm\" && kill -9 \"$0\"; rm -rf \"$1\"";
    Command::new("sh")
        .args(["-c", script, &server.to_string()])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts")
}
