//! Keys of the API: made of chance, shown once, stored as a hash.

use super::encode;
use ring::digest;

/// Begins every key, so that those who look for leaked secrets know one.
const START: &str = "pb_";

/// Chance in a key, in bytes: 200 bits, which nobody guesses.
pub const API_KEY_BYTES: usize = 25;

/// The key made of `chance`: `pb_` and 40 letters and digits.
pub fn api_key(chance: &[u8; API_KEY_BYTES]) -> String {
    format!("{START}{}", encode(chance))
}

/// What is stored of a key. A plain hash is enough: unlike a password, a key has
/// more chance in it than can be tried out.
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
