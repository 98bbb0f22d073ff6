//! Files of papers in JSON lines, plain or gzipped.
//!
//! The fields are those of [`Paper`]; `id` and `title` are required. Unknown keys are
//! ignored: files come from many programs.

use super::authors;
use super::fetch::{FetchResult, FetchWindow, Probe, Source};
use super::{Record, SourceKind, SourceSettings, Unreadable};
use crate::fields::{Fields, in_one_line};
use crate::http::{BoxFuture, Http, Provider};
use crate::paper::{Paper, PaperId, is_arxiv_category};
use crate::text::{clean_line, clean_text};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line that is read, in bytes: a paper with 3,000 authors has some 100,000.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Length of the excerpt of an unreadable record, in characters.
const KEPT_CHARS_MAX: usize = 2_000;

const TITLE_CHARS_MAX: usize = 2_000;

/// Kind `jsonl`.
pub const KIND: SourceKind = SourceKind {
    keys: &["path"],
    ..SourceKind::new("jsonl", |settings: &SourceSettings| {
        let path = settings.path.clone();
        Box::new(PaperFile(path.expect("sources of kind jsonl have a path")))
    })
};

/// Name under which the store remembers when the file was read.
const FILE_MARK: &str = "file";

/// A file of papers, read again when it was written.
struct PaperFile(PathBuf);

impl Source for PaperFile {
    fn provider(&self) -> Option<&Provider> {
        None
    }

    fn fetch<'a>(&'a self, _http: &'a Http, window: &'a FetchWindow) -> BoxFuture<'a, FetchResult> {
        Box::pin(async move {
            let written = std::fs::metadata(&self.0).and_then(|file| file.modified());
            // A file that was written in the second of the reading may have changed after it.
            // One that cannot be read is imported, too: that reports the error.
            let is_unchanged = window.marked.get(FILE_MARK).is_some_and(|read| {
                written.is_ok_and(|written| DateTime::<Utc>::from(written) < *read)
            });
            if is_unchanged && !window.everything {
                return FetchResult::default();
            }
            FetchResult {
                requested: 1,
                file: Some(self.0.clone()),
                marks: vec![FILE_MARK.to_owned()],
                ..FetchResult::default()
            }
        })
    }

    fn probe<'a>(&'a self, _http: &'a Http) -> BoxFuture<'a, Probe> {
        let path = self.0.display();
        let probe = match File::open(&self.0) {
            Ok(_) => Probe::Answers(format!("{path} can be read")),
            Err(error) => Probe::Refuses(format!("{path} cannot be read: {error}")),
        };
        Box::pin(async { probe })
    }
}

/// Reads one file, record by record.
pub struct Reader {
    lines: Box<dyn BufRead>,
    name: String,
    line: u64,
}

impl Reader {
    /// Opens `path`. Gzip is recognized by its first bytes, not by its name.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::new(
            BufReader::with_capacity(1 << 16, File::open(path)?),
            path.display().to_string(),
        )
    }

    /// Reads from `input`, called `name` in messages.
    pub fn new(input: impl BufRead + 'static, name: String) -> io::Result<Self> {
        Ok(Reader {
            lines: unpacked(input)?,
            name,
            line: 0,
        })
    }

    /// The next record; `None` at the end of the file.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        loop {
            let mut bytes = Vec::new();
            let read = self
                .lines
                .by_ref()
                .take(LINE_BYTES_MAX as u64)
                .read_until(b'\n', &mut bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if read == LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
                self.skip_rest_of_line()?;
                return Ok(Some(self.unreadable(
                    &bytes,
                    format!("the line is longer than {LINE_BYTES_MAX} bytes"),
                )));
            }
            if self.line == 1 && bytes.starts_with("\u{feff}".as_bytes()) {
                bytes.drain(..3);
            }
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Ok(Some(match read_paper(&bytes) {
                Ok(paper) => Record::Paper(Box::new(paper)),
                Err(reason) => self.unreadable(&bytes, reason),
            }));
        }
    }

    fn skip_rest_of_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.lines.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let used = end.map_or(buffer.len(), |at| at + 1);
            self.lines.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn unreadable(&self, bytes: &[u8], reason: String) -> Record {
        let start = &bytes[..bytes.len().min(4 * KEPT_CHARS_MAX)];
        let record = String::from_utf8_lossy(start)
            .trim_end()
            .chars()
            .take(KEPT_CHARS_MAX)
            .collect();
        Record::Unreadable(Unreadable {
            place: format!("{}:{}", self.name, self.line),
            reason,
            record,
        })
    }
}

/// The plain bytes of a file, gzipped or not.
pub fn lines(path: &Path) -> io::Result<Box<dyn BufRead>> {
    unpacked(BufReader::with_capacity(1 << 16, File::open(path)?))
}

pub(super) fn unpacked(mut input: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    let is_gzipped = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if is_gzipped {
        Box::new(BufReader::with_capacity(
            1 << 16,
            MultiGzDecoder::new(input),
        ))
    } else {
        Box::new(input)
    })
}

fn read_paper(line: &[u8]) -> Result<Paper, String> {
    let text = std::str::from_utf8(line)
        .map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to() + 1))?;
    let table = match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(table)) => table,
        Ok(_) => return Err("not a JSON object".to_owned()),
        Err(error) => return Err(format!("not JSON: {error}")),
    };
    let mut fields = Fields::new(table);
    let paper = paper_from(&mut fields);
    let problems = fields.into_problems();
    match paper {
        Some(paper) if problems.is_empty() => Ok(paper),
        _ => Err(in_one_line(&problems)),
    }
}

fn paper_from(fields: &mut Fields) -> Option<Paper> {
    let id = fields.needed("id").and_then(|text| {
        PaperId::parse(&text)
            .map_err(|error| fields.refuse("id", Some(format!("{text:?}")), error.to_string()))
            .ok()
    });
    let title = fields.needed("title").map(|title| clean_line(&title));
    if title.as_ref().is_some_and(String::is_empty) {
        fields.refuse("title", None, "holds no text");
    }
    let abstract_text = fields.text("abstract").map(|text| clean_text(&text));
    let authors = fields.texts_as_written("authors").unwrap_or_default();
    // Kaggle's copy of arXiv has its categories in one text.
    let categories = fields.texts("categories").unwrap_or_default();
    let categories = categories
        .iter()
        .flat_map(|text| split_categories(text))
        .collect();
    let announced = fields.parsed("announced", date);
    let published = fields.parsed("published", instant);
    let updated = fields.parsed("updated", instant);
    let upvotes = fields.number("upvotes", 0..=i64::from(u32::MAX));
    let url = fields
        .filled("url")
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let other_names = fields.texts("same_as").unwrap_or_default();
    let withdrawn = fields.flag("withdrawn");
    let code = fields
        .filled("code")
        .filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let (id, version) = id?;
    Some(Paper {
        version,
        abstract_text: abstract_text.unwrap_or_default(),
        authors: authors::list(authors.iter().map(String::as_str)),
        categories,
        announced,
        published,
        updated,
        url: url.filter(|url| !url.chars().any(|c| c.is_whitespace() || c.is_control())),
        doi: fields.filled("doi"),
        comment: fields.filled("comment").map(|comment| clean_line(&comment)),
        upvotes: upvotes.map(|votes| votes as u32),
        same_as: other_names
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect(),
        journal: fields.filled("journal").map(|journal| clean_line(&journal)),
        code,
        withdrawn: withdrawn.unwrap_or(false),
        ..Paper::new(id, crate::text::cut(&title?, TITLE_CHARS_MAX))
    })
}

/// The categories in one text: codes of arXiv are separated by spaces, words are not.
fn split_categories(text: &str) -> Vec<String> {
    let words = || text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '|'));
    let words = words().filter(|word| !word.is_empty());
    if words.clone().all(is_arxiv_category) {
        words.map(str::to_owned).collect()
    } else {
        text.split([';', '|'])
            .map(clean_line)
            .filter(|word| !word.is_empty())
            .collect()
    }
}

/// A date as sources write it: `2026-08-04`, also unpadded, also with a time behind it.
fn date(text: &str) -> Result<NaiveDate, &'static str> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    day.parse().map_err(|_| "must be a date like 2026-08-04")
}

/// An instant, to the second; a date alone is its midnight in UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let parsed = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let parsed = parsed.or_else(|_| date(text).map(|day| day.and_time(NaiveTime::MIN).and_utc()));
    let at = parsed.map_err(|_: &str| "must be a date or an instant like 2026-08-04T07:00:00Z")?;
    Ok(at.with_nanosecond(0).unwrap_or(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn read(bytes: impl Into<Vec<u8>>) -> Vec<String> {
        let mut reader = Reader::new(Cursor::new(bytes.into()), "f".to_owned()).unwrap();
        let mut seen = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            seen.push(match record {
                Record::Paper(paper) => format!("{} {}", paper.id, paper.title),
                Record::Unreadable(Unreadable { place, reason, .. }) => {
                    format!("{place}: {reason}")
                }
            });
        }
        seen
    }

    #[test]
    fn a_bad_line_is_lost_alone() {
        let lines = concat!(
            "\u{feff}{\"id\":\"2510.1v1\",\"title\":\"a\"}\r\n",
            "\n",
            "{\"id\":\"2510.12793v2\",\"title\":\"Schr{\\\\\\\"o}dinger\\nagain\",\"more\":1}\n",
            "nonsense\n",
            "[1]\n",
            "{\"title\":\"no id\"}\n",
            "{\"id\":\"x\",\"title\":\" \",\"announced\":\"soon\",\"upvotes\":-1}\n",
            "{\"id\":\"last\",\"title\":\"without a line end\"}",
        );
        insta::assert_snapshot!(read(lines).join("\n"));
        assert_eq!(
            read(&b"{\"id\":\"a\",\"title\":\"\xff\"}\n{\"id\":\"b\",\"title\":\"b\"}"[..])[1],
            "b b"
        );
    }

    #[test]
    fn gzip_is_recognized_by_its_first_bytes() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{\"id\":\"a\",\"title\":\"b\"}\n").unwrap();
        assert_eq!(read(gzip.finish().unwrap()), ["a b"]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX * 2 + 7];
        bytes.extend_from_slice(b"\n{\"id\":\"a\",\"title\":\"b\"}\n");
        let seen = read(bytes);
        assert_eq!((seen.len(), seen[1].as_str()), (2, "a b"));
    }

    #[test]
    fn dates_are_read_as_sources_write_them() {
        let day = NaiveDate::from_ymd_opt(2026, 6, 3).unwrap();
        for text in [
            "2026-06-03",
            "2026-6-3",
            "2026-06-03T10:00:00.123Z",
            "2026-06-03 10:00",
        ] {
            assert_eq!(date(text), Ok(day), "{text}");
            assert_eq!(instant(text).unwrap().date_naive(), day, "{text}");
        }
        assert!(date("03/06/2026").is_err());
        assert_eq!(
            instant("2026-06-03T10:00:00.123Z")
                .unwrap()
                .timestamp_subsec_millis(),
            0
        );
    }
}
