//! Gives each recipient of a report a class. Pure.

use super::report::{DsnAction, FailedRecipient, Report, ReportKind};
use crate::refusal::{EnhancedCode, Fault, Reason};

/// The class of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The address is gone.
    Hard,
    /// The mailbox, or the way to it, could not take this mail.
    Soft,
    /// Somebody does not want mail from us: the operator's business.
    Policy,
    /// A person complains.
    Complaint,
    /// It is still under way.
    Delayed,
    /// A machine answered.
    AutoReply,
    /// A person wants to leave.
    Unsubscribe,
    /// None of these.
    Unknown,
}

impl Class {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Class::Hard => "hard",
            Class::Soft => "soft",
            Class::Policy => "policy",
            Class::Complaint => "complaint",
            Class::Delayed => "delayed",
            Class::AutoReply => "auto_reply",
            Class::Unsubscribe => "unsubscribe",
            Class::Unknown => "unknown",
        }
    }
}

/// The news about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The class.
    pub class: Class,
    /// The recipient, if the report names one.
    pub recipient: Option<String>,
    /// The address that we had given, where the report tells it apart.
    pub given: Option<String>,
    /// The reason.
    pub reason: Option<Reason>,
    /// The enhanced code; X.0.0 where the report has none and its class is known.
    pub status: Option<EnhancedCode>,
    /// The server's words, on one line, cut.
    pub diagnostic: String,
    /// Of a complaint: whether a person stands behind it.
    pub is_from_person: bool,
}

/// The longest part of a server's words that is kept, in characters.
const DIAGNOSTIC_CHARS_MAX: usize = 500;

/// The news in a report; at least one.
pub fn verdicts(report: &Report) -> Vec<Verdict> {
    let bare = |class, reason| Verdict {
        class,
        recipient: None,
        given: None,
        reason,
        status: None,
        diagnostic: String::new(),
        is_from_person: false,
    };
    let found: Vec<Verdict> = match &report.kind {
        ReportKind::Delivery(failures) => failures.iter().map(of_failure).collect(),
        ReportKind::Complaint(complaints) => complaints
            .iter()
            .flat_map(|complaint| {
                let one = Verdict {
                    diagnostic: format!("feedback: {}", complaint.kind),
                    is_from_person: complaint.is_from_person(),
                    ..bare(Class::Complaint, Some(Reason::Feedback))
                };
                // Redacted: it is about whom the mail was for.
                let none = complaint.recipients.is_empty().then(|| one.clone());
                let each = complaint.recipients.iter().map(move |recipient| Verdict {
                    recipient: Some(recipient.clone()),
                    ..one.clone()
                });
                none.into_iter().chain(each).collect::<Vec<_>>()
            })
            .collect(),
        ReportKind::AutoReply => vec![bare(Class::AutoReply, Some(Reason::Vacation))],
        ReportKind::Leaving => vec![bare(Class::Unsubscribe, None)],
        ReportKind::Other => Vec::new(),
    };
    if found.is_empty() {
        vec![bare(Class::Unknown, None)]
    } else {
        found
    }
}

fn of_failure(failure: &FailedRecipient) -> Verdict {
    let why = failure.reason();
    let for_now = failure.status.is_some_and(|code| code.class == 4);
    let about_mailbox = failure.status.is_some_and(|code| code.subject == 2);
    let class = match (failure.action, why.fault()) {
        (DsnAction::Delivered | DsnAction::Relayed | DsnAction::Expanded, _) => Class::Unknown,
        (DsnAction::Delayed, _) => Class::Delayed,
        // RFC 7505's "for now" is said where the name service could not be sure.
        (DsnAction::Failed, Fault::Recipient) if why == Reason::NotAccept && for_now => Class::Soft,
        (DsnAction::Failed, Fault::Recipient) => Class::Hard,
        // 4.2.x is about the mailbox (RFC 3463 section 3.3): it gets too much at once.
        (DsnAction::Failed, Fault::Sender) if for_now && about_mailbox => Class::Soft,
        (DsnAction::Failed, Fault::Sender) => Class::Policy,
        (DsnAction::Failed, _) => Class::Soft,
    };
    // RFC 3463 section 3.1: X.0.0 is the code of what is not known more exactly.
    let is_transient = failure.reply.is_some_and(|reply| reply < 500) || class == Class::Delayed;
    let usual = match class {
        Class::Hard | Class::Soft | Class::Policy | Class::Delayed => {
            Some(EnhancedCode::new(if is_transient { 4 } else { 5 }, 0, 0))
        }
        _ => None,
    };
    Verdict {
        class,
        recipient: failure.recipient.clone(),
        given: failure.original.clone(),
        reason: Some(why),
        status: failure.status.or(usual),
        diagnostic: in_one_line(&failure.diagnostic),
        is_from_person: false,
    }
}

/// `text` on one line, cut, without anything that moves a cursor or turns text around.
fn in_one_line(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words: String = text
        .chars()
        .take(4 * DIAGNOSTIC_CHARS_MAX)
        .map(|c| if is_harmful(c) { ' ' } else { c })
        .collect();
    words
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(DIAGNOSTIC_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        action: DsnAction,
        status: Option<EnhancedCode>,
        words: &str,
        class: Class,
        why: &str,
    ) {
        let failure = FailedRecipient {
            action,
            status,
            diagnostic: words.to_owned(),
            ..FailedRecipient::default()
        };
        let found = of_failure(&failure);
        assert_eq!(
            (found.class, found.reason.map(Reason::word)),
            (class, Some(why)),
            "{words}"
        );
    }

    #[test]
    fn each_failure_has_its_class() {
        let code = |class, subject, detail| Some(EnhancedCode::new(class, subject, detail));
        check(
            DsnAction::Failed,
            code(5, 1, 1),
            "550 5.1.1 no such user",
            Class::Hard,
            "userunknown",
        );
        check(
            DsnAction::Failed,
            code(5, 2, 2),
            "552 5.2.2 over quota",
            Class::Soft,
            "mailboxfull",
        );
        check(
            DsnAction::Failed,
            code(5, 7, 1),
            "554 5.7.1 blocked using zen.spamhaus.org",
            Class::Policy,
            "blocked",
        );
        check(
            DsnAction::Failed,
            code(5, 7, 26),
            "550 5.7.26 unauthenticated",
            Class::Policy,
            "authfailure",
        );
        check(
            DsnAction::Failed,
            code(4, 4, 7),
            "message expired",
            Class::Soft,
            "expired",
        );
        check(
            DsnAction::Failed,
            code(5, 1, 10),
            "recipient address has null MX",
            Class::Hard,
            "notaccept",
        );
        check(
            DsnAction::Failed,
            code(4, 2, 1),
            "450 4.2.1 is receiving mail at a rate that",
            Class::Soft,
            "speeding",
        );
        check(DsnAction::Failed, None, "", Class::Soft, "undefined");
        check(
            DsnAction::Delayed,
            code(4, 4, 1),
            "connection timed out",
            Class::Delayed,
            "networkerror",
        );
        check(
            DsnAction::Delivered,
            code(2, 0, 0),
            "250 ok",
            Class::Unknown,
            "delivered",
        );
    }

    #[test]
    fn a_report_that_quotes_a_refusal_of_the_sender_costs_no_reader() {
        let mut wrong = Vec::new();
        for text in crate::refusal::texts::POLICY {
            let recipient = Some("ada@example.org".to_owned());
            let failure = FailedRecipient::in_words(recipient, text);
            let found = of_failure(&failure);
            if found.class != Class::Policy {
                wrong.push(format!("{:?} {:?}: {text}", found.class, found.reason));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }

    #[test]
    fn a_report_of_a_refused_recipient_counts_against_the_address() {
        for text in crate::refusal::texts::RECIPIENT {
            let words = format!("{text} (in reply to RCPT TO command)");
            let recipient = Some("sender-limit@example.org".to_owned());
            let found = of_failure(&FailedRecipient::in_words(recipient, &words));
            // A disabled account may come back: reports of it are counted.
            let is_right = match found.reason {
                Some(Reason::Suspend) => found.class == Class::Soft,
                _ => found.class == Class::Hard,
            };
            assert!(is_right, "{:?} {:?}: {text}", found.class, found.reason);
        }
    }
}
