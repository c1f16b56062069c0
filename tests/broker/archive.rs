//! The archive of what a shard received: it gives back what was published, from a time on, in order and as it was sent.

use std::sync::Arc;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::options::QueueDeleteOptions;
use lapin::types::{AMQPValue, FieldTable};
use picket::broker::rabbitmq::{Archiving, Options, Rabbitmq, has_input_archive};
use picket::clock::Clock;
use picket::contract::wire::HeaderValue;
use picket::shard::ports::{ArchiveStart, Archived, Broker, BrokerError, Inbox};

use crate::rabbitmq;
use crate::rig::{Foreign, Rig, receipts, take, within};

/// Streams know times by the second, and keep what comes together as one.
const LATER: Duration = Duration::from_secs(3);

fn broker(options: &Options) -> Rabbitmq {
    Rabbitmq::new(options.clone(), Vec::new()).expect("a readable url")
}

/// Everything from somewhere on.
async fn read(broker: &Rabbitmq, start: ArchiveStart) -> Vec<Archived> {
    let mut archive = within(broker.archive("main", start)).await.expect("it opens").expect("there is one");
    let mut all = Vec::new();
    loop {
        let more = within(archive.next()).await.expect("it reads");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

fn numbers(read: &[Archived]) -> Vec<u32> {
    let number = |one: &Archived| u32::from_be_bytes(one.message.body[..4].try_into().expect("four bytes"));
    read.iter().map(number).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_received_is_read_again_from_a_time_on_in_order_and_as_it_was_sent() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (platform, broker) = (Foreign::connect(&rig.options.url).await, broker(&rig.options));
    assert!(read(&broker, ArchiveStart::Oldest).await.is_empty());
    platform.send(0..600).await;
    tokio::time::sleep(LATER).await;
    let since = Clock::System.now().0;
    tokio::time::sleep(LATER).await;
    let mut headers = FieldTable::default();
    headers.insert("cloudEvents:id".into(), AMQPValue::LongString("e-1".into()));
    headers.insert("ce-source".into(), AMQPValue::LongString("pbx".into()));
    headers.insert("retries".into(), AMQPValue::LongInt(3));
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id("msg-1".into())
        .with_correlation_id("c-1".into())
        .with_reply_to("answers".into())
        .with_user_id("guest".into())
        .with_headers(headers);
    assert!(platform.publish("picket.in", "emea.contact.ended", &600_u32.to_be_bytes(), properties).await);
    let control = BasicProperties::default();
    assert!(platform.publish("picket.control", "supervisor.assign", &601_u32.to_be_bytes(), control).await);
    // What was acknowledged long ago is there as well.
    let (mut inbox, mut taken) = (rig.inbox(), Vec::new());
    while taken.len() < 602 {
        let more = take(&mut inbox, 1).await;
        inbox.acknowledge(&receipts(&more)).await;
        taken.extend(more);
    }
    inbox.close().await;

    let all = read(&broker, ArchiveStart::Oldest).await;
    assert_eq!(numbers(&all), (0..602).collect::<Vec<_>>(), "everything, and no mark of an earlier reader");
    assert!(all.windows(2).all(|pair| pair[0].place < pair[1].place));
    let late = read(&broker, ArchiveStart::At(since)).await;
    assert_eq!(numbers(&late), vec![600, 601]);
    assert!(read(&broker, ArchiveStart::At(since + 86_400_000)).await.is_empty(), "a time that has not come");
    assert_eq!(numbers(&read(&broker, ArchiveStart::At(0)).await).len(), 602);
    let behind = read(&broker, ArchiveStart::Behind(all[597].place)).await;
    assert_eq!(numbers(&behind), vec![598, 599, 600, 601]);

    // As it was delivered first, to the last property.
    let (again, first) = (&late[0].message, &taken[600].message);
    let sorted = |headers: &[(String, HeaderValue)]| {
        let mut headers = headers.to_vec();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        headers
    };
    assert_eq!(sorted(&again.headers), sorted(&first.headers));
    let mut as_delivered = again.clone();
    as_delivered.headers.clone_from(&first.headers);
    assert_eq!(&as_delivered, first);
    assert_eq!((again.user.as_deref(), again.content_type.as_deref()), (Some("guest"), Some("application/json")));
    assert_eq!(late[1].message.exchange.as_deref(), Some("picket.control"));

    // What comes while somebody reads is not waited for.
    let mut archive = within(broker.archive("main", ArchiveStart::At(since))).await.expect("it opens").expect("one");
    platform.send(602..604).await;
    assert_eq!(numbers(&within(archive.next()).await.expect("it reads")), vec![600, 601]);
    assert!(within(archive.next()).await.expect("it reads").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_switched_off_is_none_and_one_that_is_missing_is_named() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let off = Options { archive: false, ..(*rig.options).clone() };
    let none = within(broker(&off).archive("main", ArchiveStart::Oldest)).await.expect("an answer");
    assert!(none.is_none());
    assert_eq!(within(has_input_archive(&off, "main")).await.expect("an answer"), Archiving::Off);
    assert_eq!(within(has_input_archive(&rig.options, "main")).await.expect("an answer"), Archiving::Kept);

    let platform = Foreign::connect(&rig.options.url).await;
    let gone = platform.channel.queue_delete("picket.archive.in.main".into(), QueueDeleteOptions::default()).await;
    gone.expect("deleted");
    let options = Arc::clone(&rig.options);
    match within(broker(&options).archive("main", ArchiveStart::Oldest)).await {
        Err(BrokerError::Topology { what }) => assert!(what.contains("picket.archive.in.main"), "{what}"),
        other => panic!("it is missing, and yet: {other:?}"),
    }
    let missing = within(has_input_archive(&options, "main")).await.expect("an answer");
    assert!(matches!(missing, Archiving::Missing(what) if what.contains("does not exist")));
}
