//! Outputs on RabbitMQ: in order, confirmed, through the gate, over the worst that can happen to a broker.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use lapin::BasicProperties;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use picket::broker::rabbitmq::{LinkState, Options, RabbitOutbox, Rabbitmq, TRAITS};
use picket::contract::wire::OutMessage;
use picket::shard::ports::{BrokerError, BrokerTraits, Inbox, Outbox};

use crate::rabbitmq;
use crate::rig::{Foreign, Rig, next, numbers, output, publish, receipts, suite, take, token, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_arrive_in_order_with_everything_a_platform_needs() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let mut outbox = rig.outbox();
    within(outbox.take_over(&token(1))).await.expect("the gate");
    let platform = Foreign::connect(&rig.options.url).await;
    let mut listening = platform.listen("pbx", "emea.offer.#").await;
    let outputs: Vec<OutMessage> = (1..=300).map(output).collect();
    assert_eq!(within(publish(&mut outbox, &outputs)).await.expect("published"), 300);
    for number in 1..=300_u64 {
        let delivery = next(&mut listening).await;
        let properties = &delivery.properties;
        let id = format!("out{number}");
        assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some(id.as_str()));
        if number > 1 {
            continue;
        }
        assert_eq!(delivery.routing_key.as_str(), "emea.offer.made.voice.ann");
        assert_eq!(properties.content_type().as_ref().map(|t| t.as_str()), Some("application/cloudevents+json"));
        assert_eq!(properties.kind().as_ref().map(|t| t.as_str()), Some("picket.offer.made.v1"));
        assert_eq!(properties.correlation_id().as_ref().map(|t| t.as_str()), Some("c1"));
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(delivery.data, outputs[0].body);
        let headers = properties.headers().clone().expect("headers");
        let text = |name: &str| {
            let value = headers.inner().get(name).and_then(|value| value.as_long_string().cloned());
            value.map(|value| value.to_string())
        };
        assert_eq!(text("ce-id").as_deref(), Some("out1"));
        assert_eq!(text("ce-type").as_deref(), Some("picket.offer.made.v1"));
        assert_eq!(text("ce-source").as_deref(), Some("picket/main"));
        assert_eq!(text("ce-subject").as_deref(), Some("c1"));
        assert_eq!(text("ce-specversion").as_deref(), Some("1.0"));
        assert_eq!(text("ce-picketdomain").as_deref(), Some("emea"));
        assert_eq!(text("ce-picketepoch").as_deref(), Some("7"));
        assert_eq!(headers.inner().get("ce-picketseq").and_then(|seq| seq.as_long_long_int()), Some(1));
        assert_ne!(text("picket-gate"), Some(token(1).to_string()), "the token is nobody else's business");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_lets_only_the_latest_owner_through() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (mut first, mut second, mut third) = (rig.outbox(), rig.outbox(), rig.outbox());
    let outputs: Vec<OutMessage> = (1..=3).map(output).collect();
    let closed = within(publish(&mut first, &outputs)).await.expect_err("nobody has taken over");
    assert!(matches!(closed, BrokerError::GateClosed), "{closed}");

    within(first.take_over(&token(1))).await.expect("the gate");
    // Nobody listens to these outputs: they are out all the same, because the archive takes everything.
    assert_eq!(within(publish(&mut first, &outputs)).await.expect("published"), 3);

    within(second.take_over(&token(2))).await.expect("the gate");
    let late = within(publish(&mut first, &outputs[1..])).await.expect_err("the gate is closed to an earlier owner");
    assert!(matches!(late, BrokerError::GateClosed), "{late}");
    assert_eq!(within(publish(&mut second, &outputs)).await.expect("published"), 3);

    let late = within(first.take_over(&token(1))).await.expect_err("an earlier owner comes back too late");
    assert!(matches!(late, BrokerError::GateClosed), "{late}");
    assert_eq!(within(publish(&mut second, &outputs)).await.expect("still published"), 3);

    // Taking over twice is taking over once.
    within(second.take_over(&token(2))).await.expect("the gate again");
    assert_eq!(within(publish(&mut second, &outputs)).await.expect("still published"), 3);

    // Two that come at once: the later epoch has it in the end, whoever came first.
    let mut fourth = rig.outbox();
    let (t3, t4) = (token(3), token(4));
    let (early, later) = within(async { tokio::join!(third.take_over(&t3), fourth.take_over(&t4)) }).await;
    later.expect("the later owner");
    let early = match early {
        Ok(()) => within(publish(&mut third, &outputs)).await.expect_err("closed by the later one"),
        Err(error) => error,
    };
    assert!(matches!(early, BrokerError::GateClosed), "{early}");
    assert_eq!(within(publish(&mut fourth, &outputs)).await.expect("published"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_of_a_platform_holds_outputs_up_and_loses_none() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let mut outbox = rig.outbox();
    within(outbox.take_over(&token(1))).await.expect("the gate");
    let platform = Foreign::connect(&rig.options.url).await;
    small_queue(&platform, "emea.#").await;
    let outputs: Vec<OutMessage> = (1..=5).map(output).collect();
    let out = within(publish(&mut outbox, &outputs)).await.expect("some are out");
    assert!((1..5).contains(&out), "{out}");
    let error = within(publish(&mut outbox, &outputs[out..])).await.expect_err("it is full");
    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
    let mut consumer = consume(&platform, "small").await;
    let mut seen = Vec::new();
    let mut left = out;
    let everything = async {
        while left < outputs.len() {
            left += publish(&mut outbox, &outputs[left..]).await.unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let reading = async {
        loop {
            let delivery = next(&mut consumer).await;
            seen.push(delivery.properties.message_id().as_ref().map(ToString::to_string).expect("an id"));
            if seen.last().is_some_and(|id| id == "out5") {
                return;
            }
        }
    };
    within(async { tokio::join!(everything, reading) }).await;
    assert_eq!(first_seen(seen), ["out1", "out2", "out3", "out4", "out5"]);
}

/// A queue of a platform that holds two messages, and refuses more.
async fn small_queue(platform: &Foreign, pattern: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), lapin::types::AMQPValue::LongInt(2));
    arguments.insert("x-overflow".into(), lapin::types::AMQPValue::LongString("reject-publish".into()));
    let durable = lapin::options::QueueDeclareOptions::durable();
    platform.channel.queue_declare("small".into(), durable, arguments).await.expect("a queue");
    let (options, none) = (lapin::options::QueueBindOptions::default(), FieldTable::default());
    let bound = platform.channel.queue_bind("small".into(), "picket.out".into(), pattern.into(), options, none);
    bound.await.expect("bound");
}

async fn consume(platform: &Foreign, queue: &str) -> lapin::Consumer {
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    platform.channel.basic_consume(queue.into(), "".into(), options, none).await.expect("a consumer")
}

/// Each once, in the order in which they came first.
fn first_seen(ids: Vec<String>) -> Vec<String> {
    let mut order = Vec::new();
    for id in ids {
        if !order.contains(&id) {
            order.push(id);
        }
    }
    order
}

async fn next_id(consumer: &mut lapin::Consumer) -> String {
    next(consumer).await.properties.message_id().as_ref().map(ToString::to_string).expect("an id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_refused_while_more_is_on_its_way_is_sent_again_with_everything_behind_it() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let mut outbox = rig.outbox();
    within(outbox.take_over(&token(1))).await.expect("the gate");
    let platform = Foreign::connect(&rig.options.url).await;
    let mut wide = platform.listen("pbx", "emea.#").await;
    // Only what is about bob goes to the small queue, too: the fifth of every ten.
    small_queue(&platform, "emea.offer.made.voice.bob").await;
    let about = |number| {
        let key = if number % 10 == 5 { "emea.offer.made.voice.bob" } else { "emea.offer.made.voice.ann" };
        OutMessage { routing_key: key.to_owned(), ..output(number) }
    };
    let outputs: Vec<OutMessage> = (1..=100).map(about).collect();

    // Everything is on its way before anything is heard of it. The small queue takes two, and refuses the third: output 25.
    for some in outputs.chunks(7) {
        assert_eq!(within(outbox.send(some)).await.expect("handed over"), some.len());
    }
    let mut out = 0;
    let error = loop {
        match within(outbox.confirmed()).await {
            Ok(count) => out += count,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
    assert_eq!(out, 24, "nothing counts from the refused one on, whatever the broker took behind it");
    let nothing = tokio::time::timeout(Duration::from_millis(300), outbox.confirmed()).await;
    assert!(nothing.is_err(), "and nothing is on its way any more: {nothing:?}");
    let mut seen = Vec::new();
    while seen.last().is_none_or(|id| id != "out100") {
        seen.push(next_id(&mut wide).await);
    }

    // The small queue is gone, and all goes out in order, under the same ids.
    platform.channel.queue_delete("small".into(), QueueDeleteOptions::default()).await.expect("deleted");
    assert_eq!(within(publish(&mut outbox, &outputs[out..])).await.expect("published"), 76);
    let behind = seen.len();
    while seen.len() < behind + 76 {
        seen.push(next_id(&mut wide).await);
    }
    let all: Vec<String> = (25..=100).map(|number| format!("out{number}")).collect();
    assert_eq!(seen[behind..], all, "everything from the refused one on, again and in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_is_answered_at_its_direct_reply_to() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (mut inbox, mut outbox) = (rig.inbox(), rig.outbox());
    let unconnected = outbox.reply("answers", None, Bytes::new()).await;
    assert!(matches!(unconnected, Err(BrokerError::Unavailable { .. })), "an answer waits for no connection");
    within(outbox.take_over(&token(1))).await.expect("the gate");
    let platform = Foreign::connect(&rig.options.url).await;
    let direct = "amq.rabbitmq.reply-to";
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut answers = platform
        .channel
        .basic_consume(direct.into(), "".into(), options, FieldTable::default())
        .await
        .expect("answers");
    let properties = BasicProperties::default().with_reply_to(direct.into()).with_message_id("m1".into());
    let publishing = platform.channel.basic_publish(
        "picket.in".into(),
        "emea.contact.received".into(),
        BasicPublishOptions::default(),
        b"{}",
        properties,
    );
    publishing.await.expect("sent").await.expect("confirmed");
    let taken = take(&mut inbox, 1).await;
    let to = taken[0].message.reply_to.clone().expect("a reply_to");
    assert!(to.starts_with("amq.rabbitmq.reply-to."), "{to}");
    within(outbox.reply(&to, Some("m1"), Bytes::from_static(b"{\"result\":\"accepted\"}"))).await.expect("answered");
    let answer = within(answers.next()).await.expect("an answer").expect("delivered");
    assert_eq!(answer.data, b"{\"result\":\"accepted\"}");
    assert_eq!(answer.properties.correlation_id().as_ref().map(|id| id.as_str()), Some("m1"));
    // A sender cannot have its answer written into our own queues.
    within(outbox.reply("picket.in.main", None, Bytes::from_static(b"{}"))).await.expect("ignored");
    // Nor does an answer that nobody waits for hold anything up.
    within(outbox.reply("nobody", None, Bytes::from_static(b"{}"))).await.expect("dropped");
    inbox.acknowledge(&receipts(&taken)).await;
    assert_eq!(within(publish(&mut outbox, &[output(1)])).await.expect("published"), 1);
    platform.send(9..10).await;
    assert_eq!(numbers(&take(&mut inbox, 1).await), vec![9], "nothing of ours was written there");
    inbox.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_that_was_confirmed() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::alone().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (mut inbox, mut outbox) = (rig.inbox(), rig.outbox());
    within(outbox.take_over(&token(1))).await.expect("the gate");
    let platform = Foreign::connect(&rig.options.url).await;
    drop(platform.listen("pbx", "#").await);
    platform.send(0..5).await;
    let first = take(&mut inbox, 5).await;
    inbox.acknowledge(&receipts(&first[..2])).await;
    tokio::task::block_in_place(|| server.wait_until_it_remembers(&vhost(&rig), "main"));

    let outputs: Vec<OutMessage> = (1..=2_000).map(output).collect();
    let mut out = 0;
    let publishing = publish_all(&mut outbox, &outputs, &mut out);
    let trouble = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        tokio::task::block_in_place(|| server.kill());
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| server.restart());
    };
    let failures = within(async { tokio::join!(publishing, trouble).0 }).await;
    assert!(failures > 0, "the broker was killed while it was publishing");
    assert_eq!(out, 2_000);

    // What was taken and not acknowledged comes again, in order, and the same inbox goes on by itself.
    assert_eq!(numbers(&take(&mut inbox, 3).await), vec![2, 3, 4]);
    inbox.close().await;

    let platform = Foreign::connect(&rig.options.url).await;
    let mut listening = platform.listen("pbx", "#").await;
    let mut first_seen = Vec::new();
    while first_seen.len() < outputs.len() {
        let delivery = next(&mut listening).await;
        let id = delivery.properties.message_id().as_ref().map(ToString::to_string).expect("an id");
        if !first_seen.contains(&id) {
            first_seen.push(id);
        }
    }
    let expected: Vec<String> = outputs.iter().map(|output| output.id.clone()).collect();
    assert_eq!(first_seen, expected, "none lost, and in order of first arrival");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_the_broker_cannot_bring_up_holds_nothing_up() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::alone().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let mut before = rig.outbox();
    within(before.take_over(&token(1))).await.expect("the gate");
    assert_eq!(before.degraded(), None);
    tokio::task::block_in_place(|| {
        server.wait_until_it_remembers(&vhost(&rig), "main");
        server.kill();
        server.forget_streams();
        server.restart();
    });

    let (mut inbox, mut outbox) = (rig.inbox(), rig.outbox());
    within(async { while outbox.take_over(&token(2)).await.is_err() {} }).await;
    let missing = outbox.degraded().expect("an archive is missing");
    assert!(missing.contains("picket.archive.in.main"), "{missing}");
    // Nobody listens: it is out all the same, and a return still means that the gate is closed.
    assert_eq!(within(publish(&mut outbox, &[output(1), output(2)])).await.expect("published"), 2);
    let late = within(async {
        loop {
            match publish(&mut before, &[output(1)]).await {
                Err(BrokerError::Unavailable { .. }) => {}
                other => return other,
            }
        }
    });
    assert!(matches!(late.await, Err(BrokerError::GateClosed)), "the gate is closed to an earlier owner");
    let platform = Foreign::connect(&rig.options.url).await;
    platform.send(0..3).await;
    let taken = take(&mut inbox, 3).await;
    assert_eq!(numbers(&taken), vec![0, 1, 2]);
    inbox.acknowledge(&receipts(&taken)).await;
    inbox.close().await;
}

/// Publishes everything, a hundred at a time unconfirmed, as a shard does; counts the failures.
async fn publish_all(outbox: &mut RabbitOutbox, outputs: &[OutMessage], out: &mut usize) -> usize {
    let (mut failures, mut sent) = (0, *out);
    while *out < outputs.len() {
        let step = async {
            sent += outbox.send(&outputs[sent..outputs.len().min(*out + 100)]).await?;
            outbox.confirmed().await
        };
        match step.await {
            Ok(count) => *out += count,
            Err(BrokerError::Unavailable { .. }) => (failures, sent) = (failures + 1, *out),
            Err(other) => panic!("{other}"),
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_alarm_stops_outputs_and_not_acknowledgements() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::alone().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let (mut inbox, mut outbox) = (rig.inbox(), rig.outbox());
    let platform = Foreign::connect(&rig.options.url).await;
    let mut listening = platform.listen("pbx", "#").await;
    platform.send(0..10).await;
    let first = take(&mut inbox, 10).await;
    within(outbox.take_over(&token(1))).await.expect("the gate");
    assert_eq!(within(publish(&mut outbox, &[output(1)])).await.expect("published"), 1);

    tokio::task::block_in_place(|| server.memory_alarm(true));
    let outputs: Vec<OutMessage> = (2..=20).map(output).collect();
    assert_eq!(within(outbox.send(&outputs)).await.expect("handed over"), outputs.len());
    // Longer than a confirm may take: under an alarm none is late, and what is on its way stays there.
    let silence = tokio::time::timeout(Duration::from_secs(4), outbox.confirmed()).await;
    assert!(silence.is_err(), "nothing is confirmed, and nothing is given up: {silence:?}");
    let error = within(outbox.check()).await.expect_err("blocked");
    assert!(matches!(error, BrokerError::Unavailable { .. }), "{error}");
    assert_eq!(outbox.health().state(), LinkState::Blocked);
    let answer = within(outbox.reply("nobody", None, Bytes::new())).await;
    assert!(answer.is_err(), "an answer holds nothing up");
    inbox.acknowledge(&receipts(&first)).await;
    let unacknowledged = || {
        let listing =
            tokio::task::block_in_place(|| server.ctl(&["list_queues", "-p", &vhost(&rig), "name", "messages"]));
        listing.lines().any(|line| line.split_whitespace().eq(["picket.in.main", "0"]))
    };
    within(async {
        while !unacknowledged() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;

    tokio::task::block_in_place(|| server.memory_alarm(false));
    let mut out = 0;
    while out < outputs.len() {
        out += within(outbox.confirmed()).await.expect("confirmed");
    }
    let mut seen = Vec::new();
    for _ in 0..20 {
        let delivery = next(&mut listening).await;
        seen.push(delivery.properties.message_id().as_ref().map(ToString::to_string).expect("an id"));
    }
    let expected: Vec<String> = (1..=20).map(|number| format!("out{number}")).collect();
    assert_eq!(seen, expected, "each once and in order: what was on its way was not sent again");
    inbox.close().await;
}

fn vhost(rig: &Rig) -> String {
    rig.options.url.rsplit('/').next().expect("a vhost").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_holds_on_rabbitmq() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    let (options, shards) = ((*rig.options).clone(), vec![rig.shard.clone()]);
    suite(&Rabbitmq::new(options.clone(), shards.clone()).expect("a readable url"), TRAITS).await;

    // Without an archive the gate works the same.
    let rig = Rig::new(server);
    let bare = Options { url: rig.options.url.clone(), archive: false, ..options.clone() };
    let traits = BrokerTraits { archive: false, ..TRAITS };
    suite(&Rabbitmq::new(bare, shards.clone()).expect("a readable url"), traits).await;

    // Without a gate nothing is held back, and what nobody wants is still out.
    let rig = Rig::new(server);
    let open = Options { url: rig.options.url.clone(), output_gate: false, ..options };
    suite(&Rabbitmq::new(open, shards).expect("a readable url"), BrokerTraits { gate: false, ..TRAITS }).await;
}
