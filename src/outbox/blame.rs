//! Whose fault a refusal is. Pure.
//!
//! A server that dislikes *us* refuses everybody, and must not cost anybody
//! their subscription; a server that does not know *them* is believed at once.
//! The rules are a table, read from the top; the first that fits decides.

use super::reply::Reply;
use super::stage::SmtpStage;
use crate::refusal::EnhancedCode;
use std::ops::RangeInclusive;

/// At whose door a refusal lies.
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

/// The blame for `reply` to the command `stage`. `reply` is a refusal.
pub fn blame(stage: SmtpStage, reply: &Reply) -> Blame {
    let fits = |rule: &&Rule| {
        (rule.at.is_empty() || rule.at.contains(&stage))
            && rule.codes.contains(&reply.code)
            && says(rule.enhanced, reply.enhanced)
            && (rule.words.is_empty() || holds_one(&reply.text, rule.words))
    };
    // What is neither 4xx nor 5xx is no refusal: the conversation is out of step, which is the relay's trouble.
    RULES
        .iter()
        .find(fits)
        .map_or(Blame::Relay, |rule| rule.blame)
}

struct Rule {
    /// Stages; empty for any.
    at: &'static [SmtpStage],
    codes: RangeInclusive<u16>,
    /// `5.7.*`; `-` for "none, or one that says nothing"; empty for any.
    enhanced: &'static str,
    /// One of these stands in the text, in lower case; empty for any text.
    words: &'static [&'static str],
    blame: Blame,
}

const fn rule(
    at: &'static [SmtpStage],
    codes: RangeInclusive<u16>,
    enhanced: &'static str,
    blame: Blame,
) -> Rule {
    Rule {
        at,
        codes,
        enhanced,
        words: &[],
        blame,
    }
}

const ANY: &[SmtpStage] = &[];
const OPENING: &[SmtpStage] = &[
    SmtpStage::Connect,
    SmtpStage::Greeting,
    SmtpStage::Ehlo,
    SmtpStage::StartTls,
    SmtpStage::Auth,
];
const MAIL: &[SmtpStage] = &[SmtpStage::Mail];
const RCPT: &[SmtpStage] = &[SmtpStage::Rcpt];

/// Words of servers that refuse the sender and give no (telling) enhanced code.
const DISLIKE: &[&str] = &[
    "spam",
    "blacklist",
    "blocklist",
    "denylist",
    "blocked",
    "rbl",
    "listed",
    "reputation",
    "relay",
    "policy",
    "authenticat",
    "spf",
    "dkim",
    "dmarc",
    "reverse dns",
    "ptr record",
    "too many connections",
    "rate limit",
];

static RULES: &[Rule] = &[
    // Before MAIL nothing has been said about a recipient. 4xx: the relay is not ready (RFC 5321 section 3.8;
    // 454 at AUTH or STARTTLS: RFC 4954 section 6, RFC 3207 section 4).
    rule(OPENING, 400..=499, "", Blame::Relay),
    // 554 as a greeting: no mail service for us (RFC 5321 section 3.1). 530, 534, 535, 538: the login (RFC 4954 section 6).
    rule(OPENING, 500..=599, "", Blame::Policy),
    // The service is closing the connection (RFC 5321 section 3.8), whatever it was asked.
    rule(ANY, 421..=421, "", Blame::Relay),
    // MAIL names only us. For now: the relay has no room or wants us slower.
    rule(MAIL, 400..=499, "", Blame::Relay),
    // For good: it does not want this sender.
    rule(MAIL, 500..=599, "", Blame::Policy),
    // From here on: RCPT, DATA and the dot.
    // Mailbox full or disabled for now (RFC 3463 section 3.3).
    rule(ANY, 400..=499, "4.2.*", Blame::RecipientSoft),
    // 4.7.1 at RCPT is greylisting (RFC 6647), not policy; 452 too many recipients or no room (RFC 5321
    // section 4.5.3.1.10); 450, 451: mailbox busy, local error.
    rule(ANY, 400..=499, "", Blame::Later),
    // Login or encryption wanted (RFC 4954 section 6).
    rule(ANY, 530..=530, "", Blame::Policy),
    rule(ANY, 534..=535, "", Blame::Policy),
    rule(ANY, 538..=538, "", Blame::Policy),
    // Security or policy (RFC 3463 section 3.8): blocklists, SPF, DKIM, DMARC, PTR (Gmail 5.7.25 to 5.7.32),
    // Microsoft's 5.7.515 for bulk senders.
    rule(ANY, 500..=599, "5.7.*", Blame::Policy),
    // The sender's address is malformed (5.1.7) or does not exist (5.1.8) (RFC 3463 section 3.2).
    rule(ANY, 500..=599, "5.1.7", Blame::Policy),
    rule(ANY, 500..=599, "5.1.8", Blame::Policy),
    // No such mailbox (5.1.1), host (5.1.2), malformed (5.1.3), moved (5.1.6) (RFC 3463 section 3.2).
    rule(ANY, 500..=599, "5.1.1", Blame::Recipient),
    rule(ANY, 500..=599, "5.1.2", Blame::Recipient),
    rule(ANY, 500..=599, "5.1.3", Blame::Recipient),
    rule(ANY, 500..=599, "5.1.6", Blame::Recipient),
    // The domain says that it takes no mail (null MX, RFC 7505 section 4.2).
    rule(ANY, 500..=599, "5.1.10", Blame::Recipient),
    // Mailbox disabled for good (RFC 3463 section 3.3).
    rule(ANY, 500..=599, "5.2.1", Blame::Recipient),
    // The message is longer than allowed, for the mailbox (5.2.3) or the system (5.3.4): ours to shorten.
    rule(ANY, 500..=599, "5.2.3", Blame::Policy),
    rule(ANY, 500..=599, "5.3.4", Blame::Policy),
    // Mailbox full (5.2.2): people do tidy up, so it is temporary although the digit says 5.
    rule(ANY, 500..=599, "5.2.*", Blame::RecipientSoft),
    // A routing loop at the recipient's side (RFC 3463 section 3.5): mended by people, not by mail systems.
    rule(ANY, 500..=599, "5.4.6", Blame::RecipientSoft),
    // Too many recipients: temporary even as 5xx (RFC 5321 section 4.5.3.1.10).
    rule(ANY, 500..=599, "5.5.3", Blame::Later),
    // The text cannot be carried (RFC 3463 section 3.7): ours to mend.
    rule(ANY, 500..=599, "5.6.*", Blame::Policy),
    // The host (521) or the domain (556) takes no mail at all (RFC 7504).
    rule(ANY, 521..=521, "", Blame::Recipient),
    rule(ANY, 556..=556, "", Blame::Recipient),
    // Over quota (RFC 5321 section 4.2.3), or too many recipients (section 4.5.3.1.10).
    rule(ANY, 552..=552, "", Blame::RecipientSoft),
    // A blocklist that answers a bare 550 or 554 must not cost anybody their subscription.
    Rule {
        at: ANY,
        codes: 550..=554,
        enhanced: "-",
        words: DISLIKE,
        blame: Blame::Policy,
    },
    // Mailbox unavailable, not local, name not allowed (RFC 5321 section 4.2.3). Only at RCPT: after
    // the text a bare 550 is mostly about the text.
    rule(RCPT, 550..=551, "", Blame::Recipient),
    rule(RCPT, 553..=553, "", Blame::Recipient),
    // 554 "transaction failed", 5.0.0, syntax errors and all the rest.
    rule(ANY, 500..=599, "", Blame::Unclear),
];

fn says(pattern: &str, found: Option<EnhancedCode>) -> bool {
    match (pattern, found) {
        ("", _) | ("-", None) => true,
        ("-", Some(found)) => found.subject == 0 || found.subject == 5,
        (_, None) => false,
        (pattern, Some(found)) => {
            let exact = found.to_string();
            pattern
                .strip_suffix('*')
                .map_or(exact == pattern, |start| exact.starts_with(start))
        }
    }
}

fn holds_one(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stage: SmtpStage, code: u16, text: &str, expected: Blame) {
        assert_eq!(
            blame(stage, &Reply::new(code, text)),
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
        check(SmtpStage::Rcpt, 599, "?", Blame::Unclear);
    }
}
