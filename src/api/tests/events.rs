use axum::http::header;

use super::*;
use crate::contract::wire::HeaderValue;

fn post(content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/events").header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

#[tokio::test]
async fn a_request_becomes_a_message_without_the_secrets_of_the_request() {
    let request = Request::post("/v1/events")
        .header("Content-Type", "application/json; charset=UTF-8")
        .header("CE-Id", "e1")
        .header("ce-type", "picket.contact.received.v1")
        .header("authorization", "Bearer none")
        .header("cookie", "a=b")
        .body("{}".into())
        .unwrap();
    let (message, status, body) = Bench::new().send(request, vec![answer(Outcome::Accepted, None)]).await;
    let text = |text: &str| HeaderValue::Text(text.to_owned());
    assert_eq!(message.headers.len(), 2);
    assert!(message.headers.contains(&("ce-id".into(), text("e1"))));
    assert_eq!(message.content_type.as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!((&message.body[..], message.exchange), (&b"{}"[..], None));
    assert_eq!((status, &body[0]["result"]), (StatusCode::OK, &Value::from("accepted")));
}

#[tokio::test]
async fn what_holds_an_event_is_answered_with_200_even_if_it_is_refused() {
    let answers = vec![answer(Outcome::Accepted, None), answer(Outcome::Rejected, Some("unknown_agent"))];
    let request = post("application/cloudevents-batch+json", "[{},{}]");
    let (_, status, body) = Bench::new().send(request, answers).await;
    assert_eq!((status, &body[1]["code"]), (StatusCode::OK, &Value::from("unknown_agent")));
    let one = vec![answer(Outcome::Rejected, Some("offer_expired"))];
    let (_, status, body) = Bench::new().send(post("application/cloudevents+json", "{}"), one).await;
    assert_eq!((status, &body[0]["code"]), (StatusCode::OK, &Value::from("offer_expired")));
}

#[tokio::test]
async fn what_holds_no_event_has_a_status_of_its_own() {
    for (code, expected) in [
        ("unsupported_content_type", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("invalid_json", StatusCode::BAD_REQUEST),
        ("empty_message", StatusCode::BAD_REQUEST),
        ("not_an_event", StatusCode::BAD_REQUEST),
        ("message_too_large", StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let refused = vec![answer(Outcome::Rejected, Some(code))];
        let (_, status, body) = Bench::new().send(post("text/plain", "x"), refused).await;
        assert_eq!((status, &body["code"]), (expected, &Value::from(code)));
        assert_eq!(body["detail"], format!("because {code}"));
    }
    let refused = vec![answer(Outcome::Rejected, Some("not_an_event"))];
    let (_, status, _) = Bench::new().send(post("application/cloudevents-batch+json", "[3]"), refused).await;
    assert_eq!(status, StatusCode::OK, "a list with a wrong member is a list");
}

#[tokio::test]
async fn a_body_above_the_limit_never_reaches_the_loop() {
    let mut bench = Bench::with(&[("PICKET_HTTP__BODY_LIMIT_BYTES", "10")]);
    let announced = Request::post("/v1/events").header("content-length", "11").body("x".into()).unwrap();
    let stream = futures_util::stream::iter(["123456", "789012"].map(Ok::<_, std::io::Error>));
    for request in [announced, post("application/json", Body::from_stream(stream))] {
        let (status, body) = read(bench.ask(request).await).await;
        assert_eq!((status, &body["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &Value::from("message_too_large")));
    }
    assert!(bench.side.submissions.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let bench = Bench::with(&[("PICKET_HTTP__BODY_TIMEOUT", "20ms")]);
    let never = futures_util::stream::pending::<Result<&[u8], std::io::Error>>();
    let (status, body) = read(bench.ask(post("application/json", Body::from_stream(never))).await).await;
    assert_eq!((status, &body["code"]), (StatusCode::REQUEST_TIMEOUT, &Value::from("body_too_slow")));
}

#[tokio::test]
async fn a_shard_that_cannot_commit_takes_nothing_and_says_when_to_come_again() {
    let bench = Bench::new();
    bench.side.health.send_modify(|health| assert!(health.set("store", Some("connection refused".into()))));
    let response = bench.ask(post("application/json", "{}")).await;
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let (status, body) = read(response).await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::from("unavailable")));
    assert_eq!(body["detail"], "nothing was taken: store: connection refused");
    let (status, ready) = bench.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready["dependencies"][0]["trouble"], "connection refused");
    assert_eq!(bench.get("/healthz").await.0, StatusCode::OK);
}
