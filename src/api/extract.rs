//! Decides how parts of a request's address are read: what cannot be is refused in the API's own form.

use axum::extract::{FromRequestParts, Path as RawPath, Query as RawQuery};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// The query, as its fields.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = RawQuery::<T>::from_request_parts(parts, state).await;
        read.map(|RawQuery(query)| Self(query)).map_err(|error| {
            let detail = format!("the query cannot be read: {}", last_of(&error));
            Refusal::bad_request("bad_query", detail)
        })
    }
}

/// What the path names.
#[derive(Debug)]
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = RawPath::<T>::from_request_parts(parts, state).await;
        read.map(|RawPath(path)| Self(path)).map_err(|error| {
            let detail = format!("the path cannot be read: {error}; percent-encode ids as UTF-8");
            Refusal::bad_request("bad_path", detail)
        })
    }
}

/// The innermost reason: the outer ones speak of our types.
fn last_of(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
