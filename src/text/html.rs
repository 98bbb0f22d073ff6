//! HTML, JATS and `MathML` markup, as plain text.
//!
//! Feeds and Crossref put markup into titles and abstracts: HTML, the JATS
//! tag set (<https://jats.nlm.nih.gov/archiving/tag-library/>) and `MathML`.
//! Only tags of those vocabularies are markup. Papers on language models talk
//! about `<think>` and `<image>`, and `p < 0.05 and q > 3` is no tag.

use std::borrow::Cow;
use std::collections::HashMap;

use mail_parser::decoders::html::add_html_token;

use super::encoding::windows_1252;
use super::superscripts::{bracketed, push_subscript, push_superscript};

/// Removes tags and decodes entities; block elements become blank lines.
///
/// The content of scripts, styles and comments is dropped. A text that still holds
/// entities, or tags that open and close, was escaped once too often and is decoded
/// again.
pub fn strip_markup(raw: &str) -> String {
    decode(raw, strip_once, |text| {
        holds_entity(text) || Layout::of(text).holds_element(text)
    })
}

/// Decodes entities and keeps all else, `<b>` included.
pub fn decode_entities(raw: &str) -> String {
    decode(raw, replace_entities, holds_entity)
}

/// Applies `step` while `again` finds something to decode. Feeds escape two or three times; the
/// limit keeps hostile text linear.
fn decode(raw: &str, step: impl Fn(&str) -> String, again: impl Fn(&str) -> bool) -> String {
    const ROUNDS_MAX: usize = 3;
    if !raw.contains(['<', '&']) {
        return raw.to_owned();
    }
    let mut text = step(raw);
    for _ in 1..ROUNDS_MAX {
        if !again(&text) {
            break;
        }
        text = step(&text);
    }
    text
}

fn replace_entities(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let (text, length) = entity(&rest[at..]);
        out.push_str(&text);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

fn holds_entity(text: &str) -> bool {
    text.match_indices('&')
        .any(|(at, _)| entity(&text[at..]).1 > 1)
}

fn strip_once(raw: &str) -> String {
    let mut page = HtmlReader {
        out: String::with_capacity(raw.len()),
        layout: Layout::of(raw),
        scripts: Vec::new(),
        holds_mathml: raw.contains("<mml:math") || raw.contains("<math"),
        end_missing: false,
    };
    let mut at = 0;
    while let Some(found) = raw[at..].find(['<', '&']) {
        page.out.push_str(&raw[at..at + found]);
        at += found;
        let rest = &raw[at..];
        at += if rest.starts_with('&') {
            let (text, length) = entity(rest);
            page.out.push_str(&text);
            length
        } else {
            page.tag(raw, at)
        };
    }
    page.out.push_str(&raw[at..]);
    while let Some(script) = page.scripts.pop() {
        page.close_script(&script);
    }
    page.out
}

/// Positions that distinguish a tag from a mean (`$<B>$`), a comparison (`a<b>c`) and a token
/// (`<title>`).
struct Layout {
    /// The offset of the last end tag of each element, by its name in lower case.
    ends: HashMap<String, usize>,
    /// The offsets of dollar signs, which may enclose formulas of TeX.
    dollars: Vec<usize>,
    /// Whether the text has block elements, as pages have.
    has_blocks: bool,
}

impl Layout {
    fn of(raw: &str) -> Self {
        let mut layout = Layout {
            ends: HashMap::new(),
            dollars: Vec::new(),
            has_blocks: false,
        };
        for (at, sign) in raw.match_indices(['<', '$']) {
            if sign == "$" {
                layout.dollars.push(at);
            } else if let Some(tag) = Tag::parse(&raw[at..]) {
                if tag.closes {
                    layout.ends.insert(tag.name.to_ascii_lowercase(), at);
                } else {
                    let name = tag.name.to_ascii_lowercase();
                    layout.has_blocks |= matches!(name.as_str(), "p" | "br" | "div")
                        && layout.formula_at(raw, at).is_none();
                }
            }
        }
        layout
    }

    /// The range between the dollar signs around `at`, if there are such.
    fn formula_at(&self, raw: &str, at: usize) -> Option<(usize, usize)> {
        // A longer range between dollar signs is prose about prices.
        const LONGEST: usize = 200;
        let place = self.dollars.partition_point(|dollar| *dollar < at);
        let start = *self.dollars.get(place.checked_sub(1)?)?;
        let end = match self.dollars.get(place) {
            Some(end) => *end,
            None => {
                at + raw.as_bytes()[at..]
                    .iter()
                    .take(LONGEST)
                    .position(|b| *b == b'$')?
            }
        };
        let is_open = place % 2 == 1;
        (is_open && end - start <= LONGEST).then_some((start, end))
    }

    /// Whether the tag at `at` is markup and not text.
    fn is_markup(&self, raw: &str, at: usize, tag: &Tag<'_>) -> bool {
        if tag.has_attributes || tag.empty || tag.closes || tag.name.contains(':') {
            return true;
        }
        let end = self.ends.get(&tag.name.to_ascii_lowercase());
        match self.formula_at(raw, at) {
            Some((_, formula_end)) => end.is_some_and(|end| (at..formula_end).contains(end)),
            None => self.has_blocks || tag.may_stay_open() || end.is_some_and(|end| *end > at),
        }
    }

    /// Whether the text contains an element with both its tags.
    fn holds_element(&self, text: &str) -> bool {
        let mut tags = text.match_indices('<');
        !self.ends.is_empty()
            && tags.any(|(at, _)| {
                Tag::parse(&text[at..]).is_some_and(|tag| {
                    let end = self.ends.get(&tag.name.to_ascii_lowercase());
                    !tag.closes && end.is_some_and(|end| *end > at)
                })
            })
    }
}

struct HtmlReader {
    out: String,
    layout: Layout,
    /// Open elements that raise or lower their text.
    scripts: Vec<OpenScript>,
    /// Whether the text holds formulas in `MathML`, beside those in TeX.
    holds_mathml: bool,
    /// Whether the end of a dropped element was not found once; searching again for every further
    /// one would be quadratic.
    end_missing: bool,
}

/// An open `<sup>`, `<sub>`, `<msup>`, `<msub>`, `<msubsup>`, `<mfrac>` or root.
struct OpenScript {
    name: &'static str,
    /// The offset of its content in the output.
    start: usize,
    /// For `MathML`: the offset of its second child.
    second: Option<usize>,
    /// For `MathML`: the offset of its third child.
    third: Option<usize>,
    /// For `MathML`: the depth of the current element in it.
    depth: usize,
}

// Deeper nesting of raised text is read flat.
const MAX_SCRIPTS: usize = 16;

impl HtmlReader {
    /// Reads the tag at `at` and returns its length; a `<` that begins no tag is copied.
    fn tag(&mut self, raw: &str, at: usize) -> usize {
        let rest = &raw[at..];
        for (open, close) in [("<!--", "-->"), ("<![CDATA[", "]]>")] {
            let Some(inner) = rest.strip_prefix(open).filter(|_| !self.end_missing) else {
                continue;
            };
            self.end_missing = !inner.contains(close);
            if let Some(length) = inner.find(close) {
                if open == "<![CDATA[" {
                    self.out.push_str(&inner[..length]);
                }
                return open.len() + length + close.len();
            }
        }
        let tag = Tag::parse(rest).filter(|tag| self.layout.is_markup(raw, at, tag));
        let Some(tag) = tag else {
            self.out.push('<');
            return 1;
        };
        match tag.kind {
            TagKind::Dropped if !tag.closes && !tag.empty => return self.dropped(rest, &tag),
            TagKind::Block => self.out.push_str("\n\n"),
            TagKind::Break => self.out.push('\n'),
            TagKind::Cell => self.out.push(' '),
            TagKind::Inline | TagKind::Dropped => {}
            TagKind::Script(name) => self.script(name, tag.closes || tag.empty),
        }
        if tag.is_math() && !matches!(tag.kind, TagKind::Script(_)) {
            self.math_child(tag.closes, tag.empty);
        }
        tag.length
    }

    fn dropped(&mut self, rest: &str, tag: &Tag) -> usize {
        let only_copy = tag.name.ends_with("tex-math") && !self.holds_mathml;
        if self.end_missing || only_copy {
            return tag.length;
        }
        let length = dropped_length(rest, tag);
        self.end_missing = length.is_none();
        length.unwrap_or(tag.length)
    }

    fn script(&mut self, name: &'static str, closes: bool) {
        if closes {
            if let Some(place) = self.scripts.iter().rposition(|open| open.name == name) {
                while self.scripts.len() > place {
                    if let Some(script) = self.scripts.pop() {
                        self.close_script(&script);
                    }
                }
                self.math_child(true, false);
            }
        } else if self.scripts.len() < MAX_SCRIPTS {
            self.math_child(false, false);
            self.scripts.push(OpenScript {
                name,
                start: self.out.len(),
                second: None,
                third: None,
                depth: 0,
            });
        }
    }

    /// Counts the children of the innermost `MathML` script.
    fn math_child(&mut self, closes: bool, empty: bool) {
        let here = self.out.len();
        let Some(script) = self.scripts.last_mut() else {
            return;
        };
        if closes {
            script.depth = script.depth.saturating_sub(1);
        } else if !empty {
            script.depth += 1;
        }
        if closes && script.depth == 0 {
            if script.second.is_none() {
                script.second = Some(here);
            } else if script.third.is_none() {
                script.third = Some(here);
            }
        }
    }

    fn close_script(&mut self, script: &OpenScript) {
        let above = match (script.name, script.third) {
            ("msubsup", Some(third)) if third <= self.out.len() => self.out.split_off(third),
            _ => String::new(),
        };
        let start = match script.name {
            "sup" | "sub" | "msqrt" => script.start,
            _ => script.second.unwrap_or(script.start),
        };
        let inner = self.out.split_off(start.min(self.out.len()));
        let shift = inner.contains("\n\n");
        match script.name {
            _ if shift => self.out.push_str(&inner),
            "mfrac" => {
                self.out.push('/');
                self.out.push_str(inner.trim());
            }
            "msqrt" => push_root(&mut self.out, &inner),
            "mroot" => {
                let base = self.out.split_off(script.start.min(self.out.len()));
                push_superscript(&mut self.out, &inner);
                push_root(&mut self.out, &base);
            }
            "mover" => match accent(&inner)
                .filter(|_| is_one_letter(&self.out[script.start.min(self.out.len())..]))
            {
                Some(accent) => self.out.push(accent),
                None => push_superscript(&mut self.out, &inner),
            },
            "sup" | "msup" => push_superscript(&mut self.out, &inner),
            _ => push_subscript(&mut self.out, &inner),
        }
        if !above.is_empty() {
            push_superscript(&mut self.out, &above);
        }
    }
}

/// Appends the root of `inner`, in brackets unless it is one thing.
fn push_root(out: &mut String, inner: &str) {
    let inner = inner.trim();
    let is_plain =
        inner.chars().all(|c| c.is_ascii_digit()) || is_one_letter(inner) || bracketed(inner);
    out.push('√');
    let (open, close) = if is_plain { ("", "") } else { ("(", ")") };
    out.extend([open, inner, close]);
}

fn is_one_letter(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none()
}

/// The combining form of an accent over a letter.
fn accent(over: &str) -> Option<char> {
    Some(match over.trim() {
        "¯" | "‾" | "―" | "\u{304}" | "\u{305}" => '\u{304}',
        "^" | "ˆ" | "\u{302}" => '\u{302}',
        "~" | "˜" | "∼" | "\u{303}" => '\u{303}',
        "˙" | "." | "\u{307}" => '\u{307}',
        "¨" | ".." | "\u{308}" => '\u{308}',
        "→" | "⃗" => '\u{20D7}',
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TagKind {
    Inline,
    Block,
    Break,
    Cell,
    Dropped,
    Script(&'static str),
}

struct Tag<'a> {
    name: &'a str,
    kind: TagKind,
    length: usize,
    closes: bool,
    empty: bool,
    has_attributes: bool,
}

impl<'a> Tag<'a> {
    fn parse(rest: &'a str) -> Option<Self> {
        let inner = rest.strip_prefix('<')?;
        let closes = inner.starts_with('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let name_length = inner
            .bytes()
            .position(|b| !(b.is_ascii_alphanumeric() || b == b'-' || b == b':'))?;
        let name = &inner[..name_length];
        let local = name.rsplit(':').next()?;
        // The longest name of the vocabularies below has 18 letters.
        if local.len() > 20 {
            return None;
        }
        let kind = kind_of(&local.to_ascii_lowercase(), name.contains(':'))?;
        let (attributes, empty) = attributes_length(&inner[name_length..])?;
        Some(Self {
            name,
            kind,
            length: 1 + usize::from(closes) + name_length + attributes,
            closes,
            empty,
            has_attributes: attributes > 2,
        })
    }

    /// Whether this is an element of `MathML` that counts as a child.
    fn is_math(&self) -> bool {
        self.name.rsplit(':').next().is_some_and(is_math)
    }

    /// Whether an element has no end tag, or one that is often left out.
    fn may_stay_open(&self) -> bool {
        let name = self.name.to_ascii_lowercase();
        let names = [
            "p",
            "br",
            "hr",
            "img",
            "li",
            "dt",
            "dd",
            "tr",
            "td",
            "th",
            "break",
            "mspace",
            "none",
            "mprescripts",
            "inline-graphic",
        ];
        names.contains(&name.as_str())
    }
}

/// The length of the attributes with the closing `>`, and whether the element
/// is empty. `None` if this is prose: `<i and j>`.
fn attributes_length(rest: &str) -> Option<(usize, bool)> {
    // Attribute lists of real metadata are much shorter; the limit keeps text of nothing but
    // `<a ` linear.
    const LONGEST: usize = 2000;
    let bytes = &rest.as_bytes()[..rest.len().min(LONGEST)];
    let mut at = 0;
    loop {
        let blanks = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_whitespace())
            .count();
        at += blanks;
        match bytes.get(at)? {
            b'>' => return Some((at + 1, false)),
            b'/' if bytes.get(at + 1) == Some(&b'>') => return Some((at + 2, true)),
            _ if blanks == 0 => return None,
            _ => {}
        }
        let name = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-:_.".contains(b))
            .count();
        if name == 0 || bytes.get(at + name) != Some(&b'=') {
            return None;
        }
        at += name + 1;
        at += match bytes.get(at)? {
            quote @ (b'"' | b'\'') => 2 + bytes[at + 1..].iter().position(|b| b == quote)?,
            _ => bytes[at..]
                .iter()
                .position(|b| b.is_ascii_whitespace() || *b == b'>')?,
        };
    }
}

fn kind_of(name: &str, prefixed: bool) -> Option<TagKind> {
    Some(match name {
        "p" | "div" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table"
        | "blockquote" | "pre" | "section" | "article" | "sec" | "abstract" | "title"
        | "header" | "footer" | "list" | "disp-formula" | "figure" | "hr" | "body" | "head"
        | "html" => TagKind::Block,
        "br" | "li" | "tr" | "dt" | "dd" | "list-item" | "break" => TagKind::Break,
        "td" | "th" | "img" | "mtd" | "mtr" | "mtable" | "mspace" => TagKind::Cell,
        "script" | "style" | "annotation" | "annotation-xml" | "tex-math" => TagKind::Dropped,
        "sup" => TagKind::Script("sup"),
        "sub" => TagKind::Script("sub"),
        "msup" => TagKind::Script("msup"),
        "mover" => TagKind::Script("mover"),
        "msubsup" | "munderover" => TagKind::Script("msubsup"),
        "msqrt" => TagKind::Script("msqrt"),
        "mroot" => TagKind::Script("mroot"),
        "msub" | "munder" => TagKind::Script("msub"),
        "mfrac" => TagKind::Script("mfrac"),
        // `<s>` is missing on purpose: it is the start token of many models.
        "a" | "b" | "i" | "u" | "em" | "strong" | "span" | "small" | "big" | "tt" | "code"
        | "font" | "cite" | "abbr" | "mark" | "q" | "del" | "ins" | "center" | "strike"
        | "italic" | "bold" | "sc" | "monospace" | "roman" | "sans-serif" | "underline"
        | "ext-link" | "xref" | "uri" | "email" | "inline-formula" | "alternatives"
        | "named-content" | "styled-content" | "label" | "fn" | "inline-graphic" | "math"
        | "mrow" | "mi" | "mn" | "mo" | "mtext" | "mstyle" | "mfenced" | "mpadded" | "mphantom"
        | "menclose" | "semantics" | "ms" | "mmultiscripts" | "mprescripts" | "none" => {
            TagKind::Inline
        }
        _ if prefixed => TagKind::Inline,
        _ => return None,
    })
}

fn is_math(name: &str) -> bool {
    matches!(
        name,
        "mrow" | "mi" | "mn" | "mo" | "mtext" | "mstyle" | "mfenced" | "mpadded" | "ms"
    )
}

/// The length of an element whose content is dropped.
fn dropped_length(rest: &str, tag: &Tag) -> Option<usize> {
    let mut at = tag.length;
    while let Some(found) = rest[at..].find("</") {
        let inner = &rest[at + found + 2..];
        if inner
            .get(..tag.name.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(tag.name))
        {
            let end = inner.find('>')?;
            return Some(at + found + 2 + end + 1);
        }
        at += found + 2;
    }
    None
}

/// Decodes the entity at the start of `rest`; returns its text and length.
fn entity(rest: &str) -> (Cow<'static, str>, usize) {
    const NO_ENTITY: (Cow<'static, str>, usize) = (Cow::Borrowed("&"), 1);
    // HTML's longest name, `CounterClockwiseContourIntegral`, has 31 letters.
    let Some(end) = rest.bytes().take(34).position(|b| b == b';') else {
        return NO_ENTITY;
    };
    let name = &rest[1..end];
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#') {
        return NO_ENTITY;
    }
    if let Some(number) = name.strip_prefix('#') {
        return numeric(number).map_or(NO_ENTITY, |c| (Cow::Owned(c.to_string()), end + 1));
    }
    // The table of the HTML standard, section 13.5, as the reader of mails has it.
    let mut decoded = String::new();
    add_html_token(&mut decoded, &rest.as_bytes()[..=end], false);
    match decoded.as_str() {
        text if text == &rest[..=end] => NO_ENTITY,
        _ => (Cow::Owned(decoded), end + 1),
    }
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    // HTML standard section 13.2.5.80: 0x80 to 0x9F are read as windows-1252.
    match u8::try_from(code) {
        Ok(byte @ 0x80..0xA0) => Some(windows_1252(byte)),
        _ => char::from_u32(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: &str) {
        assert_eq!(strip_markup(raw).trim(), expected, "{raw:?}");
    }

    #[test]
    fn tags_go_and_their_text_stays() {
        check("A <b>bold</b> <i class=\"x\">claim</i>", "A bold claim");
        check(
            "see <a href='https://a.example/?q=1>0'>this</a>",
            "see this",
        );
        check("<p>One.</p><p>Two.</p>", "One.\n\n\n\nTwo.");
        check("one<br/>two", "one\ntwo");
        check(
            "<jats:p>An <jats:italic>E. coli</jats:italic> study</jats:p>",
            "An E. coli study",
        );
        check("<?xml?>x", "<?xml?>x");
    }

    #[test]
    fn raised_and_lowered_text_uses_unicode() {
        check("H<sub>2</sub>O, x<sup>2</sup>", "H₂O, x²");
        check("x<sub>max</sub> and y<sup>α+1</sup>", "x_max and y^(α+1)");
        check(
            "<mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>",
            "x²",
        );
        check(
            "<math><mfrac><mrow><mi>a</mi></mrow><mi>b</mi></mfrac></math>",
            "a/b",
        );
        check(
            "<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>",
            "xᵢ²",
        );
        check(
            "<math><munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi></math>",
            "∑ᵢ₌₁ⁿi",
        );
        check("<math><msqrt><mi>x</mi></msqrt></math>", "√x");
        check(
            "<math><msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt></math>",
            "√(x+1)",
        );
        check("<math><mroot><mn>10</mn><mn>3</mn></mroot></math>", "³√10");
        check(
            "<math><mover><mi>x</mi><mo>¯</mo></mover></math>",
            "x\u{304}",
        );
        check(
            "<math><msup><msqrt><mi>a</mi></msqrt><mn>2</mn></msup></math>",
            "√a²",
        );
        check("<math><msubsup><mi>x</mi></msubsup></math>", "x");
        check(
            "<msub><mi>l</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow></msub>",
            "lₙ₊₁",
        );
    }

    #[test]
    fn comparisons_and_tokens_are_no_tags() {
        check("p < 0.05 and q > 3", "p < 0.05 and q > 3");
        check("a<b and c>d", "a<b and c>d");
        check("pairs <i, j> of <i and j>", "pairs <i, j> of <i and j>");
        check(
            "a <think> token, <s>, </answer>",
            "a <think> token, <s>, </answer>",
        );
        check("x <", "x <");
    }

    #[test]
    fn entities_are_decoded_until_none_is_left() {
        check("R&amp;D &lt;b&gt; &#233;&#xe9; &eacute;", "R&D <b> éé é");
        check(
            "R&amp;amp;D, &amp;lt;k&amp;gt;, &amp;eacute;",
            "R&D, <k>, é",
        );
        check("&lt;i&gt;E. coli&lt;/i&gt; on agar", "E. coli on agar");
        check("&amp;lt;i&amp;gt;E. coli&amp;lt;/i&amp;gt;", "E. coli");
        check("H&lt;sub&gt;2&lt;/sub&gt;O", "H₂O");
        check(
            "p &lt; 0.05, &lt;think&gt;, &lt;title&gt;",
            "p < 0.05, <think>, <title>",
        );
        check(
            "AT&T; &nosuch; &#xFFFFFFFF; & a",
            "AT&T; &nosuch; &#xFFFFFFFF; & a",
        );
        check("it&#146;s", "it’s");
    }

    #[test]
    fn every_entity_name_of_html_4_is_known() {
        // HTML 4.01 section 24: ISO 8859-1, symbols, mathematics, Greek, and signs of markup.
        let names = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
            deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 \
            iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave \
            Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute \
            Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave \
            eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml \
            divide oslash ugrave uacute ucirc uuml yacute thorn yuml fnof Alpha Beta Gamma Delta \
            Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau Upsilon Phi \
            Chi Psi Omega alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi \
            omicron pi rho sigmaf sigma tau upsilon phi chi psi omega thetasym upsih piv bull hellip \
            prime Prime oline frasl weierp image real trade alefsym larr uarr rarr darr harr crarr \
            lArr uArr rArr dArr hArr forall part exist empty nabla isin notin ni prod sum minus \
            lowast radic prop infin ang and or cap cup int there4 sim cong asymp ne equiv le ge sub \
            sup nsub sube supe oplus otimes perp sdot lceil rceil lfloor rfloor lang rang loz spades \
            clubs hearts diams quot amp lt gt OElig oelig Scaron scaron Yuml circ tilde ensp emsp \
            thinsp zwnj zwj lrm rlm ndash mdash lsquo rsquo sbquo ldquo rdquo bdquo dagger Dagger \
            permil lsaquo rsaquo euro";
        let names: Vec<&str> = names.split_whitespace().collect();
        assert_eq!(names.len(), 252);
        for name in names {
            let text = strip_markup(&format!("a&{name};b"));
            assert_eq!(text.chars().count(), 3, "{name}");
        }
        check("&lang;k&rang; &prop; &there4; &nsub;", "⟨k⟩ ∝ ∴ ⊄");
        check("&Cacute;&ccaron;&lstrok;&leqslant;&hbar;", "Ćčł⩽ℏ");
    }

    #[test]
    fn names_of_elements_that_are_no_tags_stay() {
        for text in [
            "Mean field $<B>$ of stars",
            "$<p>$ and $<p_T>$ of jets",
            "if $a<b>c$ and $x<i>y$",
            "the <title> and the <code> token",
            "the mean <q> is",
            "$a<b$ and $c>d$",
        ] {
            check(text, text);
        }
        // Unclosed elements of a page are markup.
        check("<p>One <em>two", "One two");
        check("$<i>x</i>$", "$x$");
    }

    #[test]
    fn text_without_html_keeps_every_tag() {
        assert_eq!(
            decode_entities("<b>a</b> &amp;lt;<p> &eacute;"),
            "<b>a</b> <<p> é"
        );
    }

    #[test]
    fn scripts_styles_comments_and_second_copies_are_dropped() {
        check("a<script>if (a<b) x()</script>b", "ab");
        check("a<!-- no -->b<STYLE>p{}</STYLE>c", "abc");
        check(
            "<tex-math>\\documentclass{x}$a$</tex-math><mml:math><mml:mi>a</mml:mi></mml:math>",
            "a",
        );
        check("a <script>never closed", "a <script>never closed");
    }
}
