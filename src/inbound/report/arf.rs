//! Complaints: abuse reports in the format of RFC 5965.

use super::headers::Headers;
use crate::refusal::addresses;

/// The complaint of a person or a filter about a mail of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaint {
    /// `abuse`, `opt-out`, `fraud`, `auth-failure`, … (RFC 5965 section 7.3, RFC 6591), in lower
    /// case.
    pub kind: String,
    /// To whom our mail had been sent, unless that is redacted.
    pub recipients: Vec<String>,
    /// Our envelope sender, as it was seen there.
    pub mail_from: Option<String>,
}

/// The fields of a feedback-report part.
pub(super) fn complaint(text: &str) -> Complaint {
    let fields = Headers::read(text);
    let kind = fields
        .get("feedback-type")
        .unwrap_or("abuse")
        .trim()
        .to_ascii_lowercase();
    let named = [
        "original-rcpt-to",
        "removal-recipient",
        "redacted-address",
        "x-original-rcpt-to",
    ];
    let mut recipients: Vec<String> = Vec::new();
    for value in named.iter().flat_map(|name| fields.all(name)) {
        for (start, end) in addresses::addresses(value) {
            let address = &value[start..end];
            if !is_redacted(address)
                && !recipients
                    .iter()
                    .any(|known| addresses::is_same(known, address))
            {
                recipients.push(address.to_owned());
            }
        }
    }
    let mail_from = fields
        .get("original-mail-from")
        .and_then(addresses::first)
        .map(str::to_owned);
    Complaint {
        kind,
        recipients,
        mail_from,
    }
}

impl Complaint {
    /// Whether it comes from a person who does not want our mail. Reports on
    /// signatures (RFC 6591) and on viruses are the operator's business.
    pub fn is_from_person(&self) -> bool {
        !matches!(
            self.kind.as_str(),
            "auth-failure" | "virus" | "not-spam" | "dmarc"
        )
    }
}

/// Whether an address was made unreadable (RFC 6590).
pub(super) fn is_redacted(address: &str) -> bool {
    let local = address
        .rsplit_once('@')
        .map_or(address, |(local, _)| local)
        .to_ascii_lowercase();
    local.contains("redacted")
        || local.contains("***")
        || local.chars().all(|c| matches!(c, 'x' | '*' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_names_whom_it_may() {
        let found = complaint(
            "Feedback-Type: abuse\nOriginal-Mail-From: <b+t@example.org>\nOriginal-Rcpt-To: \
                               <a@example.org>\nOriginal-Rcpt-To: redacted-ab12@example.org\n",
        );
        assert_eq!(found.recipients, ["a@example.org"]);
        assert_eq!(found.mail_from.as_deref(), Some("b+t@example.org"));
        assert!(found.is_from_person());
        assert!(!complaint("feedback-type: Auth-Failure").is_from_person());
    }
}
