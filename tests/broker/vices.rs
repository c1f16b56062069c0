//! What RabbitMQ does that the shell has to live with, told once: the same script holds for a real server and for the
//! model that the simulation takes in its place.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use picket::broker::rabbitmq::Rabbitmq;
use picket::contract::wire::WireMessage;
use picket::shard::ports::{Beacon, Broker, BrokerError, BrokerTraits, Head};

use crate::fate::Fate;
use crate::link::Process;
use crate::rabbitmq;
use crate::rig::{Foreign, Rig, numbers, output, publish, receipts, suite, take, token, within};
use crate::simulated::Server;

/// Longer than a delivery takes.
const A_WHILE: Duration = Duration::from_millis(700);

fn counts(deliveries: &[picket::shard::ports::Delivery]) -> Vec<u32> {
    deliveries.iter().map(|delivery| delivery.message.deliveries).collect()
}

async fn deliveries_come_back(broker: &dyn Broker, send: impl AsyncFn(Range<u32>)) {
    let inbox = || broker.inbox("main").expect("an inbox");
    let (mut first, mut second) = (inbox(), inbox());
    send(0..10).await;
    let taken = take(&mut *first, 10).await;
    assert_eq!((numbers(&taken), counts(&taken)), ((0..10).collect(), vec![0; 10]));
    let nothing = tokio::time::timeout(A_WHILE, second.take(5)).await;
    assert!(nothing.is_err(), "one consumer is fed, however many there are");
    first.acknowledge(&receipts(&taken[3..5])).await;
    send(10..12).await;
    first.close().await;
    // What is not acknowledged comes in its order and before what is new, with one delivery more: what was sent ahead too,
    // though nobody had taken it.
    let again = take(&mut *second, 10).await;
    assert_eq!(numbers(&again), [0, 1, 2, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(counts(&again), [1; 10]);
    second.acknowledge(&receipts(&again[..1])).await;
    second.close().await;
    // A second end in a row changes no order, and a consumer that closed may come again.
    let last = take(&mut *first, 9).await;
    assert_eq!(numbers(&last), [1, 2, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(counts(&last), [2; 9]);
    first.acknowledge(&receipts(&last)).await;
    let nothing = tokio::time::timeout(A_WHILE, first.take(5)).await;
    assert!(nothing.is_err(), "what is acknowledged comes no more");
    first.close().await;
}

async fn only_the_latest_owner_gets_through(broker: &dyn Broker) {
    let outbox = || broker.outbox("main").expect("an outbox");
    let (mut one, mut other, mut late) = (outbox(), outbox(), outbox());
    let is_closed = |result: Result<usize, BrokerError>| matches!(result, Err(BrokerError::GateClosed));
    assert!(
        is_closed(within(publish(&mut *one, &[output(1)])).await),
        "nobody gets through without a gate of one's own"
    );
    within(one.take_over(&token(5))).await.expect("taken over");
    assert_eq!(within(publish(&mut *one, &[output(1)])).await.expect("published"), 1);
    within(other.take_over(&token(6))).await.expect("taken over");
    assert!(is_closed(within(publish(&mut *one, &[output(2)])).await));
    assert_eq!(within(publish(&mut *other, &[output(2)])).await.expect("published"), 1);
    let refused = within(late.take_over(&token(4))).await;
    assert!(matches!(refused, Err(BrokerError::GateClosed)), "a late owner stays outside");
    assert_eq!(within(publish(&mut *other, &[output(3)])).await.expect("published"), 1);
    let beacon = Beacon { epoch: 6, head: Head { seq: 3, hash: "h".to_owned() }, at: 1, lost: None };
    within(other.set_beacon(&beacon)).await.expect("left");
    assert_eq!(within(one.beacon()).await.expect("an answer"), Some(beacon));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_those_of_a_real_server() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let broker = Rabbitmq::new((*rig.options).clone(), vec![rig.shard.clone()]).expect("a broker");
    deliveries_come_back(&broker, async |numbers| platform.send(numbers).await).await;
    only_the_latest_owner_gets_through(&broker).await;
}

#[tokio::test]
async fn they_are_those_of_the_model_in_the_simulation_which_keeps_the_suite_too() {
    let fate = Arc::new(Fate::calm(1, None));
    let server = Server::new(&fate);
    let broker = server.seen_by(&Arc::new(Process::new(Arc::clone(&fate))));
    let send = async |numbers: Range<u32>| {
        for number in numbers {
            let body = number.to_be_bytes().to_vec().into();
            assert!(server.take(WireMessage { body, ..WireMessage::default() }), "it takes messages");
        }
    };
    deliveries_come_back(&broker, send).await;
    only_the_latest_owner_gets_through(&broker).await;
    let server = Server::new(&fate);
    let broker = server.seen_by(&Arc::new(Process::new(fate)));
    suite(&broker, BrokerTraits { gate: true, archive: false, reply: true, redelivery: true }).await;
}
