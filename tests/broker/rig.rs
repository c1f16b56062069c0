//! What the broker stories share: a shard of its own on the shared server, and a foreign client beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::message::Delivery as Delivered;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use picket::broker::rabbitmq::{Options, RabbitDeadLetters, RabbitInbox, RabbitOutbox, ShardRoute};
use picket::contract::wire::OutMessage;
use picket::shard::ports::{
    ArchiveStart, Broker, BrokerError, BrokerTraits, DeadLetter, Delivery, Inbox, Outbox, Receipt, Token,
};

use crate::rabbitmq::Server;

/// Longer than anything here takes; a story that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
static VHOSTS: AtomicU32 = AtomicU32::new(0);

/// A virtual host of its own, with the shard `main` of the domain `emea`.
pub(crate) struct Rig {
    pub(crate) options: Arc<Options>,
    pub(crate) shard: ShardRoute,
}

impl Rig {
    pub(crate) fn new(server: &Server) -> Self {
        let vhost = format!("story{}", VHOSTS.fetch_add(1, Ordering::Relaxed));
        Self::at(server.vhost(&vhost))
    }

    pub(crate) fn at(url: String) -> Self {
        let options = Options { url, backoff_max_ms: 500, publish_timeout_ms: 3_000, ..Options::default() };
        let domains = vec![String::from("emea")];
        let shard = ShardRoute { name: String::from("main"), domains, is_one_of_several: false };
        Self { options: Arc::new(options), shard }
    }

    pub(crate) fn inbox(&self) -> RabbitInbox {
        RabbitInbox::new(Arc::clone(&self.options), &self.shard).expect("a readable url")
    }

    pub(crate) fn outbox(&self) -> RabbitOutbox {
        RabbitOutbox::new(Arc::clone(&self.options), &self.shard).expect("a readable url")
    }

    pub(crate) fn dead(&self) -> RabbitDeadLetters {
        RabbitDeadLetters::new(Arc::clone(&self.options)).expect("a readable url")
    }

    /// Makes exchanges and queues.
    pub(crate) async fn settle(&self) {
        picket::broker::rabbitmq::settle(&self.options, &self.shard).await.expect("a topology");
    }
}

/// A platform's own connection, with nothing of Picket in it.
pub(crate) struct Foreign {
    _connection: Connection,
    pub(crate) channel: Channel,
}

impl Foreign {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { _connection: connection, channel }
    }

    /// Publishes with a confirm; returns whether it was taken.
    pub(crate) async fn publish(&self, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) -> bool {
        let sent = self
            .channel
            .basic_publish(exchange.into(), key.into(), BasicPublishOptions::default(), body, properties)
            .await;
        match sent {
            Ok(confirm) => matches!(confirm.await, Ok(Confirmation::Ack(None))),
            Err(_) => false,
        }
    }

    /// Publishes numbered bodies to the shard.
    pub(crate) async fn send(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let properties =
                BasicProperties::default().with_delivery_mode(2).with_message_id(format!("m{number}").into());
            assert!(self.publish("picket.in", "emea.contact.received", &number.to_be_bytes(), properties).await);
        }
    }

    /// Binds a durable queue of a platform to the outputs and consumes it.
    pub(crate) async fn listen(&self, queue: &str, pattern: &str) -> Consumer {
        let durable = QueueDeclareOptions::durable();
        self.channel.queue_declare(queue.into(), durable, FieldTable::default()).await.expect("a queue");
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        self.channel
            .queue_bind(queue.into(), "picket.out".into(), pattern.into(), options, none)
            .await
            .expect("a binding");
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        self.channel.basic_consume(queue.into(), "".into(), options, none).await.expect("a consumer")
    }
}

/// The next delivery of a platform's queue, acknowledged.
pub(crate) async fn next(consumer: &mut Consumer) -> Delivered {
    let delivery = within(consumer.next()).await.expect("a consumer that lives").expect("a delivery");
    delivery.ack(BasicAckOptions::default()).await.expect("an acknowledgement");
    delivery
}

/// Fails a story that hangs.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Takes exactly `count` deliveries.
pub(crate) async fn take(inbox: &mut dyn Inbox, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(within(inbox.take(count - taken.len())).await);
    }
    taken
}

/// Sends outputs and waits until all are confirmed or one fails; how many are, unless none is.
pub(crate) async fn publish(outbox: &mut dyn Outbox, outputs: &[OutMessage]) -> Result<usize, BrokerError> {
    let (mut sent, mut out) = (0, 0);
    while out < outputs.len() {
        let step = async {
            sent += outbox.send(&outputs[sent..]).await?;
            outbox.confirmed().await
        };
        match step.await {
            Ok(count) => out += count,
            Err(error) if out == 0 => return Err(error),
            Err(_) => return Ok(out),
        }
    }
    Ok(out)
}

pub(crate) fn receipts(deliveries: &[Delivery]) -> Vec<Receipt> {
    deliveries.iter().map(|delivery| delivery.receipt).collect()
}

/// The numbers that [`Foreign::send`] put into bodies.
pub(crate) fn numbers(deliveries: &[Delivery]) -> Vec<u32> {
    let read = |delivery: &Delivery| u32::from_be_bytes(delivery.message.body[..].try_into().expect("four bytes"));
    deliveries.iter().map(read).collect()
}

pub(crate) fn token(epoch: u64) -> Token {
    Token { epoch, nonce: format!("{epoch:032x}") }
}

/// The `number`th output of the shard: an offer to ann.
pub(crate) fn output(number: u64) -> OutMessage {
    let body = format!(
        r#"{{"specversion":"1.0","id":"out{number}","source":"picket/main","type":"picket.offer.made.v1","subject":"c{number}","time":"2026-11-22T01:00:00Z","picketdomain":"emea","picketshard":"main","picketepoch":"7","picketseq":{number},"data":{{"seq":1}}}}"#
    );
    OutMessage {
        number,
        seq: number,
        id: format!("out{number}"),
        kind: "picket.offer.made.v1",
        routing_key: String::from("emea.offer.made.voice.ann"),
        contact: Some(format!("c{number}")),
        agent: Some(String::from("ann")),
        domain: String::from("emea"),
        body: Bytes::from(body),
    }
}

pub(crate) fn letter(key: &str, body: &str) -> DeadLetter {
    DeadLetter {
        id: String::new(),
        code: String::from("not_json"),
        detail: String::from("the body is no JSON"),
        at: 1_700_000_000_123,
        shard: String::from("main"),
        exchange: String::from("picket.in"),
        user: Some(String::from("pbx")),
        routing_key: String::from(key),
        content_type: String::from("application/json"),
        headers: vec![(String::from("ce-id"), String::from("e1"))],
        body: body.as_bytes().to_vec(),
    }
}

/// What every broker does, as far as it says that it can.
pub(crate) async fn suite(broker: &dyn Broker, traits: BrokerTraits) {
    let (mut inbox, mut outbox) = (broker.inbox("main").expect("an inbox"), broker.outbox("main").expect("an outbox"));
    within(outbox.take_over(&token(1))).await.expect("taken over");
    within(outbox.check()).await.expect("it can publish");
    let outputs: Vec<OutMessage> = (1..=20).map(output).collect();
    assert_eq!(within(publish(&mut *outbox, &outputs)).await.expect("published"), 20);
    assert_eq!(within(publish(&mut *outbox, &[])).await.expect("nothing to publish"), 0);

    // Dead letters keep their order; one is dropped, one goes to the shard again and is gone once it is done with.
    let dead = broker.dead_letters();
    for body in ["a", "b", "c"] {
        within(dead.put(letter("emea.contact.received", body))).await.expect("kept");
    }
    let letters = within(dead.list(10)).await.expect("a list");
    assert_eq!(letters.iter().map(|letter| letter.body.as_slice()).collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    assert!(letters.iter().all(|letter| !letter.id.is_empty() && letter.code == "not_json"));
    assert_eq!(within(dead.list(2)).await.expect("a list"), letters[..2]);
    assert!(within(dead.drop_one(&letters[0].id)).await.expect("dropped"));
    assert!(!within(dead.drop_one(&letters[0].id)).await.expect("asked"), "it is gone");
    assert!(!within(dead.replay("no-such-letter")).await.expect("asked"));
    let (replayed, taken) = within(async {
        tokio::join!(dead.replay(&letters[1].id), async {
            let taken = inbox.take(5).await;
            inbox.acknowledge(&receipts(&taken)).await;
            taken
        })
    })
    .await;
    assert!(replayed.expect("sent again"));
    assert_eq!(&taken[0].message.body[..], b"b");
    assert_eq!(taken[0].message.user.as_deref(), Some("pbx"));
    let left = within(dead.list(10)).await.expect("a list");
    assert_eq!(left.iter().map(|letter| letter.body.as_slice()).collect::<Vec<_>>(), [b"c"]);

    if traits.redelivery {
        let (replayed, taken) = within(async { tokio::join!(dead.replay(&letters[2].id), inbox.take(5)) }).await;
        assert!(replayed.expect("sent again"));
        inbox.close().await;
        let again = within(inbox.take(5)).await;
        assert_eq!(again[0].message.body, taken[0].message.body, "not acknowledged, so delivered again");
        inbox.acknowledge(&receipts(&again)).await;
    }
    if traits.gate {
        let mut later = broker.outbox("main").expect("an outbox");
        within(later.take_over(&token(2))).await.expect("taken over");
        assert!(matches!(within(publish(&mut *outbox, &outputs)).await, Err(BrokerError::GateClosed)));
    }
    let archive = within(broker.archive("main", ArchiveStart::Oldest)).await.expect("an answer");
    assert_eq!(archive.is_some(), traits.archive);
    // Closing waits for nothing, and an empty inbox just waits.
    inbox.close().await;
}
