//! The embedded broker: no services, and the same promises as far as it makes them.

use std::sync::Arc;

use picket::broker::embedded::{Embedded, TRAITS};
use picket::contract::wire::HeaderValue;
use picket::shard::ports::{Broker, BrokerError};
use picket::store;

use crate::rig::{letter, output, publish, receipts, suite, token, within};

#[tokio::test]
async fn the_suite_holds_in_memory() {
    let broker = Embedded::open(None).await.expect("opened");
    suite(&broker, TRAITS).await;
}

#[tokio::test]
async fn the_suite_holds_in_the_stores_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = store::Embedded::open(folder.path().join("picket.db")).expect("a file");
    let broker = Embedded::open(Some(file)).await.expect("opened");
    suite(&broker, TRAITS).await;
}

#[tokio::test]
async fn outputs_are_out_at_once_and_answers_are_given_over_http() {
    let broker = Embedded::open(None).await.expect("opened");
    let mut outbox = broker.outbox("main").expect("an outbox");
    within(outbox.take_over(&token(1))).await.expect("taken over");
    let outputs = [output(1), output(2)];
    assert_eq!(within(publish(&mut *outbox, &outputs)).await.expect("published"), 2);
    within(outbox.reply("anywhere", None, bytes::Bytes::new())).await.expect("nothing to do");
    within(outbox.check()).await.expect("always well");
}

#[tokio::test]
async fn a_letter_goes_to_its_shard_and_stays_until_it_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picket.db");
    let file = store::Embedded::open(&path).expect("a file");
    let broker = Embedded::open(Some(file)).await.expect("opened");
    let dead = broker.dead_letters();
    within(dead.put(letter("emea.contact.received", "{"))).await.expect("kept");
    let id = dead.list(1).await.expect("a list")[0].id.clone();
    let refused = within(dead.replay(&id)).await.expect_err("no shard runs");
    assert!(matches!(refused, BrokerError::Unavailable { .. }), "{refused}");

    let mut inbox = broker.inbox("main").expect("an inbox");
    let again = {
        let (dead, id) = (Arc::clone(&dead), id.clone());
        async move { dead.replay(&id).await }
    };
    let (refused, taken) = within(async {
        tokio::join!(again, async {
            let taken = inbox.take(10).await;
            inbox.close().await;
            taken
        })
    })
    .await;
    assert!(refused.is_err(), "the shard stopped before it was done");
    assert_eq!(&taken[0].message.body[..], b"{");
    assert_eq!(taken[0].message.user.as_deref(), Some("pbx"));
    assert_eq!(taken[0].message.exchange.as_deref(), Some("picket.in"));
    assert_eq!(taken[0].message.headers, vec![(String::from("ce-id"), HeaderValue::Text(String::from("e1")))]);
    assert_eq!(dead.list(10).await.expect("a list").len(), 1, "it is still there");

    // The next owner has an inbox of its own; a receipt of the last one is void there.
    let mut heir = broker.inbox("main").expect("an inbox");
    let again = dead.replay(&id);
    let (sent, ()) = within(async {
        tokio::join!(again, async {
            let second = heir.take(10).await;
            heir.acknowledge(&receipts(&taken)).await;
            assert_eq!(dead.list(10).await.expect("a list").len(), 1, "a void receipt removes nothing");
            heir.acknowledge(&receipts(&second)).await;
        })
    })
    .await;
    assert!(sent.expect("sent again"));
    assert!(dead.list(10).await.expect("a list").is_empty());
}

#[tokio::test]
async fn letters_outlive_the_process_and_go_after_their_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("picket.db");
    {
        let broker = Embedded::open(Some(store::Embedded::open(&path).expect("a file"))).await.expect("opened");
        within(broker.dead_letters().put(letter("emea.contact.received", "old"))).await.expect("kept");
    }
    let broker = Embedded::open(Some(store::Embedded::open(&path).expect("a file"))).await.expect("opened");
    let dead = broker.dead_letters();
    assert_eq!(dead.list(10).await.expect("a list").len(), 1);
    let mut later = letter("emea.contact.received", "new");
    later.at += 14 * 24 * 3_600_000 + 1;
    within(dead.put(later)).await.expect("kept");
    let left = dead.list(10).await.expect("a list");
    assert_eq!(left.iter().map(|letter| letter.body.as_slice()).collect::<Vec<_>>(), [b"new"]);
}
