//! One SMTP conversation, step by step.
//!
//! lettre's own transport reports a connection that broke before the text in
//! the same way as one that broke after it, and its pool can return one
//! message's reply as another's (lettre#1027). So we drive its
//! `AsyncSmtpConnection` by hand: a [`SmtpFailure`] says at which command it
//! happened, and a connection that is no longer in step is never used again.

mod dial;
mod failure;
mod reply_reader;
mod timeouts;
mod tls;
mod transcript;

use reply_reader::ConnectionState;

pub use dial::Dialer;
pub use failure::SmtpFailure;
pub use timeouts::Timeouts;
pub use transcript::{Side, Transcript, TranscriptLine};

use super::reply::Reply;
use super::stage::SmtpStage;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::response::Response;
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// An open connection, ready for MAIL.
pub struct Connection {
    conn: AsyncSmtpConnection,
    timeouts: Timeouts,
    state: ConnectionState,
    pipelining: bool,
    taken: u32,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("pipelining", &self.pipelining)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl Connection {
    fn new(conn: AsyncSmtpConnection, timeouts: Timeouts, state: ConnectionState) -> Self {
        let pipelining = state.pipelining();
        Connection {
            conn,
            timeouts,
            state,
            pipelining,
            taken: 0,
        }
    }

    /// Messages that the server has taken over this connection.
    pub fn taken(&self) -> u32 {
        self.taken
    }

    /// Names sender and recipient and asks to send the text. `Ok` if the server waits for it now.
    ///
    /// Nothing has been sent that could be delivered, whatever this returns.
    pub async fn offer(&mut self, from: &Address, to: &Address) -> Result<(), SmtpFailure> {
        let mail = Mail::new(Some(from.clone()), Vec::new());
        let rcpt = Rcpt::new(to.clone(), Vec::new());
        let waits = self.timeouts;
        // A reply too many would be taken for the reply to MAIL, and all others for those before
        // them.
        if self.state.more() {
            return Err(SmtpFailure::broken(
                SmtpStage::Mail,
                "the server said more than it was asked",
            ));
        }
        if self.pipelining {
            return self.offer_in_one_go(&format!("{mail}{rcpt}{Data}")).await;
        }
        let reply = self.say(SmtpStage::Mail, waits.mail, mail).await?;
        expect_done(SmtpStage::Mail, &reply)?;
        let reply = self.say(SmtpStage::Rcpt, waits.rcpt, rcpt).await?;
        expect_done(SmtpStage::Rcpt, &reply)?;
        let reply = self.say(SmtpStage::Data, waits.data, Data).await?;
        expect_go_ahead(&reply)
    }

    /// The three commands in one write (RFC 2920), then their three replies.
    async fn offer_in_one_go(&mut self, commands: &str) -> Result<(), SmtpFailure> {
        let waits = self.timeouts;
        let mail = self
            .say(SmtpStage::Mail, waits.mail, commands)
            .await
            .and_then(|reply| expect_done(SmtpStage::Mail, &reply));
        continue_in_step(&mail)?;
        let rcpt = self
            .hear(SmtpStage::Rcpt, waits.rcpt)
            .await
            .and_then(|reply| expect_done(SmtpStage::Rcpt, &reply));
        continue_in_step(&rcpt)?;
        let data = self
            .hear(SmtpStage::Data, waits.data)
            .await
            .and_then(|reply| expect_go_ahead(&reply));
        let Err(mut refusal) = mail.and(rcpt) else {
            return data;
        };
        // A server may wait for the text although it has refused the recipient
        // (RFC 2920 section 3.1). It gets none; the connection ends here.
        refusal.in_step &= data.as_ref().is_err_and(|failure| failure.in_step);
        Err(refusal)
    }

    /// Sends the text and the dot that ends it, after [`Connection::offer`] returned `Ok`.
    ///
    /// `Ok` means that the server has taken responsibility (RFC 5321 section
    /// 6.1). A failure with a reply means that it has not; a failure without
    /// one means that nobody can know.
    pub async fn hand_over(&mut self, message: &[u8]) -> Result<Reply, SmtpFailure> {
        let wait = self.timeouts.text + self.timeouts.dot;
        let sending = async {
            match stuffed(message) {
                // One write: a text and a dot in two would be two packets.
                Ok(text) => self.conn.command(text).await,
                // lettre adds the line end before the dot.
                Err(_) => {
                    self.conn
                        .message(message.strip_suffix(b"\r\n").unwrap_or(message))
                        .await
                }
            }
        };
        let result = match timeout(wait, sending).await {
            Err(_) => return Err(SmtpFailure::timed_out(SmtpStage::Dot, wait)),
            // The write failed: the server may have refused in mid-text and said so before it
            // closed.
            Ok(Err(error)) if is_network(&error) => {
                match self.hear(SmtpStage::Dot, self.timeouts.quit).await {
                    Err(refusal) if refusal.reply.is_some() => {
                        return Err(SmtpFailure {
                            in_step: false,
                            ..refusal
                        });
                    }
                    _ => return Err(SmtpFailure::from_lettre(SmtpStage::Dot, &error)),
                }
            }
            Ok(result) => {
                result.map_err(|error| SmtpFailure::from_lettre(SmtpStage::Dot, &error))?
            }
        };
        let reply = read(&result);
        // 3xx here is the reply to something else.
        expect_done(SmtpStage::Dot, &result).map_err(|failure| SmtpFailure {
            reply: None,
            ..failure
        })?;
        self.taken += 1;
        Ok(reply)
    }

    /// Ends a refused transaction, so that the connection can be used for the next one.
    pub async fn reset(&mut self) -> Result<(), SmtpFailure> {
        let reply = self
            .say(SmtpStage::Mail, self.timeouts.command, Rset)
            .await?;
        expect_done(SmtpStage::Mail, &reply)
    }

    /// Says goodbye. What the server answers does not matter.
    pub async fn quit(mut self) {
        let _ = timeout(self.timeouts.quit, self.conn.command(Quit)).await;
    }

    async fn say(
        &mut self,
        stage: SmtpStage,
        wait: Duration,
        command: impl fmt::Display,
    ) -> Result<Response, SmtpFailure> {
        finished(stage, wait, timeout(wait, self.conn.command(command)).await)
    }

    async fn hear(&mut self, stage: SmtpStage, wait: Duration) -> Result<Response, SmtpFailure> {
        finished(stage, wait, timeout(wait, self.conn.read_response()).await)
    }
}

fn finished(
    stage: SmtpStage,
    wait: Duration,
    result: Result<Result<Response, Error>, tokio::time::error::Elapsed>,
) -> Result<Response, SmtpFailure> {
    match result {
        Err(_) => Err(SmtpFailure::timed_out(stage, wait)),
        Ok(result) => result.map_err(|error| SmtpFailure::from_lettre(stage, &error)),
    }
}

fn read(response: &Response) -> Reply {
    let lines: Vec<&str> = response.message().collect();
    Reply::new(response.code().into(), &lines.join(" "))
}

/// 2xx. lettre takes 3xx for good news as well.
fn expect_done(stage: SmtpStage, response: &Response) -> Result<(), SmtpFailure> {
    let code: u16 = response.code().into();
    if code / 100 == 2 {
        Ok(())
    } else {
        Err(SmtpFailure::refused(stage, read(response)))
    }
}

/// 354. A 2xx here means that the server and we do not talk about the same command.
fn expect_go_ahead(response: &Response) -> Result<(), SmtpFailure> {
    if response.has_code(354) {
        Ok(())
    } else {
        Err(SmtpFailure::refused(SmtpStage::Data, read(response)))
    }
}

/// Stops at a failure after which no further reply will come.
fn continue_in_step(result: &Result<(), SmtpFailure>) -> Result<(), SmtpFailure> {
    match result {
        Err(failure) if !failure.in_step => Err(failure.clone()),
        _ => Ok(()),
    }
}

fn is_network(error: &Error) -> bool {
    error.status().is_none() && !error.is_response() && !error.is_client()
}

/// A message as it goes over the line: a dot more at the start of each line
/// that starts with one (RFC 5321 section 4.5.2), and at the end the dot alone.
///
/// Fails on what is not UTF-8, which lettre cannot send in one piece.
fn stuffed(message: &[u8]) -> Result<String, std::str::Utf8Error> {
    let message = std::str::from_utf8(message)?;
    let mut text = String::with_capacity(message.len() + message.len() / 64 + 8);
    if message.starts_with('.') {
        text.push('.');
    }
    let mut copied = 0;
    // Lines that end in a bare LF are stuffed too: some servers take "\n.\n" for the end
    // ("SMTP smuggling").
    for at in dots_at_line_starts(message.as_bytes()) {
        text.push_str(&message[copied..at]);
        text.push('.');
        copied = at;
    }
    text.push_str(&message[copied..]);
    text.push_str(if message.ends_with("\r\n") {
        ".\r\n"
    } else {
        "\r\n.\r\n"
    });
    Ok(text)
}

/// The positions of dots at line starts, the first line's left out. Most stretches of a message
/// have no such line: they are passed over many bytes at a time, as processors can.
fn dots_at_line_starts(message: &[u8]) -> impl Iterator<Item = usize> {
    const STRETCH: usize = 128;
    let is_one = |at: usize| message[at] == b'\n' && message[at + 1] == b'.';
    let last = message.len().saturating_sub(1);
    (0..last).step_by(STRETCH).flat_map(move |start| {
        let end = last.min(start + STRETCH);
        let pairs = message[start..end].iter().zip(&message[start + 1..=end]);
        let found = pairs.fold(0_u8, |found, (one, next)| {
            found | u8::from(*one == b'\n') & u8::from(*next == b'.')
        });
        let looked_at = if found == 0 { start..start } else { start..end };
        looked_at.filter(move |at| is_one(*at)).map(|at| at + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dot_is_found_wherever_it_stands() {
        for place in 0..300 {
            let message = format!("{}\n.{}", "a".repeat(place), "b".repeat(300 - place));
            assert_eq!(
                dots_at_line_starts(message.as_bytes()).collect::<Vec<_>>(),
                [place + 1]
            );
            assert_eq!(
                stuffed(message.as_bytes()).unwrap(),
                format!("{}\r\n.\r\n", message.replace("\n.", "\n.."))
            );
        }
    }

    #[test]
    fn dots_at_the_start_of_lines_are_doubled() {
        #[track_caller]
        fn check(message: &str, sent: &str) {
            assert_eq!(stuffed(message.as_bytes()).unwrap(), sent);
        }
        check("a\r\n", "a\r\n.\r\n");
        check("", "\r\n.\r\n");
        check("a", "a\r\n.\r\n");
        check(".\r\n..\r\n.a\r\nb.\r\n", "..\r\n...\r\n..a\r\nb.\r\n.\r\n");
        check("a\r\n.", "a\r\n..\r\n.\r\n");
        check("a\n.\r\nb\r\n", "a\n..\r\nb\r\n.\r\n");
    }
}
