//! Reports in prose: qmail, Exim, Exchange, Notes, carriers and the rest.
//!
//! They share the shape: an introduction, one or more failed addresses
//! each with its reason, and the returned mail. So addresses are ranked by how
//! they stand on their line, and only the best rank counts.

use super::dsn::{DsnAction, FailedRecipient};
use super::headers::Headers;
use crate::refusal::addresses::{addresses, is_same};
use crate::refusal::start_of;
use crate::refusal::{EnhancedCode, find_command, find_reply, gives_reason};

/// More than this is nobody's notice.
const RECIPIENTS_MAX: usize = 20_000;
/// The longest diagnostic that is quoted.
const DIAGNOSTIC_BYTES_MAX: usize = 3_000;

/// Local parts that report and are never what failed.
const NEVER: &[&str] = &[
    "mailer-daemon",
    "postmaster",
    "mail-daemon",
    "abuse",
    "mailerdaemon",
    "hostmaster",
    "helpdesk",
    "support",
];

/// The position of an address on its line: the lower, the surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// `X-Failed-Recipients` says so.
    Named,
    /// `<a@example.org>:`, alone or with the reason behind it.
    Bracketed,
    /// Alone on its line.
    Alone,
    /// In a server's reply: `550 5.1.1 <a@example.org>... User unknown`.
    Refused,
    /// Behind a label: `Recipient: a@example.org`, or before a time: `a@example.org on Thu, …`.
    Labelled,
    /// In the middle of words.
    Mentioned,
}

struct FoundAddress {
    rank: Rank,
    address: String,
    /// The line, by number.
    line: usize,
}

/// The recipients of a notice in prose.
///
/// `returned` are the headers of the mail that came back; `ours` are addresses
/// that the report was sent to, which are never what failed.
pub(super) fn recipients(
    headers: &Headers,
    notice: &str,
    returned: &Headers,
    ours: &[String],
) -> Vec<FailedRecipient> {
    let lines: Vec<&str> = notice.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        for (rank, address) in on_line(line) {
            let local = address
                .split('@')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            if !NEVER.contains(&local.as_str()) && found.len() < 4 * RECIPIENTS_MAX {
                found.push(FoundAddress {
                    rank,
                    address,
                    line: number,
                });
            }
        }
    }
    let to: Vec<String> = returned
        .all("to")
        .chain(returned.all("delivered-to"))
        .chain(returned.all("x-original-to"))
        .flat_map(all_in)
        .collect();
    let named: Vec<String> = headers
        .all("x-failed-recipients")
        .flat_map(all_in)
        .collect();
    for address in &named {
        let line = found
            .iter()
            .find(|one| is_same(&one.address, address))
            .map_or(0, |one| one.line);
        found.push(FoundAddress {
            rank: Rank::Named,
            address: address.clone(),
            line,
        });
    }
    // Our own address is mentioned in "MAIL FROM", and may have failed only if nothing else has.
    let is_ours = |address: &str| ours.iter().any(|one| is_same(one, address));
    if found.iter().any(|one| !is_ours(&one.address)) {
        found.retain(|one| !is_ours(&one.address) || one.rank == Rank::Named);
    }
    let best = found.iter().map(|one| one.rank).min();
    match best {
        None => {
            found = to
                .iter()
                .take(1)
                .map(|address| FoundAddress {
                    rank: Rank::Mentioned,
                    address: address.clone(),
                    line: 0,
                })
                .collect();
        }
        Some(Rank::Mentioned) => {
            // Of addresses in passing, the one that the mail was for; else the first.
            let was_for = found
                .iter()
                .position(|one| to.iter().any(|known| is_same(known, &one.address)));
            let only = found.swap_remove(was_for.unwrap_or(0));
            found = vec![only];
        }
        Some(best) => found.retain(|one| one.rank == best),
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|one| seen.insert(one.address.to_ascii_lowercase()));
    found.truncate(RECIPIENTS_MAX);
    let starts: Vec<usize> = found.iter().map(|one| one.line).collect();
    let count = found.len();
    let mut failures: Vec<FailedRecipient> = found
        .into_iter()
        .enumerate()
        .map(|(at, one)| {
            let start = one.line.min(lines.len());
            if one.rank == Rank::Refused {
                // In a transcript the conversation stands above, and below is the next one.
                let talk = lines[..start]
                    .iter()
                    .rev()
                    .take(4)
                    .take_while(|line| line.trim_start().starts_with(['>', '<']))
                    .count();
                return failure(
                    &one.address,
                    said(&lines[start - talk..(start + 1).min(lines.len())]),
                );
            }
            let end = starts[at + 1..]
                .iter()
                .copied()
                .find(|&next| next > one.line)
                .unwrap_or(lines.len());
            about(&one.address, &lines[start..end])
        })
        .collect();
    if count <= 1 {
        // With one recipient the whole notice is about it, also what stands above.
        let whole = said(&lines);
        match failures.first_mut() {
            Some(only) => {
                let (status, reply) = (EnhancedCode::find(&whole), find_reply(&whole));
                only.status = only.status.or(status);
                only.reply = only.reply.or(reply);
                only.command = only.command.or_else(|| find_command(&whole));
                if !gives_reason(&only.diagnostic) {
                    only.diagnostic = format!("{}\n{whole}", only.diagnostic);
                }
            }
            None => failures.push(FailedRecipient {
                recipient: None,
                ..failure("", whole)
            }),
        }
    }
    failures
}

/// Reads the failure of `address` from the paragraph that begins with it, or from all lines up to
/// the next address if that paragraph gives no reason.
fn about(address: &str, lines: &[&str]) -> FailedRecipient {
    let mut written = 0;
    let paragraph = lines.iter().take_while(|line| {
        written += usize::from(!line.trim().is_empty());
        !(line.trim().is_empty() && written > 1)
    });
    let first = failure(address, said(&lines[..paragraph.count()]));
    if first.status.is_some() || first.reply.is_some() || gives_reason(&first.diagnostic) {
        return first;
    }
    failure(address, said(lines))
}

fn failure(address: &str, diagnostic: String) -> FailedRecipient {
    FailedRecipient {
        status: EnhancedCode::find(&diagnostic),
        reply: find_reply(&diagnostic),
        recipient: Some(address.to_owned()),
        original: None,
        action: DsnAction::Failed,
        command: find_command(&diagnostic),
        diagnostic,
    }
}

/// Lines as one text, cut.
fn said(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() > DIAGNOSTIC_BYTES_MAX {
            text.push_str(start_of(
                line,
                DIAGNOSTIC_BYTES_MAX - text.len().min(DIAGNOSTIC_BYTES_MAX),
            ));
            break;
        }
        text.push_str(line.trim());
        text.push('\n');
    }
    text.trim().to_owned()
}

fn all_in(text: &str) -> Vec<String> {
    addresses(text)
        .map(|(start, end)| text[start..end].to_owned())
        .collect()
}

/// Labels before an address, in lower case.
const LABELS: &[&str] = &[
    "dda:",
    "recipient",
    "address",
    "rcpt",
    "user:",
    "mailbox:",
    "e-mail:",
    "email:",
    "user name:",
    "final recipient",
    "destinat",
    "empfänger",
    "получател",
    "宛先",
    "invalid final delivery userid:",
    "delivered to",
    "deliver to",
    "deliver message to",
    "deliver mail to",
    "delivery to",
    "sent to",
    "send to",
    "message to",
    "an:",
    "à:",
    "failed:",
    "unknown user:",
    "user unknown:",
    "could not be delivered to",
    "could not deliver",
];

/// The addresses on a line with their ranks.
pub(super) fn on_line(line: &str) -> Vec<(Rank, String)> {
    let plain = line.trim();
    let lower = plain.to_ascii_lowercase();
    let is_sender = [
        "mail from",
        "from:",
        "sender:",
        "return-path:",
        "reply-to:",
        "envelope-from",
        "from <",
        "cc:",
        "message-id",
        "contact",
        "please send",
        "please forward",
        "if you have",
        "questions",
        "help",
    ]
    .iter()
    .any(|words| lower.contains(words));
    let mut found = Vec::new();
    for (start, end) in addresses(plain) {
        let before = plain[..start].trim_end();
        let after = plain[end..].trim_start();
        let address = plain[start..end].to_owned();
        let bare_before = before.trim_matches([
            '<', '"', '\'', '*', '-', '(', '[', '>', ' ', '\u{2022}', '.',
        ]);
        let closed = after.trim_start_matches(['>', '"', '\'', ')', ']']);
        let rank = if is_sender {
            Rank::Mentioned
        } else if bare_before.is_empty()
            && before.ends_with('<')
            && (closed.starts_with(':') || closed.starts_with("..."))
        {
            Rank::Bracketed
        } else if bare_before.is_empty()
            && (closed
                .trim_matches([':', '.', ',', ';', ' ', '*'])
                .is_empty()
                || closed.starts_with([':', '(']))
        {
            Rank::Alone
        } else if bare_before.is_empty()
            && (closed.starts_with("on ")
                || before.ends_with('<')
                || closed.starts_with(',')
                || closed.starts_with(';')
                || closed.starts_with('-'))
        {
            Rank::Labelled
        } else if found.is_empty() && is_reply_line(plain) {
            Rank::Refused
        } else if found.is_empty()
            && (is_label(bare_before) || (bare_before.is_empty() && !closed.is_empty()))
        {
            Rank::Labelled
        } else {
            Rank::Mentioned
        };
        found.push((rank, address));
    }
    found
}

/// Whether a line is a refusal in a transcript.
fn is_reply_line(line: &str) -> bool {
    let line = line.trim_start_matches(['<', '>', ' ']);
    let starts = line.len() > 4
        && line.is_char_boundary(3)
        && line[..3].bytes().all(|byte| byte.is_ascii_digit());
    starts && find_reply(line).is_some_and(|reply| line.starts_with(&reply.to_string()))
}

fn is_label(before: &str) -> bool {
    let before = before
        .trim_matches([' ', '<', '"', '\'', '*', '='])
        .to_lowercase();
    before.len() <= 80
        && LABELS
            .iter()
            .any(|label| before.starts_with(label.trim()) || before.ends_with(label.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &str, notice: &str, expected: &[(&str, &str)]) {
        let ours = ["me@our.example".to_owned()];
        let found = recipients(&Headers::read(headers), notice, &Headers::default(), &ours);
        let found: Vec<(String, String)> = found
            .into_iter()
            .map(|one| {
                (
                    one.recipient.unwrap_or_default(),
                    one.status
                        .map(|status| status.to_string())
                        .unwrap_or_default(),
                )
            })
            .collect();
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(one, two)| (one.as_str(), two.as_str()))
            .collect();
        assert_eq!(found, expected, "{notice}");
    }

    #[test]
    fn the_failed_addresses_are_told_from_those_in_passing() {
        check(
            "",
            "Hi. From me@our.example\n\n<a@x.example>:\nno such user. (#5.1.1)\n\n<b@x.example>:\nfull (#5.2.2)\n",
            &[("a@x.example", "5.1.1"), ("b@x.example", "5.2.2")],
        );
        check(
            "X-Failed-Recipients: a@x.example, b@x.example",
            "  a@x.example\n    unrouteable\n  b@x.example\n  c@x.example\n",
            &[("a@x.example", ""), ("b@x.example", "")],
        );
        check(
            "",
            "did not reach the following recipient(s):\n\na@x.example on Thu, 29 Apr 2010\n    unknown\nAsk help@x.example\n",
            &[("a@x.example", "")],
        );
        check(
            "",
            "550 5.1.1 <a@x.example>... User Unknown\n",
            &[("a@x.example", "5.1.1")],
        );
    }
}
