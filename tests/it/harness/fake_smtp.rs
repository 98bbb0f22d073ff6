//! A mail server that does as it is told, and remembers what it was given.
//!
//! ```ignore
//! let relay = FakeRelay::start().await;
//! relay.on(At::Rcpt).to("gone@example.org").says("550 5.1.1 no such user");
//! relay.on(At::Text).to("cut@example.org").once().keeps_it_and_closes();
//! ```
//!
//! What it keeps it counts as accepted, whether or not it gets to say so: the
//! point of the tests is to compare that with what we believe.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The places at which it can be told to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Instead of the greeting.
    Greeting,
    /// Instead of the reply to EHLO.
    Ehlo,
    /// Instead of the reply to STARTTLS.
    StartTls,
    /// Instead of the reply to AUTH.
    Auth,
    /// Instead of the reply to MAIL.
    Mail,
    /// Instead of the reply to RCPT.
    Rcpt,
    /// Instead of the reply to DATA.
    Data,
    /// In the middle of the text, after its first line.
    MidText,
    /// Instead of the reply to the dot.
    Text,
    /// Instead of the reply to RSET.
    Rset,
}

/// How it misbehaves.
#[derive(Debug, Clone)]
enum Act {
    Says(String),
    SaysByteByByte(String),
    SaysBytes(Vec<u8>),
    Drips(String, Duration),
    SaysAndCloses(String),
    Closes,
    Resets,
    Hangs,
    KeepsItAndCloses,
    KeepsItSaysSoAndCloses,
    KeepsItAndHangs,
}

#[derive(Debug, Clone)]
struct Rule {
    at: At,
    to: Option<String>,
    on_connection: Option<usize>,
    left: Option<usize>,
    skip: usize,
    act: Act,
}

/// A message that it kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The envelope sender.
    pub(crate) from: String,
    /// The envelope recipient.
    pub(crate) to: String,
    /// The text, dots taken out again.
    pub(crate) bytes: Vec<u8>,
    /// Over which connection it came, counted from 1.
    pub(crate) connection: usize,
}

#[derive(Debug, Default)]
struct Log {
    rules: Vec<Rule>,
    kept: Vec<Kept>,
    commands: Vec<(usize, String)>,
    connections: usize,
    texts_begun: usize,
    extensions: Vec<String>,
}

/// A scripted SMTP server on the loopback.
pub(crate) struct FakeRelay {
    address: SocketAddr,
    log: Arc<Mutex<Log>>,
    changed: Arc<Notify>,
    running: Mutex<Option<(CancellationToken, JoinHandle<()>)>>,
}

/// A rule that is being spoken.
pub(crate) struct On<'a> {
    relay: &'a FakeRelay,
    rule: Rule,
}

impl FakeRelay {
    /// Starts one that takes everything and offers PIPELINING.
    pub(crate) async fn start() -> Self {
        Self::offering(&["PIPELINING", "8BITMIME"]).await
    }

    /// Starts one that takes everything and offers these extensions.
    pub(crate) async fn offering(extensions: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let log = Log {
            extensions: extensions.iter().map(ToString::to_string).collect(),
            ..Log::default()
        };
        let relay = FakeRelay {
            address: listener.local_addr().unwrap(),
            log: Arc::new(Mutex::new(log)),
            changed: Arc::new(Notify::new()),
            running: Mutex::new(None),
        };
        relay.listen(listener);
        relay
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Begins a rule. Later rules go before earlier ones.
    pub(crate) fn on(&self, at: At) -> On<'_> {
        let rule = Rule {
            at,
            to: None,
            on_connection: None,
            left: None,
            skip: 0,
            act: Act::Closes,
        };
        On { relay: self, rule }
    }

    /// Forgets all rules: from here on it takes everything.
    pub(crate) fn behaves(&self) {
        self.log().rules.clear();
    }

    /// Goes down: open connections are cut, new ones refused.
    pub(crate) async fn goes_down(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some((stop, listening)) = running {
            stop.cancel();
            listening.await.unwrap();
        }
    }

    /// Comes up again at the same port.
    pub(crate) async fn comes_up(&self) {
        self.listen(TcpListener::bind(self.address).await.unwrap());
    }

    /// What it kept, in order.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.log().kept.clone()
    }

    /// What it kept for `to`.
    pub(crate) fn kept_for(&self, to: &str) -> Vec<Kept> {
        self.log()
            .kept
            .iter()
            .filter(|kept| kept.to == to)
            .cloned()
            .collect()
    }

    /// To whom it kept something, sorted.
    pub(crate) fn recipients(&self) -> Vec<String> {
        let mut to: Vec<String> = self.log().kept.iter().map(|kept| kept.to.clone()).collect();
        to.sort();
        to
    }

    /// Connections that were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.log().connections
    }

    /// The lines that came over a connection, whole.
    pub(crate) fn lines(&self, connection: usize) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.commands
            .iter()
            .filter(|(number, _)| *number == connection)
            .map(|(_, line)| line.clone())
            .collect()
    }

    /// The first words of the commands it was given over one connection.
    pub(crate) fn commands(&self, connection: usize) -> Vec<String> {
        let log = self.log();
        let lines = log.commands.iter().filter(|(over, _)| *over == connection);
        lines
            .map(|(_, line)| line.split([' ', ':']).next().unwrap_or_default().to_owned())
            .collect()
    }

    /// Waits until `count` texts have begun to arrive.
    pub(crate) async fn texts_begun(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.log().texts_begun >= count {
                return;
            }
            changed.await;
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    fn listen(&self, listener: TcpListener) {
        let stop = CancellationToken::new();
        let (log, changed, stopped) = (
            Arc::clone(&self.log),
            Arc::clone(&self.changed),
            stop.clone(),
        );
        let listening = tokio::spawn(async move {
            loop {
                let stream = tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => accepted.unwrap().0,
                };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.connections += 1;
                    log.connections
                };
                let talk = Talk::new(stream, number, Arc::clone(&log), Arc::clone(&changed));
                let stopped = stopped.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = stopped.cancelled() => {}
                        _ = talk.run() => {}
                    }
                });
            }
        });
        *self.running.lock().unwrap() = Some((stop, listening));
    }
}

impl Drop for FakeRelay {
    fn drop(&mut self) {
        if let Some((stop, _)) = self.running.lock().unwrap().take() {
            stop.cancel();
        }
    }
}

impl On<'_> {
    /// Only for this recipient.
    pub(crate) fn to(mut self, address: &str) -> Self {
        self.rule.to = Some(address.to_owned());
        self
    }

    /// Only over this connection, counted from 1.
    pub(crate) fn over(mut self, connection: usize) -> Self {
        self.rule.on_connection = Some(connection);
        self
    }

    /// Only the first time.
    pub(crate) fn once(self) -> Self {
        self.times(1)
    }

    /// Only so many times.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.rule.left = Some(times);
        self
    }

    /// Only after so many times without.
    pub(crate) fn after(mut self, times: usize) -> Self {
        self.rule.skip = times;
        self
    }

    /// Gives this reply; lines are separated by `\n`.
    pub(crate) fn says(self, reply: &str) {
        self.then(Act::Says(reply.to_owned()));
    }

    /// Gives this reply in many small packets.
    pub(crate) fn says_byte_by_byte(self, reply: &str) {
        self.then(Act::SaysByteByByte(reply.to_owned()));
    }

    /// Sends these bytes for a reply.
    pub(crate) fn says_bytes(self, reply: &[u8]) {
        self.then(Act::SaysBytes(reply.to_vec()));
    }

    /// Gives this reply with so long a pause after each byte.
    pub(crate) fn drips(self, reply: &str, pause: Duration) {
        self.then(Act::Drips(reply.to_owned(), pause));
    }

    /// Gives this reply and closes the connection.
    pub(crate) fn says_and_closes(self, reply: &str) {
        self.then(Act::SaysAndCloses(reply.to_owned()));
    }

    /// Closes the connection.
    pub(crate) fn closes(self) {
        self.then(Act::Closes);
    }

    /// Resets the connection (RST).
    pub(crate) fn resets(self) {
        self.then(Act::Resets);
    }

    /// Says nothing any more.
    pub(crate) fn hangs(self) {
        self.then(Act::Hangs);
    }

    /// Keeps the message and closes without saying so.
    pub(crate) fn keeps_it_and_closes(self) {
        self.then(Act::KeepsItAndCloses);
    }

    /// Keeps the message, says so and closes.
    pub(crate) fn keeps_it_says_so_and_closes(self) {
        self.then(Act::KeepsItSaysSoAndCloses);
    }

    /// Keeps the message and says nothing any more.
    pub(crate) fn keeps_it_and_hangs(self) {
        self.then(Act::KeepsItAndHangs);
    }

    fn then(self, act: Act) {
        self.relay.log().rules.insert(0, Rule { act, ..self.rule });
    }
}

/// One connection's conversation. `None` ends it.
struct Talk {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    number: usize,
    log: Arc<Mutex<Log>>,
    changed: Arc<Notify>,
    from: String,
    to: String,
}

impl Talk {
    fn new(stream: TcpStream, number: usize, log: Arc<Mutex<Log>>, changed: Arc<Notify>) -> Self {
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        let reader = BufReader::new(reader);
        Talk {
            reader,
            writer,
            number,
            log,
            changed,
            from: String::new(),
            to: String::new(),
        }
    }

    async fn run(mut self) -> Option<()> {
        self.answer(At::Greeting, "220 fake.example ESMTP").await?;
        loop {
            let line = String::from_utf8(self.line().await?).unwrap();
            let line = line.trim_end().to_owned();
            self.log
                .lock()
                .unwrap()
                .commands
                .push((self.number, line.clone()));
            let word = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();
            match word.as_str() {
                "EHLO" | "LHLO" => {
                    let extensions = self.log.lock().unwrap().extensions.clone();
                    let lines: Vec<&str> = std::iter::once("fake.example")
                        .chain(extensions.iter().map(String::as_str))
                        .collect();
                    self.answer(At::Ehlo, &many_lines("250", &lines)).await?;
                }
                "HELO" => _ = self.send("250 fake.example").await?,
                "STARTTLS" => _ = self.answer(At::StartTls, "502 5.5.1 not here").await?,
                "AUTH" => _ = self.answer(At::Auth, "235 2.7.0 welcome").await?,
                "MAIL" => {
                    self.from = address(&line);
                    self.to.clear();
                    if !self.answer(At::Mail, "250 2.1.0 ok").await? {
                        self.from.clear();
                    }
                }
                "RCPT" if self.from.is_empty() => _ = self.send("503 5.5.1 MAIL first").await?,
                "RCPT" => {
                    self.to = address(&line);
                    if !self.answer(At::Rcpt, "250 2.1.5 ok").await? {
                        self.to.clear();
                    }
                }
                "DATA" => {
                    let usual = if self.to.is_empty() {
                        "503 5.5.1 RCPT first"
                    } else {
                        "354 go ahead"
                    };
                    if self.answer(At::Data, usual).await? {
                        self.text().await?;
                    }
                }
                "RSET" => {
                    self.from.clear();
                    self.to.clear();
                    self.answer(At::Rset, "250 2.0.0 ok").await?;
                }
                "QUIT" => {
                    self.send("221 2.0.0 bye").await?;
                    return None;
                }
                _ => _ = self.send("500 5.5.2 what?").await?,
            }
        }
    }

    async fn text(&mut self) -> Option<bool> {
        let mut bytes = Vec::new();
        let mut is_first = true;
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            if std::mem::take(&mut is_first) {
                self.log.lock().unwrap().texts_begun += 1;
                self.changed.notify_waiters();
                if let Some(act) = self.rule(At::MidText) {
                    return self.perform(act).await;
                }
            }
        }
        let kept = Kept {
            from: self.from.clone(),
            to: self.to.clone(),
            bytes,
            connection: self.number,
        };
        let act = self.rule(At::Text);
        let keeps = match &act {
            None
            | Some(Act::KeepsItAndCloses | Act::KeepsItSaysSoAndCloses | Act::KeepsItAndHangs) => {
                true
            }
            Some(Act::Says(reply) | Act::SaysByteByByte(reply) | Act::SaysAndCloses(reply)) => {
                reply.starts_with('2')
            }
            Some(_) => false,
        };
        if keeps {
            self.log.lock().unwrap().kept.push(kept);
        }
        self.changed.notify_waiters();
        self.from.clear();
        self.to.clear();
        match act {
            None => self.send("250 2.0.0 kept").await,
            Some(act) => self.perform(act).await,
        }
    }

    /// Does as told, or else says `usual`. Answers whether the reply was a positive one.
    async fn answer(&mut self, at: At, usual: &str) -> Option<bool> {
        match self.rule(at) {
            None => self.send(usual).await,
            Some(act) => self.perform(act).await,
        }
    }

    fn rule(&self, at: At) -> Option<Act> {
        let mut log = self.log.lock().unwrap();
        let fits = |rule: &&mut Rule| {
            rule.at == at
                && rule.to.as_ref().is_none_or(|to| *to == self.to)
                && rule.on_connection.is_none_or(|over| over == self.number)
                && rule.left != Some(0)
        };
        let rule = log.rules.iter_mut().find(fits)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.act.clone())
    }

    async fn perform(&mut self, act: Act) -> Option<bool> {
        match act {
            Act::Says(reply) => self.send(&reply).await,
            Act::SaysByteByByte(reply) => {
                for byte in format!("{}\r\n", reply.replace('\n', "\r\n")).bytes() {
                    self.writer.write_all(&[byte]).await.ok()?;
                    tokio::task::yield_now().await;
                }
                Some(reply.starts_with(['2', '3']))
            }
            Act::SaysBytes(reply) => {
                self.writer.write_all(&reply).await.ok()?;
                Some(reply.starts_with(b"2") || reply.starts_with(b"3"))
            }
            Act::Drips(reply, pause) => {
                for byte in format!("{reply}\r\n").bytes() {
                    self.writer.write_all(&[byte]).await.ok()?;
                    tokio::time::sleep(pause).await;
                }
                Some(reply.starts_with(['2', '3']))
            }
            Act::SaysAndCloses(reply) => {
                self.send(&reply).await?;
                None
            }
            Act::Closes | Act::KeepsItAndCloses => None,
            Act::KeepsItSaysSoAndCloses => {
                self.send("250 2.0.0 kept").await?;
                None
            }
            Act::Resets => {
                let stream: &TcpStream = self.writer.as_ref();
                stream.set_zero_linger().ok()?;
                None
            }
            Act::Hangs | Act::KeepsItAndHangs => {
                // Longer than any test; ends when the relay goes down.
                tokio::time::sleep(Duration::from_hours(1)).await;
                None
            }
        }
    }

    async fn send(&mut self, reply: &str) -> Option<bool> {
        let lines = format!("{}\r\n", reply.replace('\n', "\r\n"));
        self.writer.write_all(lines.as_bytes()).await.ok()?;
        Some(reply.starts_with(['2', '3']))
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let read = self.reader.read_until(b'\n', &mut line).await.ok()?;
        (read > 0 && line.ends_with(b"\n")).then_some(line)
    }
}

/// A reply of several lines (RFC 5321 section 4.2.1).
pub(crate) fn many_lines(code: &str, lines: &[&str]) -> String {
    let last = lines.len() - 1;
    let lines = lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{code}{}{line}", if at == last { ' ' } else { '-' }));
    lines.collect::<Vec<_>>().join("\n")
}

fn address(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside
        .map(|(address, _)| address.to_owned())
        .unwrap_or_default()
}
