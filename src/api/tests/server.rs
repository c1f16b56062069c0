//! Stories of connections: taken, bounded, drained.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn bound(variables: &[(&str, &str)]) -> (Server, CancellationToken, ShardSide) {
    let mut variables = variables.to_vec();
    variables.push(("PICKET_HTTP__LISTEN", "127.0.0.1:0"));
    let (handle, side) = pair(8);
    let shards = Arc::from([Shard { name: "main".to_owned(), domains: Vec::new(), handle }]);
    let drained = CancellationToken::new();
    let (dead, metrics) = (Arc::new(Kept::default()), Arc::new(Metrics::new()));
    (Server::bind(&settings(&variables), shards, dead, metrics, drained.clone()).await.unwrap(), drained, side)
}

async fn talk(server: &Server, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let (server, drained, _side) = bound(&[("PICKET_HTTP__HEADER_TIMEOUT", "50ms")]).await;
    let stream = talk(&server, "GET / HTTP/1.1\r\nhost: localhost\r\n").await;
    let (_, text) = tokio::join!(server.run(), async {
        let text = rest(stream).await;
        drained.cancel();
        text
    });
    assert!(!text.contains("200 OK"), "{text}");
}

#[tokio::test]
async fn an_open_feed_does_not_keep_the_daemon_from_stopping() {
    let (server, drained, side) = bound(&[]).await;
    side.feed.begin(Vec::new(), 0);
    let mut stream = talk(&server, "GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let (_, text) = tokio::join!(server.run(), async {
        let mut head = [0; 16];
        stream.read_exact(&mut head).await.unwrap();
        drained.cancel();
        rest(stream).await
    });
    assert!(text.contains("retry: 1000"), "{text}");
}

#[tokio::test]
async fn one_connection_too_many_waits_for_its_turn() {
    let (server, drained, _side) = bound(&[("PICKET_HTTP__CONNECTIONS", "1")]).await;
    let close = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let (first, second) = (talk(&server, close).await, talk(&server, close).await);
    let (_, texts) = tokio::join!(server.run(), async {
        let texts = (rest(first).await, rest(second).await);
        drained.cancel();
        texts
    });
    assert!(texts.0.contains("alive") && texts.1.contains("alive"), "{texts:?}");
}
