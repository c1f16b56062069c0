//! Which rights a daemon needs at RabbitMQ where somebody else makes its exchanges and queues.

use std::sync::Arc;

use picket::broker::rabbitmq::{Options, Rabbitmq, Setup};
use picket::shard::ports::{ArchiveStart, Beacon, Broker, DeadLetters, Inbox, Outbox};

use crate::rabbitmq;
use crate::rig::{Foreign, Rig, letter, numbers, output, publish, receipts, take, token, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_may_configure_only_its_locks_works_on_what_setup_has_made() {
    if !rabbitmq::installed() {
        return;
    }
    let (server, _guard) = rabbitmq::shared().await;
    let rig = Rig::new(server);
    rig.settle().await;
    let platform = Foreign::connect(&rig.options.url).await;
    let vhost = rig.options.url.rsplit('/').next().expect("a vhost").to_owned();
    tokio::task::block_in_place(|| {
        server.ctl(&["add_user", "daemon", "secret"]);
        let (write, read) = (r"^(picket\.|amq\.default$)", r"^picket\.");
        server.ctl(&["set_permissions", "-p", &vhost, "daemon", r"^picket\..*\.lock$", write, read]);
    });
    let url = rig.options.url.replace("guest:guest", "daemon:secret");
    let rig = Rig { options: Arc::new(Options { url, setup: Setup::Check, ..(*rig.options).clone() }), ..rig };

    let (mut inbox, mut outbox) = (rig.inbox(), rig.outbox());
    assert_eq!(within(outbox.beacon()).await.expect("no beacon yet"), None);
    within(outbox.take_over(&token(1))).await.expect("the gate");
    within(outbox.set_beacon(&Beacon::default())).await.expect("left");
    assert_eq!(within(outbox.beacon()).await.expect("a beacon"), Some(Beacon::default()));
    assert_eq!(within(publish(&mut outbox, &[output(1)])).await.expect("published"), 1);
    platform.send(0..2).await;
    let taken = take(&mut inbox, 2).await;
    assert_eq!(numbers(&taken), vec![0, 1]);
    inbox.acknowledge(&receipts(&taken)).await;
    let dead = rig.dead();
    within(dead.put(letter("emea.contact.received", "a"))).await.expect("kept");
    assert_eq!(within(dead.list(10)).await.expect("a list").len(), 1);
    inbox.close().await;
    let broker = Rabbitmq::new((*rig.options).clone(), vec![rig.shard.clone()]).expect("a readable url");
    let mut archive =
        within(broker.archive("main", ArchiveStart::Oldest)).await.expect("it opens").expect("there is one");
    assert_eq!(within(archive.next()).await.expect("it reads").len(), 2);
}
