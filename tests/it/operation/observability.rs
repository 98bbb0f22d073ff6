//! The service seen from outside: `/readyz`, `/metrics`, and a log without addresses.

use crate::harness::environment::{missing, python_with};
use crate::harness::fake_smtp::{At, FakeRelay};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Time limit of every wait, on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// A running service with three readers, one of whom the relay does not know.
struct Service {
    folder: TempDir,
    child: Child,
}

impl Service {
    fn new(relay: &FakeRelay) -> Self {
        relay
            .on(At::Rcpt)
            .to("reader2@lab.test")
            .says("550 5.1.1 <reader2@lab.test>: nobody is called reader2@lab.test");
        let folder = tempfile::tempdir().unwrap();
        let run = |words: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
            command
                .args(words.split(' '))
                .current_dir(folder.path())
                .env("PAPERBOY_LOG", "off");
            let output = command.output().unwrap();
            assert!(
                output.status.success(),
                "{words}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        };
        run("init .");
        let settings = format!(
            "[site]\nbase_url = \"http://localhost:8080\"\nfrom = \"digest@lab.test\"\ncontact = \"operator@lab.test\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
             [[source]]\nkind = \"jsonl\"\npath = \"papers.jsonl\"\n",
            relay.port()
        );
        fs::write(folder.path().join("paperboy.toml"), settings).unwrap();
        let papers: Vec<String> = (0..5)
            .map(|at| {
                format!(r#"{{"id":"2603.{at:05}","title":"Counting to {at}","announced":"2026-03-02","upvotes":{at}}}"#)
            })
            .collect();
        fs::write(folder.path().join("papers.jsonl"), papers.join("\n")).unwrap();
        let readers: Vec<String> = (0..3)
            .map(|at| format!(r#"{{"email":"reader{at}@lab.test","min_score":0}}"#))
            .collect();
        fs::write(folder.path().join("readers.jsonl"), readers.join("\n")).unwrap();
        run("subscribers import readers.jsonl");
        run("papers import papers.jsonl");
        run("publish --now 2100-01-01T12:00:00Z");
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
        // Everything that any part of the program can log.
        command
            .arg("run")
            .current_dir(folder.path())
            .env("PAPERBOY_LOG", "trace");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Service { folder, child }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    fn page(&self, path: &str, header: &str) -> String {
        let log = self.log();
        let address = log
            .split("listen=")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    async fn waits(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < LIMIT, "not yet: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints each sample that the reference parser finds.
const PARSER: &str = r#"
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.documentation and family.type in ("gauge", "counter"), family
    for sample in family.samples:
        labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
        print(f"{family.type} {sample.name}{{{labels}}} {sample.value:g}")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_service_can_be_watched_and_its_log_names_nobody() {
    let relay = FakeRelay::start().await;
    let mut service = Service::new(&relay);
    service
        .waits("two mails", |_| relay.recipients().len() >= 2)
        .await;
    let told = |service: &Service| service.page("/readyz", "");
    service
        .waits("ready", |service| {
            service.log().contains("listen=") && told(service).contains("200 OK")
        })
        .await;
    let answer = told(&service);
    for expected in [
        r#""ready":true"#,
        r#""database":"writable""#,
        r#""source":"jsonl""#,
        "`paperboy run`",
    ] {
        assert!(answer.contains(expected), "{expected} is not in\n{answer}");
    }
    for path in ["/readyz", "/metrics"] {
        let told = service.page(path, "X-Forwarded-For: 198.51.100.7\r\n");
        assert!(
            told.starts_with("HTTP/1.1 404"),
            "the world is told {path}: {told}"
        );
    }
    // Mails settled after the first count are in the next one, some seconds later.
    let settled = |service: &Service| {
        let page = service.page("/metrics", "");
        page.contains("{state=\"rejected\"} 1") && page.contains("{state=\"accepted\"} 2")
    };
    service.waits("the figures", settled).await;
    let page = service.page("/metrics", "");
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    for expected in [
        "paperboy_deliveries{state=\"accepted\"} 2",
        "paperboy_attempts_total{class=\"2xx\"} 2",
        "paperboy_attempts_total{class=\"5xx\"} 1",
        "paperboy_papers 5",
        "paperboy_sending 1",
        "paperboy_subscribers{status=\"suppressed\"} 1",
    ] {
        assert!(
            body.lines().any(|line| line == expected),
            "{expected} is not in\n{body}"
        );
    }
    match python_with("prometheus_client") {
        None => missing("prometheus_client"),
        Some(python) => {
            let mut command = Command::new(python);
            let parser = command
                .args(["-c", PARSER])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            let mut parser = parser.stderr(Stdio::piped()).spawn().unwrap();
            parser
                .stdin
                .take()
                .unwrap()
                .write_all(body.as_bytes())
                .unwrap();
            let output = parser.wait_with_output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                read.contains("counter paperboy_attempts_total{class=2xx} 2"),
                "{read}"
            );
            assert_eq!(
                read.lines().count(),
                body.lines().filter(|line| !line.starts_with('#')).count()
            );
        }
    }
    let stopped = Command::new("kill")
        .args(["-TERM", &service.child.id().to_string()])
        .status()
        .unwrap();
    assert!(stopped.success() && service.child.wait().unwrap().success());
    let log = service.log();
    assert!(
        log.contains("mail delivered") && log.contains("stopped"),
        "{log}"
    );
    let leak = log
        .lines()
        .find(|line| line.contains("lab.test") || line.contains("reader2"));
    assert_eq!(leak, None, "an address is in the log");
}
