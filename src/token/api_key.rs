//! API keys: random, shown once, stored as a hash.

use super::encode;
use ring::digest;

/// Prefix of every key, which scanners for leaked secrets recognise.
const START: &str = "pb_";

/// Random bytes in a key: 200 bits cannot be guessed.
pub const API_KEY_BYTES: usize = 25;

/// Returns the key made of the random bytes `chance`: `pb_` and 40 letters and digits.
pub fn api_key(chance: &[u8; API_KEY_BYTES]) -> String {
    format!("{START}{}", encode(chance))
}

/// Returns the stored hash of a key. A plain hash is enough: unlike a password, a key is too
/// random to be tried out.
pub fn api_key_hash(key: &str) -> String {
    encode(digest::digest(&digest::SHA256, key.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_with_their_chance_and_hashes_with_their_keys() {
        let key = api_key(&[7; API_KEY_BYTES]);
        assert!(key.starts_with("pb_") && key.len() == 43, "{key}");
        let other = api_key(&[8; API_KEY_BYTES]);
        assert_ne!(api_key_hash(&key), api_key_hash(&other));
        assert!(!api_key_hash(&key).contains(&key[3..]));
    }
}
