//! A mail server for trials that keeps its mail in memory.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Longest line and longest message that are accepted, in bytes.
const LINE_BYTES_MAX: u64 = 4 << 10;
const MESSAGE_BYTES_MAX: usize = 10 << 20;

/// A mail that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caught {
    /// The envelope sender.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// The message as it was sent.
    pub message: Vec<u8>,
}

/// An SMTP server on loopback (RFC 5321, the minimum of section 4.5.1) whose
/// mailbox is memory. It ends with the runtime.
#[derive(Debug, Clone)]
pub struct Catcher {
    address: SocketAddr,
    caught: Arc<Mutex<Vec<Caught>>>,
}

impl Catcher {
    /// Starts to listen, on a port of the system's choice.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let catcher = Catcher {
            address: listener.local_addr()?,
            caught: Arc::default(),
        };
        let shared = catcher.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let catcher = shared.clone();
                tokio::spawn(async move {
                    if let Err(error) = catcher.converse(stream).await {
                        tracing::debug!(%error, "a sender hung up");
                    }
                });
            }
        });
        Ok(catcher)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The mails that have arrived, oldest first.
    pub fn caught(&self) -> Vec<Caught> {
        self.caught
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn converse(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        write.write_all(b"220 localhost paperboy trial\r\n").await?;
        let mut mail = Caught {
            from: String::new(),
            to: Vec::new(),
            message: Vec::new(),
        };
        loop {
            let mut line = Vec::new();
            if (&mut lines)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
                .await?
                == 0
            {
                return Ok(());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            let reply = match verb.as_str() {
                "EHLO" => {
                    "250-localhost\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
                }
                "HELO" | "NOOP" => "250 2.0.0 ok\r\n",
                "MAIL" => {
                    mail = Caught {
                        from: path(&line),
                        to: Vec::new(),
                        message: Vec::new(),
                    };
                    "250 2.1.0 ok\r\n"
                }
                "RCPT" => {
                    mail.to.push(path(&line));
                    "250 2.1.5 ok\r\n"
                }
                "DATA" if mail.to.is_empty() => "503 5.5.1 no recipient yet\r\n",
                "DATA" => {
                    write.write_all(b"354 go ahead\r\n").await?;
                    mail.message = read_message(&mut lines).await?;
                    let mut caught = self.caught.lock().unwrap_or_else(PoisonError::into_inner);
                    caught.push(mail.clone());
                    mail.to.clear();
                    "250 2.0.0 caught\r\n"
                }
                "RSET" => {
                    mail.to.clear();
                    "250 2.0.0 ok\r\n"
                }
                "QUIT" => {
                    return write.write_all(b"221 2.0.0 bye\r\n").await;
                }
                _ => "500 5.5.2 not known here\r\n",
            };
            write.write_all(reply.as_bytes()).await?;
        }
    }
}

/// The address between the angle brackets of a MAIL or RCPT line.
fn path(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(String::new(), |(address, _)| address.to_owned())
}

/// Reads up to the lone dot and undoes the stuffing of dots (RFC 5321 section 4.5.2).
async fn read_message(lines: &mut (impl AsyncBufReadExt + Unpin)) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(message);
        }
        let line = line.strip_prefix(b".").unwrap_or(&line);
        if message.len() + line.len() > MESSAGE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        message.extend_from_slice(line);
    }
}
