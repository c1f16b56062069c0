//! Decides how a test runs the built daemon: its own folder, its own port, started, killed and started again.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{self, Reply};
use super::port::free_port;
use super::wait::until;

/// How long a daemon may take to be ready on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a daemon is to be started with.
#[derive(Debug)]
pub(crate) struct Setup {
    folder: TempDir,
    port: u16,
    environment: Vec<(String, String)>,
}

/// A daemon that runs, or was killed and can be started again on what it left behind.
#[derive(Debug)]
pub(crate) struct Daemon {
    setup: Setup,
    child: Option<Child>,
}

impl Setup {
    /// The embedded profile with these rules, which may call their domain `DOMAIN`.
    pub(crate) fn embedded(rules: &str, domain: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("picket-test-").tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("rules.toml"), rules.replace("DOMAIN", domain)).expect("the rules are written");
        let port = free_port();
        let environment = [
            ("PICKET_HTTP__LISTEN", format!("127.0.0.1:{port}")),
            ("PICKET_STORE__PATH", path("data")),
            ("PICKET_RULES__PATH", path("rules.toml")),
            ("PICKET_LOG__FORMAT", "human".to_owned()),
            ("PICKET_LOG__FILTER", "info".to_owned()),
            ("PICKET_SHARD__NAME", domain.to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Self { folder, port, environment }
    }

    /// The same over a broker and a store that several daemons may share.
    pub(crate) fn with_services(rules: &str, domain: &str, amqp: &str, redis: &str) -> Self {
        let setup = Self::embedded(rules, domain);
        let pepper = setup.folder.path().join("pepper").display().to_string();
        std::fs::write(&pepper, "5a".repeat(32)).expect("the key file is written");
        setup
            .set("PICKET_PEOPLE__PEPPER_FILE", &pepper)
            .set("PICKET_BROKER__KIND", "rabbitmq")
            .set("PICKET_BROKER__RABBITMQ__URL", amqp)
            .set("PICKET_BROKER__RABBITMQ__RECONNECT_MOST", "1s")
            .set("PICKET_STORE__KIND", "redis")
            .set("PICKET_STORE__REDIS__URL", redis)
    }

    /// Sets one more setting, by the name it has in the environment.
    #[must_use]
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the daemon and waits until it is ready.
    pub(crate) fn start(self) -> Daemon {
        let mut daemon = self.idle();
        daemon.start();
        daemon
    }

    /// A daemon that is not started yet.
    pub(crate) fn idle(self) -> Daemon {
        Daemon { setup: self, child: None }
    }

    /// Runs the daemon to its end, where it is expected to refuse these settings; its exit code and what it said.
    pub(crate) fn refused(self) -> (Option<i32>, String) {
        let mut child = self.command(&self.log()).spawn().expect("the daemon starts");
        let code = until("the daemon to refuse its settings", PATIENCE, || child.try_wait().expect("a child")).code();
        (code, std::fs::read_to_string(self.log()).unwrap_or_default())
    }

    /// Where the embedded store would lie.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs another command with the same settings.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picket"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.output().expect("the command runs")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn command(&self, log: &Path) -> Command {
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_picket"));
        command
            .arg("serve")
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log);
        command
    }
}

impl Daemon {
    /// Starts it again, after a kill, and waits until it is ready.
    pub(crate) fn start(&mut self) {
        self.launch();
        let url = self.url("/readyz");
        until("the daemon to be ready", PATIENCE, || {
            let child = self.child.as_mut().expect("it was launched");
            if let Some(status) = child.try_wait().expect("a child") {
                panic!("the daemon ended with {status}:\n{}", self.log_end());
            }
            http::get(&url).filter(|reply| reply.status == 200)
        });
    }

    /// Starts it again without waiting.
    pub(crate) fn launch(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.child = Some(self.setup.command(&self.setup.log()).spawn().expect("the daemon starts"));
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// SIGTERM, and waits until it has ended; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("-TERM");
        let mut child = self.child.take().expect("it runs");
        until("the daemon to end", PATIENCE, || child.try_wait().expect("a child")).code()
    }

    /// Changes a setting, for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.setup.environment.retain(|(known, _)| known != name);
        self.setup.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Begins another command with the same settings.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picket"));
        command.args(arguments).current_dir(self.setup.folder.path()).env_clear();
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts")
    }

    /// Runs another command with the same settings; whether it succeeded, and what it said.
    pub(crate) fn run(&self, arguments: &[&str]) -> (bool, String) {
        let done = self.setup.run(arguments);
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Puts other rules where it reads its own.
    pub(crate) fn change_rules(&self, rules: &str) {
        let domain = self.setup.environment.iter().find(|(name, _)| name == "PICKET_SHARD__NAME");
        let rules = rules.replace("DOMAIN", domain.map_or("", |(_, domain)| domain));
        std::fs::write(self.setup.folder.path().join("rules.toml"), rules).expect("the rules are written");
    }

    /// Has it read its rules again.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
    }

    /// Stops the process without ending it; it does nothing until [`Daemon::go_on`].
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen process go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    /// Whether it was launched and has not ended by itself.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    fn signal(&self, which: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        let done = Command::new("kill").args([which, &id]).status().expect("`kill` runs");
        assert!(done.success(), "the signal is sent");
    }

    /// Processor time that it used so far, in the ticks of the system: hundredths of a second.
    pub(crate) fn processor_time(&self) -> Duration {
        let Some(child) = &self.child else { return Duration::ZERO };
        let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        // Behind the name, which is in brackets: the 12th and 13th field from there.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.setup.port)
    }

    /// `GET` of a path.
    pub(crate) fn get(&self, path: &str) -> Reply {
        http::get(&self.url(path)).unwrap_or_else(|| panic!("GET {path}: no answer\n{}", self.log_end()))
    }

    /// `GET` of a path, if somebody answers.
    pub(crate) fn try_get(&self, path: &str) -> Option<Reply> {
        http::get(&self.url(path))
    }

    /// Posts bytes to `/v1/events`.
    pub(crate) fn post(&self, content_type: &str, body: &[u8]) -> Reply {
        http::post(&self.url("/v1/events"), &[("content-type", content_type)], body)
            .unwrap_or_else(|| panic!("POST /v1/events: no answer\n{}", self.log_end()))
    }

    /// Sends one event in structured mode and returns its answer.
    pub(crate) fn send(&self, event: &Value) -> Value {
        let reply = self.post("application/cloudevents+json", event.to_string().as_bytes());
        let answer = reply.json();
        answer.as_array().and_then(|list| list.first()).cloned().unwrap_or(answer)
    }

    /// Runs another `picket` command against it and returns the JSON that it prints, one value a line.
    pub(crate) fn command(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_picket"));
        command.args(arguments).env("PICKET_URL", self.url("")).current_dir(self.setup.folder.path());
        command.envs(self.setup.environment.iter().map(|(name, value)| (name, value)));
        let done = command.output().expect("the command runs");
        let said = String::from_utf8_lossy(&done.stdout);
        let lines: Result<Vec<Value>, _> = said.lines().map(serde_json::from_str).collect();
        let complaint = String::from_utf8_lossy(&done.stderr);
        lines.unwrap_or_else(|error| panic!("picket {arguments:?}: {error}\n{said}{complaint}"))
    }

    /// All that it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.setup.log()).unwrap_or_default()
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let text = self.log();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; there is nothing to do about it here.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the end of the daemon's log:\n{}", self.log_end());
        }
    }
}

/// An event as a platform writes it.
pub(crate) fn event(source: &str, id: &str, kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": format!("picket.{kind}.v1"),
        "time": now(),
        "data": data,
    })
}

/// The time in RFC 3339.
pub(crate) fn now() -> String {
    chrono::DateTime::from_timestamp_millis(picket::clock::Clock::System.now().0)
        .expect("a time of this age")
        .to_rfc3339()
}
