//! Splits a report in plain text from the returned mail below it.

use super::headers::{Headers, field};

/// Header names that a returned mail begins with.
const NAMES: &[&str] = &[
    "received",
    "return-path",
    "message-id",
    "from",
    "to",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "reply-to",
    "cc",
    "sender",
    "delivered-to",
    "dkim-signature",
    "x-mailer",
    "domainkey-signature",
    "authentication-results",
    "x-originating-ip",
    "list-id",
    "list-unsubscribe",
    "in-reply-to",
    "references",
    "user-agent",
    "x-received",
    "received-spf",
    "x-google-dkim-signature",
    "x-original-to",
    "feedback-id",
    "auto-submitted",
    "thread-index",
    "importance",
    "precedence",
    "errors-to",
    "x-sender",
    "thread-topic",
    "envelope-to",
];

/// Words of the line above it.
const MARKS: &[&str] = &[
    "original message",
    "copy of the message",
    "copy of your message",
    "unsent message",
    "message follows",
    "returned message",
    "original mail",
    "header of the original",
    "message header",
    "bounced e-mail",
    "bounced mail",
    "returned mail",
    "undelivered message",
    "original headers",
    "included is a copy",
    "message text follows",
    "header follows",
    "headers follow",
    "your original",
    "your message reads",
    "your message was",
    "message contents",
    "transcript of message",
    "original header",
    "text of your message",
    "failed message",
    "rejected message",
    "message returned",
    "message source",
    "start of message",
    "forwarded message",
    "message data",
    "initial message",
    "ursprüngliche nachricht",
    "kopie ihrer",
    "message d'origine",
    "mensaje original",
    "исходное сообщение",
];

/// The notice and the returned mail below it.
pub(super) fn split(text: &str) -> (&str, &str) {
    let lines: Vec<(usize, &str)> = line_starts(text).collect();
    for at in 0..lines.len() {
        let (start, line) = lines[at];
        if is_mark(line)
            && lines[at + 1..]
                .iter()
                .take(6)
                .any(|(_, line)| is_known(unquoted(line)))
        {
            return text.split_at(start);
        }
        // Without a mark: three headers in a row, flush left.
        if is_known(line) && headers_from(&lines[at..]) >= 3 {
            return text.split_at(start);
        }
    }
    // A mark in front of a body without headers, or at the very end.
    let mark = lines
        .iter()
        .find(|(_, line)| is_ruled(line) && has_mark(line));
    mark.map_or((text, ""), |(start, _)| text.split_at(*start))
}

/// The headers in returned text, wherever they begin.
pub(super) fn headers(text: &str) -> Headers {
    let start = line_starts(text)
        .take(40)
        .find(|(_, line)| is_known(unquoted(line)))
        .map_or(text.len(), |(at, _)| at);
    let rest = &text[start..];
    let head = rest
        .find("\n\n")
        .or_else(|| rest.find("\n\r\n"))
        .map_or(rest, |end| &rest[..end]);
    if head.trim_start().starts_with('>') || head.starts_with([' ', '\t']) {
        let plain: Vec<&str> = head.lines().map(unquoted).collect();
        return Headers::read(&plain.join("\n"));
    }
    Headers::read(head)
}

fn line_starts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end())
    })
}

fn unquoted(line: &str) -> &str {
    line.trim_start_matches(['>', '|', ' ', '\t'])
}

fn is_known(line: &str) -> bool {
    field(line).is_some_and(|(name, _)| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// Counts the known headers that follow one another.
fn headers_from(lines: &[(usize, &str)]) -> usize {
    let mut count = 0;
    for (_, line) in lines.iter().take(30) {
        if line.starts_with([' ', '\t']) {
            continue;
        }
        if field(line).is_none() {
            break;
        }
        count += usize::from(is_known(line));
    }
    count
}

fn is_mark(line: &str) -> bool {
    (is_ruled(line) || line.trim_end().ends_with([':', '.', ')'])) && has_mark(line)
}

fn is_ruled(line: &str) -> bool {
    line.trim_start()
        .starts_with(['-', '=', '*', '#', '_', '+', '~', '<'])
}

fn has_mark(line: &str) -> bool {
    if line.len() > 200 {
        return false;
    }
    let line = line.to_lowercase();
    MARKS.iter().any(|mark| line.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_returned_mail_begins_at_its_mark_or_its_headers() {
        let marked = "Sorry.\n\n--- Below this line is a copy of the message.\n\nReceived: by x\nTo: a@b.example\n\nhi\n";
        assert_eq!(split(marked).0, "Sorry.\n\n");
        assert_eq!(headers(split(marked).1).get("to"), Some("a@b.example"));
        let bare =
            "<a@b.example>\nrejected\n-----\nReceived: by x\n for y\nFrom: c\nTo: d\nSubject: e\n";
        assert_eq!(split(bare).0, "<a@b.example>\nrejected\n-----\n");
        let none = "Your message\n  To: a\n  Subject: b\n  Sent: c\ndid not reach d@e.example\n";
        assert_eq!(split(none), (none, ""));
        let quoted = "--- Original message follows\n> Message-ID: <1@x>\n> To: a@b.example\n";
        assert_eq!(headers(split(quoted).1).get("message-id"), Some("<1@x>"));
    }
}
