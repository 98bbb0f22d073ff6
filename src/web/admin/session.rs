//! Access to the operator's pages: password, sessions, and limits of tries.
//!
//! A session is a random token in the browser's cookie; the database stores its hash. Every form
//! carries a second number derived from the token, so that no other site can send one (CSRF).

use super::password;
use crate::random::Random;
use crate::store::{AdminSession, Db, StoreError};
use crate::web::serving::visitor::Visitor;
use axum::http::{HeaderMap, header};
use chrono::{DateTime, TimeDelta, Utc};
use governor::clock::DefaultClock;
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// A session expires after this time without use.
pub(crate) const IDLE: TimeDelta = TimeDelta::hours(12);

/// A session expires after this time at the latest.
pub(crate) const LONGEST: TimeDelta = TimeDelta::days(7);

/// A use is stored once in this time.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// Tries from one network: a burst of this many, then one in [`TRY_AGAIN`].
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_secs(90);

/// Tries from all networks together: more than a forgetful person needs, fewer than guessing needs.
const TRIES_OF_ALL: u32 = 60;
const ALL_AGAIN: Duration = Duration::from_secs(15);

/// Passwords checked at the same time: each takes 19 MiB and a core.
const HASHING: usize = 2;

/// The longest wait for a password check.
const WAITING: usize = 8;

/// Bytes of a token: 256 bits.
const TOKEN_BYTES: usize = 32;

/// The result of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LoginOutcome {
    /// Success, with the token of the new session.
    In(String),
    /// The password is wrong, or none is set.
    Wrong,
    /// There were too many tries.
    TooOften,
}

/// The session of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// The hash of the token, its key in the database.
    pub(super) token_hash: String,
    /// The CSRF number of its forms.
    pub(super) csrf: String,
    /// The network of the request.
    pub(super) network: String,
}

pub(super) struct SessionStore {
    random: Arc<dyn Random>,
    by_network: RateLimiter<IpAddr, DashMapStateStore<IpAddr>, DefaultClock>,
    of_all: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl SessionStore {
    pub(super) fn new(random: Arc<dyn Random>) -> Self {
        let quota = |tries: u32, again| {
            let burst = NonZeroU32::new(tries).expect("a limit is not zero");
            Quota::with_period(again)
                .expect("a period is not zero")
                .allow_burst(burst)
        };
        SessionStore {
            random,
            by_network: RateLimiter::keyed(quota(TRIES, TRY_AGAIN)),
            of_all: RateLimiter::direct(quota(TRIES_OF_ALL, ALL_AGAIN)),
            hashing: Arc::new(Semaphore::new(HASHING)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// Signs `visitor` in if `typed` is the password.
    pub(super) async fn sign_in(
        &self,
        db: &Db,
        visitor: Visitor,
        typed: String,
        now: DateTime<Utc>,
    ) -> Result<LoginOutcome, StoreError> {
        self.by_network.retain_recent();
        if self.by_network.check_key(&visitor.network()).is_err() || self.of_all.check().is_err() {
            return Ok(LoginOutcome::TooOften);
        }
        let Ok(_place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return Ok(LoginOutcome::TooOften);
        };
        let Ok(turn) = Arc::clone(&self.hashing).acquire_owned().await else {
            return Ok(LoginOutcome::TooOften);
        };
        let hash = db.read(|store| store.admin_password()).await?;
        let asked = hash.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let is_right = password::is_right(&typed, asked.as_deref());
            // A client that disconnects does not free its place before the check is done.
            drop(turn);
            is_right
        });
        let (Ok(true), Some(hash)) = (looked.await, hash) else {
            return Ok(LoginOutcome::Wrong);
        };
        let token = self.token();
        let (token_hash, network) = (hash_of("session", &token), visitor.address.to_string());
        // The password may have changed during the check.
        let begun = db
            .run(move |store| store.begin_admin_session(&token_hash, &network, &hash, now))
            .await?;
        Ok(if begun {
            LoginOutcome::In(token)
        } else {
            LoginOutcome::Wrong
        })
    }

    /// The session of the browser's token, if it is still valid.
    pub(super) async fn session(
        &self,
        db: &Db,
        visitor: Visitor,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Session>, StoreError> {
        let token_hash = hash_of("session", token);
        let asked = token_hash.clone();
        let Some(stored) = db.read(move |store| store.admin_session(&asked)).await? else {
            return Ok(None);
        };
        if !holds(&stored, now) {
            return Ok(None);
        }
        if now - stored.seen_at >= NOTED {
            let used = token_hash.clone();
            // The pages must work on a full disk.
            let _ = db
                .run(move |store| store.touch_admin_session(&used, now))
                .await;
        }
        Ok(Some(Session {
            token_hash,
            csrf: hash_of("form", token),
            network: visitor.address.to_string(),
        }))
    }

    fn token(&self) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        self.random.fill(&mut bytes);
        hex(&bytes)
    }
}

/// Whether a session is valid at `now`. The clock may have been set back since its start.
fn holds(session: &AdminSession, now: DateTime<Utc>) -> bool {
    now - session.seen_at < IDLE && now - session.begun_at < LONGEST
}

/// A value derived from `token` for one purpose.
fn hash_of(for_what: &str, token: &str) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    context.update(b"paperboy operator 1\0");
    context.update(for_what.as_bytes());
    context.update(b"\0");
    context.update(token.as_bytes());
    hex(context.finish().as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two secrets are equal, in constant time.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .fold(0, |differ, (a, b)| differ | (a ^ b))
            == 0
}

/// The cookie that holds the token. With HTTPS its name has the prefix `__Host-`, so that only this
/// host can have set it (RFC 6265bis section 4.1.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie {
    pub(super) is_secure: bool,
}

impl Cookie {
    fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-paperboy-operator"
        } else {
            "paperboy-operator"
        }
    }

    /// The token in `headers`.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok());
        let mut pairs = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let token = pairs
            .find(|(name, _)| *name == self.name())
            .map(|(_, value)| value)?;
        (token.len() == 2 * TOKEN_BYTES).then_some(token)
    }

    /// The header that sets the cookie; without a token, the one that deletes it.
    pub(super) fn set(self, token: Option<&str>) -> String {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let (token, age) = match token {
            Some(token) => (token, LONGEST.num_seconds()),
            None => ("", 0),
        };
        format!(
            "{}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}",
            self.name()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_idle_and_when_it_is_old() {
        let at = |hours: i64| DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hours);
        let session = |begun, seen| AdminSession {
            network: String::new(),
            begun_at: at(begun),
            seen_at: at(seen),
        };
        assert!(holds(&session(0, 0), at(11)));
        assert!(!holds(&session(0, 0), at(12)));
        assert!(holds(&session(0, 167), at(167)));
        assert!(!holds(&session(0, 167), at(168)));
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_under_its_name() {
        let token = "ab".repeat(32);
        let headers =
            |text: String| HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())]);
        let plain = Cookie { is_secure: false };
        assert_eq!(
            plain.read(&headers(format!("a=b; paperboy-operator={token}"))),
            Some(token.as_str())
        );
        assert_eq!(
            Cookie { is_secure: true }.read(&headers(format!("paperboy-operator={token}"))),
            None
        );
        assert_eq!(
            plain.read(&headers("paperboy-operator=short".to_owned())),
            None
        );
        let set = Cookie { is_secure: true }.set(Some(&token));
        assert_eq!(
            set,
            format!(
                "__Host-paperboy-operator={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800; Secure"
            )
        );
    }
}
