//! Whatever is asked over HTTP, the whole shell answers, and none of it is a failure of its own.
//!
//! A seed holds requests behind each other, separated by lines `%%`: `METHOD /path`, headers as `name: value` lines, an
//! empty line, and the body. They go to a shard that has the state of the journal that is kept for `tests/formats.rs`.
#![no_main]

extern crate picket_fuzz as picket;

#[allow(dead_code, reason = "the target uses a part of it")]
#[path = "../../tests/formats/place.rs"]
mod place;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use libfuzzer_sys::fuzz_target;
use picket::settings::{Settings, Sources};
use picket::shard::chance;
use picket::store::Memory;
use picket::telemetry::Metrics;
use picket::{api, kept};
use picket_core::Timestamp;
use place::{LATER_RULES, Place, Quiet, store_of};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A little behind the end of the journal.
const NOW: Timestamp = Timestamp(1_795_521_700_000);
/// How long an answer may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(60);

static STORE: LazyLock<Memory> =
    LazyLock::new(|| runtime().block_on(store_of(&kept::journal(), Some(&kept::snapshot()))));
static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings::load(Sources::default()).expect("the built-in ones"));

fuzz_target!(|bytes: &[u8]| {
    let requests: Vec<_> = split(bytes, b"\n%%\n").into_iter().filter_map(request).collect();
    if requests.is_empty() {
        return;
    }
    chance::seed(7);
    let store = STORE.copy();
    runtime().block_on(ask(store, requests));
});

async fn ask(store: Memory, requests: Vec<Request<Body>>) {
    let mut place = Place::open(NOW, store, &LATER_RULES);
    place.until_ready().await;
    let drained = CancellationToken::new();
    let metrics = Arc::new(Metrics::new());
    let domains = vec!["emea".to_owned()];
    let shards = [api::Shard { name: "main".to_owned(), domains, handle: place.handle().clone() }];
    let router = api::router(&SETTINGS, shards.into(), Arc::new(Quiet::default()), metrics, drained.clone());
    for request in requests {
        answer(&router, request, &drained).await;
    }
    place.stop().await;
}

/// A request is answered, and no answer speaks of a failure of ours.
async fn answer(router: &Router, request: Request<Body>, drained: &CancellationToken) {
    let is_feed = request.uri().path() == "/v1/stream";
    let response = tokio::time::timeout(PATIENCE, router.clone().oneshot(request)).await;
    let response = response.expect("an answer in time").expect("it is infallible");
    let status = response.status();
    assert!(!status.is_server_error() || status == 503, "{status}");
    if is_feed {
        drained.cancel();
    }
    let body = tokio::time::timeout(PATIENCE, to_bytes(response.into_body(), 64 << 20)).await;
    body.expect("a whole answer in time").expect("a body");
}

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let (head, body) = match split(bytes, b"\n\n").as_slice() {
        [] => return None,
        [head, rest @ ..] => (*head, rest.join(&b"\n\n"[..])),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, path) = first.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path);
    for line in lines {
        let at = line.windows(2).position(|pair| pair == b": ")?;
        request = request.header(&line[..at], &line[at + 2..]);
    }
    request.body(Body::from(body)).ok()
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(found) = rest.windows(at.len()).position(|window| window == at) {
        parts.push(&rest[..found]);
        rest = &rest[found + at.len()..];
    }
    parts.push(rest);
    parts
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}
