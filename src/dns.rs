//! A stub resolver (RFC 1035, RFC 3596) for the records about the domains that mail comes from.
//!
//! It asks the name servers of the machine over UDP, and again over TCP if the answer was
//! truncated. They follow aliases and verify signatures; nothing is cached here.

use crate::random::Random;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Time limit of one server, as in resolv.conf(5).
const WAIT: Duration = Duration::from_secs(5);

/// Tries at each server: UDP may lose a question.
const TRIES: u32 = 2;

/// Names have at most 255 octets (RFC 1035 section 2.3.4), so a name with more labels is a loop of
/// pointers.
const LABELS_MAX: usize = 128;

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the names of the standard")]
pub enum RecordType {
    A,
    Aaaa,
    Mx,
    Ptr,
    Txt,
}

impl RecordType {
    fn number(self) -> u16 {
        match self {
            RecordType::A => 1,
            RecordType::Ptr => 12,
            RecordType::Mx => 15,
            RecordType::Txt => 16,
            RecordType::Aaaa => 28,
        }
    }
}

/// The data of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordData {
    /// An address.
    Address(IpAddr),
    /// A mail server and its preference; empty for "takes no mail" (RFC 7505).
    Mx(u16, String),
    /// The name that belongs to an address.
    Name(String),
    /// A text, its parts joined.
    Text(String),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// No server is known.
    #[error("no name server is known: /etc/resolv.conf names none")]
    NoServer,
    /// No server answered.
    #[error("no name server answers (the last one asked was {server}: {why})")]
    Silent {
        /// The server that was asked last.
        server: SocketAddr,
        /// The error.
        why: String,
    },
    /// A server answered with an error.
    #[error("the name server {server} says {code}")]
    Refused {
        /// The server.
        server: SocketAddr,
        /// The error in its answer.
        code: &'static str,
    },
}

/// Resolves names at a list of name servers.
#[derive(Debug, Clone)]
pub struct Resolver {
    servers: Vec<SocketAddr>,
}

impl Resolver {
    /// Asks `servers`, one after another until one answers.
    pub fn of(servers: Vec<SocketAddr>) -> Self {
        Resolver { servers }
    }

    /// Asks the name servers of this machine.
    pub fn of_the_system() -> Self {
        let text = std::fs::read_to_string(Path::new("/etc/resolv.conf")).unwrap_or_default();
        Resolver {
            servers: name_servers(&text),
        }
    }

    /// The records of `kind` that `name` has; empty if there is no such name.
    pub async fn ask(
        &self,
        name: &str,
        kind: RecordType,
        random: &dyn Random,
    ) -> Result<Vec<RecordData>, DnsError> {
        let mut id = [0; 2];
        random.fill(&mut id);
        let Some(question) = question(u16::from_be_bytes(id), name, kind) else {
            return Ok(Vec::new());
        };
        let mut failure = DnsError::NoServer;
        for &server in &self.servers {
            match ask_server(server, &question).await {
                Ok(answer) => match read(&answer, kind) {
                    Some(Ok(records)) => return Ok(records),
                    Some(Err(code)) => failure = DnsError::Refused { server, code },
                    None => {
                        failure = DnsError::Silent {
                            server,
                            why: "its answer cannot be read".to_owned(),
                        }
                    }
                },
                Err(why) => failure = DnsError::Silent { server, why },
            }
        }
        Err(failure)
    }
}

/// The name under which an address has its PTR record.
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = address
                .octets()
                .into_iter()
                .rev()
                .flat_map(|octet| [octet & 15, octet >> 4]);
            let digits: Vec<String> = digits.map(|digit| format!("{digit:x}")).collect();
            format!("{}.ip6.arpa", digits.join("."))
        }
    }
}

/// The servers of a resolv.conf(5).
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        // The zone of a link-local address is dropped: most such servers are reached without it.
        let address = words
            .next()
            .filter(|word| *word == "nameserver")
            .and(words.next())?;
        address.split('%').next()?.parse::<IpAddr>().ok()
    });
    addresses
        .map(|address| SocketAddr::new(address, 53))
        .collect()
}

/// The message of a question; `None` if `name` is not a valid name.
fn question(id: u16, name: &str, kind: RecordType) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion desired; one question, nothing else.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(kind.number().to_be_bytes());
    // Class IN.
    bytes.extend([0, 1]);
    (bytes.len() <= 12 + 255 + 4).then_some(bytes)
}

async fn ask_server(server: SocketAddr, question: &[u8]) -> Result<Vec<u8>, String> {
    let mut why = String::new();
    for _ in 0..TRIES {
        match timeout(WAIT, over_udp(server, question)).await {
            // The TC bit: the answer was truncated.
            Ok(Ok(answer)) if answer[2] & 2 != 0 => {
                let told = timeout(WAIT, over_tcp(server, question)).await;
                return told
                    .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
                    .map_err(|e| e.to_string());
            }
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => why = format!("silent for {} seconds", WAIT.as_secs()),
        }
    }
    Err(why)
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut answer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut answer).await?;
        if is_answer(&answer[..length], question) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).expect("a question is short");
    stream
        .write_all(&[&length.to_be_bytes(), question].concat())
        .await?;
    let mut answer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut answer).await?;
    if is_answer(&answer, question) {
        Ok(answer)
    } else {
        Err(std::io::ErrorKind::InvalidData.into())
    }
}

/// Whether these bytes answer our question; a forged answer rarely has its id.
fn is_answer(answer: &[u8], question: &[u8]) -> bool {
    let asked = &question[12..];
    answer.len() >= 12 + asked.len()
        && answer[..2] == question[..2]
        && answer[2] & 0x80 != 0
        && answer[12..12 + asked.len()].eq_ignore_ascii_case(asked)
}

/// The records of `kind` in an answer; the inner error is that of the server.
fn read(answer: &[u8], kind: RecordType) -> Option<Result<Vec<RecordData>, &'static str>> {
    match answer.get(3)? & 15 {
        0 => {}
        3 => return Some(Ok(Vec::new())),
        1 => return Some(Err("that it does not understand the question")),
        2 => {
            return Some(Err(
                "that it failed (SERVFAIL): the domain's own servers are down, or its signatures wrong",
            ));
        }
        5 => return Some(Err("that it does not answer us (REFUSED)")),
        _ => return Some(Err("that it cannot answer")),
    }
    let (_, mut at) = name(answer, 12)?;
    at += 4;
    let mut records = Vec::new();
    for _ in 0..u16_at(answer, 6)? {
        (_, at) = name(answer, at)?;
        let (this, length) = (u16_at(answer, at)?, usize::from(u16_at(answer, at + 8)?));
        let start = at + 10;
        let data = answer.get(start..start + length)?;
        if this == kind.number() {
            records.push(match kind {
                RecordType::A => RecordData::Address(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
                RecordType::Aaaa => {
                    RecordData::Address(IpAddr::from(<[u8; 16]>::try_from(data).ok()?))
                }
                RecordType::Mx => {
                    RecordData::Mx(u16_at(answer, start)?, name(answer, start + 2)?.0)
                }
                RecordType::Ptr => RecordData::Name(name(answer, start)?.0),
                RecordType::Txt => RecordData::Text(text(data)?),
            });
        }
        at = start + length;
    }
    Some(Ok(records))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// The name at `at`, and the position after it (RFC 1035 section 4.1.4).
fn name(bytes: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut end = None;
    for _ in 0..LABELS_MAX {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => return Some((labels.join("."), end.unwrap_or(at + 1))),
            1..=63 => {
                labels.push(
                    String::from_utf8_lossy(bytes.get(at + 1..at + 1 + length)?).to_lowercase(),
                );
                at += 1 + length;
            }
            192..=255 => {
                end = end.or(Some(at + 2));
                at = (length & 63) << 8 | usize::from(*bytes.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

/// The parts of a text, joined without spaces (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
fn text(mut data: &[u8]) -> Option<String> {
    let mut whole = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        whole.extend(rest.get(..usize::from(length))?);
        data = &rest[usize::from(length)..];
    }
    Some(String::from_utf8_lossy(&whole).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn servers_are_found_among_other_lines() {
        let text = "# nameserver 192.0.2.9\nsearch example.org\nnameserver 192.0.2.1\n nameserver fe80::1%eth0 # x\noptions edns0";
        let found: Vec<String> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[fe80::1]:53"]);
    }

    #[test]
    fn addresses_have_names_in_reverse() {
        assert_eq!(
            reverse_name("192.0.2.1".parse().unwrap()),
            "1.2.0.192.in-addr.arpa"
        );
        let v6 = reverse_name("2001:db8::567:89ab".parse().unwrap());
        // The example of RFC 3596 section 2.5 has another address; the order is the same.
        assert_eq!(
            v6,
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
    }

    #[test]
    fn a_name_that_leads_to_itself_ends() {
        let mut answer = question(7, "a.example", RecordType::Ptr).unwrap();
        answer[7] = 1;
        let at = answer.len() as u8;
        answer.extend([0xc0, at]);
        assert_eq!(read(&answer, RecordType::Ptr), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange_to_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300), records in 0u8..4) {
            let mut answer = question(7, "a.example", RecordType::Txt).unwrap();
            answer[7] = records;
            answer.extend(&bytes);
            for kind in [RecordType::A, RecordType::Aaaa, RecordType::Mx, RecordType::Ptr, RecordType::Txt] {
                let _ = read(&answer, kind);
            }
            let _ = read(&bytes, RecordType::Mx);
        }
    }
}
