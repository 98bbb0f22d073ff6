//! A small IMAP client (RFC 3501, IDLE: RFC 2177, MOVE: RFC 6851) for one
//! mailbox of reports.
//!
//! What is ours is marked as seen, and moved if the settings say where; what is
//! not stays unseen, and nothing is ever deleted.

mod wire;

use super::reading::MAIL_BYTES_MAX;
use super::settings::ImapSettings;
use std::collections::HashSet;
use std::io;
use std::time::Duration;
use wire::{Response, Wire};

/// Mails that are fetched in one step.
const STEP_MAILS: usize = 100;

/// Numbers of mails that are not ours that are remembered.
const STRANGERS_MAX: usize = 100_000;

/// Servers may hang up after 30 minutes of silence (RFC 3501 section 5.4); a
/// look in between finds what an unreliable notice has missed.
pub const IDLE: Duration = Duration::from_mins(5);

/// Why the mailbox cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The way to it.
    #[error("cannot talk to the IMAP server {host}")]
    Broken {
        /// Which.
        host: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It said no.
    #[error("the IMAP server refused {command}: {text}")]
    Refused {
        /// What, without secrets.
        command: &'static str,
        /// Its words.
        text: String,
    },
}

/// A connection with a mailbox that is selected.
pub struct Mailbox {
    wire: Wire,
    settings: ImapSettings,
    can_idle: bool,
    can_move: bool,
    strangers: HashSet<u32>,
}

impl Mailbox {
    /// Connects, logs in and selects the mailbox.
    pub async fn open(settings: &ImapSettings) -> Result<Self, ImapError> {
        let wire = Wire::open(settings).await.map_err(|cause| broken(settings, cause))?;
        let mut mailbox =
            Mailbox { wire, settings: settings.clone(), can_idle: false, can_move: false, strangers: HashSet::new() };
        mailbox.log_in().await?;
        let capabilities = mailbox.ask("CAPABILITY", b"CAPABILITY").await?;
        let has = |word: &str| {
            capabilities.iter().any(|line| line.text().to_ascii_uppercase().split(' ').any(|one| one == word))
        };
        (mailbox.can_idle, mailbox.can_move) = (has("IDLE"), has("MOVE"));
        let select = ["SELECT", &quoted(&settings.mailbox)].join(" ");
        mailbox.ask("SELECT", select.as_bytes()).await?;
        Ok(mailbox)
    }

    /// Numbers of mails that were not seen and not looked at, oldest first.
    pub async fn unseen(&mut self) -> Result<Vec<u32>, ImapError> {
        if self.strangers.len() > STRANGERS_MAX {
            self.strangers.clear();
        }
        let found = self.ask("SEARCH", b"UID SEARCH UNSEEN UNDELETED").await?;
        let lines = found.iter().map(Response::text);
        let numbers = lines
            .filter_map(|line| line.strip_prefix("* SEARCH").map(str::to_owned))
            .flat_map(|line| line.split_whitespace().filter_map(|word| word.parse::<u32>().ok()).collect::<Vec<_>>());
        let mut new: Vec<u32> = numbers.filter(|number| !self.strangers.contains(number)).collect();
        new.sort_unstable();
        new.truncate(STEP_MAILS);
        Ok(new)
    }

    /// A mail, cut to what is read, and not marked as seen by that; `None` if it is gone.
    pub async fn fetch(&mut self, number: u32) -> Result<Option<Vec<u8>>, ImapError> {
        let command = format!("UID FETCH {number} (UID BODY.PEEK[]<0.{MAIL_BYTES_MAX}>)");
        let answers = self.ask("FETCH", command.as_bytes()).await?;
        Ok(answers.into_iter().filter(|line| line.text().contains("FETCH")).find_map(Response::into_literal))
    }

    /// Marks a mail of ours as seen, and moves it if the settings say where.
    pub async fn settle(&mut self, number: u32) -> Result<(), ImapError> {
        let store = format!("UID STORE {number} +FLAGS.SILENT (\\Seen)");
        self.ask("STORE", store.as_bytes()).await?;
        if let Some(target) = self.settings.done_mailbox.clone().filter(|_| self.can_move) {
            let command = format!("UID MOVE {number} {}", quoted(&target));
            self.ask("MOVE", command.as_bytes()).await?;
        }
        Ok(())
    }

    /// Leaves a mail that is not ours as it is, and does not look at it again.
    pub fn leave(&mut self, number: u32) {
        self.strangers.insert(number);
    }

    /// Waits until something may have come, at most [`IDLE`]. Cancelling it leaves the connection unusable.
    pub async fn wait(&mut self) -> Result<(), ImapError> {
        if !self.can_idle {
            tokio::time::sleep(IDLE / 5).await;
            return self.ask("NOOP", b"NOOP").await.map(|_| ());
        }
        let host = self.settings.clone();
        self.wire.idle(IDLE).await.map_err(|cause| broken(&host, cause))
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // It is no matter whether the server hears it.
        let _ = self.ask("LOGOUT", b"LOGOUT").await;
    }

    async fn log_in(&mut self) -> Result<(), ImapError> {
        use secrecy::ExposeSecret as _;
        let (name, password) = (self.settings.username.clone(), self.settings.password.expose_secret().to_owned());
        let settings = self.settings.clone();
        let answer = self.wire.log_in(&name, &password).await.map_err(|cause| broken(&settings, cause))?;
        refused("LOGIN", answer).map(|_| ())
    }

    async fn ask(&mut self, name: &'static str, command: &[u8]) -> Result<Vec<Response>, ImapError> {
        let settings = &self.settings;
        let answer = self.wire.ask(command).await.map_err(|cause| broken(settings, cause))?;
        refused(name, answer)
    }
}

fn broken(settings: &ImapSettings, cause: io::Error) -> ImapError {
    ImapError::Broken { host: settings.host.clone(), cause }
}

/// The untagged lines of an answer that ended with OK.
fn refused(command: &'static str, answer: (Vec<Response>, String)) -> Result<Vec<Response>, ImapError> {
    let (lines, end) = answer;
    if end.to_ascii_uppercase().starts_with("OK") {
        return Ok(lines);
    }
    Err(ImapError::Refused { command, text: end.chars().filter(|c| !c.is_control()).take(200).collect() })
}

/// A quoted string (RFC 3501 section 4.3).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
