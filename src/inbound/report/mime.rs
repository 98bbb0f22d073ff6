//! The parts of a mail, with an end to everything: size, depth, number.
//!
//! Our own and not the parser's tree: what comes back is written by strangers,
//! and a mail of a million nested messages must cost no more than its bytes.
//! Words, charsets and transfer encodings are decoded by `mail-parser`.

use super::headers::Headers;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use std::borrow::Cow;

/// The part of a mail that is read; the rest can only be the returned message.
pub const MAIL_BYTES_MAX: usize = 16 << 20;

/// Multiparts within multiparts that are followed: real reports have three.
const DEPTH_MAX: usize = 10;

/// Parts that are looked at.
const PARTS_MAX: usize = 200;

/// The part of a text that is decoded: ten thousand recipients with their replies fit.
const TEXT_BYTES_MAX: usize = 4 << 20;

/// HTML is read for a few lines of it.
const HTML_BYTES_MAX: usize = 256 << 10;

/// One part of a mail that holds no others.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) headers: Headers,
    /// `text/plain`, in lower case.
    pub(super) kind: String,
    pub(super) body: &'a [u8],
}

/// Line ends as LF where a mail knows CR alone, without a leading mbox line; cut to what is read.
pub(super) fn tidied(mail: &[u8]) -> Cow<'_, [u8]> {
    let mail = &mail[..mail.len().min(MAIL_BYTES_MAX)];
    let start = mail
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .unwrap_or(mail.len());
    let mut mail = &mail[start..];
    if mail.starts_with(b"From ") || mail.starts_with(b">From ") {
        let end = mail
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'))
            .map_or(mail.len(), |at| at + 1);
        mail = &mail[end..];
        mail = mail.strip_prefix(b"\n").unwrap_or(mail);
    }
    let first = &mail[..mail.len().min(8 << 10)];
    if first.contains(&b'\r') && !first.contains(&b'\n') {
        return Cow::Owned(
            mail.iter()
                .map(|&byte| if byte == b'\r' { b'\n' } else { byte })
                .collect(),
        );
    }
    Cow::Borrowed(mail)
}

/// The parts of `mail` that hold no others, in order, and the mail's own headers.
pub(super) fn parts(mail: &[u8]) -> (Headers, Vec<Part<'_>>) {
    let (headers, body) = Headers::split(mail);
    let mut found = Vec::new();
    collect(headers.clone(), body, 0, &mut found);
    (headers, found)
}

fn collect<'a>(headers: Headers, body: &'a [u8], depth: usize, found: &mut Vec<Part<'a>>) {
    if found.len() >= PARTS_MAX {
        return;
    }
    let kind = headers.content_type();
    let boundary = headers.parameter("content-type", "boundary");
    if kind.starts_with("multipart/")
        && depth < DEPTH_MAX
        && let Some(boundary) = boundary.filter(|boundary| !boundary.is_empty())
    {
        let before = found.len();
        for part in between(body, boundary.as_bytes()) {
            let (headers, body) = Headers::split(part);
            collect(headers, body, depth + 1, found);
        }
        if found.len() > before {
            return;
        }
    }
    // A multipart whose boundary never comes is read as text: some gateways lose it.
    let kind = if kind.starts_with("multipart/") {
        "text/plain".to_owned()
    } else {
        kind
    };
    found.push(Part {
        headers,
        kind,
        body,
    });
}

/// The parts between the lines `--boundary`.
fn between<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = 0;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let start = at;
        at += line.len();
        let Some(rest) = line
            .strip_prefix(b"--")
            .and_then(|line| line.strip_prefix(boundary))
        else {
            continue;
        };
        let is_last = rest.starts_with(b"--");
        if !is_last && !rest.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if let Some(from) = open.take() {
            parts.push(&body[from..start]);
        }
        if is_last || parts.len() >= PARTS_MAX {
            return parts;
        }
        open = Some(at);
    }
    if let Some(from) = open {
        parts.push(&body[from..]);
    }
    parts
}

impl Part<'_> {
    /// The body without its transfer encoding.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        let encoding = self
            .headers
            .get("content-transfer-encoding")
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let body = &self.body[..self.body.len().min(TEXT_BYTES_MAX)];
        let decoded = match encoding.as_str() {
            "quoted-printable" => quoted_printable_decode(body),
            "base64" => {
                let plain: Vec<u8> = body
                    .iter()
                    .copied()
                    .filter(|byte| !byte.is_ascii_whitespace())
                    .collect();
                base64_decode(&plain).filter(|bytes| !bytes.is_empty())
            }
            _ => None,
        };
        decoded.map_or(Cow::Borrowed(body), Cow::Owned)
    }

    /// The body as text; HTML as what one would read of it.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes();
        let charset = self
            .headers
            .parameter("content-type", "charset")
            .unwrap_or_default();
        let text = decoded(&bytes, &charset);
        if self.kind == "text/html" {
            let end = (0..=HTML_BYTES_MAX.min(text.len()))
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or(0);
            return html_to_text(&text[..end]);
        }
        text
    }
}

fn decoded(bytes: &[u8], charset: &str) -> String {
    // ISO-2022-JP is often sent undeclared; its escapes are unmistakable (RFC 1468).
    let has_escapes = bytes
        .windows(3)
        .any(|three| matches!(three, [0x1b, b'$', b'B' | b'@']));
    let charset = if has_escapes { "iso-2022-jp" } else { charset };
    let plain = charset.is_empty()
        || ["utf-8", "us-ascii", "utf8"]
            .iter()
            .any(|one| charset.eq_ignore_ascii_case(one));
    if !plain && let Some(decode) = charset_decoder(charset.as_bytes()) {
        return decode(bytes);
    }
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_through_nesting_and_encodings() {
        let mail = b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; \
                     boundary=\"b\"\n\n--b\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b--\n--a\nContent-Type: \
                     text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nf=FCr\n--a--\n";
        let (_, found) = parts(mail);
        let texts: Vec<String> = found
            .iter()
            .map(|part| part.text().trim().to_owned())
            .collect();
        assert_eq!(texts, ["hello", "für"]);
    }

    #[test]
    fn depth_and_number_have_an_end() {
        let deep: Vec<u8> = (0..5_000)
            .flat_map(|at| {
                format!("Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n").into_bytes()
            })
            .collect();
        assert_eq!(parts(&deep).1.len(), 1);
        let many = b"Content-Type: multipart/mixed; boundary=b\n\n"
            .iter()
            .chain(b"--b\n\nx\n".iter().cycle().take(70_000));
        assert!(parts(&many.copied().collect::<Vec<u8>>()).1.len() <= PARTS_MAX + 1);
    }
}
