//! Decides which rights a user must have at the broker, and finds out which are lacking without leaving anything behind.
//!
//! AMQP cannot list rights. So each is asked for with a request that the broker refuses for another reason, or that changes
//! nothing, once the right is there: a queue of an impossible length, a consumer of an impossible priority, the end of a
//! binding that never was. RabbitMQ looks at rights first, and says `ACCESS_REFUSED`.

use std::time::Duration;

use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeUnbindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ErrorKind};

use super::topology::{
    CONTROL, DEAD, IN, OUT, close, close_connection, gate, gate_sink, input_archive, output_archive, private_channel,
    table,
};
use super::{Options, Setup, ShardRoute, Topology, UNHEARD, link, short};
use crate::broker::unavailable;
use crate::shard::ports::BrokerError;

const ATTEMPT: &str = "looking at the rights of the daemon's user";
const ACCESS_REFUSED: u16 = 403;
/// The words of a binding that nobody makes, and of a queue that nobody has.
const NOBODYS: &str = "picket-doctor-looks";
/// All requests together may take as long as this many attempts to connect.
const PATIENCE: u32 = 3;
/// A request that nothing refuses is answered soon, or the broker takes nothing at the moment.
const BLOCKED: Duration = Duration::from_secs(3);

/// A right at the broker, as `rabbitmqctl set_permissions` orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// To make objects.
    Configure,
    /// To put something into them.
    Write,
    /// To take something out of them.
    Read,
}

impl Right {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// A right that is lacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Which.
    pub right: Right,
    /// On what, by its name; a binding has two ends, and the broker says which one it is.
    pub object: String,
    /// What the broker says.
    pub said: String,
}

/// What is asked of the broker, once.
enum Question {
    Queue(String),
    Exchange(String),
    /// Reading from a queue.
    Consume(String),
    /// Writing into an exchange, and reading from the other.
    Bound(String, String),
    /// Writing into a queue, and reading from an exchange.
    QueueBound(String, String),
    /// Writing to queues by their names.
    Publish,
}

/// Which rights of those that a daemon needs for this shard its user lacks.
///
/// # Errors
/// [`BrokerError::Unavailable`] when the broker cannot be asked; [`BrokerError::Topology`] when the url cannot be read.
pub async fn lacking(options: &Options, shard: &ShardRoute) -> Result<Vec<Lacking>, BrokerError> {
    let asking = async {
        let connection = link::connect(options, "doctor").await?;
        let mut lacking = Vec::new();
        for question in questions(options, shard) {
            lacking.extend(question.ask(&connection).await?);
        }
        close_connection(&connection).await;
        Ok(lacking)
    };
    tokio::time::timeout(options.connect_timeout() * PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(unavailable(ATTEMPT, "no answer in time")))
}

fn questions(options: &Options, shard: &ShardRoute) -> Vec<Question> {
    let topology = Topology::for_shard(options, shard);
    let (name, gate) = (&shard.name, gate(&shard.name));
    let mut questions = Vec::new();
    if options.setup == Setup::Declare {
        questions.extend([Question::Exchange(UNHEARD.to_owned()), Question::Queue(UNHEARD.to_owned())]);
        questions.push(Question::QueueBound(UNHEARD.to_owned(), UNHEARD.to_owned()));
        questions.extend(topology.exchanges.iter().map(|one| Question::Exchange(one.name.clone())));
        let queues = topology.queues.iter().chain(topology.archives.iter().map(|archive| &archive.queue));
        questions.extend(queues.map(|one| Question::Queue(one.name.clone())));
        let bindings = topology.bindings.iter().chain(topology.archives.iter().flat_map(|archive| &archive.bindings));
        let mut ends: Vec<(String, String)> = bindings.map(|one| (one.to.clone(), one.from.clone())).collect();
        ends.dedup();
        questions.extend(ends.into_iter().map(|(to, from)| Question::QueueBound(to, from)));
    }
    // Locks are queues that one connection makes for itself, whoever made the rest.
    let locks = [gate.clone(), super::topology::beacon(name), DEAD.to_owned()];
    questions.extend(locks.map(|locked| Question::Queue(format!("{locked}.lock"))));
    let written = [gate.as_str(), OUT, DEAD, IN, CONTROL];
    questions.extend(written.map(|to| Question::Bound(to.to_owned(), gate.clone())));
    questions.push(Question::QueueBound(gate_sink(name), gate.clone()));
    questions.push(Question::Publish);
    let mut read =
        vec![super::topology::input_queue(name), super::topology::beacon(name), gate.clone(), DEAD.to_owned()];
    read.push(UNHEARD.to_owned());
    if options.archive {
        questions.push(Question::QueueBound(output_archive(name), gate));
        read.push(input_archive(name));
    }
    questions.extend(read.into_iter().map(Question::Consume));
    questions
}

impl Question {
    /// Asks, on a channel of its own: a refusal closes it.
    async fn ask(self, connection: &Connection) -> Result<Option<Lacking>, BrokerError> {
        let channel = private_channel(connection).await?;
        let answer = self.put(&channel).await;
        close(&channel).await;
        let Err(error) = answer else { return Ok(None) };
        let ErrorKind::ProtocolError(refusal) = error.kind() else { return Err(unavailable(ATTEMPT, error)) };
        if refusal.get_id() != ACCESS_REFUSED {
            return Ok(None);
        }
        let said = refusal.get_message().to_string();
        let (right, object) = self.concerns(&said);
        Ok(Some(Lacking { right, object, said }))
    }

    /// What a refusal is about. Of a binding it may be either end: the broker names the one that it refuses.
    fn concerns(self, said: &str) -> (Right, String) {
        match self {
            Self::Queue(name) | Self::Exchange(name) => (Right::Configure, name),
            Self::Consume(name) => (Right::Read, name),
            Self::Publish => (Right::Write, String::from("amq.default")),
            Self::Bound(to, from) if to != from && said.contains(&format!("'{from}'")) => (Right::Read, from),
            // A queue and its exchange may have one name.
            Self::QueueBound(_, from) if said.contains(&format!("exchange '{from}'")) => (Right::Read, from),
            Self::Bound(to, _) | Self::QueueBound(to, _) => (Right::Write, to),
        }
    }

    async fn put(&self, channel: &Channel) -> Result<(), lapin::Error> {
        let impossible = |argument: &str| table(&[(argument, AMQPValue::LongLongInt(-1))]);
        match self {
            Self::Queue(name) => {
                let options = QueueDeclareOptions::durable();
                channel.queue_declare(short(name), options, impossible("x-max-length")).await.map(drop)
            }
            Self::Exchange(name) => {
                let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
                let arguments = impossible("alternate-exchange");
                channel.exchange_declare(short(name), lapin::ExchangeKind::Topic, options, arguments).await
            }
            Self::Consume(name) => {
                let arguments = table(&[("x-priority", AMQPValue::LongString("impossible".into()))]);
                let options = BasicConsumeOptions::default();
                channel.basic_consume(short(name), ShortString::default(), options, arguments).await.map(drop)
            }
            Self::Bound(to, from) => {
                let (options, none) = (ExchangeUnbindOptions::default(), FieldTable::default());
                channel.exchange_unbind(short(to), short(from), short(NOBODYS), options, none).await
            }
            Self::QueueBound(to, from) => {
                channel.queue_unbind(short(to), short(from), short(NOBODYS), FieldTable::default()).await
            }
            Self::Publish => publish(channel).await,
        }
    }
}

/// Publishes to a queue that is nobody's: the message comes back.
async fn publish(channel: &Channel) -> Result<(), lapin::Error> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default();
    let sent = channel.basic_publish(short(""), short(NOBODYS), options, &[], properties).await?;
    // A broker with an alarm reads nothing of this before the alarm ends, which says nothing about rights.
    tokio::time::timeout(BLOCKED, sent).await.map_or(Ok(()), |confirmed| confirmed.map(drop))
}

#[cfg(test)]
mod tests {
    use super::{Question, Right};

    #[test]
    fn of_a_binding_the_end_that_the_broker_names_is_what_is_lacking() {
        let bound = || Question::Bound("picket.out".to_owned(), "picket.gate.main".to_owned());
        let said = "ACCESS_REFUSED - access to exchange 'picket.gate.main' in vhost '/' refused for user 'ann'";
        assert_eq!(bound().concerns(said), (Right::Read, "picket.gate.main".to_owned()));
        let said = "ACCESS_REFUSED - access to exchange 'picket.out' in vhost '/' refused for user 'ann'";
        assert_eq!(bound().concerns(said), (Right::Write, "picket.out".to_owned()));
        let own = Question::Bound("picket.gate.main".to_owned(), "picket.gate.main".to_owned());
        assert_eq!(own.concerns("").0, Right::Write);
        let bound = || Question::QueueBound("picket.dead".to_owned(), "picket.dead".to_owned());
        assert_eq!(bound().concerns("access to exchange 'picket.dead' refused").0, Right::Read);
        assert_eq!(bound().concerns("access to queue 'picket.dead' refused").0, Right::Write);
    }
}
