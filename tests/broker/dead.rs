//! Dead letters on RabbitMQ, and the topology that leads to them.

use std::sync::Arc;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use picket::broker::rabbitmq::{Options, Setup, settle};
use picket::shard::ports::{BrokerError, DeadLetters, Inbox};

use crate::rabbitmq;
use crate::rig::{Foreign, Rig, letter, receipts, take, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_for_an_unknown_domain_is_kept_and_can_be_sent_again() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let mut rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let mut headers = FieldTable::default();
    headers.insert("ce-id".into(), AMQPValue::LongString("e9".into()));
    // A platform that writes headers of ours gains nothing by it.
    headers.insert("picket-code".into(), AMQPValue::LongString("made_up".into()));
    headers.insert("picket-exchange".into(), AMQPValue::LongString("picket.control".into()));
    let properties = BasicProperties::default()
        .with_message_id("m9".into())
        .with_content_type("application/json".into())
        .with_headers(headers);
    assert!(platform.publish("picket.in", "apac.contact.received", b"{\"contact\":\"9\"}", properties).await);
    let dead = rig.dead();
    let kept = within(dead.list(10)).await.expect("a list");
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].code, "unknown_domain");
    assert_eq!(kept[0].exchange, "picket.in");
    assert_eq!(kept[0].routing_key, "apac.contact.received");
    assert_eq!(kept[0].body, b"{\"contact\":\"9\"}");
    assert_eq!(kept[0].headers, vec![(String::from("ce-id"), String::from("e9"))]);
    // Sent again before anything has changed, it comes back.
    assert!(within(dead.replay(&kept[0].id)).await.expect("sent again"));
    assert_eq!(within(dead.list(10)).await.expect("a list").len(), 1);
    // With the domain configured it reaches its shard, as it was.
    rig.shard.domains.push(String::from("apac"));
    rig.settle().await;
    let kept = within(dead.list(10)).await.expect("a list");
    assert!(within(dead.replay(&kept[0].id)).await.expect("sent again"));
    let mut inbox = rig.inbox();
    let taken = take(&mut inbox, 1).await;
    let message = &taken[0].message;
    assert_eq!(&message.body[..], b"{\"contact\":\"9\"}");
    assert_eq!(message.message_id.as_deref(), Some("m9"));
    assert_eq!(message.content_type.as_deref(), Some("application/json"));
    assert_eq!(message.exchange.as_deref(), Some("picket.in"));
    assert_eq!(message.user, None, "nobody vouched for its sender, and the daemon does not either");
    assert!(within(dead.list(10)).await.expect("a list").is_empty());
    assert!(!within(dead.replay(&kept[0].id)).await.expect("asked"), "it is gone");
    inbox.acknowledge(&receipts(&taken)).await;
    inbox.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_keep_their_order_and_their_sender_over_any_number_of_looks() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let dead = rig.dead();
    for body in ["a", "b", "c", "d"] {
        within(dead.put(letter("emea.contact.received", body))).await.expect("kept");
    }
    let bodies = async |limit: usize| -> Vec<String> {
        let letters = within(dead.list(limit)).await.expect("a list");
        letters.into_iter().map(|letter| String::from_utf8(letter.body).expect("text")).collect()
    };
    for _ in 0..5 {
        assert_eq!(bodies(10).await, ["a", "b", "c", "d"]);
        assert_eq!(bodies(2).await, ["a", "b"]);
    }
    let all = within(dead.list(10)).await.expect("a list");
    let expected = letter("emea.contact.received", "b");
    assert!(!all[1].id.is_empty());
    assert_eq!(picket::shard::ports::DeadLetter { id: String::new(), ..all[1].clone() }, expected);
    assert!(within(dead.drop_one(&all[2].id)).await.expect("dropped"));
    assert!(!within(dead.drop_one(&all[2].id)).await.expect("asked"), "it is gone");
    assert!(within(dead.replay(&all[1].id)).await.expect("sent again"));
    assert_eq!(bodies(10).await, ["a", "d"]);
    let mut inbox = rig.inbox();
    let taken = take(&mut inbox, 1).await;
    assert_eq!(&taken[0].message.body[..], b"b");
    assert_eq!(taken[0].message.user.as_deref(), Some("pbx"), "the sender is who it was, though the daemon sent it");
    inbox.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_looks_at_once_see_the_same() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (one, other) = (rig.dead(), rig.dead());
    for number in 0..20 {
        within(one.put(letter("emea.contact.received", &number.to_string()))).await.expect("kept");
    }
    let (first, second) = within(async { tokio::join!(one.list(100), other.list(100)) }).await;
    let (first, second) = (first.expect("a list"), second.expect("a list"));
    assert_eq!(first.len(), 20);
    assert_eq!(first, second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_different_is_named_with_its_remedy() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    let check = Options { setup: Setup::Check, ..(*rig.options).clone() };
    let missing = within(settle(&check, &rig.shard)).await.expect_err("nothing is there");
    assert!(matches!(&missing, BrokerError::Topology { what } if what.contains("picket setup")), "{missing}");
    rig.settle().await;
    rig.settle().await;
    within(settle(&check, &rig.shard)).await.expect("all is there");
    let other = Options { delivery_limit: 7, ..(*rig.options).clone() };
    let different = within(settle(&other, &rig.shard)).await.expect_err("the queue is there with another limit");
    let BrokerError::Topology { what } = &different else { panic!("{different}") };
    assert!(what.contains("queue picket.in.main") && what.contains("x-delivery-limit"), "{what}");
    assert!(what.contains("delete"), "{what}");
    let wrong = Options { url: rig.options.url.replace("guest:guest", "guest:s3cret"), ..(*rig.options).clone() };
    let refused = within(settle(&wrong, &rig.shard)).await.expect_err("a wrong password");
    assert!(!format!("{refused:?} {refused}").contains("s3cret"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_nobody_can_take_leaves_the_queue_at_its_limit() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let mut rig = Rig::new(server);
    rig.options = Arc::new(Options { delivery_limit: 3, ..(*rig.options).clone() });
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    platform.send(1..2).await;
    for deliveries in 0..4 {
        let mut inbox = rig.inbox();
        let taken = take(&mut inbox, 1).await;
        assert_eq!(taken[0].message.deliveries, deliveries);
        inbox.close().await;
    }
    let dead = rig.dead();
    let kept = within(async {
        loop {
            let kept = dead.list(10).await.expect("a list");
            if !kept.is_empty() {
                return kept;
            }
        }
    })
    .await;
    assert_eq!(kept[0].code, "delivery_limit");
    assert_eq!(kept[0].exchange, "picket.in");
    assert_eq!(kept[0].routing_key, "emea.contact.received");
    assert!(within(dead.replay(&kept[0].id)).await.expect("sent again"));
    let mut inbox = rig.inbox();
    let taken = take(&mut inbox, 1).await;
    assert_eq!(taken[0].message.deliveries, 0, "it starts afresh");
    inbox.acknowledge(&receipts(&taken)).await;
    inbox.close().await;
}
