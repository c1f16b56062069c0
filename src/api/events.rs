//! Decides how events are taken over HTTP, as the CloudEvents binding says: structured, binary and batched.
//!
//! What an event means is decided by the contract; here is only what makes a request a message, and which answers are
//! a status of their own.

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::Api;
use super::auth::Caller;
use super::refusal::Refusal;
use crate::contract::answer::{Answer, Outcome};
use crate::contract::code::Code;
use crate::contract::split::{Part, split};
use crate::contract::wire::{HeaderValue, WireMessage};
use crate::settings::Right;

mod control;

/// `POST /v1/events`: 200 after commit with an answer per event; 400, 413 or 415 for what holds no event; 503 when
/// nothing was taken.
pub(super) async fn take(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let too_long = || {
        let detail = format!("the body is longer than {} bytes; send several requests", api.0.body_limit);
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::MessageTooLarge.as_str(), detail)
    };
    if announced_length(&parts.headers).is_some_and(|length| length > api.0.body_limit) {
        return Err(too_long());
    }
    let body = match tokio::time::timeout(api.0.body_timeout, to_bytes(body, api.0.body_limit)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_limit(&error) => return Err(too_long()),
        Ok(Err(_)) => return Err(Refusal::bad_request("body_cut_off", "the body ended before its announced length")),
        Err(_) => {
            let detail = "the body did not arrive in time";
            return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail));
        }
    };
    let message = message(&parts.headers, body, caller.name.clone());
    if !caller.may(Right::Operate) {
        control::refuse(&message)?;
    }
    let batch = message.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/cloudevents-batch"));
    let answers = submit(&api, message).await?;
    match whole_refused(&answers, batch) {
        Some(refusal) => Err(refusal),
        None => Ok(Json(answers).into_response()),
    }
}

/// Hands each event to the shard of its domain; the answers come in the order of the events. Where a shard takes nothing,
/// another one may have taken its part: the whole is sent again, and what was taken is known.
async fn submit(api: &Api, message: WireMessage) -> Result<Vec<Answer>, Refusal> {
    let shards = &api.0.shards;
    if let [only] = &shards[..] {
        return Ok(only.handle.submit(message).await?);
    }
    let parts = split(message, |domain| shards.iter().position(|shard| shard.domains.iter().any(|one| one == domain)));
    let mut answers = Vec::new();
    for Part { taker, events, message } in parts {
        let answered = shards[taker].handle.submit(message).await?;
        // A part that could not be read at all has one answer.
        let last = events.last().copied().unwrap_or_default();
        answers.extend(events.into_iter().chain(std::iter::repeat(last)).zip(answered));
    }
    answers.sort_by_key(|(place, _)| *place);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}

fn announced_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_limit(error: &axum::Error) -> bool {
    let mut cause = Some(error as &dyn std::error::Error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The request as a message: CloudEvents and trace headers only, so that no secret of the request travels on.
fn message(headers: &HeaderMap, body: Bytes, user: Option<String>) -> WireMessage {
    let wanted = |name: &str| name.starts_with("ce-") || name == "traceparent" || name == "tracestate";
    let text = |value: &header::HeaderValue| match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => HeaderValue::Text(text.to_owned()),
        Err(_) => HeaderValue::Other("bytes"),
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kept = headers.iter().filter(|(name, _)| wanted(name.as_str()));
    WireMessage {
        body,
        content_type: content_type.map(str::to_ascii_lowercase),
        headers: kept.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        user,
        ..WireMessage::default()
    }
}

/// Refusals of a message as a whole, and the status of each.
const OF_THE_WHOLE: [(Code, StatusCode); 8] = [
    (Code::MessageTooLarge, StatusCode::PAYLOAD_TOO_LARGE),
    (Code::BatchTooLarge, StatusCode::PAYLOAD_TOO_LARGE),
    (Code::UnsupportedContentType, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    (Code::EmptyMessage, StatusCode::BAD_REQUEST),
    (Code::InvalidUtf8, StatusCode::BAD_REQUEST),
    (Code::InvalidJson, StatusCode::BAD_REQUEST),
    (Code::EmptyBatch, StatusCode::BAD_REQUEST),
    (Code::InvalidHeader, StatusCode::BAD_REQUEST),
];

/// The answer of a message that holds no event at all: not a list of answers, but an error.
fn whole_refused(answers: &[Answer], batch: bool) -> Option<Refusal> {
    let [Answer { result: Outcome::Rejected, code: Some(code), detail, .. }] = answers else { return None };
    let known = Code::parse(code)?;
    let status = match OF_THE_WHOLE.iter().find(|(of_the_whole, _)| *of_the_whole == known) {
        Some((_, status)) => *status,
        // In a batch it is a member that is no event, and the batch is still a list.
        None if known == Code::NotAnEvent && !batch => StatusCode::BAD_REQUEST,
        None => return None,
    };
    Some(Refusal::new(status, code, detail.clone().unwrap_or_default()))
}
