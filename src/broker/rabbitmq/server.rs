//! Decides which broker is at the other end, by what it says of itself before anybody logs in.
//!
//! The client drops these words, so the first two frames of AMQP 0-9-1 are exchanged here, over a connection of their own
//! that goes no further. Whatever answers is not trusted: it may say so much and no more, and only texts at the top of its
//! table are read.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use futures_io::{AsyncRead, AsyncWrite};
use lapin::tcp::AMQPUriTcpExt as _;

use super::Options;
use crate::broker::unavailable;
use crate::shard::ports::BrokerError;

const ATTEMPT: &str = "asking which broker it is";
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";
/// A method, on channel 0.
const START: [u8; 3] = [1, 0, 0];
/// `connection.start` of version 0-9.
const METHOD: [u8; 6] = [0, 10, 0, 10, 0, 9];
/// Bytes of a first frame that are read at most; RabbitMQ writes some five hundred.
const FRAME_MOST: usize = 16 * 1024;
/// The oldest RabbitMQ with all that is relied on: quorum queues that dead-letter at least once, and streams.
const OLDEST: (u32, u32) = (3, 10);

/// What a broker says that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Its name, `RabbitMQ`.
    pub product: String,
    /// Its version, such as `3.10.8`.
    pub version: String,
}

/// Whether a broker has what is relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It is a RabbitMQ that has it.
    Known,
    /// It is a RabbitMQ from before.
    TooOld,
    /// It is another program, or does not say how old it is.
    Unknown,
}

impl Server {
    /// Asks the broker that the options name.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] when the url cannot be read; [`BrokerError::Unavailable`] when nothing answers, or no
    /// broker does.
    pub async fn ask(options: &Options) -> Result<Self, BrokerError> {
        let uri = options.uri()?;
        let asked = async {
            let runtime = lapin::runtime::default_runtime().map_err(|error| unavailable(ATTEMPT, error))?;
            let stream = uri.connect_async(&runtime).await.map_err(|error| unavailable(ATTEMPT, error))?;
            greet(stream).await.map_err(|error| unavailable(ATTEMPT, error))
        };
        let answer = tokio::time::timeout(options.connect_timeout(), asked)
            .await
            .unwrap_or_else(|_| Err(unavailable(ATTEMPT, "no answer in time")))?;
        Self::read(&answer)
            .ok_or_else(|| unavailable(ATTEMPT, "what answers does not speak AMQP 0-9-1 as a broker does"))
    }

    /// Whether it has what is relied on.
    #[must_use]
    pub fn age(&self) -> Age {
        let mut numbers = self.version.split(['.', '-', '+']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if self.product == "RabbitMQ" => {
                if (major, minor) < OLDEST {
                    Age::TooOld
                } else {
                    Age::Known
                }
            }
            _ => Age::Unknown,
        }
    }

    /// Reads the arguments of `connection.start`: its table, of which only texts count.
    fn read(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.strip_prefix(&METHOD)?;
        let mut table = sized(&mut rest)?;
        let mut found = Self::default();
        while !table.is_empty() {
            let length = usize::from(take(&mut table, 1)?[0]);
            let key = take(&mut table, length)?;
            let value = match take(&mut table, 1)?[0] {
                b't' | b'b' | b'B' => take(&mut table, 1)?,
                b's' | b'u' | b'U' => take(&mut table, 2)?,
                b'i' | b'I' | b'f' => take(&mut table, 4)?,
                b'D' => take(&mut table, 5)?,
                b'l' | b'L' | b'd' | b'T' => take(&mut table, 8)?,
                b'V' => &[],
                // Tables and lists are passed over whole: nothing in them can lead any deeper.
                b'S' | b'x' | b'F' | b'A' => sized(&mut table)?,
                _ => return None,
            };
            match key {
                b"product" => found.product = shown(value),
                b"version" => found.version = shown(value),
                _ => {}
            }
        }
        Some(found)
    }
}

/// What is printed of a word that somebody else chose.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(64).collect()
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(taken)
}

/// What stands behind its length.
fn sized<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(from, 4)?.try_into().ok().map(u32::from_be_bytes)?;
    take(from, usize::try_from(length).ok()?)
}

/// Sends the protocol header and returns the payload of the first frame.
async fn greet(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    let mut sent = 0;
    while let Some(rest @ [_, ..]) = GREETING.get(sent..) {
        match poll_fn(|context| Pin::new(&mut stream).poll_write(context, rest)).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => sent += count,
        }
    }
    poll_fn(|context| Pin::new(&mut stream).poll_flush(context)).await?;
    let head = read_exactly(&mut stream, 7).await?;
    let Some((START, size)) = head.split_first_chunk().map(|(start, size)| (*start, size)) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it answers with something else than AMQP 0-9-1"));
    };
    let size = size.iter().fold(0_usize, |size, byte| (size << 8) | usize::from(*byte));
    if size > FRAME_MOST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its first words are too long"));
    }
    read_exactly(&mut stream, size).await
}

async fn read_exactly(stream: &mut (impl AsyncRead + Unpin), count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let mut read = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(read..) {
        match poll_fn(|context| Pin::new(&mut *stream).poll_read(context, rest)).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read += count,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Age, METHOD, Server};

    /// A `connection.start` with this table.
    fn start(table: &[u8]) -> Vec<u8> {
        let length = u32::try_from(table.len()).expect("short").to_be_bytes();
        [&METHOD[..], &length, table, b"\0\0\0\x05PLAIN\0\0\0\x05en_US"].concat()
    }

    #[test]
    fn product_and_version_are_found_among_values_of_every_kind() {
        let table = b"\x0ccapabilitiesF\0\0\0\x04\x01at\x01\x04oddsV\x05countI\0\0\0\x07\x07versionS\0\0\0\x063.10.8\x07productS\0\0\0\x08RabbitMQ";
        let found = Server::read(&start(table)).expect("readable");
        assert_eq!(found, Server { product: "RabbitMQ".to_owned(), version: "3.10.8".to_owned() });
        assert_eq!(found.age(), Age::Known);
    }

    #[test]
    fn whatever_else_answers_is_refused_and_never_believed_beyond_its_own_length() {
        let whole = start(b"\x07versionS\0\0\0\x063.10.8\x07productS\0\0\0\x08RabbitMQ");
        for end in 0..whole.len() - 22 {
            assert_eq!(Server::read(&whole[..end]), None, "cut off at {end}");
        }
        assert_eq!(Server::read(&start(b"\x07versionS\xff\xff\xff\xff3")), None);
        assert_eq!(Server::read(&start(b"\x01aZ")), None);
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                // It may be read or refused; that it comes back at all is what counts.
                let _ = Server::read(&changed);
            }
        }
    }

    #[test]
    fn a_broker_is_as_old_as_it_says() {
        let age =
            |product: &str, version: &str| Server { product: product.to_owned(), version: version.to_owned() }.age();
        let ages = ["3.9.29", "3.10.0", "3.13.7", "4.1.0-rc.1", "10.0.0"].map(|version| age("RabbitMQ", version));
        assert_eq!(ages, [Age::TooOld, Age::Known, Age::Known, Age::Known, Age::Known]);
        assert_eq!([age("LavinMQ", "3.10.8"), age("RabbitMQ", "new"), age("", "")], [Age::Unknown; 3]);
    }
}
