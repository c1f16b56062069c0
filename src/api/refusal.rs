//! Decides how a request is refused: a status, a stable code and a sentence that says how to mend it.

use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::shard::Unavailable;
use crate::shard::ports::BrokerError;

/// Why a request got nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: String,
    detail: String,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    detail: &'a str,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { status, code: code.into(), detail: detail.into(), retry_after: None }
    }

    /// Something in the query or a header cannot be read.
    pub(super) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// There is no such thing.
    pub(super) fn unknown(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// Nothing can be had at the moment.
    pub(super) fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        refusal.retry_after = Some(retry_after);
        refusal
    }
}

impl From<Unavailable> for Refusal {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(error.to_string(), error.retry_after)
    }
}

impl From<BrokerError> for Refusal {
    fn from(error: BrokerError) -> Self {
        tracing::warn!(error = &error as &dyn std::error::Error, "dead letters cannot be reached");
        Self::unavailable(error.to_string(), Duration::from_secs(2))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body { code: &self.code, detail: &self.detail };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_secs().max(1);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn nothing_here(request: Request) -> Refusal {
    Refusal::unknown("not_found", format!("there is nothing at {}; GET / lists what there is", request.uri().path()))
}

pub(super) async fn wrong_method(request: Request) -> Refusal {
    let detail = format!("{} cannot be done with {}", request.method(), request.uri().path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
