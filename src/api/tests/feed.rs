use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::StreamExt;

use super::*;
use crate::contract::wire::OutMessage;

fn output(number: u64, kind: &'static str) -> Arc<OutMessage> {
    Arc::new(OutMessage {
        number,
        seq: number,
        id: format!("o{number}"),
        kind,
        routing_key: String::new(),
        contact: None,
        agent: Some("ann".into()),
        domain: "emea".into(),
        body: Bytes::from(format!("{{\"n\":{number}}}")),
    })
}

fn offers(numbers: std::ops::RangeInclusive<u64>) -> Vec<Arc<OutMessage>> {
    numbers.map(|number| output(number, "picket.offer.made.v1")).collect()
}

async fn open(bench: &Bench, request: Request<Body>) -> BodyDataStream {
    let response = bench.ask(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    assert_eq!(next(&mut stream).await, "retry: 1000\n\n");
    stream
}

async fn next(stream: &mut BodyDataStream) -> String {
    String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn an_output_has_its_number_its_type_and_its_event() {
    let bench = Bench::new();
    bench.side.feed.begin(Vec::new(), 6);
    let mut stream = open(&bench, get("/v1/stream")).await;
    bench.side.feed.push(offers(7..=7));
    assert_eq!(next(&mut stream).await, "id: 7\nevent: picket.offer.made.v1\ndata: {\"n\":7}\n\n");
}

#[tokio::test]
async fn a_client_resumes_behind_what_it_saw_last() {
    let bench = Bench::new();
    bench.side.feed.begin(offers(1..=3), 3);
    let request = Request::get("/v1/stream?after=0").header("last-event-id", "2").body(Body::empty()).unwrap();
    assert!(next(&mut open(&bench, request).await).await.starts_with("id: 3\n"));
    assert!(next(&mut open(&bench, get("/v1/stream?after=1")).await).await.starts_with("id: 2\n"));
}

#[tokio::test]
async fn a_client_whose_place_is_no_longer_kept_is_told_and_goes_on() {
    let bench = Bench::new();
    bench.side.feed.begin(offers(1..=20), 20);
    let mut stream = open(&bench, get("/v1/stream?after=1")).await;
    assert_eq!(next(&mut stream).await, "id: 12\nevent: reset\ndata: {\"from\":13}\n\n");
    assert!(next(&mut stream).await.starts_with("id: 13\n"));
}

#[tokio::test]
async fn a_filter_passes_only_what_it_names() {
    let bench = Bench::new();
    bench.side.feed.begin(vec![output(1, "picket.contact.queued.v1"), output(2, "picket.offer.made.v1")], 2);
    let mut stream = open(&bench, get("/v1/stream?after=0&type=offer.*&agent=ann&domain=emea")).await;
    assert!(next(&mut stream).await.starts_with("id: 2\n"));
}

#[tokio::test]
async fn a_client_that_gets_nothing_learns_its_place_and_hears_that_the_feed_lives() {
    let bench = Bench::with(&[("PICKET_HTTP__KEEP_ALIVE", "20ms")]);
    bench.side.feed.begin(Vec::new(), 0);
    let mut stream = open(&bench, get("/v1/stream?type=never")).await;
    bench.side.feed.push(offers(1..=4));
    assert_eq!(next(&mut stream).await, "id: 4\n\n");
    assert_eq!(next(&mut stream).await, ": \n\n");
}

#[tokio::test]
async fn feeds_are_bounded_and_end_when_the_daemon_stops() {
    let bench = Bench::with(&[("PICKET_HTTP__STREAMS", "1")]);
    let mut stream = open(&bench, get("/v1/stream")).await;
    let (status, body) = bench.get("/v1/stream").await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::from("unavailable")));
    bench.drained.cancel();
    assert!(stream.next().await.is_none());
    drop(stream);
    assert_eq!(bench.side.feed.subscribers(), 0);
}

#[tokio::test]
async fn a_place_that_is_no_number_is_refused() {
    let (status, body) = Bench::new().get("/v1/stream?after=yesterday").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &Value::from("invalid_place")));
}
