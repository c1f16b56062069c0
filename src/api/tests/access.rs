//! Stories of access: who may ask for what.

use axum::http::header;
use sha2::{Digest, Sha256};

use super::*;

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two clients: one with the usual rights, one that operates only.
fn guarded() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    let lines = format!("pbx {}\nops {} operate\n", digest("pbx-token"), digest("ops-token"));
    std::fs::write(&file, lines).unwrap();
    Bench::with(&[("PICKET_HTTP__TOKEN_FILE", file.to_str().unwrap())])
}

fn with_token(method: &str, path: &str, token: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    request.header("content-type", "application/cloudevents+json").body(body.to_owned().into()).unwrap()
}

#[tokio::test]
async fn without_a_known_token_nothing_but_health_is_answered() {
    let bench = guarded();
    for path in ["/", "/metrics", "/v1/agents", "/v1/stream", "/v1/dead", "/nowhere"] {
        let response = bench.ask(get(path)).await;
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let (status, body) = read(response).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &Value::from("unauthorized")), "{path}");
        let (status, _) = read(bench.ask(with_token("GET", path, "guess", "")).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(bench.get("/healthz").await.0, StatusCode::OK);
    assert_eq!(bench.get("/readyz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_token_opens_what_its_rights_say_and_nothing_else() {
    let bench = guarded();
    for (method, path, token, expected) in [
        ("GET", "/v1/agents", "pbx-token", StatusCode::OK),
        ("GET", "/v1/dead", "pbx-token", StatusCode::FORBIDDEN),
        ("DELETE", "/v1/dead/1", "pbx-token", StatusCode::FORBIDDEN),
        ("GET", "/v1/dead", "ops-token", StatusCode::OK),
        ("GET", "/v1/agents", "ops-token", StatusCode::FORBIDDEN),
        ("POST", "/v1/events", "ops-token", StatusCode::FORBIDDEN),
    ] {
        let (status, body) = read(bench.ask(with_token(method, path, token, "{}")).await).await;
        assert_eq!(status, expected, "{method} {path} with {token}: {body}");
    }
}

#[tokio::test]
async fn the_loop_learns_who_sent_an_event_and_control_is_for_operators() {
    let mut bench = guarded();
    let request = with_token("POST", "/v1/events", "pbx-token", r#"{"type":"picket.contact.received.v1"}"#);
    let (message, ..) = bench.send(request, vec![answer(Outcome::Accepted, None)]).await;
    assert_eq!(message.user.as_deref(), Some("pbx"));
    let control = with_token("POST", "/v1/events", "pbx-token", r#"{"type":"picket.clock.advance.v1"}"#);
    let (status, body) = read(bench.ask(control).await).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &Value::from("forbidden")));
    assert!(bench.side.submissions.try_recv().is_err());
}

#[tokio::test]
async fn without_tokens_a_web_page_that_borrowed_the_address_gets_nothing() {
    let bench = Bench::new();
    for (host, expected) in [
        ("localhost:7420", StatusCode::OK),
        ("127.0.0.1:7420", StatusCode::OK),
        ("[::1]:7420", StatusCode::OK),
        ("evil.example:7420", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1.evil.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::get("/v1/agents").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(bench.ask(request).await.status(), expected, "{host}");
    }
}

#[tokio::test]
async fn every_answer_is_dressed_against_misuse() {
    let bench = Bench::new();
    for path in ["/", "/nowhere", "/metrics", "/v1/contacts/none"] {
        let response = bench.ask(get(path)).await;
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
    }
}
