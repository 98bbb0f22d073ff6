//! A server's reply. Pure.

use crate::refusal::EnhancedCode;
use chrono::TimeDelta;
use std::fmt;

/// Longest text that is kept, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 500;

/// The longest wait that a server may ask for; a longer one is taken for a misreading.
const HINT_MAX: TimeDelta = TimeDelta::hours(24);

/// A server's reply, fit to be stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The three digits (RFC 5321 section 4.2.1).
    pub code: u16,
    /// The enhanced code at the start of the text (RFC 2034).
    pub enhanced: Option<EnhancedCode>,
    /// The rest: one line, no control characters, at most 500 characters.
    pub text: String,
}

impl Reply {
    /// Reads the text that came with `code`; lines may be joined by spaces or line ends.
    pub fn new(code: u16, raw: &str) -> Self {
        let raw = raw.trim_start();
        let (word, rest) = raw
            .split_once(|c: char| c.is_whitespace())
            .unwrap_or((raw, ""));
        match enhanced(code, word) {
            Some(found) => Reply {
                code,
                enhanced: Some(found),
                text: in_one_line(rest),
            },
            None => Reply {
                code,
                enhanced: None,
                text: in_one_line(raw),
            },
        }
    }

    /// The enhanced code at the start, or else the most telling one in the text that agrees with
    /// the reply's class: some servers write it at the end, in brackets.
    pub fn code_anywhere(&self) -> Option<EnhancedCode> {
        let found = || EnhancedCode::find(&self.text);
        self.enhanced
            .or_else(|| found().filter(|found| found.class == self.code / 100))
    }

    /// Whether the server asks to come back later.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// The wait that a refusal for now asks for: "try again in 5 minutes".
    ///
    /// Greylisting servers do (postgrey and sqlgrey in words, milter-greylist
    /// as `00:04:59`); Postal reads such texts too.
    pub fn try_again_in(&self) -> Option<TimeDelta> {
        if !self.is_transient() {
            return None;
        }
        let text = self.text.to_ascii_lowercase();
        let words: Vec<&str> = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'))
            .collect();
        let spelled = words.windows(2).find_map(|pair| amount(pair[0], pair[1]));
        spelled
            .or_else(|| words.iter().find_map(|word| joined_amount(word)))
            .or_else(|| words.iter().find_map(|word| clock_face(word)))
            .filter(|hint| *hint <= HINT_MAX)
    }
}

impl fmt::Display for Reply {
    /// The reply as one would quote it: `550 5.1.1 no such user`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if self.text.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.text)
        }
    }
}

/// `word` as an enhanced code that agrees with `code`.
///
/// RFC 2034 section 4 wants the first digits to agree; a text that starts with
/// a version number or an address literal is thus not taken for a code.
fn enhanced(code: u16, word: &str) -> Option<EnhancedCode> {
    // Cisco's mail gateways write "#5.1.0".
    let mut parts = word
        .trim_start_matches('#')
        .trim_end_matches(':')
        .split('.')
        .map(|part| {
            let is_number =
                (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number {
                part.parse::<u16>().ok()
            } else {
                None
            }
        });
    let found = EnhancedCode {
        class: parts.next()??,
        subject: parts.next()??,
        detail: parts.next()??,
    };
    (parts.next().is_none() && [2, 4, 5].contains(&found.class) && found.class == code / 100)
        .then_some(found)
}

/// `raw` on one line, cut, without anything that could move a terminal's cursor
/// or turn its text around.
pub(super) fn in_one_line(raw: &str) -> String {
    let visible = |c: char| {
        let turns_text = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns_text { ' ' } else { c }
    };
    let plain: String = raw.chars().take(4 * TEXT_CHARS_MAX).map(visible).collect();
    let mut line = String::with_capacity(plain.len());
    for word in plain.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if let Some((end, _)) = line.char_indices().nth(TEXT_CHARS_MAX) {
        line.truncate(end);
    }
    line
}

/// `300`, `seconds`.
fn amount(number: &str, unit: &str) -> Option<TimeDelta> {
    let number: u32 = number.parse().ok()?;
    let unit_seconds = match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        _ => return None,
    };
    Some(TimeDelta::seconds(i64::from(number) * unit_seconds))
}

/// `300s`.
fn joined_amount(word: &str) -> Option<TimeDelta> {
    let split = word.find(|c: char| !c.is_ascii_digit())?;
    amount(&word[..split], &word[split..])
}

/// `00:04:59`.
fn clock_face(word: &str) -> Option<TimeDelta> {
    let parts: Vec<&str> = word.split(':').collect();
    let [hours, minutes, seconds] = parts[..] else {
        return None;
    };
    Some(amount(hours, "h")? + amount(minutes, "m")? + amount(seconds, "s")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: u16, raw: &str, enhanced: &str, text: &str) {
        let reply = Reply::new(code, raw);
        let found = reply
            .enhanced
            .map(|found| found.to_string())
            .unwrap_or_default();
        assert_eq!(
            (found.as_str(), reply.text.as_str()),
            (enhanced, text),
            "{code} {raw:?}"
        );
    }

    #[test]
    fn a_reply_is_split_into_code_and_text() {
        check(550, "5.1.1 no such user", "5.1.1", "no such user");
        check(550, "no such user", "", "no such user");
        check(
            250,
            "2.0.0 Ok: queued as 4Xyz",
            "2.0.0",
            "Ok: queued as 4Xyz",
        );
        check(
            550,
            "#5.1.0 Address rejected.",
            "5.1.0",
            "Address rejected.",
        );
        check(550, "5.7.515: access denied", "5.7.515", "access denied");
        check(451, "4.7.1", "4.7.1", "");
        check(250, "", "", "");
        // The classes must agree (RFC 2034 section 4).
        check(550, "4.7.1 no", "", "4.7.1 no");
        check(550, "5.1 no", "", "5.1 no");
        check(550, "5.1.1.1 no", "", "5.1.1.1 no");
        check(550, "5.1.1234 no", "", "5.1.1234 no");
        check(354, "3.0.0 go", "", "3.0.0 go");
    }

    #[test]
    fn a_text_is_one_line_that_a_terminal_can_bear() {
        check(550, "a\r\nb\tc\u{1b}[31md\0", "", "a b c [31md");
        check(550, "user \u{202e}txet\u{202c}", "", "user txet");
        assert_eq!(
            Reply::new(550, &"é".repeat(5000)).text.chars().count(),
            TEXT_CHARS_MAX
        );
    }

    #[test]
    fn a_server_may_say_when_to_come_back() {
        #[track_caller]
        fn check(code: u16, text: &str, seconds: Option<i64>) {
            assert_eq!(
                Reply::new(code, text).try_again_in(),
                seconds.map(TimeDelta::seconds),
                "{code} {text}"
            );
        }
        check(451, "4.7.1 Greylisted, try again in 300 seconds", Some(300));
        check(
            450,
            "4.2.0 <a@example.org>: Recipient address rejected: Greylisted for 5 minutes",
            Some(300),
        );
        check(451, "try again in 00:04:59", Some(299));
        check(421, "rate limited, retry in 90s.", Some(90));
        check(451, "wait 1 hour", Some(3600));
        check(451, "wait 0 seconds", Some(0));
        check(451, "4.3.0 queue file write error", None);
        check(451, "see 3 items", None);
        check(451, "wait 99999 hours", None);
        check(451, "wait 99999999999999999999 seconds", None);
        // Only a refusal for now invites to come back.
        check(550, "try again in 300 seconds", None);
        check(250, "delivered in 3 seconds", None);
    }

    #[test]
    fn a_reply_is_quoted_as_the_server_wrote_it() {
        assert_eq!(
            Reply::new(550, "5.1.1 no such user").to_string(),
            "550 5.1.1 no such user"
        );
        assert_eq!(Reply::new(250, "").to_string(), "250");
    }
}
