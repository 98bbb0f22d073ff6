//! Reads the reason of a refusal, in Sisimai's vocabulary, and whose fault that makes it. Pure.
//!
//! The words of a server tell more than its codes, for many answer
//! `550 5.7.1` to everything. So: codes that mean one thing alone, then words
//! ([`super::matching`]), then codes that are used loosely, then the bare reply.

use super::code::EnhancedCode;
use super::command::Command;
use super::{Refusal, matching};

/// The reason of a refusal, in the words of Sisimai (libsisimai.org/en/reason).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words are explained by their table")]
pub enum Reason {
    AuthFailure,
    BadReputation,
    Blocked,
    ContentError,
    Delivered,
    ExceedLimit,
    Expired,
    FailedStartTls,
    Feedback,
    Filtered,
    HasMoved,
    HostUnknown,
    MailboxFull,
    MailerError,
    MesgTooBig,
    NetworkError,
    NoRelaying,
    NotAccept,
    NotCompliantRfc,
    OnHold,
    PolicyViolation,
    Rejected,
    RequirePtr,
    SecurityError,
    SpamDetected,
    Speeding,
    Suspend,
    Suppressed,
    SyntaxError,
    SystemError,
    SystemFull,
    TooManyConn,
    Undefined,
    UserUnknown,
    Vacation,
    VirusDetected,
}

/// The party at fault for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The address does not exist or takes no mail.
    Recipient,
    /// The mailbox exists and cannot take this mail.
    Mailbox,
    /// Ours: the sender, its host, its rate, its login, or the message itself.
    Sender,
    /// A server or the network on the way.
    Transport,
    /// Not known.
    Unknown,
    /// Nobody's: it is no failure.
    None,
}

use Fault as F;

/// Every reason with its word and whose fault it is.
pub const REASONS: [(Reason, &str, Fault); 36] = [
    // SPF, DKIM or DMARC did not pass.
    (Reason::AuthFailure, "authfailure", F::Sender),
    // The reputation of our address or domain.
    (Reason::BadReputation, "badreputation", F::Sender),
    // Our address is on a block list, or their firewall's.
    (Reason::Blocked, "blocked", F::Sender),
    // The text is malformed or of a kind that is not taken.
    (Reason::ContentError, "contenterror", F::Sender),
    (Reason::Delivered, "delivered", F::None),
    // Longer than this mailbox takes (X.2.3).
    (Reason::ExceedLimit, "exceedlimit", F::Sender),
    // Tried until it was too late.
    (Reason::Expired, "expired", F::Transport),
    (Reason::FailedStartTls, "failedstarttls", F::Sender),
    // A complaint.
    (Reason::Feedback, "feedback", F::None),
    // Refused after the text, by the recipient's filter or settings.
    (Reason::Filtered, "filtered", F::Mailbox),
    // The mailbox is elsewhere now (X.1.6).
    (Reason::HasMoved, "hasmoved", F::Recipient),
    // No such domain (X.1.2).
    (Reason::HostUnknown, "hostunknown", F::Recipient),
    (Reason::MailboxFull, "mailboxfull", F::Mailbox),
    // A program behind the mailbox failed.
    (Reason::MailerError, "mailererror", F::Mailbox),
    // Longer than the system takes (X.3.4).
    (Reason::MesgTooBig, "mesgtoobig", F::Sender),
    (Reason::NetworkError, "networkerror", F::Transport),
    (Reason::NoRelaying, "norelaying", F::Sender),
    // The host takes no mail at all (RFC 7504, RFC 7505).
    (Reason::NotAccept, "notaccept", F::Recipient),
    (Reason::NotCompliantRfc, "notcompliantrfc", F::Sender),
    // They do not say why.
    (Reason::OnHold, "onhold", F::Unknown),
    (Reason::PolicyViolation, "policyviolation", F::Sender),
    // The sender's address is refused.
    (Reason::Rejected, "rejected", F::Sender),
    (Reason::RequirePtr, "requireptr", F::Sender),
    (Reason::SecurityError, "securityerror", F::Sender),
    (Reason::SpamDetected, "spamdetected", F::Sender),
    // Too much, too fast.
    (Reason::Speeding, "speeding", F::Sender),
    // The account is disabled for now.
    (Reason::Suspend, "suspend", F::Mailbox),
    // The relay itself has the address on a list.
    (Reason::Suppressed, "suppressed", F::Mailbox),
    (Reason::SyntaxError, "syntaxerror", F::Sender),
    (Reason::SystemError, "systemerror", F::Transport),
    (Reason::SystemFull, "systemfull", F::Transport),
    (Reason::TooManyConn, "toomanyconn", F::Sender),
    (Reason::Undefined, "undefined", F::Unknown),
    (Reason::UserUnknown, "userunknown", F::Recipient),
    (Reason::Vacation, "vacation", F::None),
    (Reason::VirusDetected, "virusdetected", F::Sender),
];

impl Reason {
    fn row(self) -> &'static (Reason, &'static str, Fault) {
        &REASONS[self as usize]
    }

    /// The word that is stored and shown.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// The party at fault.
    pub fn fault(self) -> Fault {
        self.row().2
    }
}

/// Codes that mean one thing, whatever words come with them.
const EXACT: &[(EnhancedCode, Reason)] = &[
    // RFC 7505: the domain takes no mail.
    (EnhancedCode::new(5, 1, 10), Reason::NotAccept),
    // RFC 7372: SPF, DKIM, PTR; Google's list (support.google.com/a/answer/3221692) and
    // Microsoft's.
    (EnhancedCode::new(5, 7, 20), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 21), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 22), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 23), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 24), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 25), Reason::RequirePtr),
    (EnhancedCode::new(4, 7, 25), Reason::RequirePtr),
    (EnhancedCode::new(5, 7, 26), Reason::AuthFailure),
    (EnhancedCode::new(4, 7, 26), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 29), Reason::FailedStartTls),
    (EnhancedCode::new(5, 7, 30), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 509), Reason::AuthFailure),
    (EnhancedCode::new(5, 7, 515), Reason::AuthFailure),
    // RFC 5248, RFC 6710: the mailbox is owned by another program; account disabled.
    (EnhancedCode::new(5, 7, 13), Reason::Suspend),
    // The sender's address: malformed, or of no known domain (RFC 3463 section 3.2).
    (EnhancedCode::new(5, 1, 7), Reason::Rejected),
    (EnhancedCode::new(5, 1, 8), Reason::Rejected),
    (EnhancedCode::new(4, 1, 8), Reason::Rejected),
    (EnhancedCode::new(5, 1, 9), Reason::Rejected),
    (EnhancedCode::new(4, 1, 9), Reason::Rejected),
    // RFC 3463 section 3.2 and 3.3.
    (EnhancedCode::new(5, 1, 6), Reason::HasMoved),
    // Exchange Online: the sender's limit of recipients a day.
    (EnhancedCode::new(5, 1, 90), Reason::Speeding),
    (EnhancedCode::new(5, 2, 3), Reason::ExceedLimit),
];

/// The reason of a code where the words give none, by class, subject and detail (RFC 3463
/// section 3); 999 for any.
const USUAL: &[(u16, u16, u16, Reason)] = &[
    // Address.
    (5, 1, 1, Reason::UserUnknown),
    (4, 1, 1, Reason::UserUnknown),
    (5, 1, 2, Reason::HostUnknown),
    (4, 1, 2, Reason::HostUnknown),
    (5, 1, 3, Reason::UserUnknown),
    (5, 1, 4, Reason::Filtered),
    (5, 1, 0, Reason::UserUnknown),
    // Exchange Online: domain or user not there.
    (5, 1, 351, Reason::Filtered),
    (5, 1, 999, Reason::UserUnknown),
    // Mailbox.
    (5, 2, 0, Reason::Filtered),
    (5, 2, 1, Reason::Suspend),
    (4, 2, 1, Reason::Suspend),
    (5, 2, 2, Reason::MailboxFull),
    (4, 2, 2, Reason::MailboxFull),
    (5, 2, 4, Reason::Filtered),
    (4, 2, 0, Reason::SystemError),
    (5, 2, 999, Reason::Filtered),
    // System.
    (5, 3, 0, Reason::SystemError),
    (5, 3, 1, Reason::SystemFull),
    (4, 3, 1, Reason::SystemFull),
    (5, 3, 2, Reason::NotAccept),
    (4, 3, 2, Reason::NotAccept),
    (5, 3, 4, Reason::MesgTooBig),
    (4, 3, 4, Reason::MesgTooBig),
    (5, 3, 5, Reason::SystemError),
    (4, 3, 999, Reason::SystemError),
    (5, 3, 999, Reason::SystemError),
    // Network and routing: no answer, no route, loop, too late.
    (5, 4, 1, Reason::Expired),
    (4, 4, 1, Reason::Expired),
    (5, 4, 2, Reason::NetworkError),
    (4, 4, 2, Reason::NetworkError),
    (5, 4, 3, Reason::NetworkError),
    (4, 4, 3, Reason::SystemError),
    (5, 4, 4, Reason::HostUnknown),
    (4, 4, 4, Reason::NetworkError),
    (4, 4, 5, Reason::SystemFull),
    (5, 4, 5, Reason::SystemFull),
    (5, 4, 6, Reason::NetworkError),
    (4, 4, 6, Reason::NetworkError),
    (5, 4, 14, Reason::NetworkError),
    (5, 4, 7, Reason::Expired),
    (4, 4, 7, Reason::Expired),
    (5, 4, 999, Reason::NetworkError),
    (4, 4, 999, Reason::NetworkError),
    // Protocol.
    (5, 5, 2, Reason::SyntaxError),
    (5, 5, 1, Reason::SyntaxError),
    (5, 5, 3, Reason::Speeding),
    (4, 5, 3, Reason::Speeding),
    (4, 5, 999, Reason::OnHold),
    // Text.
    (5, 6, 0, Reason::ContentError),
    (5, 6, 9, Reason::SpamDetected),
    (5, 6, 999, Reason::ContentError),
    // Security and policy.
    (5, 7, 0, Reason::SecurityError),
    (5, 7, 1, Reason::SecurityError),
    (5, 7, 2, Reason::SecurityError),
    (5, 7, 7, Reason::SecurityError),
    (5, 7, 8, Reason::SecurityError),
    (5, 7, 9, Reason::SecurityError),
    // Google: SPF did not pass; RFC 7505 meant the sender's null MX by it.
    (5, 7, 27, Reason::AuthFailure),
    (4, 7, 999, Reason::PolicyViolation),
    (5, 7, 999, Reason::SecurityError),
];

/// The reason of the bare reply, where nothing else gives one (RFC 5321 section 4.2.3, RFC 7504).
const REPLIES: &[(u16, Reason)] = &[
    (521, Reason::NotAccept),
    (556, Reason::NotAccept),
    (552, Reason::MailboxFull),
    (551, Reason::UserUnknown),
    (450, Reason::Suspend),
    (452, Reason::SystemFull),
    (421, Reason::Expired),
    (500, Reason::SyntaxError),
    (501, Reason::SyntaxError),
    (502, Reason::SyntaxError),
    (503, Reason::SyntaxError),
    (504, Reason::SyntaxError),
    (525, Reason::SecurityError),
    (530, Reason::SecurityError),
    (535, Reason::SecurityError),
];

/// The source that a reason was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A code with one meaning, or the server's words.
    Sure,
    /// An enhanced status code that is used loosely.
    Code,
    /// Words that are used for many things.
    VagueWords,
    /// The three digits of the reply alone.
    Reply,
    /// Nothing that is known.
    Nothing,
}

/// A reason with what it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// The reason of the refusal.
    pub reason: Reason,
    /// The source of the reason.
    pub basis: Basis,
}

/// Reads the reason from the server's words and codes and from the refused command.
pub fn diagnose(refusal: &Refusal<'_>) -> Diagnosis {
    let words = matching::plain(refusal.text, refusal.address);
    let (reason, basis) = by_words_and_codes(refusal, &words);
    Diagnosis {
        reason: in_context(reason, refusal, &words),
        basis,
    }
}

fn by_words_and_codes(refusal: &Refusal<'_>, words: &str) -> (Reason, Basis) {
    let code = refusal.code;
    let exact = |code: EnhancedCode| {
        let row = EXACT.iter().find(|(known, _)| *known == code);
        row.map(|(_, reason)| *reason)
    };
    let by_code = code.and_then(usual);
    let by_reply = || {
        let row = REPLIES
            .iter()
            .find(|(known, _)| Some(*known) == refusal.reply);
        row.map(|(_, reason)| *reason)
    };
    let telling = by_code.filter(|_| code.is_some_and(is_telling));
    let with = |basis| move |reason| (reason, basis);
    let sure = code
        .and_then(exact)
        .or_else(|| matching::reason(words, refusal.reply.is_some()));
    sure.map(with(Basis::Sure))
        .or_else(|| telling.map(with(Basis::Code)))
        .or_else(|| matching::vague_reason(words).map(with(Basis::VagueWords)))
        .or_else(|| by_code.map(with(Basis::Code)))
        .or_else(|| by_reply().map(with(Basis::Reply)))
        .unwrap_or_else(|| {
            let is_silent = refusal.text.trim().is_empty();
            let reason = if is_silent {
                Reason::Undefined
            } else {
                Reason::OnHold
            };
            (reason, Basis::Nothing)
        })
}

/// The reason, changed where the command or the subject of the code contradicts it.
fn in_context(found: Reason, refusal: &Refusal<'_>, words: &str) -> Reason {
    let (status, reply) = (refusal.code, refusal.reply);
    let about_address = status.is_some_and(|status| status.subject == 1);
    let about_policy = status.is_some_and(|status| status.subject == 7);
    let about_mailbox = status.is_some_and(|status| status.subject == 2);
    match (refusal.command, found) {
        // A server that accepted the recipient and "does not know" it after the text has a filter
        // (carriers do it so).
        (Some(Command::Data), Reason::UserUnknown)
            if !about_address && !matching::is_sure(words) =>
        {
            Reason::Filtered
        }
        // The code says that the mailbox is there, and nothing that it was the recipient who was
        // refused.
        (None | Some(Command::Data), Reason::UserUnknown) if about_mailbox => Reason::Filtered,
        // A bare reply that shows neither that it answered RCPT nor by a code that it means the
        // address.
        (None, Reason::UserUnknown)
            if status.is_none() && reply.is_some() && !matching::is_sure(words) =>
        {
            Reason::Filtered
        }
        // A policy's code, and nothing that it was the recipient who was refused.
        (None | Some(Command::Data), Reason::UserUnknown)
            if about_policy && !matching::is_denied(words) =>
        {
            Reason::Filtered
        }
        // A refusal of MAIL is about the sender.
        (
            Some(Command::Mail),
            Reason::UserUnknown | Reason::HostUnknown | Reason::Filtered | Reason::OnHold,
        ) => Reason::Rejected,
        // A policy's code with a quota is about the sender's quota.
        (_, Reason::MailboxFull) if about_policy => Reason::Speeding,
        // "For now", said of a domain, is trouble in the name service.
        (_, Reason::HostUnknown) if status.is_some_and(|status| status.class == 4) => {
            Reason::NetworkError
        }
        (_, found) => found,
    }
}

/// Codes that are used for what they are meant for more often than not.
fn is_telling(status: EnhancedCode) -> bool {
    matches!(
        (status.subject, status.detail),
        (1, 0..=3) | (2, 1 | 2) | (3, 1 | 4)
    )
}

fn usual(status: EnhancedCode) -> Option<Reason> {
    let fits = |row: &&(u16, u16, u16, Reason)| {
        row.0 == status.class && row.1 == status.subject && (row.2 == status.detail || row.2 == 999)
    };
    USUAL.iter().find(fits).map(|row| row.3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_in_its_row() {
        for (at, (reason, word, ..)) in REASONS.iter().enumerate() {
            assert_eq!(*reason as usize, at, "{word}");
        }
    }
}
