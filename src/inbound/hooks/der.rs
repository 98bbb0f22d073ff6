//! The public key in a certificate.

use crate::der::{SEQUENCE, element, validity_on};

const BIT_STRING: u8 = 0x03;

/// The RSA public key (RFC 8017 appendix A.1.1) in a certificate (RFC 5280 section 4.1).
pub(super) fn key_of_certificate(der: &[u8]) -> Option<&[u8]> {
    // After the validity and the subject.
    let rest = element(validity_on(der)?)?.2;
    let rest = element(rest)?.2;
    key_of_info(rest)
}

/// The key in a `SubjectPublicKeyInfo`.
pub(super) fn key_of_info(der: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, info, _) = element(der)? else {
        return None;
    };
    let (SEQUENCE, _, rest) = element(info)? else {
        return None;
    };
    let (BIT_STRING, bits, _) = element(rest)? else {
        return None;
    };
    // The first octet counts unused bits: none.
    bits.strip_prefix(&[0])
}
