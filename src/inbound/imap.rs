//! A small IMAP client (RFC 3501, IDLE: RFC 2177, MOVE: RFC 6851) for one
//! mailbox of reports.
//!
//! Our reports are marked as seen, and moved if the settings name a mailbox; other mail stays
//! unseen, and nothing is ever deleted.

mod wire;

use super::report::MAIL_BYTES_MAX;
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

/// An error of the mailbox.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The way to it.
    #[error("cannot talk to the IMAP server {host} ({advice})")]
    Broken {
        /// The host name of the server.
        host: String,
        /// The remedy.
        advice: &'static str,
        /// The cause.
        #[source]
        cause: io::Error,
    },
    /// It said no.
    #[error("the IMAP server refused {command}: {text} ({advice})")]
    Refused {
        /// The command, without secrets.
        command: &'static str,
        /// Its words.
        text: String,
        /// The remedy.
        advice: &'static str,
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
        let wire = Wire::open(settings)
            .await
            .map_err(|cause| broken(settings, cause))?;
        let mut mailbox = Mailbox {
            wire,
            settings: settings.clone(),
            can_idle: false,
            can_move: false,
            strangers: HashSet::new(),
        };
        mailbox.log_in().await?;
        let capabilities = mailbox.ask("CAPABILITY", b"CAPABILITY").await?;
        let has = |word: &str| {
            capabilities.iter().any(|line| {
                line.text()
                    .to_ascii_uppercase()
                    .split(' ')
                    .any(|one| one == word)
            })
        };
        (mailbox.can_idle, mailbox.can_move) = (has("IDLE"), has("MOVE"));
        let select = ["SELECT", &quoted(&settings.mailbox)].join(" ");
        mailbox.ask("SELECT", select.as_bytes()).await?;
        mailbox.has_a_place_for_what_is_done().await?;
        Ok(mailbox)
    }

    /// Whether what was taken in can be moved away; else it is only marked as seen.
    pub fn can_move(&self) -> bool {
        self.can_move
    }

    /// Makes the mailbox for what was taken in if it is missing: found out late, every report would
    /// fail on it.
    async fn has_a_place_for_what_is_done(&mut self) -> Result<(), ImapError> {
        let Some(done) = self.settings.done_mailbox.clone().filter(|_| self.can_move) else {
            return Ok(());
        };
        let status = format!("STATUS {} (MESSAGES)", quoted(&done));
        match self.ask("STATUS", status.as_bytes()).await {
            Err(ImapError::Refused { .. }) => {}
            known => return known.map(|_| ()),
        }
        self.ask("CREATE", format!("CREATE {}", quoted(&done)).as_bytes())
            .await
            .map(|_| ())
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
            .flat_map(|line| {
                line.split_whitespace()
                    .filter_map(|word| word.parse::<u32>().ok())
                    .collect::<Vec<_>>()
            });
        let mut new: Vec<u32> = numbers
            .filter(|number| !self.strangers.contains(number))
            .collect();
        new.sort_unstable();
        new.truncate(STEP_MAILS);
        Ok(new)
    }

    /// A mail, cut to what is read, and not marked as seen by that; `None` if it is gone.
    pub async fn fetch(&mut self, number: u32) -> Result<Option<Vec<u8>>, ImapError> {
        let command = format!("UID FETCH {number} (UID BODY.PEEK[]<0.{MAIL_BYTES_MAX}>)");
        let answers = self.ask("FETCH", command.as_bytes()).await?;
        Ok(answers
            .into_iter()
            .filter(|line| line.text().contains("FETCH"))
            .find_map(Response::into_literal))
    }

    /// Marks mails of ours as seen, and moves them if the settings say where. All at once: a
    /// mailbox of thousands is written anew for each command.
    pub async fn settle(&mut self, numbers: &[u32]) -> Result<(), ImapError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let set = numbers
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(",");
        let store = format!("UID STORE {set} +FLAGS.SILENT (\\Seen)");
        self.ask("STORE", store.as_bytes()).await?;
        if let Some(target) = self.settings.done_mailbox.clone().filter(|_| self.can_move) {
            let command = format!("UID MOVE {set} {}", quoted(&target));
            self.ask("MOVE", command.as_bytes()).await?;
        }
        Ok(())
    }

    /// Leaves a mail that is not ours as it is, and does not look at it again.
    pub fn leave(&mut self, number: u32) {
        self.strangers.insert(number);
    }

    /// Waits until something may have come, at most [`IDLE`]. Cancelling it leaves the connection
    /// unusable.
    pub async fn wait(&mut self) -> Result<(), ImapError> {
        if !self.can_idle {
            tokio::time::sleep(IDLE / 5).await;
            return self.ask("NOOP", b"NOOP").await.map(|_| ());
        }
        let host = self.settings.clone();
        self.wire
            .idle(IDLE)
            .await
            .map_err(|cause| broken(&host, cause))
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        // It is no matter whether the server hears it.
        let _ = self.ask("LOGOUT", b"LOGOUT").await;
    }

    async fn log_in(&mut self) -> Result<(), ImapError> {
        use secrecy::ExposeSecret as _;
        let (name, password) = (
            self.settings.username.clone(),
            self.settings.password.expose_secret().to_owned(),
        );
        let settings = self.settings.clone();
        let answer = self
            .wire
            .log_in(&name, &password)
            .await
            .map_err(|cause| broken(&settings, cause))?;
        refused("LOGIN", answer).map(|_| ())
    }

    async fn ask(
        &mut self,
        name: &'static str,
        command: &[u8],
    ) -> Result<Vec<Response>, ImapError> {
        let settings = &self.settings;
        let answer = self
            .wire
            .ask(command)
            .await
            .map_err(|cause| broken(settings, cause))?;
        refused(name, answer)
    }
}

fn broken(settings: &ImapSettings, cause: io::Error) -> ImapError {
    let is_tls = cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some();
    let advice = match cause.kind() {
        // rustls says that the certificate is wrong, or that what it heard is not TLS.
        _ if is_tls => "look at security, host and ca_file in [inbound.imap]",
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable => {
            "does it run, and are host and port in [inbound.imap] right?"
        }
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => {
            "it hung up; if that goes on, look at its log and at security in [inbound.imap]"
        }
        _ => "look at host, port and security in [inbound.imap]",
    };
    ImapError::Broken {
        host: settings.host.clone(),
        advice,
        cause,
    }
}

/// The remedy for a refused command.
fn advice_on(command: &str) -> &'static str {
    match command {
        "LOGIN" => "look at username and password_file in [inbound.imap]",
        "SELECT" => "look at mailbox in [inbound.imap]: it must be there",
        "STATUS" | "CREATE" | "MOVE" => "look at done_mailbox in [inbound.imap]",
        "STORE" => "the account must be allowed to mark mails as seen",
        _ => "look at the server's log",
    }
}

/// The untagged lines of an answer that ended with OK.
fn refused(
    command: &'static str,
    answer: (Vec<Response>, String),
) -> Result<Vec<Response>, ImapError> {
    let (lines, end) = answer;
    if end.to_ascii_uppercase().starts_with("OK") {
        return Ok(lines);
    }
    let text = end.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(ImapError::Refused {
        command,
        text,
        advice: advice_on(command),
    })
}

/// A quoted string (RFC 3501 section 4.3).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
