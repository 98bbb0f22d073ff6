//! The headers of a mail or of a part.

use mail_parser::MessageParser;

/// Headers beyond this are not read: nobody's own are so long.
const HEAD_BYTES_MAX: usize = 256 << 10;
const HEADERS_MAX: usize = 1_000;

/// Names in lower case with unfolded values, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The headers at the start of `mail`, and what follows them.
    pub(super) fn split(mail: &[u8]) -> (Self, &[u8]) {
        let (mut at, mut end) = (0, mail.len());
        for line in mail.split_inclusive(|&byte| byte == b'\n') {
            if line.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                end = at + line.len();
                break;
            }
            at += line.len();
            if at > HEAD_BYTES_MAX {
                end = at;
                break;
            }
        }
        (
            Self::read(&String::from_utf8_lossy(&mail[..at.min(end)])),
            &mail[end..],
        )
    }

    /// Headers from text, up to the first line that is none.
    pub(super) fn read(text: &str) -> Self {
        let mut all: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = all.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                continue;
            }
            let Some((name, value)) = field(line) else {
                continue;
            };
            if all.len() >= HEADERS_MAX {
                break;
            }
            all.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Headers(all)
    }

    /// Adds a header.
    pub fn add(&mut self, name: &str, value: &str) {
        self.0
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether there is a `name`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of `name`, encoded words (RFC 2047) decoded.
    pub fn decoded(&self, name: &str) -> Option<String> {
        let raw = self.get(name)?;
        if !raw.contains("=?") && !raw.contains('\u{1b}') {
            return Some(raw.to_owned());
        }
        let head = format!("Subject: {raw}\r\n\r\n");
        let parsed = MessageParser::default().parse_headers(head.as_bytes());
        parsed
            .and_then(|message| message.subject().map(str::to_owned))
            .or_else(|| Some(raw.to_owned()))
    }

    /// The media type, in lower case; `text/plain` if none is given (RFC 2045 section 5.2).
    pub(super) fn content_type(&self) -> String {
        let value = self.get("content-type").unwrap_or_default();
        let kind = value
            .split([';', ' ', '\t'])
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if kind.contains('/') {
            kind
        } else {
            "text/plain".to_owned()
        }
    }

    /// A parameter of the first value of `header`, unquoted.
    pub(super) fn parameter(&self, header: &str, name: &str) -> Option<String> {
        let value = self.get(header)?;
        let mut rest = value.split_once(';')?.1;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ';']);
            let (key, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let (found, left) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => after.split_at(after.find(';').unwrap_or(after.len())),
            };
            if key.trim().eq_ignore_ascii_case(name) {
                return Some(found.trim().to_owned());
            }
            rest = left;
        }
    }
}

/// A line as a header field (RFC 5322 section 2.2), if it is one.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let is_name = (1..=76).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unfolded_decoded_and_taken_apart() {
        let mail = b"Subject: =?utf-8?B?44Gr44KD44KT?=\r\nContent-Type: multipart/report; report-type=delivery-status;\
                     \r\n\tboundary=\"x;y\"\r\nno header at all\r\n\r\nbody";
        let (headers, body) = Headers::split(mail);
        assert_eq!(body, b"body");
        assert_eq!(headers.decoded("subject").as_deref(), Some("にゃん"));
        assert_eq!(headers.content_type(), "multipart/report");
        assert_eq!(
            headers.parameter("content-type", "boundary").as_deref(),
            Some("x;y")
        );
        assert_eq!(
            headers.parameter("content-type", "report-type").as_deref(),
            Some("delivery-status")
        );
        assert_eq!(headers.parameter("content-type", "charset"), None);
    }
}
