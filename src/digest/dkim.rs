//! DKIM signatures (RFC 6376), with RSA and with Ed25519 (RFC 8463).
//!
//! Messages are signed when they are composed, so that a resent message is byte for byte
//! the stored one, and so that signing runs on all cores and not while a connection waits.
//! Signatures contain no time: equal messages get equal signatures.
//!
//! It uses ring instead of lettre, whose RSA takes three times as long and which supports
//! neither two keys nor oversigning.

use super::settings::DkimSettings;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Headers that are signed if present, besides all `List-*` (RFC 6376 section 5.4.1,
/// RFC 8058 section 4).
const SIGNED: [&str; 11] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "reply-to",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "auto-submitted",
    "feedback-id",
];

/// Headers that are oversigned, so that nobody can add another one (RFC 6376 section 8.15).
const OVERSIGNED: [&str; 3] = ["from", "to", "subject"];

/// Maximum line length. RFC 5322 section 2.1.1 recommends at most 78 characters.
const LINE_BYTES: usize = 76;

/// Signs messages for one domain.
pub struct DkimSigner {
    domain: String,
    keys: Vec<SigningKey>,
}

struct SigningKey {
    selector: String,
    private: PrivateKey,
}

enum PrivateKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The file cannot be read, or contains no private key in PEM.
    #[error("cannot read a private key from {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key is of the wrong kind.
    #[error("{path} must hold {wanted}: {cause}")]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// The kind of key expected.
        wanted: &'static str,
        /// The error of ring.
        cause: String,
    },
}

/// A TXT record to publish in DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its name.
    pub name: String,
    /// Its text.
    pub value: String,
}

impl fmt::Display for DnsRecord {
    /// Formats the record as a line of a zone file. Strings have at most 255 octets there
    /// (RFC 1035 section 3.3).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. IN TXT (", self.name)?;
        for part in self.value.as_bytes().chunks(250) {
            write!(f, " \"{}\"", String::from_utf8_lossy(part))?;
        }
        f.write_str(" )")
    }
}

impl fmt::Debug for DkimSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DkimSigner")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl DkimSigner {
    /// Reads the keys.
    pub fn load(settings: &DkimSettings) -> Result<Self, DkimError> {
        let mut keys = Vec::new();
        if let Some(path) = &settings.rsa_key_file {
            keys.push(SigningKey {
                selector: settings.selector.clone(),
                private: rsa(path)?,
            });
        }
        if let Some(path) = &settings.ed25519_key_file {
            keys.push(SigningKey {
                selector: settings.ed25519_selector.clone(),
                private: ed25519(path)?,
            });
        }
        Ok(DkimSigner {
            domain: settings.domain.clone(),
            keys,
        })
    }

    /// The message with a signature of each key prepended.
    pub fn signed(&self, message: &[u8]) -> Vec<u8> {
        let (head, body) = halves(message);
        let headers = headers(head);
        let body_hash = STANDARD.encode(body_hash(body));
        let (names, mut hashed) = selected(&headers);
        let mut signed = Vec::with_capacity(message.len() + 1200 * self.keys.len());
        for key in &self.keys {
            let unsigned = self.unsigned(key, &names, &body_hash);
            let length = hashed.len();
            relaxed_header(&unsigned, &mut hashed);
            // The signature header is hashed without its line end (RFC 6376 section 3.7).
            let signature = key.private.sign(&hashed[..hashed.len() - 2]);
            hashed.truncate(length);
            signed.extend_from_slice(unsigned.as_bytes());
            for part in STANDARD.encode(signature).as_bytes().chunks(LINE_BYTES - 2) {
                signed.extend_from_slice(b"\r\n ");
                signed.extend_from_slice(part);
            }
            signed.extend_from_slice(b"\r\n");
        }
        signed.extend_from_slice(message);
        signed
    }

    /// The DNS records of the public keys.
    pub fn records(&self) -> Vec<DnsRecord> {
        let record = |key: &SigningKey| DnsRecord {
            name: format!("{}._domainkey.{}", key.selector, self.domain),
            value: match &key.private {
                PrivateKey::Rsa(private) => format!(
                    "v=DKIM1; k=rsa; p={}",
                    STANDARD.encode(public_key_info(private))
                ),
                // The bare key (RFC 8463 section 4).
                PrivateKey::Ed25519(private) => format!(
                    "v=DKIM1; k=ed25519; p={}",
                    STANDARD.encode(private.public_key())
                ),
            },
        };
        self.keys.iter().map(record).collect()
    }

    /// The signature header without the signature itself.
    fn unsigned(&self, key: &SigningKey, names: &[String], body_hash: &str) -> String {
        let algorithm = key.private.algorithm();
        let mut header = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={};\r\n",
            self.domain
        );
        let _ = write!(header, " s={};\r\n h=", key.selector);
        let mut column = 3;
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                header.push(':');
                column += 1;
                if column + name.len() >= LINE_BYTES {
                    header.push_str("\r\n ");
                    column = 1;
                }
            }
            header.push_str(name);
            column += name.len();
        }
        let _ = write!(header, ";\r\n bh={body_hash};\r\n b=");
        header
    }
}

impl PrivateKey {
    fn algorithm(&self) -> &'static str {
        match self {
            PrivateKey::Rsa(_) => "rsa-sha256",
            PrivateKey::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            PrivateKey::Rsa(private) => {
                let mut signature = vec![0; private.public().modulus_len()];
                // Randomness only blinds the computation; the signature does not depend on it.
                private
                    .sign(
                        &RSA_PKCS1_SHA256,
                        &SystemRandom::new(),
                        data,
                        &mut signature,
                    )
                    .expect("a sound key signs, and the system has random numbers");
                signature
            }
            // RFC 8463 section 3: the hash is signed.
            PrivateKey::Ed25519(private) => private
                .sign(ring::digest::digest(&SHA256, data).as_ref())
                .as_ref()
                .to_vec(),
        }
    }
}

fn rsa(path: &Path) -> Result<PrivateKey, DkimError> {
    let private = match &private_key(path)? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        key => RsaKeyPair::from_pkcs8(key.secret_der()),
    };
    let wrong = |cause: ring::error::KeyRejected| DkimError::WrongKey {
        path: path.to_owned(),
        wanted: "an RSA key of 2048 to 4096 bits",
        cause: cause.to_string(),
    };
    Ok(PrivateKey::Rsa(Box::new(private.map_err(wrong)?)))
}

fn ed25519(path: &Path) -> Result<PrivateKey, DkimError> {
    // OpenSSL writes the key without its public half.
    let private = Ed25519KeyPair::from_pkcs8_maybe_unchecked(private_key(path)?.secret_der());
    let wrong = |cause: ring::error::KeyRejected| DkimError::WrongKey {
        path: path.to_owned(),
        wanted: "an Ed25519 key",
        cause: cause.to_string(),
    };
    Ok(PrivateKey::Ed25519(private.map_err(wrong)?))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, DkimError> {
    PrivateKeyDer::from_pem_file(path).map_err(|cause| DkimError::Unreadable {
        path: path.to_owned(),
        cause: cause.to_string().into(),
    })
}

/// The public key as a `SubjectPublicKeyInfo` (RFC 3279 section 2.3.1), as required for `p=`.
fn public_key_info(private: &RsaKeyPair) -> Vec<u8> {
    // SEQUENCE { OBJECT IDENTIFIER rsaEncryption, NULL }
    const ALGORITHM: [u8; 15] = [
        0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0,
    ];
    let bits = [&[0], private.public().as_ref()].concat();
    der(0x30, &[&ALGORITHM[..], &der(3, &bits)].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head.as_slice(), content].concat()
}

/// Splits a message into header and body, without the empty line between them.
fn halves(message: &[u8]) -> (&str, &[u8]) {
    let end = message.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = end.map_or((message, &[][..]), |at| {
        (&message[..at + 2], &message[at + 4..])
    });
    (std::str::from_utf8(head).unwrap_or_default(), body)
}

/// Splits a header section into unfolded headers with their folds kept.
fn headers(head: &str) -> Vec<&str> {
    let mut headers = Vec::new();
    let mut start = 0;
    for (at, _) in head.match_indices("\r\n") {
        let next = at + 2;
        if !head[next..].starts_with([' ', '\t']) {
            headers.push(&head[start..next]);
            start = next;
        }
    }
    headers
}

/// The names for `h=`, and the canonical form of the headers they select.
fn selected(headers: &[&str]) -> (Vec<String>, Vec<u8>) {
    let (mut names, mut hashed) = (Vec::new(), Vec::new());
    // Headers of the same name are selected from the last to the first (RFC 6376 section 5.4.2).
    for header in headers.iter().rev() {
        let name = header
            .split(':')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if SIGNED.contains(&name.as_str()) || name.starts_with("list-") {
            relaxed_header(header, &mut hashed);
            names.push(name);
        }
    }
    names.extend(OVERSIGNED.map(str::to_owned));
    (names, hashed)
}

/// Appends a header in relaxed form (RFC 6376 section 3.4.2), ending with CRLF.
fn relaxed_header(header: &str, into: &mut Vec<u8>) {
    let (name, value) = header.split_once(':').unwrap_or((header, ""));
    into.extend(
        name.trim_end()
            .bytes()
            .map(|byte| byte.to_ascii_lowercase()),
    );
    into.push(b':');
    for (at, word) in value
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        if at > 0 {
            into.push(b' ');
        }
        into.extend_from_slice(word.as_bytes());
    }
    into.extend_from_slice(b"\r\n");
}

/// The hash of the body in relaxed form (RFC 6376 section 3.4.4).
fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    let mut text = Vec::with_capacity(body.len() + 2);
    let mut empty_lines = 0;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let line = line
            .strip_suffix(b"\n")
            .map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
        let kept = line
            .iter()
            .rposition(|byte| !matches!(byte, b' ' | b'\t'))
            .map_or(0, |at| at + 1);
        let line = &line[..kept];
        if line.is_empty() {
            empty_lines += 1;
            continue;
        }
        // Empty lines count unless they are at the end of the body.
        for _ in 0..std::mem::take(&mut empty_lines) {
            text.extend_from_slice(b"\r\n");
        }
        let is_plain = !line.contains(&b'\t') && !line.windows(2).any(|two| two == b"  ");
        if is_plain {
            text.extend_from_slice(line);
        } else {
            let mut in_space = false;
            for &byte in line {
                let is_space = matches!(byte, b' ' | b'\t');
                if !(is_space && in_space) {
                    text.push(if is_space { b' ' } else { byte });
                }
                in_space = is_space;
            }
        }
        text.extend_from_slice(b"\r\n");
    }
    hash.update(&text);
    hash.finish()
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_canonicalised_as_in_the_rfc() {
        #[track_caller]
        fn check(body: &str, relaxed: &str) {
            let expected = ring::digest::digest(&SHA256, relaxed.as_bytes());
            assert_eq!(body_hash(body.as_bytes()), expected.as_ref(), "{body:?}");
        }
        // RFC 6376 section 3.4.5, and the empty body of section 3.4.4.
        check(" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
        check("", "");
        check("\r\n\r\n", "");
        check("a", "a\r\n");
        check("a\r\n\r\nb", "a\r\n\r\nb\r\n");
        check("a\t\tb  c\r\n", "a b c\r\n");
    }

    #[test]
    fn headers_are_canonicalised_as_in_the_rfc() {
        // RFC 6376 section 3.4.5.
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (head, body) = halves(message.as_bytes());
        let mut relaxed = Vec::new();
        for header in headers(head) {
            relaxed_header(header, &mut relaxed);
        }
        assert_eq!(String::from_utf8(relaxed).unwrap(), "a:X\r\nb:Y Z\r\n");
        assert_eq!(body, b" C \r\nD \t E\r\n\r\n\r\n");
    }

    #[test]
    fn every_list_header_is_signed_and_the_sender_is_oversigned() {
        let head = "From: a\r\nTo: b\r\nX-Other: c\r\nList-Unsubscribe: <u>\r\nSubject: d\r\n";
        let (names, hashed) = selected(&headers(head));
        assert_eq!(
            names.join(":"),
            "subject:list-unsubscribe:to:from:from:to:subject"
        );
        assert_eq!(
            String::from_utf8(hashed).unwrap(),
            "subject:d\r\nlist-unsubscribe:<u>\r\nto:b\r\nfrom:a\r\n"
        );
    }
}
