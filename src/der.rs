//! The part of DER (X.690) that is needed to read the validity of a certificate.

/// Tag of a sequence.
pub const SEQUENCE: u8 = 0x30;

/// Tag of the version, which the oldest certificates do not have.
const VERSION: u8 = 0xa0;

/// The element at the start of `bytes`: its tag, its content, and the bytes after it.
pub fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |sum, &digit| sum << 8 | usize::from(digit)),
                rest,
            )
        }
        _ => return None,
    };
    let (inner, after) = rest.split_at_checked(length)?;
    Some((tag, inner, after))
}

/// The fields of a certificate (RFC 5280 section 4.1) from its validity on.
pub fn validity_on(certificate: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, signed, _) = element(certificate)? else {
        return None;
    };
    let (SEQUENCE, mut rest, _) = element(signed)? else {
        return None;
    };
    if let (VERSION, _, after) = element(rest)? {
        rest = after;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    Some(rest)
}
