//! RSS, Atom and OAI-PMH documents, taken apart entry by entry. Pure.
//!
//! The document is cut into its entries before any of them is read as XML, so that one
//! entry that is not well-formed is lost alone. Names are read without their prefixes:
//! arXiv uses no name twice, and prefixes are often not declared in a feed that was cut.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_html5_entity;
use quick_xml::events::{BytesStart, Event};

/// Entries in one document. arXiv gives at most 2,000.
const ENTRIES_MAX: usize = 10_000;

/// Length of the excerpt of an unreadable entry, in characters.
const KEPT_CHARS_MAX: usize = 2_000;

/// A document that is a feed.
#[derive(Debug)]
pub(super) struct Document {
    /// The part before the first entry.
    pub(super) head: Element,
    /// Token of the next part of a list (`resumptionToken`); empty at its end.
    pub(super) token: Option<String>,
    /// The entries, in order.
    pub(super) entries: Vec<Result<Element, Broken>>,
    /// Whether its end is there.
    pub(super) is_whole: bool,
}

/// An entry that cannot be read.
#[derive(Debug)]
pub(super) struct Broken {
    /// Why it cannot be read.
    pub(super) reason: String,
    /// The text, truncated if it is long.
    pub(super) text: String,
}

/// The elements in an entry, one or two levels down, in the order of their ends.
#[derive(Debug, Default)]
pub(super) struct Element {
    fields: Vec<Field>,
    /// The text, truncated if it is long.
    pub(super) raw: String,
}

#[derive(Debug, Default)]
struct Field {
    /// Local name, after that of the element around it and a slash if there is one.
    name: String,
    text: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The text of the first element `name` that holds some.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut texts = self
            .fields
            .iter()
            .filter(|field| field.name == name)
            .map(|field| field.text.trim());
        texts.find(|text| !text.is_empty())
    }

    /// The texts of all elements `name`.
    pub(super) fn texts<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |field| field.name == name);
        named
            .map(|field| field.text.trim())
            .filter(|text| !text.is_empty())
    }

    /// Every element with its text, in the order of their ends: parts come before the whole.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|field| (field.name.as_str(), field.text.trim()))
    }

    /// An attribute of all elements `name`.
    pub(super) fn attributes<'a>(
        &'a self,
        name: &'a str,
        attribute: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let named = self.fields.iter().filter(move |field| field.name == name);
        named
            .flat_map(move |field| {
                field
                    .attributes
                    .iter()
                    .filter(move |(key, _)| key == attribute)
            })
            .map(|(_, value)| value.trim())
    }
}

/// Roots and entries of feeds.
const FEEDS: [(&str, &str); 3] = [("rss", "item"), ("rdf:RDF", "item"), ("feed", "entry")];

/// Roots and entries of lists of metadata, and of a record that was saved alone.
const LISTS: [(&str, &str); 2] = [("OAI-PMH", "record"), ("record", "record")];

/// Takes a feed apart. The error says what `bytes` are instead.
pub(super) fn take_apart(bytes: &[u8]) -> Result<Document, String> {
    take_apart_as(bytes, &FEEDS, "feed")
}

/// Takes an answer of OAI-PMH apart. The error says what `bytes` are instead.
pub(super) fn take_list_apart(bytes: &[u8]) -> Result<Document, String> {
    take_apart_as(bytes, &LISTS, "answer of OAI-PMH")
}

fn take_apart_as(
    bytes: &[u8],
    kinds: &[(&'static str, &'static str)],
    what: &str,
) -> Result<Document, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("an empty answer".to_owned());
    }
    let Some((root, entry)) = kind_of(bytes, kinds) else {
        return Err(format!(
            "no {what}: {:?}",
            excerpt(bytes).chars().take(80).collect::<String>()
        ));
    };
    let (open, close) = (format!("<{entry}"), format!("</{entry}"));
    let first = find_tag(bytes, 0, open.as_bytes());
    let head = &bytes[..first.unwrap_or(bytes.len())];
    let head = read(&String::from_utf8_lossy(head), Nesting::Head).unwrap_or_default();
    let mut entries = Vec::new();
    let mut next = first;
    let mut tail = first.unwrap_or(0);
    let (mut ends, mut brackets) = (Ahead::default(), Ahead::default());
    while let Some(start) = next {
        if entries.len() == ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} entries"));
        }
        next = find_tag(bytes, start + 1, open.as_bytes());
        let mut bracket = |from| {
            brackets.find(from, |from| {
                bytes[from..]
                    .iter()
                    .position(|&byte| byte == b'>')
                    .map(|at| from + at)
            })
        };
        let end = match bracket(start) {
            Some(end) if bytes[..end].ends_with(b"/") => Some(end + 1),
            _ => ends
                .find(start, |from| find_tag(bytes, from, close.as_bytes()))
                .and_then(bracket)
                .map(|at| at + 1),
        };
        match (end, next) {
            (Some(end), following) if following.is_none_or(|following| end <= following) => {
                tail = end;
                entries.push(read_entry(&bytes[start..end]));
            }
            // The next one begins before this one ends.
            (_, Some(following)) => {
                entries.push(Err(broken(
                    &bytes[start..following],
                    "it has no end".to_owned(),
                )));
            }
            // The document breaks off in it: it comes whole another time.
            _ => tail = bytes.len(),
        }
    }
    let is_whole = if root == entry {
        tail < bytes.len() || bytes.trim_ascii_end().ends_with(b">")
    } else {
        find_tag(bytes, tail, format!("</{root}").as_bytes()).is_some()
    };
    Ok(Document {
        head,
        token: token(&bytes[tail..]),
        entries,
        is_whole,
    })
}

/// The text of the `resumptionToken` in what follows the entries.
fn token(tail: &[u8]) -> Option<String> {
    let start = find_tag(tail, 0, b"<resumptionToken")?;
    let rest = &tail[start..];
    let open = rest.iter().position(|&byte| byte == b'>')?;
    if rest[..open].ends_with(b"/") {
        return Some(String::new());
    }
    let close = find_tag(rest, open, b"</resumptionToken")?;
    let element = [&rest[..close], b"</resumptionToken>"].concat();
    let element = read(std::str::from_utf8(&element).ok()?, Nesting::Entry).ok()?;
    Some(
        element
            .text("resumptionToken")
            .unwrap_or_default()
            .to_owned(),
    )
}

/// The next position of a mark, remembered: a document without end tags must not be
/// searched to its end for each start tag.
#[derive(Default)]
struct Ahead {
    searched_from: Option<usize>,
    at: Option<usize>,
}

impl Ahead {
    /// The first place at or after `from`, as `search` finds it.
    fn find(&mut self, from: usize, search: impl Fn(usize) -> Option<usize>) -> Option<usize> {
        let is_known = self.searched_from.is_some_and(|searched| from >= searched);
        if !is_known || self.at.is_some_and(|at| at < from) {
            (self.searched_from, self.at) = (Some(from), search(from));
        }
        self.at
    }
}

/// The name of the root and that of an entry.
fn kind_of(
    bytes: &[u8],
    kinds: &[(&'static str, &'static str)],
) -> Option<(&'static str, &'static str)> {
    let found = kinds.iter().filter_map(|kind| {
        Some((
            find_tag(bytes, 0, format!("<{}", kind.0).as_bytes())?,
            *kind,
        ))
    });
    let (at, kind) = found.min_by_key(|(at, _)| *at)?;
    // Before the root there are declarations and comments only.
    let before = std::str::from_utf8(&bytes[..at]).ok()?;
    let plain = before.trim().is_empty()
        || ["<?", "<!"]
            .iter()
            .any(|start| before.trim().starts_with(start));
    (plain && !before.to_lowercase().contains("<html")).then_some(kind)
}

/// Position of the next tag that begins like `tag`, at or after `from`.
fn find_tag(bytes: &[u8], from: usize, tag: &[u8]) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes
            .get(at..)?
            .windows(tag.len())
            .position(|window| window == tag)?;
        let after = bytes.get(at + tag.len());
        if after.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')) {
            return Some(at);
        }
        at += tag.len();
    }
}

fn read_entry(bytes: &[u8]) -> Result<Element, Broken> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        broken(
            bytes,
            format!("not UTF-8 at byte {}", error.valid_up_to() + 1),
        )
    })?;
    read(text, Nesting::Entry).map_err(|reason| broken(bytes, reason))
}

fn broken(bytes: &[u8], reason: String) -> Broken {
    Broken {
        reason,
        text: excerpt(bytes),
    }
}

fn excerpt(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(4 * KEPT_CHARS_MAX)];
    String::from_utf8_lossy(start)
        .trim()
        .chars()
        .take(KEPT_CHARS_MAX)
        .collect()
}

/// Kind of a piece of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    /// `<rss><channel>` or `<feed>`, and what follows, without an end.
    Head,
    /// `<item>…</item>` or `<entry>…</entry>`.
    Entry,
}

fn read(text: &str, nesting: Nesting) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut around: Vec<Field> = Vec::new();
    let mut element = Element {
        fields: Vec::new(),
        raw: excerpt(text.as_bytes()),
    };
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            // A head is read as far as it goes.
            Err(_) if nesting == Nesting::Head => return Ok(element),
            Err(error) => return Err(format!("not well-formed: {error}")),
        };
        match event {
            Event::Start(start) => around.push(opened(&start)?),
            Event::Empty(start) => {
                let field = opened(&start)?;
                close(field, &mut around, &mut element);
            }
            Event::End(_) => {
                let Some(field) = around.pop() else {
                    return Err("not well-formed: an end too many".to_owned());
                };
                close(field, &mut around, &mut element);
            }
            Event::Text(text) => add(&mut around, &text.xml10_content()),
            Event::CData(text) => add(&mut around, &text.xml10_content()),
            Event::GeneralRef(name) => match name.resolve_char_ref() {
                Ok(Some(c)) => add(&mut around, c.encode_utf8(&mut [0; 4])),
                Ok(None) => match resolve_html5_entity(&name) {
                    Some(text) => add(&mut around, text),
                    None => return Err(format!("not well-formed: unknown entity &{};", &*name)),
                },
                Err(error) => return Err(format!("not well-formed: {error}")),
            },
            Event::Eof if around.is_empty() || nesting == Nesting::Head => return Ok(element),
            Event::Eof => return Err("it has no end".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn opened(start: &BytesStart<'_>) -> Result<Field, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("not well-formed: {error}"))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| format!("not well-formed: {error}"))?;
        attributes.push((
            attribute.key.local_name().as_ref().to_owned(),
            value.into_owned(),
        ));
    }
    Ok(Field {
        name: start.local_name().as_ref().to_owned(),
        text: String::new(),
        attributes,
    })
}

/// `field` has ended. Its text counts for the element around it too: titles may hold markup.
fn close(mut field: Field, around: &mut [Field], element: &mut Element) {
    let is_part = |name: &str| {
        let feed = matches!(name, "rss" | "RDF" | "channel" | "feed" | "item" | "entry");
        let list = matches!(
            name,
            "OAI-PMH" | "ListRecords" | "GetRecord" | "ListIdentifiers" | "record" | "metadata"
        );
        feed || list || matches!(name, "arXiv" | "arXivRaw" | "arXivOld" | "dc")
    };
    if let Some(parent) = around.last_mut()
        && !is_part(&parent.name)
    {
        parent.text.push_str(&field.text);
        field.name = format!("{}/{}", parent.name, field.name);
    }
    element.fields.push(field);
}

fn add(around: &mut [Field], text: &str) {
    if let Some(innermost) = around.last_mut() {
        innermost.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(document: &str) -> (Vec<String>, bool) {
        let document = take_apart(document.as_bytes()).unwrap();
        let title = |entry: &Result<Element, Broken>| match entry {
            Ok(entry) => entry.text("title").unwrap_or("-").to_owned(),
            Err(broken) => format!("! {}", broken.reason),
        };
        (
            document.entries.iter().map(title).collect(),
            document.is_whole,
        )
    }

    #[test]
    fn one_bad_entry_costs_itself_only() {
        let (titles, is_whole) = titles(
            "<?xml version='1.0'?><rss><channel><title>t</title>\
             <item><title>a &amp; b &lt;c&gt; &#233;</title></item>\
             <item><title>open</item>\
             <item><title>no end</title>\
             <item><title>entity &nosuch;</title></item>\
             <item><title>amp & amp</title></item>\
             <item x=1><title>attribute</title></item>\
             <item><title><![CDATA[d < e]]></title></item >\
             <item/><items>no</items>\
             </channel></rss>",
        );
        insta::assert_snapshot!(titles.join("\n"));
        assert!(is_whole);
    }

    #[test]
    fn a_document_that_breaks_off_is_noticed() {
        assert_eq!(
            titles("<feed><entry><title>a</title></entry><entry><title>b</ti"),
            (vec!["a".to_owned()], false)
        );
        assert_eq!(
            titles("<feed><entry><title>a</title></entry>"),
            (vec!["a".to_owned()], false)
        );
        assert_eq!(titles("<feed><title>none</title></feed>"), (vec![], true));
    }

    #[test]
    fn what_is_no_feed_is_said() {
        for text in [
            "",
            " \n",
            "Rate exceeded.",
            "<!DOCTYPE html><html><body>503 <feed></feed></body></html>",
            "{\"a\":1}",
        ] {
            assert!(take_apart(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_document_of_beginnings_is_read_in_reasonable_time() {
        for start in ["<item>", "<item "] {
            let document = format!("<rss><channel>{}", start.repeat(ENTRIES_MAX - 1));
            assert!(!take_apart(document.as_bytes()).unwrap().is_whole);
        }
        assert!(take_apart(format!("<rss>{}", "<item>".repeat(2_000_000)).as_bytes()).is_err());
    }

    #[test]
    fn nested_and_prefixed_names_are_read() {
        let document = take_apart(
            b"<feed><o:totalResults>7</o:totalResults><entry><author><name>A</name></author><author><name>B</name></author>\
              <category term=\"cs.LG\" scheme=\"s\"/><title>x <i>y</i></title></entry></feed>",
        )
        .unwrap();
        assert_eq!(document.head.text("totalResults"), Some("7"));
        let entry = document.entries[0].as_ref().unwrap();
        assert_eq!(entry.texts("author/name").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(
            entry.attributes("category", "term").collect::<Vec<_>>(),
            ["cs.LG"]
        );
        assert_eq!(entry.text("title/i"), Some("y"));
    }
}
