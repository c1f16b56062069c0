//! Decides how the live feed is followed over HTTP: Server-Sent Events that can be resumed where they broke.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::extract::Query;
use super::refusal::Refusal;
use crate::shard::feed::{Filter, Item, Subscription};

/// What may stand in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    r#type: String,
    domain: String,
    agent: String,
    after: Option<String>,
    shard: Option<String>,
}

/// `GET /v1/stream`: `id` is the number of the output, `event` its type, `data` the CloudEvent.
pub(super) async fn follow(
    State(api): State<Api>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let after = place(&headers, wanted.after.as_deref())?;
    let permit = api.0.streams.clone().try_acquire_owned().map_err(|_| {
        Refusal::unavailable("as many live feeds are open as http.streams allows", Duration::from_secs(5))
    })?;
    let filter = Filter::parse(&wanted.r#type, &wanted.domain, &wanted.agent);
    let subscription = api.one_shard(wanted.shard.as_deref())?.handle.feed().subscribe(after, filter);
    let follower = Follower {
        told: subscription.position(),
        subscription,
        greeted: false,
        keep_alive: api.0.keep_alive,
        retry: api.0.retry,
        drained: api.0.drained.clone(),
        api,
        _permit: permit,
    };
    Ok(Sse::new(futures_util::stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })))
}

/// The output behind which to begin: what a reconnecting browser says goes before what the address says.
fn place(headers: &HeaderMap, after: Option<&str>) -> Result<Option<u64>, Refusal> {
    let last_seen = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    match last_seen.filter(|text| !text.is_empty()).or(after) {
        None => Ok(None),
        Some(text) => text.trim().parse().map(Some).map_err(|_| {
            Refusal::bad_request(
                "invalid_place",
                "`Last-Event-ID` and `after` are the number of an output, as `id` said it",
            )
        }),
    }
}

/// One open feed.
struct Follower {
    subscription: Subscription,
    /// The place that the client knows.
    told: Option<u64>,
    greeted: bool,
    keep_alive: Duration,
    retry: Duration,
    drained: CancellationToken,
    api: Api,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next thing to say; none when the daemon stops.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(Event::default().retry(self.retry));
        }
        tokio::select! {
            biased;
            () = self.drained.cancelled() => None,
            item = self.subscription.next() => Some(self.say(&item)),
            () = tokio::time::sleep(self.keep_alive) => Some(self.still_here()),
        }
    }

    fn say(&mut self, item: &Item) -> Event {
        self.told = self.subscription.position();
        match item {
            Item::Message(message) => {
                let body = String::from_utf8_lossy(&message.body);
                Event::default().id(message.number.to_string()).event(message.kind).data(body)
            }
            Item::Reset { from } => {
                self.api.0.metrics.feed_reset();
                let place = from.saturating_sub(1).to_string();
                Event::default().id(place).event("reset").data(format!("{{\"from\":{from}}}"))
            }
        }
    }

    /// Keeps the connection; a client whose filter passes nothing learns its place, so that it can resume much later.
    fn still_here(&mut self) -> Event {
        let place = self.subscription.position();
        if place == self.told {
            return Event::default().comment("");
        }
        self.told = place;
        Event::default().id(place.map(|place| place.to_string()).unwrap_or_default())
    }
}
