//! Deliveries from RabbitMQ: in order, again after a loss, and worth an acknowledgement in their own session only.

use std::sync::Arc;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use picket::broker::rabbitmq::{LinkState, Options, RabbitInbox};
use picket::contract::wire::HeaderValue;
use picket::shard::ports::{Inbox, Receipt};

use crate::proxy::{Mode, Proxy};
use crate::rabbitmq;
use crate::rig::{Foreign, Rig, numbers, receipts, take, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_come_in_order_and_acknowledged_ones_do_not_come_again() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    platform.send(0..50).await;
    let mut inbox = rig.inbox();
    let first = take(&mut inbox, 50).await;
    assert_eq!(numbers(&first), (0..50).collect::<Vec<_>>());
    assert!(first.iter().all(|delivery| delivery.message.deliveries == 0));
    // Out of order and with holes: 0..10, 20..30 and every third of the rest stay open.
    let done = |n: u32| (10..20).contains(&n) || (n >= 30 && !n.is_multiple_of(3));
    let acknowledged: Vec<Receipt> = first
        .iter()
        .rev()
        .zip(numbers(&first).into_iter().rev())
        .filter(|(_, n)| done(*n))
        .map(|(d, _)| d.receipt)
        .collect();
    inbox.acknowledge(&acknowledged).await;
    inbox.close().await;
    let open: Vec<u32> = (0..50).filter(|n| !done(*n)).collect();
    platform.send(50..53).await;
    let mut heir = rig.inbox();
    let again = take(&mut heir, open.len() + 3).await;
    assert_eq!(numbers(&again), open.into_iter().chain(50..53).collect::<Vec<_>>(), "returned ones keep their place");
    assert!(again.iter().take(again.len() - 3).all(|delivery| delivery.message.deliveries == 1));
    heir.acknowledge(&receipts(&again)).await;
    heir.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_inbox_hands_over_in_order_too() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let mut owner = rig.inbox();
    platform.send(0..5).await;
    assert_eq!(numbers(&take(&mut owner, 5).await), vec![0, 1, 2, 3, 4]);
    // The heir registers beside the owner: a cancelled consumer would let it start with what comes next.
    let mut heir = rig.inbox();
    take_until(&mut heir, |state| *state == LinkState::Up).await;
    platform.send(5..8).await;
    drop(owner);
    assert_eq!(numbers(&take(&mut heir, 8).await), (0..8).collect::<Vec<_>>());
    heir.close().await;
}

/// The url of a rig, through a proxy.
fn through(rig: &Rig, port: u16, proxy: &Proxy) -> String {
    rig.options.url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port()))
}

/// Waits in `take` until the connection is seen in a state; nothing may be delivered meanwhile.
async fn take_until(inbox: &mut RabbitInbox, wanted: impl Fn(&LinkState) -> bool) {
    let health = inbox.health();
    let seen = async {
        while !wanted(&health.state()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let taken = within(async {
        tokio::select! {
            taken = inbox.take(10) => taken,
            () = seen => Vec::new(),
        }
    })
    .await;
    assert!(taken.is_empty(), "nothing is delivered before that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_of_an_earlier_session_is_void() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let direct = Rig::new(server);
    direct.settle().await;
    let proxy = Proxy::start(server.port()).await;
    let rig = Rig::at(through(&direct, server.port(), &proxy));
    let platform = Foreign::connect(&direct.options.url).await;
    platform.send(0..3).await;
    let mut inbox = rig.inbox();
    let first = take(&mut inbox, 3).await;
    proxy.set(Mode::Cut);
    take_until(&mut inbox, |state| *state != LinkState::Up).await;
    proxy.set(Mode::Pass);
    let second = take(&mut inbox, 3).await;
    assert_eq!(numbers(&second), vec![0, 1, 2]);
    assert!(second[0].receipt.session > first[0].receipt.session);
    // Were these believed, they would acknowledge deliveries 1 to 3 of the second session.
    inbox.acknowledge(&receipts(&first)).await;
    inbox.close().await;
    let third = take(&mut inbox, 3).await;
    assert_eq!(numbers(&third), vec![0, 1, 2]);
    inbox.acknowledge(&receipts(&third)).await;
    platform.send(3..4).await;
    inbox.close().await;
    assert_eq!(numbers(&take(&mut inbox, 1).await), vec![3], "what was acknowledged is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_queue_and_a_closed_channel_are_survived() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    platform.send(0..1).await;
    let mut inbox = rig.inbox();
    let first = take(&mut inbox, 1).await;
    inbox.acknowledge(&receipts(&first)).await;
    // The broker cancels the consumer of a deleted queue; the next session makes the queue again.
    let options = lapin::options::QueueDeleteOptions::default();
    platform.channel.queue_delete("picket.in.main".into(), options).await.expect("deleted");
    let sending = async {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let there = lapin::options::QueueDeclareOptions::durable().passive();
        loop {
            let probe = Foreign::connect(&rig.options.url).await;
            if probe.channel.queue_declare("picket.in.main".into(), there, FieldTable::default()).await.is_ok() {
                break;
            }
        }
        // The queue is made before its binding; a message in between is a dead letter and not lost.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(platform.publish("picket.in", "emea.contact.received", &7_u32.to_be_bytes(), properties).await);
    };
    let (taken, ()) = tokio::join!(take(&mut inbox, 1), sending);
    assert_eq!(numbers(&taken), vec![7]);
    inbox.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_connection_is_given_up_after_its_heartbeats() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let direct = Rig::new(server);
    direct.settle().await;
    let proxy = Proxy::start(server.port()).await;
    let mut rig = Rig::at(through(&direct, server.port(), &proxy));
    rig.options = Arc::new(Options { heartbeat_s: 1, ..(*rig.options).clone() });
    let platform = Foreign::connect(&direct.options.url).await;
    let mut inbox = rig.inbox();
    platform.send(0..1).await;
    take(&mut inbox, 1).await;
    proxy.set(Mode::Stall);
    platform.send(1..2).await;
    take_until(&mut inbox, |state| *state != LinkState::Up).await;
    proxy.set(Mode::Cut);
    proxy.set(Mode::Pass);
    assert_eq!(numbers(&take(&mut inbox, 2).await), vec![0, 1]);
    inbox.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_message_arrives_as_it_was_sent() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let mut headers = FieldTable::default();
    headers.insert("cloudEvents:id".into(), AMQPValue::LongString("e-1".into()));
    headers.insert("ce-source".into(), AMQPValue::LongString("pbx".into()));
    headers.insert("retries".into(), AMQPValue::LongInt(3));
    headers.insert("raw".into(), AMQPValue::LongString(vec![0xff, 0xfe].into()));
    headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(9));
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id("msg-1".into())
        .with_correlation_id("c-1".into())
        .with_reply_to("answers".into())
        .with_user_id("guest".into())
        .with_headers(headers);
    assert!(platform.publish("picket.in", "emea.contact.received", b"{\"contact\":\"1\"}\xff", properties).await);
    assert!(platform.publish("picket.control", "supervisor.assign", b"control", BasicProperties::default()).await);
    let mut inbox = rig.inbox();
    let taken = take(&mut inbox, 2).await;
    let message = &taken[0].message;
    assert_eq!(&message.body[..], b"{\"contact\":\"1\"}\xff");
    assert_eq!(message.content_type.as_deref(), Some("application/json"));
    assert_eq!(message.exchange.as_deref(), Some("picket.in"));
    assert_eq!(message.routing_key.as_deref(), Some("emea.contact.received"));
    assert_eq!(message.message_id.as_deref(), Some("msg-1"));
    assert_eq!(message.correlation_id.as_deref(), Some("c-1"));
    assert_eq!(message.reply_to.as_deref(), Some("answers"));
    assert_eq!(message.user.as_deref(), Some("guest"));
    assert_eq!(message.deliveries, 0, "a count that the sender wrote itself is not believed");
    let find = |name: &str| message.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    assert_eq!(find("cloudEvents:id"), Some(HeaderValue::Text(String::from("e-1"))));
    assert_eq!(find("ce-source"), Some(HeaderValue::Text(String::from("pbx"))));
    assert_eq!(find("retries"), Some(HeaderValue::Other("integer")));
    assert_eq!(find("raw"), Some(HeaderValue::Other("bytes")));
    assert_eq!(taken[1].message.exchange.as_deref(), Some("picket.control"));
    inbox.close().await;
}
