//! Reads the end of a certificate's validity.

use crate::der::{SEQUENCE, element, validity_on};
use base64::Engine as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use std::path::Path;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity (RFC 5280 section 4.1.2.5).
pub fn ends(der: &[u8]) -> Option<DateTime<Utc>> {
    let (SEQUENCE, validity, _) = element(validity_on(der)?)? else {
        return None;
    };
    let (_, _, not_after) = element(validity)?;
    let (tag, text, _) = element(not_after)?;
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        GENERALIZED_TIME => text.to_owned(),
        // Years have two digits: 50 to 99 are 1950 to 1999.
        UTC_TIME => format!("{}{text}", if text.get(..2)? >= "50" { "19" } else { "20" }),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ")
        .ok()
        .map(|end| end.and_utc())
}

/// The end of the first certificate of a PEM file: the server's own.
pub fn ends_in_file(path: &Path) -> Option<DateTime<Utc>> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    ends(
        &base64::engine::general_purpose::STANDARD
            .decode(body)
            .ok()?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cert.pem");
        for (year, month, day) in [(2026, 4, 9), (2049, 12, 31), (2050, 1, 1), (2120, 6, 30)] {
            let mut asked =
                rcgen::CertificateParams::new(vec!["digest.example.org".to_owned()]).unwrap();
            asked.not_before = rcgen::date_time_ymd(2020, 1, 1);
            asked.not_after = rcgen::date_time_ymd(year, month, day);
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = asked.self_signed(&key).unwrap();
            let expected = chrono::NaiveDate::from_ymd_opt(year, month.into(), day.into()).unwrap();
            assert_eq!(ends(certificate.der()).unwrap().date_naive(), expected);
            std::fs::write(&path, format!("# ours\n{}", certificate.pem())).unwrap();
            assert_eq!(ends_in_file(&path).unwrap().date_naive(), expected);
            // A truncated certificate gives no answer and no panic.
            for length in 0..certificate.der().len() {
                let _ = ends(&certificate.der()[..length]);
            }
        }
        std::fs::write(
            &path,
            "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----",
        )
        .unwrap();
        assert_eq!(ends_in_file(&path), None);
    }
}
