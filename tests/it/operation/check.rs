//! `check` with wrong name servers, pages, relay and clock.

use crate::harness::fake_http::{FakeHttp, Reply};
use crate::harness::fake_smtp::{At, FakeRelay};
use paperboy::digest::{DkimSettings, DkimSigner};
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// The records of a name server by name and type, as on the wire.
type Zone = HashMap<(String, u16), Vec<Vec<u8>>>;

/// A name server on a port of its own, over UDP and TCP.
struct NameServer {
    port: u16,
    zone: Arc<Mutex<Zone>>,
}

impl NameServer {
    fn start() -> Self {
        // The same port is usually free for both.
        let (udp, tcp) = std::iter::repeat_with(|| {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            let tcp = TcpListener::bind(udp.local_addr().unwrap());
            (udp, tcp)
        })
        .find_map(|(udp, tcp)| Some((udp, tcp.ok()?)))
        .unwrap();
        let (port, zone) = (
            udp.local_addr().unwrap().port(),
            Arc::new(Mutex::new(Zone::new())),
        );
        let known = Arc::clone(&zone);
        std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, peer)) = udp.recv_from(&mut question) {
                let mut reply = answer(&known.lock().unwrap(), &question[..length]);
                // RFC 1035 section 4.2.1: longer answers are truncated, with the TC bit.
                if reply.len() > 512 {
                    reply.truncate(length);
                    reply[2] |= 2;
                    reply[6..8].fill(0);
                }
                udp.send_to(&reply, peer).unwrap();
            }
        });
        let known = Arc::clone(&zone);
        std::thread::spawn(move || {
            for stream in tcp.incoming() {
                let (mut stream, mut length) = (stream.unwrap(), [0; 2]);
                stream.read_exact(&mut length).unwrap();
                let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut question).unwrap();
                let reply = answer(&known.lock().unwrap(), &question);
                stream
                    .write_all(&(reply.len() as u16).to_be_bytes())
                    .unwrap();
                stream.write_all(&reply).unwrap();
            }
        });
        NameServer { port, zone }
    }

    fn has(&self, name: &str, kind: u16, data: Vec<u8>) {
        self.zone
            .lock()
            .unwrap()
            .entry((name.to_owned(), kind))
            .or_default()
            .push(data);
    }

    fn loses(&self, name: &str, kind: u16) {
        self.zone.lock().unwrap().remove(&(name.to_owned(), kind));
    }

    fn has_text(&self, name: &str, text: &str) {
        self.has(
            name,
            16,
            text.as_bytes()
                .chunks(200)
                .flat_map(|part| [&[part.len() as u8], part].concat())
                .collect(),
        );
    }

    fn has_mx(&self, name: &str, server: &str) {
        self.has(name, 15, [&[0, 10], wire(server).as_slice()].concat());
    }
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

fn answer(zone: &Zone, question: &[u8]) -> Vec<u8> {
    let (mut at, mut labels) = (12, Vec::new());
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let found = zone
        .get(&(labels.join("."), kind))
        .cloned()
        .unwrap_or_default();
    let mut reply = question.to_vec();
    reply[2] |= 0x80;
    reply[3] = if found.is_empty() { 3 } else { 0 };
    reply[7] = found.len() as u8;
    for data in found {
        // A pointer to the name of the question.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 60]);
        reply.extend((data.len() as u16).to_be_bytes());
        reply.extend(data);
    }
    reply
}

/// An installation in the domain lab.test, with a relay, pages and a server that tells the time.
struct House {
    folder: TempDir,
    names: NameServer,
    relay: FakeRelay,
    pages: FakeHttp,
}

impl House {
    async fn new() -> Self {
        let house = House {
            folder: tempfile::tempdir().unwrap(),
            names: NameServer::start(),
            relay: FakeRelay::start().await,
            pages: FakeHttp::start().await,
        };
        house.runs(&["init", "."]);
        let key =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/digest/keys/dkim-rsa-pkcs8.pem");
        std::fs::copy(key, house.folder.path().join("dkim.pem")).unwrap();
        let settings = format!(
            r#"
[site]
base_url = "{pages}"
from = "Papers <digest@lab.test>"
contact = "operator@lab.test"
secret_file = "secret"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
hello_name = "mail.lab.test"
[inbound]
bounce_address = "bounces@lab.test"
unsubscribe_address = "leave@lab.test"
[dkim]
domain = "lab.test"
selector = "digest"
rsa_key_file = "dkim.pem"
[web]
listen = "127.0.0.1:1"
[[source]]
kind = "feed"
url = "{pages}/feed"
endpoint = "{pages}"
"#,
            pages = house.pages.url(),
            port = house.relay.port(),
        );
        std::fs::write(house.folder.path().join("paperboy.toml"), settings).unwrap();
        house
    }

    fn runs(&self, words: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
        let output = command
            .args(words)
            .current_dir(self.folder.path())
            .env("PAPERBOY_LOG", "off")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(said).unwrap(),
        )
    }

    fn checks(&self, more: &[&str]) -> (i32, String) {
        let dns = format!("127.0.0.1:{}", self.names.port);
        let words: Vec<&str> = ["check", "--dns", &dns]
            .iter()
            .chain(more)
            .copied()
            .collect();
        self.runs(&words)
    }

    /// Publishes all records that a receiver looks up.
    fn publishes_everything(&self) {
        let settings = DkimSettings {
            domain: "lab.test".to_owned(),
            selector: "digest".to_owned(),
            ed25519_selector: "digest-ed25519".to_owned(),
            rsa_key_file: Some(self.folder.path().join("dkim.pem")),
            ed25519_key_file: None,
        };
        let record = DkimSigner::load(&settings).unwrap().records().remove(0);
        self.names.has_text(&record.name, &record.value);
        // Other texts make the answer too long for UDP.
        for at in 0..3 {
            self.names.has_text(
                "lab.test",
                &format!("site-verification={}", at.to_string().repeat(200)),
            );
        }
        self.names.has_text("lab.test", "v=spf1 mx -all");
        self.names.has_text("_dmarc.lab.test", "v=DMARC1; p=none");
        self.names.has_mx("lab.test", "mail.lab.test");
        self.names.has("mail.lab.test", 1, vec![192, 0, 2, 25]);
        self.names
            .has("25.2.0.192.in-addr.arpa", 12, wire("mail.lab.test"));
    }
}

#[track_caller]
fn expect(said: &str, verdict: &str, what: &str, words: &str) {
    let found = said.lines().any(|line| {
        let mut parts = line.split_whitespace();
        parts.next() == Some(verdict) && parts.next() == Some(what) && line.contains(words)
    });
    assert!(found, "no line says: {verdict} {what} … {words} …\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_dns_records_are_named_with_what_to_publish() {
    let house = House::new().await;
    let (code, said) = house.checks(&[]);
    assert_eq!(code, 1, "{said}");
    expect(&said, "fail", "spf", "lab.test has no SPF record");
    expect(
        &said,
        "fail",
        "dkim",
        "digest._domainkey.lab.test. IN TXT ( \"v=DKIM1; k=rsa; p=",
    );
    expect(
        &said,
        "warn",
        "dmarc",
        "publish a TXT record \"v=DMARC1; p=none\"",
    );
    expect(
        &said,
        "fail",
        "mx",
        "lab.test has neither MX record nor address",
    );
    expect(&said, "warn", "ptr", "mail.lab.test has no address");

    house.publishes_everything();
    let (_, said) = house.checks(&[]);
    expect(&said, "ok", "spf", "v=spf1 mx -all");
    expect(
        &said,
        "ok",
        "dkim",
        "digest._domainkey.lab.test holds the key that signs",
    );
    expect(
        &said,
        "ok",
        "dkim",
        "signatures cover both unsubscribe headers",
    );
    expect(&said, "ok", "dmarc", "_dmarc.lab.test");
    expect(&said, "ok", "mx", "is taken by mail.lab.test");
    expect(&said, "ok", "ptr", "192.0.2.25 is mail.lab.test, and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_dns_records_are_noticed() {
    let house = House::new().await;
    let names = &house.names;
    names.has_text("lab.test", "v=spf1 +all");
    names.has_text("digest._domainkey.lab.test", "v=DKIM1; k=rsa; p=AAAA");
    names.has_mx("lab.test", ".");
    names.has("mail.lab.test", 1, vec![192, 0, 2, 25]);
    names.has("25.2.0.192.in-addr.arpa", 12, wire("other.lab.test"));
    let (code, said) = house.checks(&[]);
    assert_eq!(code, 1, "{said}");
    expect(&said, "fail", "spf", "lets everybody send");
    expect(&said, "fail", "dkim", "holds another key");
    expect(&said, "fail", "mx", "takes no mail");
    expect(&said, "warn", "ptr", "does not lead back");

    names.has_text("lab.test", "v=spf1 mx -all");
    names.loses("digest._domainkey.lab.test", 16);
    names.has_text("digest._domainkey.lab.test", "v=DKIM1; p=");
    let (_, said) = house.checks(&[]);
    expect(&said, "fail", "spf", "2 SPF records");
    expect(&said, "fail", "dkim", "is revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_does_not_answer_is_no_proof_of_anything() {
    let house = House::new().await;
    let gone = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let (_, said) = house.runs(&["check", "--dns", &gone]);
    expect(&said, "warn", "dns", "no name server answers");
    assert!(!said.contains("has no SPF"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_must_be_answered_with_200_and_no_redirect() {
    let house = House::new().await;
    house.pages.on("/unsubscribe").says(Reply::ok("gone"));
    let (_, said) = house.checks(&[]);
    expect(&said, "ok", "one-click", "unsubscribes with one POST");

    let house = House::new().await;
    house
        .pages
        .on("/unsubscribe")
        .says(Reply::status(301).header("location", "https://lab.test/unsubscribe?t=secret"));
    let (code, said) = house.checks(&[]);
    expect(
        &said,
        "fail",
        "one-click",
        "redirect to https://lab.test/unsubscribe, which",
    );
    assert_eq!(code, 1);

    let house = House::new().await;
    house.pages.on("/unsubscribe").says(Reply::status(405));
    let (_, said) = house.checks(&[]);
    expect(&said, "fail", "one-click", "405");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_noticed() {
    let house = House::new().await;
    house
        .pages
        .on("/")
        .says(Reply::ok("").header("date", "Tue, 04 Aug 2020 07:00:00 GMT"));
    let (_, said) = house.checks(&[]);
    expect(&said, "fail", "clock", "seconds ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_sent_by_the_settings_or_the_reason_is_given() {
    let house = House::new().await;
    let (_, said) = house.checks(&["--send-to", "ada@lab.test"]);
    expect(&said, "ok", "send", "took a sample for ada@lab.test");
    let kept = house.relay.kept_for("ada@lab.test");
    assert_eq!(kept.len(), 1);

    house.relay.on(At::Rcpt).says("550 5.1.1 no such user");
    let (code, said) = house.checks(&["--send-to", "bob@lab.test"]);
    expect(&said, "fail", "send", "no such user");
    assert_eq!(code, 1);
    let (code, _) = house.checks(&["--send-to", "nobody"]);
    assert_eq!(code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_down_and_a_damaged_database_are_failures() {
    let house = House::new().await;
    house.relay.goes_down().await;
    let path = house.folder.path().join("paperboy.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    assert!(pages > 20, "there is something to damage");
    bytes[5 * 4096..pages / 2 * 4096].fill(0x55);
    std::fs::write(&path, bytes).unwrap();
    let (code, said) = house.checks(&[]);
    assert_eq!(code, 1);
    expect(&said, "fail", "relay", "are [smtp] host and port right");
    expect(
        &said,
        "fail",
        "database",
        "`paperboy restore` the last backup",
    );
}
