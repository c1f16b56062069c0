//! A private RabbitMQ: its own node, ports, cookie and folder; one for all tests of a binary, stopped by its pid.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::fs;
use std::io::{Read, Write};
use std::iter;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use picket::clock::Monotonic;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::port::free_port;

const BIN: &str = "/usr/lib/rabbitmq/bin";
const STARTING: Duration = Duration::from_secs(300);

/// Whether a RabbitMQ server is installed here; says so loudly when not.
#[must_use]
pub(crate) fn installed() -> bool {
    let found = Path::new(BIN).join("rabbitmq-server").exists();
    if !found {
        eprintln!("SKIPPED: no {BIN}/rabbitmq-server; install rabbitmq-server to run this test");
    }
    found
}

static SERVER: OnceLock<Server> = OnceLock::new();
static USERS: RwLock<()> = RwLock::const_new(());

/// The server of this test binary, beside other tests.
pub(crate) async fn shared() -> (&'static Server, RwLockReadGuard<'static, ()>) {
    let guard = USERS.read().await;
    (SERVER.get_or_init(Server::start), guard)
}

/// The server of this test binary for a test that disturbs it, alone.
pub(crate) async fn alone() -> (&'static Server, RwLockWriteGuard<'static, ()>) {
    let guard = USERS.write().await;
    (SERVER.get_or_init(Server::start), guard)
}

/// A private server. It ends with this process, however this process ends: see [`reaper`].
#[derive(Debug)]
pub(crate) struct Server {
    folder: PathBuf,
    /// Where the cookie is; nodes that are to meet share it.
    home: PathBuf,
    reaper: Child,
    port: u16,
    dist: u16,
    epmd: u16,
    node: String,
    running: Mutex<Option<Child>>,
}

impl Server {
    /// Starts one and waits until it takes connections (5–18 s).
    #[must_use]
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one with further settings, in the Erlang terms of `advanced.config`.
    #[must_use]
    pub(crate) fn start_with(advanced: &str) -> Self {
        let server = Self::prepare(None);
        if !advanced.is_empty() {
            fs::write(server.folder.join("advanced.config"), advanced).expect("a writable folder");
        }
        server.launch();
        server
    }

    /// Starts three nodes that are one broker.
    #[must_use]
    pub(crate) fn start_three() -> [Self; 3] {
        let first = Self::prepare(None);
        let nodes = [Self::prepare(Some(&first)), Self::prepare(Some(&first)), first];
        let names: Vec<String> = nodes.iter().enumerate().map(|(at, node)| format!("{at} = {}", node.node)).collect();
        let meet = names.iter().map(|name| format!("cluster_formation.classic_config.nodes.{name}\n"));
        let meet: String =
            iter::once("cluster_formation.peer_discovery_backend = classic_config\n".to_owned()).chain(meet).collect();
        for node in &nodes {
            let mut file = fs::File::options().append(true).open(node.folder.join("rabbitmq.conf")).expect("a file");
            file.write_all(meet.as_bytes()).expect("a writable file");
        }
        // The first one is alone at first, so that the others have somebody to join.
        nodes[2].launch();
        std::thread::scope(|scope| nodes[..2].iter().for_each(|node| drop(scope.spawn(|| node.launch()))));
        nodes
    }

    /// A server that is not started yet; one that is to meet another has its cookie and its port mapper.
    fn prepare(meets: Option<&Self>) -> Self {
        let folder = tempfile::Builder::new().prefix("picket-rabbit-").tempdir().expect("a temporary folder").keep();
        let [port, dist, epmd] = [(); 3].map(|()| free_port());
        let epmd = meets.map_or(epmd, |other| other.epmd);
        let home = meets.map_or_else(|| folder.clone(), |other| other.home.clone());
        if meets.is_none() {
            write_cookie(&home);
        }
        let node = format!("picket{}x{port}@localhost", std::process::id());
        let config = format!(
            "listeners.tcp.local = 127.0.0.1:{port}\nvm_memory_high_watermark.absolute = 1GB\n\
             disk_free_limit.absolute = 50MB\nlog.file.level = warning\n"
        );
        fs::write(folder.join("rabbitmq.conf"), config).expect("a writable folder");
        fs::write(folder.join("enabled_plugins"), "[].\n").expect("a writable folder");
        let reaper = reaper(&folder, epmd);
        Self { folder, home, reaper, port, dist, epmd, node, running: Mutex::new(None) }
    }

    /// The port it listens on.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The url of its default vhost.
    #[must_use]
    pub(crate) fn url(&self) -> String {
        self.url_of("%2f")
    }

    /// The url of a vhost.
    #[must_use]
    pub(crate) fn url_of(&self, vhost: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", self.port)
    }

    /// Makes a fresh vhost, so that tests that share the server share nothing else, and returns its url.
    #[must_use]
    pub(crate) fn vhost(&self, name: &str) -> String {
        self.ctl(&["add_vhost", name]);
        self.ctl(&["set_permissions", "-p", name, "guest", ".*", ".*", ".*"]);
        self.url_of(name)
    }

    /// Runs `rabbitmqctl` against it and returns what it prints.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> String {
        let output = self.command("rabbitmqctl").arg("-q").args(arguments).output().expect("rabbitmqctl runs");
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Raises the memory alarm, or ends it.
    pub(crate) fn memory_alarm(&self, on: bool) {
        // A watermark of one megabyte is below what the empty server uses.
        self.ctl(&["set_vm_memory_high_watermark", "absolute", if on { "1MB" } else { "1GB" }]);
    }

    /// Waits until the broker has written down that it has the queues of a shard and its streams. RabbitMQ 3.10 does so
    /// some time after it made them, and one that is killed earlier forgets them with all they hold, confirmed or not.
    pub(crate) fn wait_until_it_remembers(&self, vhost: &str, shard: &str) {
        // A table that is still being written is not written down.
        const STILL: Duration = Duration::from_secs(2);
        let written = |system: &str, name: &str| {
            let names = self.folder.join("mnesia").join(&self.node).join(system).join(&self.node).join("names.dets");
            let still = fs::metadata(&names).and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
            let table = fs::read(&names).unwrap_or_default();
            still.is_some_and(|still| still > STILL) && table.windows(name.len()).any(|at| at == name.as_bytes())
        };
        for queue in ["in", "gate", "beacon"] {
            wait_until("it remembers its queues", || written("quorum", &format!("{vhost}_picket.{queue}.{shard}")));
        }
        wait_until("it remembers its streams", || written("coordination", "rabbit_stream_coordinator"));
    }

    /// Takes away, while it is down, what it needs to bring its streams up again.
    pub(crate) fn forget_streams(&self) {
        let folder = self.folder.join("mnesia").join(&self.node).join("coordination");
        fs::remove_dir_all(folder).expect("the coordinator's folder");
    }

    /// Kills it like a power cut.
    pub(crate) fn kill(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = running.take() {
            for pid in self.pids(&child) {
                signal("-KILL", pid);
            }
            child.wait().expect("a child can be waited for");
        }
        drop(running);
        wait_until("the port is closed", || TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    /// Starts it again on the same folder.
    pub(crate) fn restart(&self) {
        self.launch();
    }

    fn launch(&self) {
        let log = fs::File::create(self.folder.join("console.log")).expect("a writable folder");
        let child = self
            .command("rabbitmq-server")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file handle"))
            .stderr(log)
            .spawn()
            .expect("rabbitmq-server starts");
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let since = Monotonic::now();
        while !self.greets() {
            assert!(since.elapsed() < STARTING, "RabbitMQ did not start: {}", self.console());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// An open port is not enough: the server must answer the protocol header.
    fn greets(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut first = [0_u8; 1];
        stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
            && stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
            && stream.read_exact(&mut first).is_ok()
    }

    /// Whether it wrote something into its log.
    pub(crate) fn said(&self, words: &str) -> bool {
        let logs = fs::read_dir(self.folder.join("log")).into_iter().flatten().flatten();
        logs.filter_map(|log| fs::read_to_string(log.path()).ok()).any(|text| text.contains(words))
    }

    fn console(&self) -> String {
        fs::read_to_string(self.folder.join("console.log")).unwrap_or_default()
    }

    fn command(&self, program: &str) -> Command {
        let folder = &self.folder;
        let mut command = Command::new(Path::new(BIN).join(program));
        command
            .env("HOME", &self.home)
            .env("RABBITMQ_NODENAME", &self.node)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist.to_string())
            .env("ERL_EPMD_PORT", self.epmd.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", self.pid_file())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none");
        command
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }

    /// The script and the node it may have started beside itself.
    fn pids(&self, child: &Child) -> Vec<u32> {
        let written = fs::read_to_string(self.pid_file()).ok().and_then(|text| text.trim().parse::<u32>().ok());
        let mut pids = vec![child.id()];
        pids.extend(written.filter(|pid| *pid != child.id()));
        pids
    }
}

/// A process that waits for the end of its input, which is the end of this process, and then kills the node by the
/// pid it wrote, stops its port mapper (which refuses until it has seen the node die) and removes its folder.
fn reaper(folder: &Path, epmd: u16) -> Child {
    let script = "cat > /dev/null; kill -9 $(cat \"$0/pid\"); export ERL_EPMD_PORT=$1; \
                  for again in 1 2 3 4 5 6 7 8 9 10; do epmd -kill && break; sleep 0.3; done; rm -rf \"$0\"";
    Command::new("sh")
        .args(["-c", script])
        .arg(folder)
        .arg(epmd.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh starts")
}

/// What nodes know each other by: every server has another, by its folder.
fn write_cookie(home: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let cookie = home.file_name().expect("a folder with a name").to_string_lossy().into_owned();
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(home.join(".erlang.cookie"));
    file.expect("a writable folder").write_all(cookie.as_bytes()).expect("a writable file");
}

/// Three ports nobody listens on.
fn signal(which: &str, pid: u32) {
    // The process may have ended by itself: that it is gone is what was wanted.
    let _ = Command::new("kill").args([which, &pid.to_string()]).stderr(Stdio::null()).status();
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let since = Monotonic::now();
    while !holds() {
        assert!(since.elapsed() < STARTING, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
