//! Mail addresses.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// A mail address that SMTP can carry: ASCII, the domain in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(example = "ada@example.org")]
pub struct Address(String);

/// The reason for which a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not an address at all.
    #[error("must be a mail address like name@example.org")]
    Shape,
    /// Longer than RFC 5321 section 4.5.3.1 allows: 64 octets before the @, 254 in all.
    #[error("is too long for a mail address (64 characters before the @, 254 in all)")]
    Length,
    /// Not ASCII before the @: only servers with SMTPUTF8 (RFC 6531) accept such addresses.
    #[error("must have plain letters before the @: few mail servers accept others")]
    Local,
}

impl Address {
    /// Returns the address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the part after the @.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(raw: &str) -> Result<Self, BadAddress> {
        let (local, domain) = raw.trim().rsplit_once('@').ok_or(BadAddress::Shape)?;
        if !local.is_ascii() {
            return Err(BadAddress::Local);
        }
        // Domains in other scripts are sent in their ASCII form (RFC 5890, A-labels).
        let domain = idna::domain_to_ascii(domain).map_err(|_| BadAddress::Shape)?;
        let text = format!("{local}@{domain}");
        if local.len() > 64 || text.len() > 254 {
            return Err(BadAddress::Length);
        }
        if text
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b' ')
            || !is_mail_domain(&domain)
        {
            return Err(BadAddress::Shape);
        }
        text.parse::<lettre::Address>()
            .map_err(|_| BadAddress::Shape)?;
        Ok(Address(text))
    }
}

/// Whether mail can be delivered to `domain`: names of letters, digits and hyphens (RFC 5321
/// section 4.1.2), the last of which is no number. An IP address in brackets is a machine,
/// not a mail domain.
fn is_mail_domain(domain: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 63
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain == "localhost"
        || domain.contains('.')
            && domain.split('.').all(is_name)
            && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Address> for lettre::Address {
    fn from(address: &Address) -> Self {
        address
            .0
            .parse()
            .expect("an Address was checked with lettre's own parser")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &Result<&str, BadAddress>) {
        assert_eq!(
            raw.parse::<Address>()
                .as_ref()
                .map(Address::as_str)
                .map_err(Clone::clone),
            *expected,
            "{raw:?}"
        );
    }

    #[test]
    fn addresses_are_checked_at_the_border() {
        check(
            " Ada.L+papers@Example.ORG ",
            &Ok("Ada.L+papers@example.org"),
        );
        check("ada@bücher.example", &Ok("ada@xn--bcher-kva.example"));
        check("ada@localhost", &Ok("ada@localhost"));
        check("ada", &Err(BadAddress::Shape));
        check("ada@", &Err(BadAddress::Shape));
        check("@example.org", &Err(BadAddress::Shape));
        check("ada@example", &Err(BadAddress::Shape));
        check("ada@exam ple.org", &Err(BadAddress::Shape));
        check("a da@example.org", &Err(BadAddress::Shape));
        check(
            "ada@example.org\r\nBcc: x@example.org",
            &Err(BadAddress::Shape),
        );
        check("ada@example..org", &Err(BadAddress::Shape));
        check("\"a@b\"@example.org", &Ok("\"a@b\"@example.org"));
        check("ada@[127.0.0.1]", &Err(BadAddress::Shape));
        check("ada@127.0.0.1", &Err(BadAddress::Shape));
        check("ada@exa_mple.org", &Err(BadAddress::Shape));
        check("ada@-example.org", &Err(BadAddress::Shape));
        check("адa@example.org", &Err(BadAddress::Local));
        check(
            &format!("{}@example.org", "a".repeat(65)),
            &Err(BadAddress::Length),
        );
    }
}
