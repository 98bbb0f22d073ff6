//! Signed tokens for links in mails.
//!
//! A token contains a scope (the permitted action) and a row, and an HMAC-SHA-256 truncated
//! to 80 bits, so that it is short enough for a header line. A token of one scope is invalid
//! in another: the recipient of a forwarded mail can unsubscribe its reader, but nothing
//! else.

mod api_key;

pub use api_key::{API_KEY_BYTES, api_key, api_key_hash};

use ring::hmac;
use secrecy::{ExposeSecret, SecretSlice};

/// Shortest secret that is accepted, in bytes.
pub const SECRET_BYTES_MIN: usize = 32;

const MAC_BYTES: usize = 10;

/// Lower-case letters and digits without `i l o u`: mail systems may change
/// the case of an address, and people copy links by hand.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The action that a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Unsubscribe one subscriber.
    Unsubscribe = 1,
    /// Identify one delivery in the envelope sender (VERP).
    Bounce = 2,
    /// Show and change the preferences of one subscriber.
    Preferences = 3,
    /// Give feedback on papers, for one subscriber.
    Feedback = 4,
    /// Confirm one address.
    Confirm = 5,
    /// Show the issues of one subscriber.
    View = 6,
    /// Read the private feed of one subscriber.
    Feed = 7,
    /// Export or erase one subscriber's data; only from a fresh link.
    Owner = 8,
}

/// The reason for which a token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is damaged or was not made here")]
pub struct BadToken;

/// Creates and verifies tokens with one secret.
#[derive(Clone)]
pub struct Signer {
    key: hmac::Key,
    old_keys: Vec<hmac::Key>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(secret)")
    }
}

impl Signer {
    /// Creates a signer with `secret`, which should have at least [`SECRET_BYTES_MIN`] bytes.
    pub fn new(secret: &SecretSlice<u8>) -> Self {
        Signer {
            key: key(secret),
            old_keys: Vec::new(),
        }
    }

    /// Also accepts tokens signed with `old_secrets`: links in mails live long, and a secret can
    /// be replaced.
    #[must_use]
    pub fn accepting(mut self, old_secrets: &[SecretSlice<u8>]) -> Self {
        self.old_keys.extend(old_secrets.iter().map(key));
        self
    }

    /// Returns the token that permits `scope` for the row `id`.
    pub fn sign(&self, scope: Scope, id: i64) -> String {
        self.sign_in(scope, id, 0)
    }

    /// Returns the token in one generation: it is invalid in all others, and does not contain
    /// its own.
    pub fn sign_in(&self, scope: Scope, id: i64, generation: u32) -> String {
        let mut bytes = vec![scope as u8];
        let id = id.to_be_bytes();
        let start = id.iter().position(|&byte| byte != 0).unwrap_or(id.len());
        bytes.extend_from_slice(&id[start..]);
        let mac = mac(&self.key, &bytes, generation);
        bytes.extend_from_slice(&mac);
        encode(&bytes)
    }

    /// Returns the row that `token` was signed for with `scope`.
    pub fn verify(&self, scope: Scope, token: &str) -> Result<i64, BadToken> {
        self.verify_in(scope, token, 0)
    }

    /// Returns the row that `token` was signed for with `scope` in one generation.
    pub fn verify_in(&self, scope: Scope, token: &str, generation: u32) -> Result<i64, BadToken> {
        let bytes = decode(token).ok_or(BadToken)?;
        let (said, given) = split(&bytes)?;
        let id = named(scope, said)?;
        // The comparison takes the same time wherever the first wrong byte is.
        let is_made_with = |key| {
            given
                .iter()
                .zip(mac(key, said, generation))
                .fold(0, |differ, (a, b)| differ | (a ^ b))
                == 0
        };
        if !std::iter::once(&self.key)
            .chain(&self.old_keys)
            .any(is_made_with)
        {
            return Err(BadToken);
        }
        Ok(id)
    }

    /// Returns the row in `token` without verifying it: to find the generation that
    /// [`Signer::verify_in`] needs.
    pub fn claimed(scope: Scope, token: &str) -> Result<i64, BadToken> {
        let bytes = decode(token).ok_or(BadToken)?;
        named(scope, split(&bytes)?.0)
    }

    /// Returns the hash of an erased address: it cannot be reversed, and is the same for the
    /// same address.
    pub fn address_hash(&self, address: &str) -> String {
        address_hash(&self.key, address)
    }

    /// Returns the hashes made with this secret and with the old ones: an erased address stays
    /// erased when the secret is replaced.
    pub fn address_hashes(&self, address: &str) -> Vec<String> {
        std::iter::once(&self.key)
            .chain(&self.old_keys)
            .map(|key| address_hash(key, address))
            .collect()
    }
}

fn address_hash(key: &hmac::Key, address: &str) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(b"paperboy erased address 1\0");
    context.update(address.to_lowercase().as_bytes());
    encode(&context.sign().as_ref()[..20])
}

fn key(secret: &SecretSlice<u8>) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret())
}

/// Splits a token into payload and signature.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), BadToken> {
    let at = bytes.len().checked_sub(MAC_BYTES).ok_or(BadToken)?;
    Ok(bytes.split_at(at))
}

/// Returns the row in a payload, if it is one of `scope`.
fn named(scope: Scope, said: &[u8]) -> Result<i64, BadToken> {
    let (&found, id) = said.split_first().ok_or(BadToken)?;
    if id.len() > 8 || found != scope as u8 {
        return Err(BadToken);
    }
    let mut wide = [0; 8];
    wide[8 - id.len()..].copy_from_slice(id);
    Ok(i64::from_be_bytes(wide))
}

fn mac(key: &hmac::Key, said: &[u8], generation: u32) -> [u8; MAC_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"paperboy token 1\0");
    context.update(said);
    // Tokens of the first generation have no generation in them. A payload has at most nine
    // bytes, so no other token's can look like this.
    if generation > 0 {
        context.update(b"generation\0");
        context.update(&generation.to_be_bytes());
    }
    let tag = context.sign();
    tag.as_ref()[..MAC_BYTES]
        .try_into()
        .expect("a SHA-256 tag has 32 bytes")
}

/// Encodes in base 32, five bits a letter, most significant first.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for &byte in bytes {
        buffer = (buffer << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() > 64 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET
            .iter()
            .position(|&known| known == letter.to_ascii_lowercase())?;
        buffer = (buffer << 5) | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    // Left-over bits must be zero, so that every token has one spelling.
    (buffer & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secret: u8) -> Signer {
        Signer::new(&SecretSlice::from(vec![secret; SECRET_BYTES_MIN]))
    }

    #[test]
    fn a_token_names_its_row_to_the_signer_that_made_it() {
        for id in [0, 1, 255, 256, 1_000_000, i64::MAX] {
            let token = signer(1).sign(Scope::Unsubscribe, id);
            assert_eq!(
                signer(1).verify(Scope::Unsubscribe, &token),
                Ok(id),
                "{token}"
            );
            assert_eq!(
                signer(1).verify(Scope::Unsubscribe, &token.to_uppercase()),
                Ok(id)
            );
        }
    }

    #[test]
    fn a_token_is_worthless_elsewhere() {
        let token = signer(1).sign(Scope::Unsubscribe, 7);
        assert_eq!(signer(2).verify(Scope::Unsubscribe, &token), Err(BadToken));
        assert_eq!(signer(1).verify(Scope::Bounce, &token), Err(BadToken));
    }

    #[test]
    fn a_secret_can_be_replaced() {
        let secret = |byte| SecretSlice::from(vec![byte; SECRET_BYTES_MIN]);
        let token = signer(1).sign(Scope::Feedback, 7);
        let replaced = Signer::new(&secret(2)).accepting(&[secret(1)]);
        assert_eq!(replaced.verify(Scope::Feedback, &token), Ok(7));
        assert_eq!(
            signer(1).verify(Scope::Feedback, &replaced.sign(Scope::Feedback, 7)),
            Err(BadToken)
        );
    }

    #[test]
    fn a_token_is_worthless_in_other_generations() {
        let of = |generation| signer(1).sign_in(Scope::Preferences, 7, generation);
        assert_eq!(of(0), signer(1).sign(Scope::Preferences, 7));
        for (made, asked) in [(0, 1), (1, 0), (1, 2), (256, 1)] {
            assert_eq!(
                signer(1).verify_in(Scope::Preferences, &of(made), asked),
                Err(BadToken)
            );
            assert_eq!(
                signer(1).verify_in(Scope::Preferences, &of(made), made),
                Ok(7)
            );
            assert_eq!(Signer::claimed(Scope::Preferences, &of(made)), Ok(7));
            assert_eq!(of(made).len(), of(0).len());
        }
        assert_eq!(Signer::claimed(Scope::Feedback, &of(1)), Err(BadToken));
    }

    #[test]
    fn no_changed_token_is_accepted() {
        let token = signer(1).sign(Scope::Unsubscribe, 1234);
        for at in 0..token.len() {
            for &letter in ALPHABET {
                let mut other = token.clone().into_bytes();
                if other[at] != letter {
                    other[at] = letter;
                    let other = String::from_utf8(other).unwrap();
                    assert_eq!(
                        signer(1).verify(Scope::Unsubscribe, &other),
                        Err(BadToken),
                        "{other}"
                    );
                }
            }
            assert_eq!(
                signer(1).verify(Scope::Unsubscribe, &token[..at]),
                Err(BadToken)
            );
        }
        assert_eq!(
            signer(1).verify(Scope::Unsubscribe, &"0".repeat(65)),
            Err(BadToken)
        );
    }

    #[test]
    fn tokens_fit_a_header_line() {
        assert!(signer(1).sign(Scope::Unsubscribe, 1_000_000).len() <= 24);
    }
}
