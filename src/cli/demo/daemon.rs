//! Decides how the demo's own daemon is started and ended: the same program, in a folder of its own, on a free port.

use crate::settings::Sources;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::cli::client;

/// The rules of the demo, part of the program so that it works from any folder.
const RULES: &str = include_str!("../../../config/demo-rules/demo.toml");

/// How often the daemon is asked whether it is ready, and how many times.
const ASK_EVERY: Duration = Duration::from_millis(50);
const ASK_TIMES: u32 = 400;

/// A running daemon. It ends with this value.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    base: String,
    folder: PathBuf,
    kept: bool,
}

impl Daemon {
    /// Starts a daemon and waits until it is ready.
    pub(super) fn start(listen: Option<SocketAddr>, data: Option<PathBuf>) -> anyhow::Result<Self> {
        let listen = match listen {
            Some(address) => address,
            None => free_port().context("cannot find a free port")?,
        };
        let kept = data.is_some();
        let folder = data.unwrap_or_else(|| std::env::temp_dir().join(format!("picket-demo-{}", std::process::id())));
        fs::DirBuilder::new()
            .recursive(kept)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
        let config = write_files(&folder, listen)?;
        let log = File::create(folder.join("picket.log")).context("cannot write the daemon's log")?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg("serve").arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C goes to everybody in the terminal's group; the demo ends its daemon itself.
        command.process_group(0);
        let ours = Sources::of_process(None, Vec::new()).environment.into_keys();
        for name in ours.filter(|name| name.starts_with("PICKET_")) {
            command.env_remove(name);
        }
        let child = command.spawn().context("cannot start the daemon")?;
        let mut daemon = Self { child, base: format!("http://{listen}"), folder, kept };
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    /// The address of its API.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Ends it.
    pub(super) fn stop(self) {
        drop(self);
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = client::Daemon::at(&self.base);
        for _ in 0..ASK_TIMES {
            if client.get("/readyz").is_ok_and(|answered| answered.status == 200) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("cannot watch the daemon")? {
                bail!("the daemon ended at once ({status}):\n{}", last_lines(&self.folder.join("picket.log")));
            }
            std::thread::sleep(ASK_EVERY);
        }
        bail!("the daemon was not ready in time:\n{}", last_lines(&self.folder.join("picket.log")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is built to be killed; a graceful end would only wait for this process's own live feed.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<_> = self.child.wait();
        if !self.kept {
            let _: std::io::Result<()> = fs::remove_dir_all(&self.folder);
        }
    }
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn write_files(folder: &Path, listen: SocketAddr) -> anyhow::Result<PathBuf> {
    let rules = folder.join("rules");
    fs::create_dir_all(&rules).context("cannot make the folder of the rules")?;
    fs::write(rules.join("demo.toml"), RULES).context("cannot write the rules")?;
    let config = folder.join("picket.toml");
    let text = format!(
        "[http]\nlisten = \"{listen}\"\n[store]\nkind = \"embedded\"\npath = \"data\"\n[rules]\npath = \"rules\"\n"
    );
    fs::write(&config, text).context("cannot write the daemon's settings")?;
    Ok(config)
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
