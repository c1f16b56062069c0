//! Decides how a live feed is read: server-sent events, as the HTML standard defines them, from any reader.

use std::io::{self, BufRead};

/// One event of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `id:`, where the feed can be resumed.
    pub id: String,
    /// `event:`; empty when the feed names none.
    pub name: String,
    /// `data:`, its lines joined.
    pub data: String,
}

/// The events of a feed, until it ends. Comments and keep-alives are passed over.
#[derive(Debug)]
pub struct Events<R> {
    reader: R,
    last_id: String,
}

impl<R: BufRead> Events<R> {
    /// The events that this reader carries.
    pub const fn new(reader: R) -> Self {
        Self { reader, last_id: String::new() }
    }

    /// The next event; `None` at the end of the feed. An event cut off by the end is not an event.
    ///
    /// # Errors
    /// When the reader fails, or carries what is not UTF-8.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator of results would hide that the feed can end in the middle"
    )]
    pub fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        let mut lines: Vec<String> = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let text = line.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                if lines.is_empty() {
                    event = Event::default();
                    continue;
                }
                event.id.clone_from(&self.last_id);
                event.data = lines.join("\n");
                return Ok(Some(event));
            }
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut self.last_id),
                "event" => value.clone_into(&mut event.name),
                "data" => lines.push(value.to_owned()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Events};

    fn read(text: &str) -> Vec<Event> {
        let mut events = Events::new(text.as_bytes());
        std::iter::from_fn(|| events.next().unwrap()).collect()
    }

    #[test]
    fn events_have_ids_names_and_data_and_keep_alives_are_passed_over() {
        let events = read(
            ": hello\nretry: 1000\n\nid: 7\nevent: output\ndata: {\"a\":1}\n\n:\n\nid: 8\r\ndata: x\r\ndata: y\r\n\r\n",
        );
        assert_eq!(events.len(), 2);
        assert_eq!(
            (events[0].id.as_str(), events[0].name.as_str(), events[0].data.as_str()),
            ("7", "output", "{\"a\":1}")
        );
        assert_eq!((events[1].id.as_str(), events[1].data.as_str()), ("8", "x\ny"));
    }

    #[test]
    fn an_event_cut_off_by_the_end_is_not_an_event() {
        assert_eq!(read("id: 7\ndata: {\"a\""), []);
    }
}
