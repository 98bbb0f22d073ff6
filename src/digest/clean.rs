//! Cleans text and URLs before they are written into headers and pages. Pure.
//!
//! Papers were cleaned by `intake`; names and interests are as people typed them.

/// `raw` as one line, without control and directional characters, with runs of white
/// space collapsed and trimmed.
pub(super) fn line(raw: &str) -> String {
    let mut clean = String::with_capacity(raw.len());
    let mut space = false;
    for letter in raw.chars() {
        if letter.is_whitespace() || letter.is_control() {
            space = true;
        } else if !is_hidden(letter) {
            if space && !clean.is_empty() {
                clean.push(' ');
            }
            space = false;
            clean.push(letter);
        }
    }
    clean
}

/// The paragraphs of `raw`, which are separated by empty lines, each cleaned by [`line`].
pub(super) fn paragraphs(raw: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = String::new();
    for part in raw.lines().map(line).chain([String::new()]) {
        if part.is_empty() {
            if !open.is_empty() {
                found.push(std::mem::take(&mut open));
            }
        } else {
            if !open.is_empty() {
                open.push(' ');
            }
            open.push_str(&part);
        }
    }
    found
}

/// Whether `letter` is invisible and changes how others are displayed.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        // Directional formatting (Unicode Bidirectional Algorithm, section 2).
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
        // Zero width space, word joiner and byte order mark. The joiners U+200C and
        // U+200D stay: Persian and emoji need them.
        | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
        // Interlinear annotation, tags.
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        // Noncharacters.
        || matches!(letter, '\u{fdd0}'..='\u{fdef}') || (letter as u32) & 0xfffe == 0xfffe
}

/// `url` if it is an absolute web address of a length that clients accept. Characters not
/// allowed in a URL are percent-encoded.
pub(super) fn web_url(url: &str) -> Option<String> {
    const BYTES_MAX: usize = 2_000;
    let url = url.trim();
    let scheme = url.find("://").map(|at| url[..at].to_ascii_lowercase())?;
    let rest = &url[scheme.len() + 3..];
    let host_is_plain = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    if !matches!(scheme.as_str(), "http" | "https") || !host_is_plain {
        return None;
    }
    let encoded = percent_encode(url, |byte| {
        byte.is_ascii_graphic() && !b"<>\"'\\^`{|}".contains(&byte)
    });
    (encoded.len() <= BYTES_MAX).then_some(encoded)
}

/// Encodes `text` as a path segment. Only unreserved characters (RFC 3986 section 2.3) stay.
pub(super) fn path_segment(text: &str) -> String {
    percent_encode(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
    })
}

/// Encodes every byte of `text` as `%XX` unless `stays` accepts it.
pub(super) fn percent_encode(text: &str, stays: impl Fn(u8) -> bool) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all that is written to it");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        for (raw, clean) in [
            ("  two   words ", "two words"),
            ("a\r\nBcc: x@example.org", "a Bcc: x@example.org"),
            (
                "nul\0tab\tvt\u{b}nel\u{85}ls\u{2028}ps\u{2029}end",
                "nul tab vt nel ls ps end",
            ),
            ("\u{202e}desrever\u{202c} \u{2067}x\u{2069}", "desrever x"),
            ("\u{feff}می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("\u{fffe}\u{1ffff}\u{fdd0}", ""),
        ] {
            assert_eq!(line(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn paragraphs_are_separated_by_empty_lines() {
        assert_eq!(
            paragraphs("a\nb\n\n \t\nc\r\n\r\n\u{202e}\n d"),
            ["a b", "c", "d"]
        );
        assert_eq!(paragraphs(" \n"), Vec::<String>::new());
    }

    #[test]
    fn only_web_addresses_are_links() {
        for (url, expected) in [
            (
                "https://example.org/a?b=c&d#e",
                Some("https://example.org/a?b=c&d#e"),
            ),
            (
                " HTTP://example.org/ü\"><b> ",
                Some("HTTP://example.org/%C3%BC%22%3E%3Cb%3E"),
            ),
            ("javascript:alert(1)//://", None),
            ("data://x", None),
            ("https:///x", None),
            ("/papers/1", None),
            ("", None),
        ] {
            assert_eq!(web_url(url).as_deref(), expected, "{url}");
        }
        assert_eq!(
            web_url(&format!("https://example.org/{}", "x".repeat(2_000))),
            None
        );
        assert_eq!(path_segment("10.1/a b?é"), "10.1%2Fa%20b%3F%C3%A9");
    }
}
