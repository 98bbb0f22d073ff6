//! Kinds of mailboxes, and corrections of mistyped domains.

use super::Address;

/// The kind of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxKind {
    /// Personal, as far as one can tell.
    Person,
    /// A function (RFC 2142): its holder did not ask for the digest personally.
    Role,
    /// Disposable after a few minutes.
    Disposable,
}

/// Local parts that name a function: RFC 2142, and senders of automatic mail.
const ROLES: [&str; 34] = [
    "abuse",
    "admin",
    "administrator",
    "billing",
    "bounce",
    "bounces",
    "contact",
    "daemon",
    "devnull",
    "ftp",
    "help",
    "hostmaster",
    "info",
    "list",
    "list-request",
    "mailer-daemon",
    "majordomo",
    "marketing",
    "news",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "phish",
    "postmaster",
    "registrar",
    "root",
    "sales",
    "security",
    "spam",
    "support",
    "usenet",
    "uucp",
    "webmaster",
];

/// Common services of disposable mailboxes. The operator can name more.
const DISPOSABLE: [&str; 20] = [
    "10minutemail.com",
    "dispostable.com",
    "emailondeck.com",
    "fakeinbox.com",
    "getnada.com",
    "guerrillamail.com",
    "guerrillamail.net",
    "maildrop.cc",
    "mailinator.com",
    "mailnesia.com",
    "mintemail.com",
    "moakt.com",
    "sharklasers.com",
    "spamgourmet.com",
    "temp-mail.org",
    "tempmail.com",
    "tempmailo.com",
    "throwawaymail.com",
    "trashmail.com",
    "yopmail.com",
];

/// Common mail providers whose names are often mistyped.
const BIG: [&str; 24] = [
    "aol.com",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "hotmail.fr",
    "icloud.com",
    "live.com",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yahoo.co.uk",
];

/// Short names of real providers that are one typo away from a common one.
const REAL: [&str; 6] = [
    "gmx.com",
    "mail.com",
    "ymail.com",
    "email.com",
    "hotmail.co.uk",
    "live.fr",
];

impl Address {
    /// Returns the kind of the mailbox; `disposable` are further domains of that kind.
    pub fn kind(&self, disposable: &[String]) -> MailboxKind {
        let domain = self.domain().to_lowercase();
        // A subdomain of such a service counts as well.
        let is_below = |service: &str| {
            domain == service
                || domain
                    .strip_suffix(service)
                    .is_some_and(|head| head.ends_with('.'))
        };
        if DISPOSABLE.iter().any(|service| is_below(service))
            || disposable.iter().any(|service| is_below(service))
        {
            return MailboxKind::Disposable;
        }
        let local = self
            .as_str()
            .split('@')
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let function = local.split('+').next().unwrap_or_default();
        if ROLES.contains(&function) {
            MailboxKind::Role
        } else {
            MailboxKind::Person
        }
    }

    /// Returns the address that was probably meant, where the domain is one typo away from a
    /// common provider's.
    pub fn probably_meant(&self) -> Option<Address> {
        let domain = self.domain();
        if BIG.contains(&domain) || REAL.contains(&domain) {
            return None;
        }
        let meant = BIG.iter().find(|big| is_one_slip(domain, big))?;
        let (local, _) = self.as_str().rsplit_once('@')?;
        format!("{local}@{meant}").parse().ok()
    }
}

/// Whether `a` becomes `b` by one inserted, deleted or changed letter, or one swap of two
/// neighbours.
fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    match (a, b) {
        ([_], [] | [_]) | ([], [_]) => true,
        ([first, second], [third, fourth]) => first == fourth && second == third,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn slips_in_big_names_are_noticed() {
        let meant = |text: &str| {
            address(text)
                .probably_meant()
                .map(|meant| meant.to_string())
        };
        for slip in [
            "gmial.com",
            "gamil.com",
            "gmail.co",
            "gmai.com",
            "gmaill.com",
            "gmail.con",
        ] {
            assert_eq!(
                meant(&format!("ada@{slip}")).as_deref(),
                Some("ada@gmail.com"),
                "{slip}"
            );
        }
        for right in [
            "gmail.com",
            "gmx.com",
            "mail.com",
            "example.org",
            "uni.de",
            "qq.com",
        ] {
            assert_eq!(meant(&format!("ada@{right}")), None, "{right}");
        }
    }

    #[test]
    fn mailboxes_are_told_apart() {
        let kind = |text: &str| address(text).kind(&["burner.example".to_owned()]);
        assert_eq!(kind("ada@example.org"), MailboxKind::Person);
        assert_eq!(kind("Postmaster+x@example.org"), MailboxKind::Role);
        assert_eq!(kind("ada@eu.Mailinator.com"), MailboxKind::Disposable);
        assert_eq!(kind("ada@burner.example"), MailboxKind::Disposable);
        assert_eq!(kind("ada@notmailinator.com"), MailboxKind::Person);
    }
}
