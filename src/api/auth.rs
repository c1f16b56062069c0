//! Decides who may ask what, and what every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Api;
use super::refusal::Refusal;
use crate::settings::{Http, Right, TokenDigest};

/// The tokens that open the API; none means that whoever reaches it may do everything, which only loopback allows.
#[derive(Debug)]
pub(super) struct Access {
    tokens: Vec<(Caller, TokenDigest)>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The name of the token; none where no token is needed.
    pub(super) name: Option<String>,
    rights: Vec<Right>,
}

impl Caller {
    /// Whether the caller may do this.
    pub(super) fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

impl Access {
    pub(super) fn new(http: &Http) -> Self {
        let caller = |name: &str, rights: &[Right]| Caller { name: Some(name.to_owned()), rights: rights.to_vec() };
        let tokens = http.token.iter().map(|(name, token)| (caller(name, &token.rights), token.sha256));
        Self { tokens: tokens.collect() }
    }

    /// Who sends a request with these headers.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        if self.tokens.is_empty() {
            refuse_foreign_host(headers)?;
            return Ok(Caller { name: None, rights: vec![Right::Read, Right::Send, Right::Operate] });
        }
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            Some(_) | None => return Err(unauthorized("send an access token: `Authorization: Bearer TOKEN`")),
        };
        let digest = Sha256::digest(token.as_bytes());
        // Every token is compared in full, so the time taken says nothing about any of them.
        let mut found = None;
        for (caller, known) in &self.tokens {
            if same(&known.0, &digest) {
                found = Some(caller);
            }
        }
        found
            .cloned()
            .ok_or_else(|| unauthorized("this access token is not known; ask whoever runs this Picket for one"))
    }
}

/// Compares without stopping at the first difference.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// Without tokens, only this machine may ask; a web page that gave its own name our address is not this machine.
fn refuse_foreign_host(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return Ok(()) };
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let here = name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if here {
        return Ok(());
    }
    let detail = format!("without access tokens only this machine is answered, not {host}; configure http.token_file");
    Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", detail))
}

fn unauthorized(detail: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
}

/// The right a request needs; none for what a health check asks.
fn needed(method: &Method, path: &str) -> Option<Right> {
    match path {
        "/healthz" | "/readyz" => None,
        "/v1/events" => Some(Right::Send),
        path if path == "/v1/dead" || path.starts_with("/v1/dead/") => Some(Right::Operate),
        _ if method == Method::GET || method == Method::HEAD => Some(Right::Read),
        _ => Some(Right::Operate),
    }
}

/// Lets a request through or refuses it; counts it and dresses the answer.
pub(super) async fn guard(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let admitted = match needed(&method, &path) {
        None => Ok(()),
        Some(right) => api.0.access.caller(request.headers()).and_then(|caller| {
            if caller.may(right) {
                request.extensions_mut().insert(caller);
                return Ok(());
            }
            let detail = format!("this access token lacks the right to {}", verb(right));
            Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail))
        }),
    };
    let mut response = match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    api.0.metrics.request(route(&path), response.status().as_u16());
    response
}

const fn verb(right: Right) -> &'static str {
    match right {
        Right::Read => "read",
        Right::Send => "send events",
        Right::Operate => "operate",
    }
}

/// The route a path belongs to: ids are not labels.
fn route(path: &str) -> &'static str {
    let mut parts = path.trim_start_matches('/').splitn(4, '/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(""), None, ..) => "/",
        (Some("healthz"), None, ..) => "/healthz",
        (Some("readyz"), None, ..) => "/readyz",
        (Some("metrics"), None, ..) => "/metrics",
        (Some("v1"), Some("events"), None, _) => "/v1/events",
        (Some("v1"), Some("stream"), None, _) => "/v1/stream",
        (Some("v1"), Some("contacts"), id, None) => {
            if id.is_some() {
                "/v1/contacts/{id}"
            } else {
                "/v1/contacts"
            }
        }
        (Some("v1"), Some("contacts"), Some(_), Some("why")) => "/v1/contacts/{id}/why",
        (Some("v1"), Some("agents"), id, None) => {
            if id.is_some() {
                "/v1/agents/{id}"
            } else {
                "/v1/agents"
            }
        }
        (Some("v1"), Some("teams"), id, None) => {
            if id.is_some() {
                "/v1/teams/{id}"
            } else {
                "/v1/teams"
            }
        }
        (Some("v1"), Some("queues"), id, None) => {
            if id.is_some() {
                "/v1/queues/{id}"
            } else {
                "/v1/queues"
            }
        }
        (Some("v1"), Some("dead"), None, _) => "/v1/dead",
        (Some("v1"), Some("dead"), Some(_), None) => "/v1/dead/{id}",
        (Some("v1"), Some("dead"), Some(_), Some("replay")) => "/v1/dead/{id}/replay",
        _ => "none",
    }
}
