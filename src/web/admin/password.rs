//! The operator's password, stored as an argon2id hash (RFC 9106).

use crate::random::Random;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// Fewest characters of a password: it protects every address, and there is no second factor.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Most characters: a longer text is a mistake, and costs time to hash.
pub(super) const PASSWORD_BYTES_MAX: usize = 1_024;

/// The OWASP Password Storage Cheat Sheet asks for 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Bytes of the salt: RFC 9106 section 3.1 recommends 128 bits.
const SALT_BYTES: usize = 16;

/// A hash of no password, of the usual cost.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$cGFwZXJib3lwYXBlcmJveQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// The password is too short.
    #[error(
        "the password must have at least {PASSWORD_CHARS_MIN} characters: four random words are easy to remember"
    )]
    Short,
    /// The password is too long.
    #[error("the password has more than {PASSWORD_BYTES_MAX} bytes")]
    Long,
}

/// The hash of `password`, as a PHC string.
pub fn hash_password(password: &str, random: &dyn Random) -> Result<String, BadPassword> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(BadPassword::Short);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(BadPassword::Long);
    }
    Ok(hash_with(password, random, MEMORY_KIB))
}

fn hash_with(password: &str, random: &dyn Random, memory_kib: u32) -> String {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    let params = Params::new(memory_kib, PASSES, LANES, None)
        .expect("these are parameters that argon2 allows");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password.as_bytes(), &salt);
    hash.expect("salt and password have lengths that argon2 allows")
        .to_string()
}

/// Whether `hash` is the hash of `password`. Without a hash it is not, in the same time.
pub(super) fn is_right(password: &str, hash: Option<&str>) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    let is_match = Argon2::default()
        .verify_password(password.as_bytes(), hash.unwrap_or(NOBODYS))
        .is_ok();
    is_match && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{NoChance, SystemChance};

    #[test]
    fn a_password_is_known_again_and_another_one_is_not() {
        let hash = hash_password("correct horse battery", &SystemChance::new()).unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(is_right("correct horse battery", Some(&hash)));
        for wrong in [
            "correct horse batterz",
            "",
            "Correct horse battery",
            "correct horse battery ",
        ] {
            assert!(!is_right(wrong, Some(&hash)), "{wrong}");
        }
        assert!(!is_right("correct horse battery", None));
        assert!(!is_right("correct horse battery", Some("nonsense")));
    }

    #[test]
    fn the_hash_of_nobody_costs_what_any_costs() {
        let read = argon2::password_hash::phc::PasswordHash::new(NOBODYS).unwrap();
        assert_eq!(read.hash.unwrap().len(), 32);
        assert_eq!(read.params.to_string(), "m=19456,t=2,p=1");
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(
            hash_password("eleven char", &NoChance),
            Err(BadPassword::Short)
        );
        // Length is counted in characters, not bytes.
        assert_eq!(
            hash_password("ééééééééééé", &NoChance),
            Err(BadPassword::Short)
        );
        assert_eq!(
            hash_password(&"x".repeat(2_000), &NoChance),
            Err(BadPassword::Long)
        );
    }
}
