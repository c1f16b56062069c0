//! The beacon of a shard: the last one left is the one that is read, however often, and by whomever.

use std::sync::Arc;

use picket::broker::rabbitmq::{Options, Setup, replace_beacon};
use picket::shard::ports::{Beacon, BrokerError, Head, Outbox};

use crate::rabbitmq;
use crate::rig::{Foreign, Rig, within};

fn beacon(seq: u64) -> Beacon {
    Beacon { epoch: 7, head: Head { seq, hash: format!("h{seq}") }, at: 1_700_000_000_000, lost: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_beacon_is_read_again_and_again_and_an_operator_may_replace_it() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    let (mut one, mut other) = (rig.outbox(), rig.outbox());
    assert_eq!(within(one.beacon()).await.expect("an answer"), None, "none was left yet");
    for seq in [5, 812, 813] {
        within(one.set_beacon(&beacon(seq))).await.expect("left");
    }
    for _ in 0..3 {
        assert_eq!(within(one.beacon()).await.expect("an answer"), Some(beacon(813)));
        assert_eq!(within(other.beacon()).await.expect("an answer"), Some(beacon(813)));
    }
    // Both at once: who looks makes nobody else believe that there is none.
    let (mine, theirs) = within(async { tokio::join!(one.beacon(), other.beacon()) }).await;
    assert_eq!((mine.expect("an answer"), theirs.expect("an answer")), (Some(beacon(813)), Some(beacon(813))));
    let before = within(replace_beacon(&rig.options, "main", |_| beacon(2))).await.expect("replaced");
    assert_eq!(before, Some(beacon(813)));
    assert_eq!(within(other.beacon()).await.expect("an answer"), Some(beacon(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beacon_without_its_queue_is_named_with_the_remedy() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let gone = platform.channel.queue_delete("picket.beacon.main".into(), Default::default()).await;
    gone.expect("deleted");
    let checked = Options { setup: Setup::Check, ..(*rig.options).clone() };
    let mut outbox = Rig { options: Arc::new(checked), ..rig }.outbox();
    match within(outbox.beacon()).await {
        Err(BrokerError::Topology { what }) => {
            assert!(what.contains("picket.beacon.main") && what.contains("picket setup"), "{what}");
        }
        other => panic!("the queue is missing, and yet: {other:?}"),
    }
}
