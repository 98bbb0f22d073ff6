//! A lenient reader of XML, which returns a tree. Pure.
//!
//! An XML parser has to stop at the first thing that is not well-formed, and
//! many feeds hold one: a bare `&`, an end that is missing, a name from HTML.
//! This reader has no errors: what it cannot parse is text, an end tag closes the
//! open element of that name, and an entry that is still open where the next one
//! begins, or where the document ends, is marked as broken.
//! (arXiv's own feeds are read by `arxiv/markup.rs`, which is strict: there,
//! what is ill-formed has been damaged.)

use quick_xml::escape::resolve_html5_entity;
use std::fmt::Write as _;
use std::ops::Range;

/// Elements within elements; deeper ones count as beside each other. Trees are
/// walked recursively, and nothing that is read here needs a quarter of it.
const DEPTH_MAX: usize = 64;

/// Elements in one document.
const ELEMENTS_MAX: usize = 2_000_000;

/// An element.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Element {
    /// Name with its prefix.
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Child>,
    /// Its range in the text.
    pub(super) place: Range<usize>,
    /// Whether its end tag is missing.
    pub(super) is_broken: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Child {
    Element(Element),
    Text(String),
}

impl Element {
    /// Its name without a prefix.
    pub(super) fn name(&self) -> &str {
        local(&self.name)
    }

    /// Its prefix; empty if it has none.
    pub(super) fn prefix(&self) -> &str {
        self.name.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// The value of an attribute, with or without a prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| local(key).eq_ignore_ascii_case(name);
        self.attributes
            .iter()
            .find(named)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Its elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    /// Its elements called `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements()
            .filter(move |element| element.name().eq_ignore_ascii_case(name))
    }

    /// The first element at the end of a path of names: `Journal/Title`.
    pub(super) fn at(&self, path: &str) -> Option<&Element> {
        let mut element = self;
        for name in path.split('/') {
            element = element
                .elements()
                .find(|inner| inner.name().eq_ignore_ascii_case(name))?;
        }
        Some(element)
    }

    /// The text of the element at the end of a path, if it is not empty.
    pub(super) fn text_at(&self, path: &str) -> Option<String> {
        self.at(path)
            .map(Element::text)
            .filter(|text| !text.is_empty())
    }

    /// The outermost elements below it that match `is_one`, in document order.
    pub(super) fn find<'a>(
        &'a self,
        is_one: &impl Fn(&Element) -> bool,
        found: &mut Vec<&'a Element>,
    ) {
        for element in self.elements() {
            if is_one(element) {
                found.push(element);
            } else {
                element.find(is_one, found);
            }
        }
    }

    /// The text of it and its elements, trimmed.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        self.add_text(&mut text);
        text.trim().to_owned()
    }

    fn add_text(&self, text: &mut String) {
        for child in &self.children {
            match child {
                Child::Text(own) => text.push_str(own),
                Child::Element(element) => element.add_text(text),
            }
        }
    }

    /// Whether it has elements.
    pub(super) fn holds_elements(&self) -> bool {
        self.elements().next().is_some()
    }

    /// Its content as markup for [`crate::text`]: text escaped, elements as tags.
    pub(super) fn markup(&self) -> String {
        let mut markup = String::new();
        self.add_markup(&mut markup);
        markup
    }

    fn add_markup(&self, markup: &mut String) {
        for child in &self.children {
            match child {
                Child::Text(text) => {
                    for c in text.chars() {
                        match c {
                            '&' => markup.push_str("&amp;"),
                            '<' => markup.push_str("&lt;"),
                            '>' => markup.push_str("&gt;"),
                            _ => markup.push(c),
                        }
                    }
                }
                Child::Element(element) => {
                    let _ = write!(markup, "<{}>", element.name);
                    element.add_markup(markup);
                    let _ = write!(markup, "</{}>", element.name);
                }
            }
        }
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    /// A nameless element that holds the root.
    pub(super) top: Element,
    /// Whether the end tag of the root is there.
    pub(super) is_whole: bool,
}

/// Reads `text`, in which an element named in `entries` never holds another of its name.
pub(super) fn read(text: &str, entries: &[&str]) -> Document {
    let mut reader = Reader {
        text,
        at: 0,
        open: vec![Element::default()],
        elements: 0,
        entries,
        gone: Vec::new(),
    };
    while reader.at < text.len() {
        reader.step();
    }
    let is_whole = reader.open.len() == 1 && reader.open[0].holds_elements();
    while reader.open.len() > 1 {
        reader.close_innermost(text.len(), true);
    }
    Document {
        top: reader.open.swap_remove(0),
        is_whole,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Open elements; the first one is the document.
    open: Vec<Element>,
    elements: usize,
    entries: &'a [&'a str],
    /// Marks that the rest of the text does not hold; they are not searched for again.
    gone: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(tag) = rest.find('<') else {
            return self.take_text(rest);
        };
        if tag > 0 {
            return self.take_text(&rest[..tag]);
        }
        if let Some(data) = rest.strip_prefix("<![CDATA[") {
            // Without an end, the entry around it goes on to the next tag that looks like its end.
            let (data, length) = match self.find(data, "]]>") {
                Some(end) => (&data[..end], "<![CDATA[".len() + end + "]]>".len()),
                None => ("", "<![CDATA[".len()),
            };
            self.add(data);
            self.at += length;
        } else if rest.starts_with("<!--") {
            self.skip_to("-->");
        } else if rest.starts_with("<?") {
            self.skip_to("?>");
        } else if rest.starts_with("<!") {
            self.skip_declaration();
        } else if let Some(end) = rest.strip_prefix("</") {
            let name = end
                .split(|c: char| c == '>' || c == '<' || c.is_whitespace())
                .next()
                .unwrap_or_default();
            let length = end.find(['>', '<']).map_or(rest.len(), |at| {
                2 + at + usize::from(end[at..].starts_with('>'))
            });
            self.at += length;
            self.close(name);
        } else if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
            self.take_start();
        } else {
            self.add("<");
            self.at += 1;
        }
    }

    fn take_text(&mut self, text: &'a str) {
        let decoded = decode(text);
        self.add(&decoded);
        self.at += text.len();
    }

    fn add(&mut self, text: &str) {
        let innermost = self.open.last_mut().expect("the document stays open");
        match innermost.children.last_mut() {
            Some(Child::Text(known)) => known.push_str(text),
            _ if text.is_empty() => {}
            _ => innermost.children.push(Child::Text(text.to_owned())),
        }
    }

    fn skip_to(&mut self, end: &'static str) {
        let rest = &self.text[self.at..];
        // Without an end, it is not what it looks like.
        self.at += self.find(rest, end).map_or(2, |at| at + end.len());
    }

    fn find(&mut self, rest: &str, end: &'static str) -> Option<usize> {
        if self.gone.contains(&end) {
            return None;
        }
        let found = rest.find(end);
        if found.is_none() {
            self.gone.push(end);
        }
        found
    }

    /// `<!DOCTYPE … [ <!ENTITY …> ]>`
    fn skip_declaration(&mut self) {
        let rest = &self.text[self.at..];
        let Some(close) = self.find(rest, ">") else {
            self.at += 2;
            return;
        };
        let end = rest[..close]
            .find('[')
            .and_then(|from| Some(from + self.find(&rest[from..], "]")?));
        let from = end.unwrap_or(close);
        self.at += self
            .find(&rest[from..], ">")
            .map_or(close + 1, |at| from + at + 1);
    }

    fn take_start(&mut self) {
        let rest = &self.text[self.at..];
        let name_end = rest[1..].find(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<'));
        let name_end = name_end.map_or(rest.len(), |at| at + 1);
        let name = rest[1..name_end].to_owned();
        let start = self.at;
        let mut element = Element {
            name,
            place: start..start,
            ..Element::default()
        };
        let (length, is_empty) = attributes(&rest[name_end..], &mut element.attributes);
        self.at += name_end + length;
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return;
        }
        if self
            .entries
            .iter()
            .any(|entry| entry.eq_ignore_ascii_case(element.name()))
            && let Some(around) = self
                .open
                .iter()
                .rposition(|open| open.name().eq_ignore_ascii_case(element.name()))
        {
            while self.open.len() > around {
                self.close_innermost(start, true);
            }
        }
        let is_deep = self.open.len() > DEPTH_MAX;
        self.open.push(element);
        if is_empty || is_deep {
            self.close_innermost(self.at, false);
        }
    }

    /// Closes the innermost open element of that name, and those in it.
    fn close(&mut self, name: &str) {
        let Some(at) = self
            .open
            .iter()
            .rposition(|open| open.name.eq_ignore_ascii_case(name))
            .filter(|&at| at > 0)
        else {
            return;
        };
        while self.open.len() > at {
            self.close_innermost(self.at, false);
        }
    }

    fn close_innermost(&mut self, end: usize, is_broken: bool) {
        let mut element = self.open.pop().expect("only what is open is closed");
        element.place.end = end;
        element.is_broken = is_broken;
        self.open
            .last_mut()
            .expect("the document stays open")
            .children
            .push(Child::Element(element));
    }
}

/// The attributes at the start of `text`, up to the end of the tag: how long that
/// is, and whether the element ends with its tag.
fn attributes(text: &str, attributes: &mut Vec<(String, String)>) -> (usize, bool) {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        at += blank;
        if rest.is_empty() || rest.starts_with('<') {
            return (at, false);
        }
        if rest.starts_with('>') {
            return (at + 1, false);
        }
        if rest.starts_with("/>") {
            return (at + 2, true);
        }
        let name_end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '<'))
            .unwrap_or(rest.len());
        // An empty tag whose last attribute has no value.
        let name_end = match rest[..name_end].find('/') {
            Some(slash) if slash > 0 => slash,
            _ => name_end.max(rest.chars().next().map_or(1, char::len_utf8)),
        };
        let name = &rest[..name_end];
        at += name_end;
        let behind = rest[name_end..].trim_start();
        let Some(value) = behind.strip_prefix('=') else {
            continue;
        };
        at += rest[name_end..].len() - behind.len() + 1;
        let trimmed = value.trim_start();
        at += value.len() - trimmed.len();
        let quote = trimmed.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quoted = quote.and_then(|quote| Some(&trimmed[1..=trimmed[1..].find(quote)?]));
        let (value, length) = if let Some(quoted) = quoted {
            (quoted, quoted.len() + 2)
        } else {
            let end = trimmed
                .find(|c: char| c.is_whitespace() || matches!(c, '>' | '<'))
                .unwrap_or(trimmed.len());
            (trimmed[..end].trim_matches(['"', '\'']), end)
        };
        if attributes.len() < 100 {
            attributes.push((name.to_owned(), decode(value)));
        }
        at += length;
    }
}

/// Entities become what they stand for, once; what is none stays.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(34).position(|byte| byte == b';');
        let meant = end.and_then(|end| entity(&rest[1..end]));
        if let (Some(meant), Some(end)) = (meant, end) {
            out.push_str(&meant);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<String> {
    let code = match name.strip_prefix('#') {
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(code) => u32::from_str_radix(code, 16).ok()?,
            None => code.parse().ok()?,
        },
        None => return resolve_html5_entity(name).map(str::to_owned),
    };
    // Characters of windows-1252 (HTML Standard, "numeric character reference end state").
    if (0x80..=0x9f).contains(&code) {
        return Some(
            encoding_rs::WINDOWS_1252
                .decode(&[code as u8])
                .0
                .into_owned(),
        );
    }
    char::from_u32(code).map(String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        fn add(element: &Element, out: &mut String) {
            let broken = if element.is_broken { "!" } else { "" };
            let _ = write!(out, "{broken}{}", element.name);
            for (name, value) in &element.attributes {
                let _ = write!(out, " {name}={value:?}");
            }
            out.push('(');
            for child in &element.children {
                match child {
                    Child::Element(element) => add(element, out),
                    Child::Text(text) => out.push_str(text),
                }
            }
            out.push(')');
        }
        let document = read(text, &["item"]);
        let mut out = String::new();
        add(&document.top, &mut out);
        if !document.is_whole {
            out.push_str(" …");
        }
        out
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(shown(text), expected, "{text}");
    }

    #[test]
    fn what_is_well_formed_is_read_as_it_is() {
        check(
            "<?xml version='1.0'?><!-- <x> --><a:b c=\"1 &amp; 2\" d='>'/>",
            "(a:b c=\"1 & 2\" d=\">\"())",
        );
        check(
            "<a>x &lt;b&gt; &#233;&eacute;&#x2014;<![CDATA[<c> &amp;]]></a>",
            "(a(x <b> éé—<c> &amp;))",
        );
        check(
            "<!DOCTYPE a [ <!ENTITY x \"y\"> ]><a>1<b/>2</a >",
            "(a(1b()2))",
        );
    }

    #[test]
    fn what_is_not_is_read_as_it_was_meant() {
        check(
            "<a>AT&T & you &nosuch; 1 < 2</a>",
            "(a(AT&T & you &nosuch; 1 < 2))",
        );
        check(
            "<a href=x?a=1&b=2 checked>y</b></a>",
            "(a href=\"x?a=1&b=2\"(y))",
        );
        check("<a><br><i>x</a>", "(a(br(i(x))))");
        check(
            "<item><title>a</title><item>b</item>",
            "(!item(title(a))item(b))",
        );
        check(
            "<r><item>a</item><item><title>b</ti",
            "(!r(item(a)!item(!title(b)))) …",
        );
        check("<a>&#150;&#0;</a>", "(a(–\0))");
        check("", "() …");
    }

    #[test]
    fn no_depth_and_no_length_make_it_fail() {
        for piece in [
            "<a>",
            "<a ",
            "<![CDATA[",
            "<!--",
            "<item>",
            "</a>",
            "&",
            "<a b='",
            "<!x [",
            "<?",
        ] {
            let _ = read(&piece.repeat(100_000), &["item"]);
        }
    }

    #[test]
    fn markup_is_what_was_written() {
        let document = read("<t>p &lt; 1 <sup>99m</sup>Tc</t>", &[]);
        assert_eq!(
            document.top.elements().next().unwrap().markup(),
            "p &lt; 1 <sup>99m</sup>Tc"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "[<>/&;#a-c=\"' !\\[\\]-]{0,80}|\\PC{0,60}") {
            let _ = read(&text, &["a"]);
        }
    }
}
