//! As much of DER (X.690) as it takes to find a public key in a certificate.

/// The element at the start of `bytes`: its tag, what it holds, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (inner, after) = rest.split_at_checked(length)?;
    Some((tag, inner, after))
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const VERSION: u8 = 0xa0;

/// The RSA public key (RFC 8017 appendix A.1.1) in a certificate (RFC 5280 section 4.1).
pub(super) fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, certificate, _) = element(der)? else { return None };
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = element(rest)?.2;
    }
    key_of_info(rest)
}

/// The key in a `SubjectPublicKeyInfo`.
pub(super) fn key_of_info(der: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, info, _) = element(der)? else { return None };
    let (SEQUENCE, _, rest) = element(info)? else { return None };
    let (BIT_STRING, bits, _) = element(rest)? else { return None };
    // The first octet counts unused bits: none.
    bits.strip_prefix(&[0])
}
