//! Decides how a file becomes rows: CSV or JSON lines, each with its line number, a wrong one without ending the rest.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use super::columns::Column;
use super::{Format, Kind};

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// Its line in the file, from 1.
    pub(super) line: u64,
    /// Bytes of the file read so far.
    pub(super) byte: u64,
    /// The data of its event, or what is wrong with it.
    pub(super) data: Result<Value, String>,
}

/// The rows of a file, one after the other.
pub(super) struct Rows {
    kind: Kind,
    length: Option<u64>,
    reader: Reader,
}

enum Reader {
    Csv { reader: Box<csv::Reader<Box<dyn Read>>>, columns: Vec<Column> },
    Jsonl { reader: BufReader<Box<dyn Read>>, line: u64, byte: u64 },
}

impl Rows {
    /// Opens a file and, for CSV, reads what its columns mean.
    ///
    /// # Errors
    /// When it cannot be opened, its format is not known, or a column means nothing.
    pub(super) fn open(kind: Kind, format: Option<Format>, path: &Path) -> anyhow::Result<Self> {
        let (input, length): (Box<dyn Read>, _) = if path.as_os_str() == "-" {
            (Box::new(stdin()), None)
        } else {
            let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
            let length = file.metadata().ok().map(|metadata| metadata.len());
            (Box::new(file), length)
        };
        let format = match (format, path.extension().and_then(|ending| ending.to_str())) {
            (Some(format), _) => format,
            (None, Some("csv")) => Format::Csv,
            (None, Some("jsonl" | "ndjson" | "json")) => Format::Jsonl,
            (None, _) => {
                bail!("cannot tell from its name how {} is written; say --format csv or jsonl", path.display())
            }
        };
        let reader = Reader::over(kind, format, input).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { kind, length, reader })
    }

    /// The length of the file in bytes, where it is known.
    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Reader {
    fn over(kind: Kind, format: Format, input: Box<dyn Read>) -> anyhow::Result<Self> {
        if format == Format::Jsonl {
            return Ok(Self::Jsonl { reader: BufReader::new(input), line: 0, byte: 0 });
        }
        let mut reader = csv::ReaderBuilder::new().from_reader(input);
        let headers = reader.headers().context("the header line is unreadable")?;
        let columns = headers.iter().map(|header| Column::of(kind, header)).collect::<anyhow::Result<Vec<_>>>()?;
        if !columns.contains(&Column::Text(kind.id_field())) {
            bail!("there is no column `{}` (or `id`) in the header line", kind.id_field());
        }
        Ok(Self::Csv { reader: Box::new(reader), columns })
    }

    fn next(&mut self) -> anyhow::Result<Option<Row>> {
        match self {
            Self::Csv { reader, columns } => next_record(reader, columns),
            Self::Jsonl { reader, line, byte } => {
                let mut text = Vec::new();
                loop {
                    text.clear();
                    let length = reader.read_until(b'\n', &mut text).context("the file broke off")?;
                    if length == 0 {
                        return Ok(None);
                    }
                    *line += 1;
                    *byte += length as u64;
                    if !text.trim_ascii().is_empty() {
                        let data = serde_json::from_slice(&text).map_err(|error| format!("not JSON: {error}"));
                        return Ok(Some(Row { line: *line, byte: *byte, data }));
                    }
                }
            }
        }
    }
}

fn next_record(reader: &mut csv::Reader<Box<dyn Read>>, columns: &[Column]) -> anyhow::Result<Option<Row>> {
    let mut record = csv::StringRecord::new();
    let line = reader.position().line();
    let read = reader.read_record(&mut record);
    let byte = reader.position().byte();
    let data = match read {
        Ok(false) => return Ok(None),
        Ok(true) => {
            let mut data = Map::new();
            let cells = columns.iter().zip(record.iter());
            cells.into_iter().try_for_each(|(column, cell)| column.put(cell, &mut data)).map(|()| Value::Object(data))
        }
        Err(error) if error.is_io_error() => return Err(error).context("the file broke off"),
        Err(error) => Err(complaint(&error)),
    };
    Ok(Some(Row { line: record.position().map_or(line, csv::Position::line), byte, data }))
}

/// What is wrong with a record, in our words where there are any.
fn complaint(error: &csv::Error) -> String {
    if let csv::ErrorKind::UnequalLengths { expected_len, len, .. } = error.kind() {
        return format!("{len} cells instead of {expected_len}");
    }
    if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) { "not UTF-8".into() } else { error.to_string() }
}

impl Iterator for Rows {
    type Item = anyhow::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = match self.reader.next() {
            Ok(row) => row?,
            Err(error) => return Some(Err(error)),
        };
        row.data = row.data.and_then(|data| named(self.kind, data));
        Some(Ok(row))
    }
}

/// Takes `id` for the field that names the object, and refuses an object without it.
fn named(kind: Kind, data: Value) -> Result<Value, String> {
    let Value::Object(mut data) = data else { return Err("not a JSON object".into()) };
    let field = kind.id_field();
    if let Some(id) = data.remove("id") {
        data.entry(field).or_insert(id);
    }
    match data.get(field).and_then(Value::as_str) {
        Some(id) if !id.is_empty() => Ok(Value::Object(data)),
        Some(_) | None => Err(format!("it has no {field}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(kind: Kind, format: Format, text: &'static str) -> Vec<String> {
        let reader = Reader::over(kind, format, Box::new(text.as_bytes())).unwrap();
        let rows = Rows { kind, length: None, reader };
        rows.map(|row| row.unwrap())
            .map(|row| match row.data {
                Ok(data) => format!("{} {data}", row.line),
                Err(wrong) => format!("{} wrong: {wrong}", row.line),
            })
            .collect()
    }

    #[test]
    fn a_wrong_line_has_its_number_and_does_not_end_the_rest() {
        let csv = "agent,points\nann,100\n,5\nbola,many\n\n\"carys\ndee\",7\ntoo,many,cells\neve,9\n";
        assert_eq!(
            rows(Kind::Agents, Format::Csv, csv),
            [
                r#"2 {"agent":"ann","points":100}"#,
                "3 wrong: it has no agent",
                "4 wrong: column points: `many` is no whole number",
                r#"5 {"agent":"carys\ndee","points":7}"#,
                "8 wrong: 3 cells instead of 2",
                r#"9 {"agent":"eve","points":9}"#,
            ]
        );
    }

    #[test]
    fn json_lines_take_id_for_the_name_and_skip_empty_lines() {
        let lines = "{\"id\":\"c1\"}\n\n{\"customer\":\"c2\"}\nnonsense\n[1]\n{\"name\":\"x\"}";
        let rows = rows(Kind::Customers, Format::Jsonl, lines);
        assert_eq!(rows[..2], [r#"1 {"customer":"c1"}"#, r#"3 {"customer":"c2"}"#]);
        assert!(rows[2].starts_with("4 wrong: not JSON: "), "{}", rows[2]);
        assert_eq!(rows[3..], ["5 wrong: not a JSON object", "6 wrong: it has no customer"]);
    }

    #[test]
    fn a_file_without_a_column_for_the_id_is_refused() {
        let error = Reader::over(Kind::Customers, Format::Csv, Box::new("name\nx\n".as_bytes())).err().unwrap();
        assert_eq!(error.to_string(), "there is no column `customer` (or `id`) in the header line");
    }
}
