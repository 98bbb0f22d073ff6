//! Delivery status notifications (RFC 3464), the machine's part of a report (RFC 6522).

use super::headers::Headers;
use crate::refusal::addresses;
use crate::refusal::{Command, EnhancedCode, Reason, Refusal, diagnose, find_command, find_reply};

/// More recipients than this in one report are nobody's mail.
const RECIPIENTS_MAX: usize = 20_000;

/// The action of a server for one recipient (RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DsnAction {
    /// It has given up.
    #[default]
    Failed,
    /// It goes on trying.
    Delayed,
    /// It arrived.
    Delivered,
    /// It went on to a system that does not report.
    Relayed,
    /// It went on to several recipients.
    Expanded,
}

const ACTIONS: [(&str, DsnAction); 7] = [
    ("failed", DsnAction::Failed),
    // Some write "failure".
    ("failure", DsnAction::Failed),
    ("delayed", DsnAction::Delayed),
    ("delivered", DsnAction::Delivered),
    // Postfix, asked by "sendmail -bv".
    ("deliverable", DsnAction::Delivered),
    ("relayed", DsnAction::Relayed),
    ("expanded", DsnAction::Expanded),
];

/// The fate of the mail to one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedRecipient {
    /// To whom it could not be delivered, if the report says so.
    pub recipient: Option<String>,
    /// The address that the sender had given, where it differs (RFC 3464 section 2.3.1).
    pub original: Option<String>,
    /// The action of the server.
    pub action: DsnAction,
    /// The enhanced code.
    pub status: Option<EnhancedCode>,
    /// The three digits of the server's reply.
    pub reply: Option<u16>,
    /// The server's words.
    pub diagnostic: String,
    /// The command that was refused, where the report tells.
    pub command: Option<Command>,
}

impl FailedRecipient {
    /// A failure that is told in a server's words alone.
    pub fn in_words(recipient: Option<String>, words: &str) -> Self {
        FailedRecipient {
            recipient,
            status: EnhancedCode::find(words),
            reply: find_reply(words),
            diagnostic: words.to_owned(),
            command: find_command(words),
            ..FailedRecipient::default()
        }
    }

    /// The reason for which the mail came back.
    pub fn reason(&self) -> Reason {
        match self.action {
            DsnAction::Delivered | DsnAction::Relayed | DsnAction::Expanded => Reason::Delivered,
            DsnAction::Failed | DsnAction::Delayed => {
                diagnose(&Refusal {
                    command: self.command,
                    reply: self.reply,
                    code: self.status,
                    text: &self.diagnostic,
                    address: self.recipient.as_deref().unwrap_or_default(),
                })
                .reason
            }
        }
    }
}

/// The recipients of a delivery-status part.
pub(super) fn recipients(text: &str) -> Vec<FailedRecipient> {
    let mut found = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for block in blocks(text) {
        let fields = Headers::read(&block);
        let is_about_one = [
            "final-recipient",
            "original-recipient",
            "x-actual-recipient",
            "action",
        ];
        if is_about_one.iter().any(|name| fields.has(name)) && found.len() < RECIPIENTS_MAX {
            let one = recipient(&fields);
            // Some repeat a recipient for each try.
            let is_new = one.recipient.as_ref().is_none_or(|address| {
                seen.insert((address.to_ascii_lowercase(), one.action as u8))
            });
            if is_new {
                found.push(one);
            }
        }
    }
    found
}

/// Groups of lines between empty ones. A field that begins the next recipient begins a block, too:
/// some servers forget the empty line.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    let mut has_final = false;
    for line in text.lines() {
        let is_final = line
            .get(..16)
            .is_some_and(|start| start.eq_ignore_ascii_case("final-recipient:"));
        if line.trim().is_empty() || (is_final && has_final) {
            blocks.push(String::new());
            has_final = false;
        }
        has_final |= is_final;
        if let Some(block) = blocks.last_mut()
            && !line.trim().is_empty()
        {
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

fn recipient(fields: &Headers) -> FailedRecipient {
    let address = |name: &str| fields.get(name).and_then(typed_address);
    let given = address("original-recipient");
    let last = address("final-recipient").or_else(|| address("x-actual-recipient"));
    let diagnostic = fields
        .all("diagnostic-code")
        .map(typed_text)
        .collect::<Vec<_>>()
        .join(" ");
    let diagnostic = if diagnostic.trim().is_empty() {
        // Exim and a few others put the words elsewhere.
        fields
            .get("x-exim-diagnostic")
            .or_else(|| fields.get("x-notes"))
            .map(typed_text)
            .unwrap_or_default()
    } else {
        diagnostic
    };
    let status = fields.get("status").and_then(EnhancedCode::read);
    let action = fields.get("action").and_then(|word| {
        let word = word
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        ACTIONS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, action)| *action)
    });
    let by_status = || match status.map(|status| status.class) {
        Some(2) => DsnAction::Delivered,
        _ => DsnAction::Failed,
    };
    let diagnostic = innermost(&diagnostic).to_owned();
    let reply = find_reply(&diagnostic);
    // Some write the code of the first try, "delivered to the queue", beside the refusal.
    let in_words = EnhancedCode::find(&diagnostic);
    let status = match (status, in_words) {
        // The server's own words are more reliable than the reporter's summary of them.
        (Some(said), Some(found)) if said.class != 2 && !found.says_nothing() => Some(found),
        (None, found) => found,
        (said, _) => said,
    };
    // A machine's own name ("user@sims-ms-daemon") is nobody's address.
    let is_inner = |address: &String| {
        !address
            .rsplit_once('@')
            .is_some_and(|(_, domain)| domain.contains('.'))
    };
    let recipient = last
        .clone()
        .filter(|last| given.is_none() || !is_inner(last))
        .or_else(|| given.clone())
        .or(last);
    let original = given.filter(|given| {
        recipient
            .as_ref()
            .is_none_or(|one| !addresses::is_same(one, given))
    });
    let command = find_command(&diagnostic);
    FailedRecipient {
        recipient,
        original,
        action: action.unwrap_or_else(by_status),
        status,
        reply,
        diagnostic,
        command,
    }
}

/// The reply of the last server, where the one before quotes it:
/// `5.1.0 - Unknown address error 550-'5.7.1 no'`.
///
/// Amazon's relays write `554 4.4.7 expired <421 4.4.2 timed out>`.
fn innermost(text: &str) -> &str {
    let pointed = text
        .rfind('<')
        .map(|at| text[at + 1..].trim_end_matches(['>', '.', ' ']));
    let is_reply = |inner: &&str| {
        inner.len() > 4
            && inner.is_char_boundary(4)
            && inner[..3].bytes().all(|byte| byte.is_ascii_digit())
            && inner.as_bytes()[3] == b' '
    };
    if let Some(inner) = pointed.filter(is_reply) {
        return inner;
    }
    let quoted = text.split_once("-'").and_then(|(before, rest)| {
        let start = before.len().checked_sub(3)?;
        let is_reply = before
            .get(start..)?
            .bytes()
            .all(|byte| byte.is_ascii_digit());
        let end = rest.rfind('\'')?;
        is_reply.then(|| &text[start..before.len() + 2 + end])
    });
    quoted.unwrap_or(text)
}

/// The address behind the type in `rfc822; a@example.org`.
fn typed_address(value: &str) -> Option<String> {
    let (kind, rest) = value.split_once(';').unwrap_or(("", value));
    let rest = if rest.trim().is_empty() { kind } else { rest };
    let rest = rest.trim();
    if let Some(found) = addresses::first(rest) {
        return Some(found.to_owned());
    }
    if rest.contains('@') {
        return None;
    }
    // A local name, as sendmail writes of its own users: "rfc822; kim".
    let bare = rest.trim_matches(['<', '>', '"', '\'']);
    let is_name = !bare.is_empty() && !bare.contains([' ', '/', ':', '@']) && bare.len() <= 64;
    (is_name && !kind.is_empty() && kind != rest).then(|| bare.to_owned())
}

/// The words behind the type in `smtp; 550 no such user`.
fn typed_text(value: &str) -> String {
    let words = match value.split_once(';') {
        Some((kind, rest)) if kind.trim().len() <= 20 && !kind.trim().contains(' ') => rest,
        _ => value,
    };
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_recipient_has_its_own_fate() {
        let text = "Reporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; a@example.org\nOriginal-Recipient: \
                    rfc822;b@example.org\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550-5.1.1 no such\n \
                    user\n\nFinal-Recipient: rfc822;<c@example.org>\nAction: delayed\nStatus: 4.4.1 (timed out)\n";
        let found = recipients(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].recipient.as_deref(), Some("a@example.org"));
        assert_eq!(found[0].original.as_deref(), Some("b@example.org"));
        assert_eq!(
            (found[0].status, found[0].reply),
            (Some(EnhancedCode::new(5, 1, 1)), Some(550))
        );
        assert_eq!(found[0].diagnostic, "550-5.1.1 no such user");
        assert_eq!(
            (found[1].action, found[1].status),
            (DsnAction::Delayed, Some(EnhancedCode::new(4, 4, 1)))
        );
    }
}
