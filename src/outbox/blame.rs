//! Decides whose fault a refused recipient is. Pure.
//!
//! A server that refuses *us* refuses everybody and must not cost anybody their subscription; a
//! server that does not know *them* is believed at once. Before RCPT everything is about us. From
//! RCPT on the words decide, by the table that returned reports are read by, too
//! ([`crate::refusal`]): 550 at RCPT also means "rejected for policy reasons" (RFC 5321 section
//! 4.2.3), and enhanced codes are used loosely.

use super::reply::Reply;
use super::stage::SmtpStage;
use crate::refusal::{Basis, Command, EnhancedCode, Fault, Reason, Refusal, diagnose};

/// The party at fault for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The address does not exist or takes no mail: never again.
    Recipient,
    /// The mailbox cannot take it now, whatever the first digit says: again later.
    RecipientSoft,
    /// The server does not want it from us: the recipient has no part in it.
    Policy,
    /// The relay is in trouble: everybody waits.
    Relay,
    /// Not now: again later.
    Later,
    /// Refused for good without saying whose fault it is: this message is lost, the address is not.
    Unclear,
}

/// The blame for `reply`, a refusal, to the command `stage` about `recipient`.
pub fn blame(stage: SmtpStage, reply: &Reply, recipient: &str) -> Blame {
    match (reply.code / 100, reply.code) {
        // The service is closing the connection (RFC 5321 section 3.8), whatever it was asked.
        (4, 421) => Blame::Relay,
        // Before RCPT nothing has been said about a recipient. For now: the relay is not ready, has
        // no room or wants us slower (454 at AUTH: RFC 4954 section 6).
        (4, _) if !stage.concerns_recipient() => Blame::Relay,
        // For good: it does not want us, our login (RFC 4954 section 6) or our sender. 554 as a
        // greeting: no mail service for us (RFC 5321 section 3.1).
        (5, _) if !stage.concerns_recipient() => Blame::Policy,
        // Login or encryption wanted (RFC 4954 section 6).
        (5, 530 | 534 | 535 | 538) => Blame::Policy,
        (4, _) => for_now(&refusal(stage, reply, recipient)),
        (5, _) => for_good(&refusal(stage, reply, recipient)),
        // A reply outside 4xx and 5xx is no refusal: the conversation is out of step.
        _ => Blame::Relay,
    }
}

fn refusal<'a>(stage: SmtpStage, reply: &'a Reply, recipient: &'a str) -> Refusal<'a> {
    let command = match stage {
        SmtpStage::Rcpt => Command::Rcpt,
        _ => Command::Data,
    };
    Refusal {
        command: Some(command),
        reply: Some(reply.code),
        code: reply.code_anywhere(),
        text: &reply.text,
        address: recipient,
    }
}

/// 4xx at RCPT or later: mailbox busy or full, greylisting (4.7.1, RFC 6647), too many recipients
/// (RFC 5321 section 4.5.3.1.10), a local error.
fn for_now(refusal: &Refusal<'_>) -> Blame {
    let found = diagnose(refusal);
    let about_mailbox = refusal.code.is_some_and(|code| code.subject == 2);
    match found.reason.fault() {
        Fault::Sender if found.basis != Basis::Code => Blame::Later,
        _ if about_mailbox => Blame::RecipientSoft,
        _ => Blame::Later,
    }
}

/// 5xx at RCPT or later.
fn for_good(refusal: &Refusal<'_>) -> Blame {
    let found = diagnose(refusal);
    let is_code = |subject, detail| refusal.code == Some(EnhancedCode::new(5, subject, detail));
    match (found.reason, found.reason.fault()) {
        // Too many recipients: temporary even as 5xx (RFC 5321 section 4.5.3.1.10).
        _ if is_code(5, 3) => Blame::Later,
        // Refused for good, whatever they call it; people who come back subscribe again.
        (Reason::Suspend, _) if !is_temporary(refusal.text) => Blame::Recipient,
        // A protocol error is a fault of a program, and does not show of which.
        (Reason::SyntaxError, _) => Blame::Unclear,
        (_, Fault::Sender) => Blame::Policy,
        (_, Fault::Recipient) if found.basis != Basis::Code || is_telling(refusal) => {
            Blame::Recipient
        }
        // Mailbox full (5.2.2, or in words): people do tidy up, so it is temporary.
        (Reason::MailboxFull, _) if found.basis != Basis::Reply => Blame::RecipientSoft,
        // A routing loop at the recipient's side (RFC 3463 section 3.5): mended by people.
        _ if is_code(4, 6) => Blame::RecipientSoft,
        (_, Fault::Mailbox) if found.basis == Basis::Sure => Blame::RecipientSoft,
        _ => Blame::Unclear,
    }
}

/// Whether the code alone says that the address is wrong: no such mailbox or host, malformed, moved
/// (RFC 3463 section 3.2), no mail taken (RFC 7505), no route (section 3.5). 5.1.0 and the others
/// are used for refusals of senders, too; Cisco's gateways mean the recipient.
fn is_telling(refusal: &Refusal<'_>) -> bool {
    let is_cisco = || {
        refusal
            .text
            .to_ascii_lowercase()
            .starts_with("address rejected")
    };
    refusal
        .code
        .is_some_and(|code| match (code.subject, code.detail) {
            (1, 1..=3 | 6 | 10) | (4, 4) => true,
            (1, 0) => is_cisco(),
            _ => false,
        })
}

fn is_temporary(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["tempor", "for now", "try again", "over quota", "quota"]
        .iter()
        .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stage: SmtpStage, code: u16, text: &str, expected: Blame) {
        assert_eq!(
            blame(stage, &Reply::new(code, text), "ada@example.org"),
            expected,
            "{stage}: {code} {text}"
        );
    }

    #[test]
    fn an_address_that_does_not_exist_is_the_recipients() {
        check(SmtpStage::Rcpt, 550, "5.1.1 no such user", Blame::Recipient);
        check(SmtpStage::Rcpt, 550, "no such user", Blame::Recipient);
        check(SmtpStage::Rcpt, 551, "user not local", Blame::Recipient);
        check(
            SmtpStage::Rcpt,
            553,
            "mailbox name not allowed",
            Blame::Recipient,
        );
        check(
            SmtpStage::Rcpt,
            550,
            "5.1.0 address rejected",
            Blame::Recipient,
        );
        check(
            SmtpStage::Rcpt,
            554,
            "5.1.2 domain not found",
            Blame::Recipient,
        );
        check(
            SmtpStage::Rcpt,
            556,
            "5.1.10 recipient address has null MX",
            Blame::Recipient,
        );
        check(
            SmtpStage::Rcpt,
            550,
            "5.2.1 mailbox disabled",
            Blame::Recipient,
        );
        check(
            SmtpStage::Rcpt,
            521,
            "host does not accept mail",
            Blame::Recipient,
        );
        // Exchange Online's words for an unknown recipient.
        check(
            SmtpStage::Rcpt,
            550,
            "5.4.1 Recipient address rejected: Access denied.",
            Blame::Recipient,
        );
        check(SmtpStage::Dot, 550, "5.1.1 no such user", Blame::Recipient);
    }

    #[test]
    fn a_mailbox_that_is_full_may_be_tidied_up() {
        check(
            SmtpStage::Rcpt,
            552,
            "5.2.2 mailbox full",
            Blame::RecipientSoft,
        );
        check(SmtpStage::Rcpt, 552, "over quota", Blame::RecipientSoft);
        check(
            SmtpStage::Dot,
            554,
            "5.2.2 over quota",
            Blame::RecipientSoft,
        );
        check(
            SmtpStage::Rcpt,
            452,
            "4.2.2 over quota",
            Blame::RecipientSoft,
        );
    }

    #[test]
    fn a_server_that_dislikes_us_blames_nobody_else() {
        check(
            SmtpStage::Rcpt,
            550,
            "5.7.1 client host blocked",
            Blame::Policy,
        );
        check(SmtpStage::Dot, 550, "5.7.26 unauthenticated", Blame::Policy);
        check(SmtpStage::Rcpt, 550, "5.7.515 access denied", Blame::Policy);
        check(SmtpStage::Rcpt, 554, "Relay access denied", Blame::Policy);
        check(
            SmtpStage::Rcpt,
            550,
            "your host is blacklisted, see zen.spamhaus.org",
            Blame::Policy,
        );
        check(
            SmtpStage::Rcpt,
            553,
            "5.1.8 sender address rejected: domain not found",
            Blame::Policy,
        );
        check(
            SmtpStage::Rcpt,
            530,
            "authentication required",
            Blame::Policy,
        );
        check(SmtpStage::Dot, 552, "5.3.4 message too big", Blame::Policy);
        check(SmtpStage::Mail, 550, "sender rejected", Blame::Policy);
        check(SmtpStage::Mail, 552, "5.2.2 full", Blame::Policy);
        check(
            SmtpStage::Auth,
            535,
            "5.7.8 credentials invalid",
            Blame::Policy,
        );
        check(
            SmtpStage::Greeting,
            554,
            "no SMTP service here",
            Blame::Policy,
        );
    }

    #[test]
    fn a_relay_in_trouble_blames_itself() {
        check(SmtpStage::Greeting, 421, "too busy", Blame::Relay);
        check(
            SmtpStage::Auth,
            454,
            "4.7.0 temporary authentication failure",
            Blame::Relay,
        );
        check(
            SmtpStage::Mail,
            452,
            "4.3.1 insufficient system storage",
            Blame::Relay,
        );
        check(SmtpStage::Mail, 450, "4.7.1 slow down", Blame::Relay);
        check(SmtpStage::Rcpt, 421, "4.7.0 closing", Blame::Relay);
        check(SmtpStage::Dot, 421, "shutting down", Blame::Relay);
        check(SmtpStage::Dot, 354, "go ahead", Blame::Relay);
    }

    #[test]
    fn greylisting_asks_to_come_back_later() {
        check(SmtpStage::Rcpt, 451, "4.7.1 greylisted", Blame::Later);
        check(SmtpStage::Rcpt, 450, "greylisted", Blame::Later);
        check(SmtpStage::Dot, 451, "4.7.1 try again", Blame::Later);
        check(
            SmtpStage::Rcpt,
            452,
            "4.5.3 too many recipients",
            Blame::Later,
        );
        check(
            SmtpStage::Rcpt,
            550,
            "5.5.3 too many recipients",
            Blame::Later,
        );
        check(
            SmtpStage::Dot,
            451,
            "4.3.0 queue file write error",
            Blame::Later,
        );
    }

    #[test]
    fn what_says_nothing_costs_no_subscription() {
        check(SmtpStage::Dot, 554, "transaction failed", Blame::Unclear);
        check(SmtpStage::Dot, 550, "message not accepted", Blame::Unclear);
        check(SmtpStage::Data, 503, "bad sequence", Blame::Unclear);
        check(SmtpStage::Rcpt, 501, "syntax", Blame::Unclear);
        check(
            SmtpStage::Rcpt,
            550,
            "nobody knows these words",
            Blame::Unclear,
        );
        check(SmtpStage::Rcpt, 550, "", Blame::Unclear);
        check(
            SmtpStage::Rcpt,
            550,
            "5.1.0 nobody knows these words",
            Blame::Unclear,
        );
        check(
            SmtpStage::Rcpt,
            550,
            "5.2.0 nobody knows these words",
            Blame::Unclear,
        );
        check(SmtpStage::Rcpt, 599, "?", Blame::Unclear);
    }

    /// The code and the text of a reply, which has a code or a dash after it.
    fn read(reply: &str) -> Reply {
        Reply::new(reply[..3].parse().unwrap(), &reply[4..])
    }

    #[test]
    fn what_is_said_about_us_costs_no_recipient_wherever_it_is_said() {
        let mut wrong = Vec::new();
        for text in crate::refusal::texts::POLICY {
            let reply = read(text);
            for stage in [
                SmtpStage::Mail,
                SmtpStage::Rcpt,
                SmtpStage::Data,
                SmtpStage::Dot,
            ] {
                let found = blame(stage, &reply, "ada@example.org");
                let is_right = match (reply.code / 100, stage) {
                    (4, SmtpStage::Mail) => found == Blame::Relay,
                    (4, _) => found == Blame::Later,
                    _ => found == Blame::Policy,
                };
                if !is_right {
                    wrong.push(format!("{stage}: {found:?}: {text}"));
                }
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
    fn what_is_said_about_the_recipient_suppresses() {
        let mut wrong = Vec::new();
        for text in crate::refusal::texts::RECIPIENT {
            let found = blame(SmtpStage::Rcpt, &read(text), "sender-limit@example.org");
            if found != Blame::Recipient {
                wrong.push(format!("{found:?}: {text}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
}
