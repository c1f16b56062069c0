//! Decides when it is said that the certificate of a broker or a store ends: thirty days before, while there is time.
//!
//! Neither client shows what it was presented, so twice a day the parts are asked over a connection of its own, which says
//! nothing more than the handshake. Who is trusted is the system's business, as it is for the daemon's connections.

use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::{AMQPUriTcpExt as _, AsyncTcpStream};
use lapin::uri::AMQPUri;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::clock::Clock;
use crate::settings::{BrokerKind, Settings, StoreKind};
use crate::telemetry::Metrics;

/// So long before its end somebody should see to a certificate.
const WELL: i64 = 30 * DAY_S;
const DAY_S: i64 = 86_400;

/// How often one looks.
const PACE: Duration = Duration::from_secs(12 * 3600);
/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A part that is reached over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// `broker` or `store`.
    pub(super) part: &'static str,
    uri: AMQPUri,
}

/// The parts that these settings reach over TLS.
pub(super) fn places(settings: &Settings) -> Vec<Place> {
    let (broker, store) = (&settings.broker.rabbitmq.url, &settings.store.redis.url);
    let broker =
        (settings.broker.kind == BrokerKind::Rabbitmq).then(|| place("broker", broker.expose(), "amqps", 5671));
    let store = (settings.store.kind == StoreKind::Redis).then(|| place("store", store.expose(), "rediss", 6379));
    [broker, store].into_iter().flatten().flatten().collect()
}

/// A part by its url, if that is one of this scheme; without user and password, which are not needed.
fn place(part: &'static str, url: &str, scheme: &str, usual: u16) -> Option<Place> {
    let rest = url.strip_prefix(scheme)?.strip_prefix("://")?.split(['/', '?', '#']).next()?;
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let uri = if has_port { format!("amqps://{address}") } else { format!("amqps://{address}:{usual}") };
    Some(Place { part, uri: uri.parse().ok()? })
}

impl Place {
    /// Seconds until the first of the certificates ends that this part presents.
    ///
    /// # Errors
    /// What kept it from presenting one that is trusted.
    pub(super) async fn left(&self) -> anyhow::Result<i64> {
        let runtime = lapin::runtime::default_runtime()?;
        let stream = tokio::time::timeout(PATIENCE, self.uri.connect_async(&runtime)).await??;
        let AsyncTcpStream::Rustls(stream) = stream else { anyhow::bail!("the connection is not encrypted") };
        let ends = stream.get_ref().1.peer_certificates().unwrap_or_default().iter().filter_map(|der| ends_at(der));
        let first = ends.min().ok_or_else(|| anyhow::anyhow!("no certificate of it can be read"))?;
        Ok(first - Clock::System.now().0 / 1000)
    }
}

/// The end of a certificate, in seconds UTC.
fn ends_at(der: &[u8]) -> Option<i64> {
    X509Certificate::from_der(der).ok().map(|(_, read)| read.validity().not_after.timestamp())
}

/// Whether so many seconds are few.
pub(super) const fn is_soon(left: i64) -> bool {
    left < WELL
}

/// So many seconds in days, in words.
pub(super) fn days(left: i64) -> String {
    match left / DAY_S {
        0 => "in less than a day".to_owned(),
        1 => "in a day".to_owned(),
        days => format!("in {days} days"),
    }
}

/// Looks, now and then, until the daemon stops.
pub(super) async fn watch(places: Vec<Place>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut pace = tokio::time::interval(PACE);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        for place in &places {
            match place.left().await {
                Ok(left) => {
                    metrics.certificate(place.part, left);
                    if is_soon(left) {
                        tracing::warn!(part = place.part, days = left / DAY_S, "its certificate ends soon: renew it");
                    }
                }
                Err(error) => tracing::debug!(part = place.part, %error, "its certificate cannot be looked at"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY_S, days, ends_at, is_soon, place};

    #[test]
    fn thirty_days_before_its_end_a_certificate_is_told_of() {
        assert_eq!([is_soon(31 * DAY_S), is_soon(29 * DAY_S), is_soon(-1)], [false, true, true]);
        assert_eq!([5, DAY_S, 9 * DAY_S].map(days), ["in less than a day", "in a day", "in 9 days"]);
        assert_eq!(ends_at(b"no certificate"), None);
    }

    #[test]
    fn only_what_is_reached_over_tls_is_asked_and_without_anybodys_password() {
        let address = |url: &str, scheme: &str| {
            place("store", url, scheme, 6379).map(|place| (place.uri.authority.host, place.uri.authority.port))
        };
        assert_eq!(address("rediss://ann:p@ss@store/0", "rediss"), Some(("store".to_owned(), 6379)));
        assert_eq!(address("rediss://store:7000", "rediss"), Some(("store".to_owned(), 7000)));
        assert_eq!(address("redis://store:7000", "rediss"), None);
        let shown = format!("{:?}", place("broker", "amqps://quill:secret@broker/%2f", "amqps", 5671));
        assert!(shown.contains("5671") && !shown.contains("secret") && !shown.contains("quill"), "{shown}");
    }
}
