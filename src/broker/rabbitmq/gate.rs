//! Decides whose outputs get out: those of the owner whose token the gate's bindings carry.
//!
//! Outputs are published to the headers exchange `picket.gate.<shard>`. Its two bindings, to `picket.out` and to a sink,
//! match one header that only the current owner sends. **The sink takes everything that passes the gate**, so an output
//! that nobody else wants is still routed: a returned output therefore always means that the gate is closed to its
//! sender, and never that nobody listens. The sink is the archive stream of the shard; where there is none, or the
//! broker cannot bring it up, a queue that holds one message.
//!
//! AMQP cannot list bindings, so whoever opens the gate for itself must be told what to close. The quorum queue
//! `picket.gate.<shard>` holds the tokens that may be bound: a new owner adds its own, binds it, unbinds the others,
//! removes them. A crash between two of these steps leaves a token too many in the queue, which the next owner
//! unbinds. A late owner finds a higher epoch there and stays outside.

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeBindOptions,
    ExchangeUnbindOptions, QueueBindOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, Connection};
use sha2::{Digest, Sha256};

use super::archive::Archiving;
use super::convert::{GATE, persistent};
use super::lock::Lock;
use super::short;
use super::topology::{OUT, close, gate, gate_sink, is_down, output_archive, private_channel, refused, table, text};
use crate::broker::unavailable;
use crate::shard::ownership::may_open;
use crate::shard::ports::{BrokerError, Token};

/// What the bindings match: a digest, because outputs carry it to everybody and the token is nobody else's business.
pub(super) fn key(token: &str) -> String {
    let digest = Sha256::digest(format!("picket gate {token}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Opens the gate of a shard for this token and closes it for every other.
pub(super) async fn take_over(
    connection: &Connection,
    archiving: &Archiving,
    shard: &str,
    token: &Token,
) -> Result<(), BrokerError> {
    let lock = Lock::acquire(connection, format!("{}.lock", gate(shard))).await?;
    let channel = private_channel(connection).await?;
    let done = swap(connection, &channel, shard, &sinks(archiving, shard), token).await;
    // What was only looked at goes back to its queue with the channel.
    close(&channel).await;
    lock.release(connection).await?;
    done
}

/// Lets an archive that came up late keep what passes from now on.
pub(super) async fn keep(connection: &Connection, shard: &str, token: &Token) -> Result<(), BrokerError> {
    let channel = private_channel(connection).await?;
    bind_sink(&channel, &gate(shard), &output_archive(shard), &token.to_string()).await?;
    close(&channel).await;
    Ok(())
}

/// What may take outputs now, best first. What an earlier owner left bound to an archive that is down stays there, and
/// lets nothing out: its way to `picket.out` is closed.
fn sinks(archiving: &Archiving, shard: &str) -> Vec<String> {
    let archive = matches!(archiving, Archiving::Kept).then(|| output_archive(shard));
    archive.into_iter().chain([gate_sink(shard)]).collect()
}

async fn swap(
    connection: &Connection,
    channel: &Channel,
    shard: &str,
    sinks: &[String],
    token: &Token,
) -> Result<(), BrokerError> {
    let known = remembered(channel, shard).await?;
    if !may_open(token, known.iter().map(|(_, other)| &**other)) {
        return Err(BrokerError::GateClosed);
    }
    let mine = token.to_string();
    if known.iter().all(|(_, other)| *other != mine) {
        remember(channel, shard, &mine).await?;
    }
    if let Some(best) = sinks.first() {
        bind_sink(channel, &gate(shard), best, &mine).await?;
    }
    bind(channel, &gate(shard), &mine).await?;
    for (tag, other) in known.iter().filter(|(_, other)| *other != mine) {
        unbind(channel, &gate(shard), other).await?;
        for sink in sinks {
            unbind_sink(connection, &gate(shard), sink, other).await?;
        }
        channel
            .basic_ack(*tag, BasicAckOptions::default())
            .await
            .map_err(|error| unavailable("closing the gate for an earlier owner", error))?;
    }
    Ok(())
}

/// Every token that may be bound, with its delivery tag.
async fn remembered(channel: &Channel, shard: &str) -> Result<Vec<(u64, String)>, BrokerError> {
    let mut known = Vec::new();
    loop {
        let got = channel
            .basic_get(short(&gate(shard)), BasicGetOptions::default())
            .await
            .map_err(|error| refused("queue", &gate(shard), error))?;
        let Some(message) = got else { return Ok(known) };
        known.push((message.delivery.delivery_tag, String::from_utf8_lossy(&message.delivery.data).into_owned()));
    }
}

async fn remember(channel: &Channel, shard: &str, token: &str) -> Result<(), BrokerError> {
    let failed = |error| unavailable("remembering the gate's owner", error);
    channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(failed)?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let confirm = channel
        .basic_publish(short(""), short(&gate(shard)), options, token.as_bytes(), persistent())
        .await
        .map_err(failed)?
        .await
        .map_err(failed)?;
    match confirm {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested => {
            Err(unavailable("remembering the gate's owner", "the broker did not take it"))
        }
    }
}

async fn bind_sink(channel: &Channel, gate: &str, sink: &str, token: &str) -> Result<(), BrokerError> {
    channel
        .queue_bind(short(sink), short(gate), short(""), QueueBindOptions::default(), matching(token))
        .await
        .map_err(|error| refused("binding of", sink, error))
}

async fn bind(channel: &Channel, gate: &str, token: &str) -> Result<(), BrokerError> {
    channel
        .exchange_bind(short(OUT), short(gate), short(""), ExchangeBindOptions::default(), matching(token))
        .await
        .map_err(|error| refused("binding of", OUT, error))
}

async fn unbind(channel: &Channel, gate: &str, token: &str) -> Result<(), BrokerError> {
    channel
        .exchange_unbind(short(OUT), short(gate), short(""), ExchangeUnbindOptions::default(), matching(token))
        .await
        .map_err(|error| refused("binding of", OUT, error))
}

/// On a channel of its own: that a sink cannot be reached closes it, and is no harm. What stays bound to it lets nothing out.
async fn unbind_sink(connection: &Connection, gate: &str, sink: &str, token: &str) -> Result<(), BrokerError> {
    let channel = private_channel(connection).await?;
    let done = channel.queue_unbind(short(sink), short(gate), short(""), matching(token)).await;
    close(&channel).await;
    match done {
        Err(error) if !is_down(&error) => Err(refused("binding of", sink, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn matching(token: &str) -> FieldTable {
    table(&[("x-match", text("all")), (GATE, text(&key(token)))])
}
