//! A small LMTP server (RFC 2033), for a mail server on this machine that hands
//! reports over: in Postfix, `transport_maps` with `lmtp:inet:127.0.0.1:2424`.
//!
//! A mail is answered with 250 once its report is recorded, and with 451 when
//! that was not possible, so that the mail server keeps it.

use super::evidence::Envelope;
use super::report::MAIL_BYTES_MAX;
use crate::subscriber::Address;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Conversations at once; a flood waits outside.
const CONNECTIONS_MAX: usize = 20;

/// The greeting, without the line end.
pub const GREETING: &str = "220 paperboy LMTP";

/// RFC 5321 section 4.5.3.1.4 wants 512, with room for parameters.
const LINE_BYTES_MAX: usize = 4_096;

/// Recipients of one mail (RFC 5321 section 4.5.3.1.8 wants at least 100).
const RECIPIENTS_MAX: usize = 100;

/// A mail may be so long; what is beyond [`MAIL_BYTES_MAX`] is taken and forgotten.
const DATA_BYTES_MAX: usize = 128 << 20;

/// RFC 5321 section 4.5.3.2.7: at least 5 minutes.
const COMMAND_WAIT: Duration = Duration::from_mins(5);

/// The longest that recording may take: the database may be busy for 30 seconds.
const TAKE_WAIT: Duration = Duration::from_mins(2);

/// A mail that was handed over, to be answered.
#[derive(Debug)]
pub struct LmtpDelivery {
    /// Its bytes, cut to what is read.
    pub mail: Vec<u8>,
    /// Its recipients.
    pub envelope: Envelope,
    /// Told whether it is recorded.
    pub done: oneshot::Sender<bool>,
}

/// Serves `listener` until `stop` is cancelled. Mails for `ours` (with or
/// without `+TOKEN`) go into `hand_over`, one by one.
pub async fn serve(
    listener: TcpListener,
    ours: Vec<Address>,
    hand_over: mpsc::Sender<LmtpDelivery>,
    stop: CancellationToken,
) {
    let (ours, seats) = (Arc::new(ours), Arc::new(Semaphore::new(CONNECTIONS_MAX)));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, say: others may close theirs.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let (ours, hand_over, stop) = (Arc::clone(&ours), hand_over.clone(), stop.clone());
        tokio::spawn(async move {
            let session = Session { ours, hand_over };
            tokio::select! {
                () = stop.cancelled() => {}
                // A client that hangs up keeps the mail.
                _ = session.run(stream) => {}
            }
            drop(seat);
        });
    }
}

struct Session {
    ours: Arc<Vec<Address>>,
    hand_over: mpsc::Sender<LmtpDelivery>,
}

impl Session {
    async fn run(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        write
            .write_all(format!("{GREETING}\r\n").as_bytes())
            .await?;
        let (mut has_sender, mut to) = (false, Vec::<String>::new());
        let mut line = Vec::new();
        loop {
            let Ok(heard) = timeout(COMMAND_WAIT, read_line(&mut read, &mut line)).await else {
                return write.write_all(b"421 4.4.2 too long a silence\r\n").await;
            };
            if !heard? {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = text
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            let answer: &[u8] = match verb.as_str() {
                "LHLO" => {
                    b"250-paperboy\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n"
                }
                "HELO" | "EHLO" => b"500 5.5.1 this is LMTP: say LHLO\r\n",
                "MAIL" if path(&text).is_some() => {
                    (has_sender, to) = (true, Vec::new());
                    b"250 2.1.0 ok\r\n"
                }
                "RCPT" if !has_sender => b"503 5.5.1 MAIL first\r\n",
                "RCPT" if to.len() >= RECIPIENTS_MAX => b"452 4.5.3 too many recipients\r\n",
                "RCPT" => match path(&text) {
                    Some(address) if self.is_ours(address) => {
                        to.push(address.to_owned());
                        b"250 2.1.5 ok\r\n"
                    }
                    Some(_) => b"550 5.1.1 no address for reports\r\n",
                    None => b"501 5.1.3 no address\r\n",
                },
                "MAIL" => b"501 5.1.7 no address\r\n",
                "DATA" if to.is_empty() => b"503 5.5.1 no valid recipients\r\n",
                "DATA" => {
                    write.write_all(b"354 go ahead\r\n").await?;
                    let answer = match self.data(&mut read).await? {
                        Some(mail) => self.take(mail, &to).await,
                        None => "552 5.3.4 too long\r\n",
                    };
                    // One answer for each recipient (RFC 2033 section 4.2).
                    for _ in &to {
                        write.write_all(answer.as_bytes()).await?;
                    }
                    (has_sender, to) = (false, Vec::new());
                    continue;
                }
                "RSET" => {
                    (has_sender, to) = (false, Vec::new());
                    b"250 2.0.0 ok\r\n"
                }
                "NOOP" | "VRFY" => b"252 2.0.0 ok\r\n",
                "QUIT" => return write.write_all(b"221 2.0.0 bye\r\n").await,
                _ => b"500 5.5.2 not understood\r\n",
            };
            write.write_all(answer).await?;
        }
    }

    /// The text up to the dot; `None` if it is too long.
    async fn data(&self, read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
        let (mut mail, mut total, mut starts) = (Vec::new(), 0_usize, true);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A line may be as long as it likes; it is read in pieces.
            let mut piece = (&mut *read).take(64 << 10);
            let Ok(count) = timeout(COMMAND_WAIT, piece.read_until(b'\n', &mut line)).await else {
                return Err(io::ErrorKind::TimedOut.into());
            };
            if count? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if starts && matches!(line.as_slice(), b".\r\n" | b".\n") {
                return Ok((total <= DATA_BYTES_MAX).then_some(mail));
            }
            total += line.len();
            if mail.len() < MAIL_BYTES_MAX {
                // Dots at the start of a line were doubled (RFC 5321 section 4.5.2).
                let bare = if starts {
                    line.strip_prefix(b".").unwrap_or(&line)
                } else {
                    &line
                };
                mail.extend_from_slice(bare);
            }
            // A dot ends the text at the start of a line alone, not where a piece of a long one
            // begins.
            starts = line.ends_with(b"\n");
        }
    }

    async fn take(&self, mail: Vec<u8>, to: &[String]) -> &'static str {
        let (done, answer) = oneshot::channel();
        let envelope = Envelope {
            to: to.to_vec(),
            ..Envelope::default()
        };
        let handed = self
            .hand_over
            .send(LmtpDelivery {
                mail,
                envelope,
                done,
            })
            .await
            .is_ok();
        match timeout(TAKE_WAIT, answer).await {
            Ok(Ok(true)) if handed => "250 2.0.0 recorded\r\n",
            _ => "451 4.3.0 it cannot be recorded now\r\n",
        }
    }

    fn is_ours(&self, address: &str) -> bool {
        let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
        let local = local.split('+').next().unwrap_or(local);
        self.ours.iter().any(|ours| {
            let (our_local, our_domain) = ours.as_str().rsplit_once('@').unwrap_or_default();
            local.eq_ignore_ascii_case(our_local) && domain.eq_ignore_ascii_case(our_domain)
        })
    }
}

/// Reads a command into `line`; `false` at the end of the stream.
async fn read_line(read: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let count = read
        .take(LINE_BYTES_MAX as u64)
        .read_until(b'\n', line)
        .await?;
    if count > 0 && !line.ends_with(b"\n") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(count > 0)
}

/// The address in `MAIL FROM:<…>` or `RCPT TO:<…>`; empty for the null sender.
fn path(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('<')?;
    let (inner, _) = rest.split_once('>')?;
    (inner.len() <= 400).then_some(inner)
}
