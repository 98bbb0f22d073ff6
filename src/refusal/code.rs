//! Finds codes in the words of servers: the reply's three digits and the enhanced code. Pure.

use std::fmt;

/// An enhanced status code (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedCode {
    /// 2 success, 4 for now, 5 for good.
    pub class: u16,
    /// 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 text, 7 policy.
    pub subject: u16,
    /// The detail within the subject.
    pub detail: u16,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl EnhancedCode {
    /// A code from its three numbers.
    pub const fn new(class: u16, subject: u16, detail: u16) -> Self {
        EnhancedCode {
            class,
            subject,
            detail,
        }
    }

    /// The code that `text` begins with.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches([' ', '#', '(', '<', '[']);
        let length = code_length(text.as_bytes())?;
        parse(&text[..length])
    }

    /// The most telling code in `text`: one that stands behind a reply's digits, else one with
    /// digits other than 0.
    pub fn find(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut best: Option<(u8, EnhancedCode)> = None;
        let mut at = 0;
        while at < bytes.len() {
            let starts =
                matches!(bytes[at], b'2' | b'4' | b'5') && (at == 0 || is_gap(bytes[at - 1]));
            let Some(length) = starts.then(|| code_length(&bytes[at..])).flatten() else {
                at += 1;
                continue;
            };
            if let Some(found) = parse(&text[at..at + length]) {
                let behind = |back: usize| {
                    at >= back
                        && reply_at(bytes, at - back)
                            .is_some_and(|reply| reply / 100 == found.class)
                };
                let behind_reply = behind(4) || behind(5);
                let tells = u8::from(found.subject > 0 || found.detail > 0);
                let in_sharp = u8::from(at > 0 && bytes[at - 1] == b'#');
                let worth = 4 * tells + 2 * u8::from(behind_reply) + in_sharp;
                if found.class != 2 && best.is_none_or(|(known, _)| worth > known) {
                    best = Some((worth, found));
                }
            }
            at += length;
        }
        best.map(|(_, found)| found)
    }

    /// Whether it says no more than "for good" or "for now".
    pub fn says_nothing(self) -> bool {
        self.subject == 0 && self.detail == 0
    }
}

fn is_gap(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && byte != b'.' && byte != b'/' && byte != b'_'
}

/// The length of the code at the start of `bytes`; `None` if there is none, or more than a code (an
/// address, a version).
fn code_length(bytes: &[u8]) -> Option<usize> {
    if bytes.get(1) != Some(&b'.') || !matches!(bytes.first(), Some(b'2' | b'4' | b'5')) {
        return None;
    }
    let digits = |from: usize| {
        bytes[from.min(bytes.len())..]
            .iter()
            .take(4)
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    let subject = digits(2);
    if !(1..=2).contains(&subject) || bytes.get(2 + subject) != Some(&b'.') {
        return None;
    }
    let detail = digits(3 + subject);
    let end = 3 + subject + detail;
    let next = bytes.get(end).copied().unwrap_or(b' ');
    let goes_on = next.is_ascii_alphanumeric()
        || (next == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit));
    ((1..=3).contains(&detail) && !goes_on).then_some(end)
}

fn parse(text: &str) -> Option<EnhancedCode> {
    let mut numbers = text.split('.').map(|number| number.parse::<u16>().ok());
    let found = EnhancedCode {
        class: numbers.next()??,
        subject: numbers.next()??,
        detail: numbers.next()??,
    };
    // RFC 3463 section 2 knows subjects up to 7.
    (found.subject <= 7).then_some(found)
}

/// The reply code (RFC 5321 section 4.2.1) that stands at `at`.
fn reply_at(bytes: &[u8], at: usize) -> Option<u16> {
    let three = bytes.get(at..at + 3)?;
    let fits = matches!(three[0], b'2' | b'4' | b'5')
        && (b'0'..=b'7').contains(&three[1])
        && three[2].is_ascii_digit();
    let before =
        at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || b"./_+,=".contains(&bytes[at - 1]));
    let before =
        before && !(at > 1 && bytes[at - 1] == b'-' && bytes[at - 2].is_ascii_alphanumeric());
    let after = bytes
        .get(at + 3)
        .is_none_or(|byte| b" -\r\n\t;:,)]'\"<#".contains(byte));
    (fits && before && after).then(|| {
        u16::from(three[0] - b'0') * 100
            + u16::from(three[1] - b'0') * 10
            + u16::from(three[2] - b'0')
    })
}

/// The reply code in `text`: one that an enhanced code follows, else one where a reply begins, else
/// none.
pub fn find_reply(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let mut found: Option<(u8, u16)> = None;
    for at in 0..bytes.len().saturating_sub(2) {
        let Some(reply) = reply_at(bytes, at).filter(|reply| *reply >= 400) else {
            continue;
        };
        let rest = bytes.get(at + 4..).unwrap_or_default();
        let before = text
            .get(at.saturating_sub(14)..at)
            .unwrap_or_default()
            .trim_end()
            .to_ascii_lowercase();
        let begins = before.is_empty()
            || before.ends_with([':', ';', '<', '(', '"', '\'', '>', ']', '='])
            || bytes[at - 1] == b'\n'
            || [
                "said", "error", "code", "response", "reply", "status", "host", "smtp", "with",
            ]
            .iter()
            .any(|word| before.ends_with(word));
        let worth = if code_length(rest).is_some() || rest.first() == Some(&b'#') {
            3
        } else if begins {
            2
        } else {
            continue;
        };
        if found.is_none_or(|(known, _)| worth > known) {
            found = Some((worth, reply));
        }
    }
    found.map(|(_, reply)| reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_and_addresses_and_versions_are_not() {
        let check = |text: &str, status: Option<&str>, reply: Option<u16>| {
            assert_eq!(
                EnhancedCode::find(text)
                    .map(|found| found.to_string())
                    .as_deref(),
                status,
                "{text}"
            );
            assert_eq!(find_reply(text), reply, "{text}");
        };
        check(
            "smtp; 550 5.1.1 <a@example.org>: unknown",
            Some("5.1.1"),
            Some(550),
        );
        check(
            "host 192.0.2.1 said: 550-5.7.26 no",
            Some("5.7.26"),
            Some(550),
        );
        check("Unknown user. (#5.1.1)", Some("5.1.1"), None);
        check("relay 5.0.2.1 of version 4.2.17beta", None, None);
        check("5.0.0 then 5.2.2", Some("5.2.2"), None);
        check("we are at 550 Main Street", None, None);
        check("remote host said: 452 try later", None, Some(452));
        check("5.9.1 is no subject", None, None);
    }
}
