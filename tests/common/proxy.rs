//! A small TCP proxy for faults: cuts connections, refuses them, or stalls them as a network does.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the proxy does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes everything on.
    Pass,
    /// Keeps connections open and passes nothing on, as a lost network does.
    Stall,
    /// What the server says is not passed on.
    Deaf,
    /// What the client says is not passed on.
    Mute,
    /// Resets every connection and refuses new ones.
    Cut,
}

/// A running proxy; ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<AtomicU16>,
    mode: watch::Sender<Mode>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Listens on a free port and passes on to `target`.
    pub(crate) async fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let (mode, watch) = watch::channel(Mode::Pass);
        let mut tasks = JoinSet::new();
        let target = Arc::new(AtomicU16::new(target));
        tasks.spawn(accept(listener, Arc::clone(&target), watch));
        Self { address, target, mode, _tasks: tasks }
    }

    /// Passes new connections on to another server.
    pub(crate) fn aim(&self, target: u16) {
        self.target.store(target, Ordering::Relaxed);
    }

    /// The port to connect to.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Changes what it does, at once and for all connections.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn accept(listener: TcpListener, target: Arc<AtomicU16>, mode: watch::Receiver<Mode>) {
    let mut pipes = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                if *mode.borrow() != Mode::Cut {
                    pipes.spawn(serve(client, target.load(Ordering::Relaxed), mode.clone()));
                }
            }
            Some(_) = pipes.join_next(), if !pipes.is_empty() => {}
        }
    }
}

async fn serve(client: TcpStream, target: u16, mode: watch::Receiver<Mode>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
    let mut cut = mode.clone();
    tokio::select! {
        () = pass(client_in, server_out, mode.clone(), Mode::Mute) => {}
        () = pass(server_in, client_out, mode, Mode::Deaf) => {}
        _ = cut.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

/// Passes one direction on, unless everything or this direction is stalled.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>, not_in: Mode) {
    let passes = |mode: &Mode| *mode != Mode::Stall && *mode != not_in;
    let mut buffer = vec![0_u8; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(passes).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
