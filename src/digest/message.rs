//! Builds messages (RFC 5322, MIME). Pure.

use super::clean::{line, percent_encode};
use super::notices::NoticeContext;
use super::quoted_printable;
use super::{Branding, Recipient, Rendered};
use crate::subscriber::{Address, SubscriberId};
use crate::text::cut;
use chrono::{DateTime, NaiveDate, Utc};
use lettre::Message;
use lettre::address::Envelope;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, Subject,
};
use lettre::message::{Body, Mailbox, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use ring::{digest, hmac};
use secrecy::{ExposeSecret, SecretSlice};
use std::fmt::Write as _;
use std::time::SystemTime;

/// The values of an issue's headers.
#[derive(Debug, Clone, Copy)]
pub struct IssueHeaders<'a> {
    /// Sender of the mail.
    pub from: &'a Mailbox,
    /// Recipient, with the links to unsubscribe.
    pub recipient: &'a Recipient<'a>,
    /// Name and addresses of the site.
    pub branding: &'a Branding,
    /// Date of the issue.
    pub local_date: NaiveDate,
    /// The instant of composing.
    pub date: DateTime<Utc>,
    /// From [`message_id`], without angle brackets.
    pub message_id: &'a str,
}

/// A message that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// A value is not valid in its header.
    #[error("{value:?} cannot be the {header} of a message")]
    Value {
        /// The header.
        header: &'static str,
        /// The value.
        value: String,
    },
    /// The mail library refuses the message.
    #[error("the message cannot be built")]
    Build(#[source] lettre::error::Error),
}

/// Constant part of the Feedback-ID: 5 to 15 characters, never changed (Google Workspace
/// Admin help, "Gmail feedback loop").
const SENDER_ID: &str = "paperboy";

/// Maximum line length. RFC 5322 section 2.1.1 recommends at most 78 characters; RFC 2047
/// section 2 allows 76 in lines with encoded words.
const LINE_BYTES: usize = 76;
const NAME_CHARS_MAX: usize = 60;
const URI_BYTES_MAX: usize = 900;

/// The Message-ID of the issue of `local_date` for `subscriber`, without angle brackets.
///
/// It is a function of its arguments, and reveals nothing about the subscriber without the
/// secret.
pub fn message_id(
    secret: &SecretSlice<u8>,
    domain: &str,
    subscriber: SubscriberId,
    local_date: NaiveDate,
) -> String {
    dated_id(
        secret,
        domain,
        local_date,
        &format!(
            "paperboy message-id 1\0{day}\0{}",
            subscriber.0,
            day = day(local_date)
        ),
    )
}

/// The Message-ID of a notice; `about` distinguishes it from all others.
pub(super) fn notice_id(
    secret: &SecretSlice<u8>,
    domain: &str,
    about: &str,
    date: NaiveDate,
) -> String {
    dated_id(secret, domain, date, &format!("paperboy notice 1\0{about}"))
}

fn dated_id(secret: &SecretSlice<u8>, domain: &str, date: NaiveDate, said: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret());
    let tag = hmac::sign(&key, said.as_bytes());
    format!("{}.{}@{domain}", day(date), hex(&tag.as_ref()[..12]))
}

fn day(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

/// Builds the complete message of an issue. Equal input gives equal bytes.
pub fn to_message(
    rendered: &Rendered,
    headers: &IssueHeaders<'_>,
) -> Result<Vec<u8>, MessageError> {
    let IssueHeaders {
        from,
        recipient,
        branding,
        ..
    } = *headers;
    let message_id = checked_message_id(headers.message_id)?;
    let contact = header_uri("List-Help", &format!("mailto:{}", branding.contact))?;
    let archive = header_uri("List-Archive", &format!("{}/", branding.base_url))?;
    let feedback_id = format!(
        "{}:digest:{}:{SENDER_ID}",
        headers.local_date.format("%Y%m%d"),
        rendered.language
    );
    let builder = addressed(from, recipient.name, recipient.address, &rendered.subject)?
        .date(SystemTime::from(headers.date))
        .message_id(Some(format!("<{message_id}>")))
        // RFC 2919: one id for the service, never changed.
        .raw_header(named(
            "List-Id",
            &branding.name,
            &format!("<digest.{}>", from.email.domain()),
        ))
        .raw_header(unsubscribe(
            &recipient.unsubscribe_url,
            recipient.unsubscribe_mailto.as_deref(),
        )?)
        .raw_header(plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        .raw_header(plain("List-Archive", &archive))
        .raw_header(plain("List-Help", &contact));
    let builder = automatic(builder, &feedback_id, &rendered.language);
    finished(
        builder,
        message_id,
        &rendered.text,
        rendered.html.as_deref(),
    )
}

/// The values of a notice's headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoticeHeaders<'a> {
    pub(super) context: &'a NoticeContext<'a>,
    pub(super) kind: &'static str,
    pub(super) language: &'a str,
    pub(super) subject: &'a str,
    /// Set if there is a subscription to end.
    pub(super) unsubscribe_url: Option<&'a str>,
}

/// Builds the complete message of a notice. It belongs to no list, so of the list headers it
/// has at most `List-Unsubscribe`.
pub(super) fn notice_message(
    text: &str,
    html: &str,
    headers: &NoticeHeaders<'_>,
) -> Result<Vec<u8>, MessageError> {
    let context = headers.context;
    let message_id = checked_message_id(context.message_id)?;
    let feedback_id = format!(
        "{}:{}:{}:{SENDER_ID}",
        context.date.format("%Y%m%d"),
        headers.kind,
        headers.language
    );
    // A name typed into a form is not used: anyone could have typed it.
    let mut builder = addressed(context.from, "", context.to, headers.subject)?
        .date(SystemTime::from(context.date))
        .message_id(Some(format!("<{message_id}>")));
    if let Some(url) = headers.unsubscribe_url {
        builder = builder
            .raw_header(unsubscribe(url, None)?)
            .raw_header(plain("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let builder = automatic(builder, &feedback_id, headers.language);
    finished(builder, message_id, text, Some(html))
}

fn addressed(
    from: &Mailbox,
    name: &str,
    to: &Address,
    title: &str,
) -> Result<MessageBuilder, MessageError> {
    // lettre would parse the addresses from the headers, and accepts fewer than are valid.
    let envelope =
        Envelope::new(Some(from.email.clone()), vec![to.into()]).map_err(MessageError::Build)?;
    Ok(Message::builder()
        .envelope(envelope)
        .raw_header(named(
            "From",
            from.name.as_deref().unwrap_or_default(),
            &format!("<{}>", from.email),
        ))
        .raw_header(named("To", name, &format!("<{to}>")))
        .raw_header(subject(&line(title))))
}

fn automatic(builder: MessageBuilder, feedback_id: &str, language: &str) -> MessageBuilder {
    builder
        // RFC 3834 section 5; the next one is Exchange's header for the same.
        .raw_header(plain("Auto-Submitted", "auto-generated"))
        .raw_header(plain("X-Auto-Response-Suppress", "All"))
        .raw_header(plain("Feedback-ID", feedback_id))
        .raw_header(plain("Content-Language", language))
}

fn finished(
    builder: MessageBuilder,
    message_id: &str,
    text: &str,
    html: Option<&str>,
) -> Result<Vec<u8>, MessageError> {
    let text = part(ContentType::TEXT_PLAIN, text);
    let message = match html {
        // RFC 2046 section 5.1.4: the richest alternative comes last.
        Some(html) => builder.multipart(
            MultiPart::builder()
                .kind(MultiPartKind::Alternative)
                .boundary(boundary(message_id))
                .singlepart(text)
                .singlepart(part(ContentType::TEXT_HTML, html)),
        ),
        None => builder.singlepart(text),
    };
    Ok(message.map_err(MessageError::Build)?.formatted())
}

/// A part in the smallest encoding: 7bit, quoted-printable or base64.
fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content_type).body(body(text))
}

fn body(text: &str) -> Body {
    if quoted_printable::suits(text) {
        let encoded = quoted_printable::encoded(text);
        Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable)
    } else {
        Body::new(text.to_owned())
    }
}

/// Size of `text` in bytes as encoded in the message.
pub(super) fn encoded_size(text: &str) -> usize {
    body(text).len()
}

/// `text` with CRLF as the end of every line.
pub(super) fn crlf(text: &str) -> String {
    let mut lines = String::with_capacity(text.len() + text.len() / 32);
    for line in text.lines() {
        lines.push_str(line.trim_end_matches('\r'));
        lines.push_str("\r\n");
    }
    lines
}

/// A boundary that cannot occur in quoted-printable, where `=` is followed by a hex digit or a
/// line end, nor in base64 (RFC 2045 section 6.7, note 2).
fn boundary(message_id: &str) -> String {
    let hash = digest::digest(&digest::SHA256, message_id.as_bytes());
    format!("=_{}", hex(&hash.as_ref()[..12]))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes all that is written to it");
    }
    text
}

fn checked_message_id(id: &str) -> Result<&str, MessageError> {
    let sound = id.split_once('@').is_some_and(|(left, right)| {
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
                })
        };
        plain(left) && plain(right) && id.len() <= 250
    });
    if sound {
        Ok(id)
    } else {
        Err(MessageError::Value {
            header: "Message-ID",
            value: id.to_owned(),
        })
    }
}

/// A header with an ASCII value of our own that needs no folding.
fn plain(name: &'static str, value: &str) -> HeaderValue {
    encoded(name, value.to_owned(), value.to_owned())
}

fn encoded(name: &'static str, value: String, encoded: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value, encoded)
}

fn subject(text: &str) -> HeaderValue {
    if text.contains("=?") {
        // lettre passes ASCII through, and a title could look like an encoded word.
        return encoded("Subject", text.to_owned(), encoded_words(text));
    }
    Subject::from(text.to_owned()).display()
}

/// `Name <spec>`, folded if too long for one line. lettre does not fold encoded names.
fn named(header: &'static str, name: &str, spec: &str) -> HeaderValue {
    let phrase = phrase(&cut(&line(name), NAME_CHARS_MAX));
    let last_line = phrase.rsplit("\r\n").next().map_or(0, str::len)
        + if phrase.contains('\r') {
            0
        } else {
            header.len() + 2
        };
    let value = if phrase.is_empty() {
        spec.to_owned()
    } else if last_line + 1 + spec.len() > LINE_BYTES {
        format!("{phrase}\r\n {spec}")
    } else {
        format!("{phrase} {spec}")
    };
    encoded(header, spec.to_owned(), value)
}

/// A display name (RFC 5322 section 3.2.5): plain words, a quoted string or encoded words.
fn phrase(name: &str) -> String {
    if name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
    {
        return name.to_owned();
    }
    let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !name.contains("=?");
    if plain && quoted.len() <= NAME_CHARS_MAX {
        quoted
    } else {
        encoded_words(name)
    }
}

/// `List-Unsubscribe` (RFC 2369 section 3.2, RFC 8058): the HTTPS address first, each on its
/// own line, because some relays refold longer lines and thereby break signatures.
fn unsubscribe(url: &str, mailto: Option<&str>) -> Result<HeaderValue, MessageError> {
    const NAME: &str = "List-Unsubscribe";
    let web = header_uri(NAME, url)?;
    let mut value = String::new();
    if NAME.len() + 2 + web.len() > LINE_BYTES {
        value.push_str("\r\n ");
    }
    value.push_str(&web);
    if let Some(mailto) = mailto {
        value.push_str(",\r\n ");
        value.push_str(&header_uri(NAME, mailto)?);
    }
    Ok(encoded(NAME, value.clone(), value))
}

/// `<uri>` with all characters encoded that could end it.
fn header_uri(header: &'static str, uri: &str) -> Result<String, MessageError> {
    let known = ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| uri.starts_with(scheme));
    let uri = percent_encode(uri, |byte| {
        byte.is_ascii_graphic() && !b"<>\",\\^`{|}".contains(&byte)
    });
    if known && uri.len() <= URI_BYTES_MAX {
        Ok(format!("<{uri}>"))
    } else {
        Err(MessageError::Value { header, value: uri })
    }
}

/// `text` as encoded words valid in any place (RFC 2047 sections 2, 4 and 5), one per line, in
/// the Q encoding, or B if much of it is not ASCII.
fn encoded_words(text: &str) -> String {
    const ROOM: usize = 48;
    let foreign = text.bytes().filter(|byte| !byte.is_ascii()).count();
    let (encoding, encode, room): (char, fn(&str) -> String, usize) = if foreign * 3 > text.len() {
        ('b', base64, ROOM / 4 * 3)
    } else {
        ('q', q_encoded, ROOM)
    };
    let size = |text: &str| {
        if encoding == 'b' {
            text.len()
        } else {
            q_encoded(text).len()
        }
    };
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let piece = letter.to_string();
        // A character must not be split over two words.
        match words.last_mut() {
            Some(word) if size(word) + size(&piece) <= room => word.push(letter),
            _ => words.push(piece),
        }
    }
    words
        .iter()
        .map(|word| format!("=?utf-8?{encoding}?{}?=", encode(word)))
        .collect::<Vec<_>>()
        .join("\r\n ")
}

fn q_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('_'),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => write!(encoded, "={byte:02X}").expect("a String takes all that is written to it"),
        }
    }
    encoded
}

/// Base64 by lettre's encoder for bodies; `text` is shorter than a line.
fn base64(text: &str) -> String {
    let body = Body::new_with_encoding(text.as_bytes().to_vec(), ContentTransferEncoding::Base64);
    let encoded = body.expect("anything can be written in base 64").into_vec();
    String::from_utf8(encoded).expect("base 64 is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsubscribe_value(url: &str, mailto: Option<&str>) -> Result<String, MessageError> {
        let mut headers = lettre::message::header::Headers::new();
        headers.insert_raw(unsubscribe(url, mailto)?);
        Ok(headers.to_string())
    }

    #[test]
    fn unsubscribe_addresses_are_on_lines_of_their_own() {
        let short = unsubscribe_value("https://a.example/u/1", None).unwrap();
        assert_eq!(short, "List-Unsubscribe: <https://a.example/u/1>\r\n");
        let both =
            unsubscribe_value("https://a.example/u/1", Some("mailto:leave+1@a.example")).unwrap();
        assert_eq!(
            both,
            "List-Unsubscribe: <https://a.example/u/1>,\r\n <mailto:leave+1@a.example>\r\n"
        );
        let long = format!("https://a.example/{}", "u".repeat(50));
        assert_eq!(
            unsubscribe_value(&long, None).unwrap(),
            format!("List-Unsubscribe: \r\n <{long}>\r\n")
        );
    }

    #[test]
    fn an_address_cannot_leave_its_brackets() {
        let found = unsubscribe_value("https://a.example/\r\nBcc: x>, <y", None).unwrap();
        assert_eq!(
            found,
            "List-Unsubscribe: <https://a.example/%0D%0ABcc:%20x%3E%2C%20%3Cy>\r\n"
        );
        for bad in [
            "",
            "ftp://a.example/",
            "javascript:x",
            &format!("https://a.example/{}", "u".repeat(900)),
        ] {
            assert!(unsubscribe_value(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_id_has_one_at_and_no_brackets() {
        assert!(checked_message_id("20261120.00ff@example.org").is_ok());
        for bad in [
            "", "a", "@b", "a@", "a@b@c", "<a@b>", "a b@c", "a\r\n@b", "ä@b",
        ] {
            assert!(checked_message_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_plain_quoted_or_encoded() {
        for (name, expected) in [
            ("Ada Lovelace", "Ada Lovelace"),
            ("O'Hara, A.", "\"O'Hara, A.\""),
            ("the \"A\" \\ team", "\"the \\\"A\\\" \\\\ team\""),
            ("=?utf-8?q?x?=", "=?utf-8?q?=3D=3Futf=2D8=3Fq=3Fx=3F=3D?="),
            ("Žofie Novák", "=?utf-8?q?=C5=BDofie_Nov=C3=A1k?="),
            ("灯台", "=?utf-8?b?54Gv5Y+w?="),
        ] {
            assert_eq!(phrase(name), expected);
        }
    }

    #[test]
    fn every_line_ends_in_crlf() {
        assert_eq!(crlf("a\nb\r\n\r\n\nc"), "a\r\nb\r\n\r\n\r\nc\r\n");
        assert_eq!(crlf(""), "");
    }
}
