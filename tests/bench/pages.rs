//! Measures pages per second beside a bare axum that answers the same bytes from memory,
//! and searches per second beside FTS5 alone; then both while digests are sent.
//!
//! `cargo bench --bench pages`. The pages are those of the real program in a process of its
//! own, over the papers of `PAPERBOY_SHARED_DATA`; it prints "skipped" where they are
//! missing. Pages of papers are measured right after an import, with an empty cache except
//! for some 400 pages: first each page is requested once, then by a Zipf distribution.
//! `PAPERBOY_BENCH_PAPERS` limits the number of papers, `PAPERBOY_BENCH_SECONDS` sets the
//! duration of each measurement.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says so by panicking"
)]
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use paperboy::trial::Catcher;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader as Lines, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 64;
const SEARCHERS: usize = 16;
const READERS: usize = 2_000;
/// More than can be served in one measurement.
const VISITS: usize = 500_000;

/// A child process that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("bare") {
        let file = std::env::args().nth(2).unwrap();
        return runtime().block_on(bare(Path::new(&file)));
    }
    let shared = std::env::var_os("PAPERBOY_SHARED_DATA").map(PathBuf::from);
    let shared =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let Ok(entries) = std::fs::read_dir(shared.join("papers_arxiv")) else {
        println!("skipped: no papers");
        return;
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let catcher = runtime.block_on(Catcher::start()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let settings = format!(
        "[site]\nbase_url = \"http://127.0.0.1:{port}\"\nfrom = \"Papers <digest@example.org>\"\n\
         contact = \"operator@example.org\"\nsecret_file = \"secret\"\n[web]\nlisten = \"127.0.0.1:{port}\"\n\
         trusted_proxies = [\"127.0.0.1\"]\n[smtp]\nport = {}\nsecurity = \"none\"\nhello_name = \"digest.example.org\"\n",
        catcher.address().port()
    );
    std::fs::write(folder.path().join("paperboy.toml"), settings).unwrap();
    std::fs::write(
        folder.path().join("secret"),
        "0123456789abcdef0123456789abcdef\n",
    )
    .unwrap();
    let secret = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(folder.path().join("secret"), secret).unwrap();
    done(paperboy(folder.path()).arg("migrate"));
    let most = number("PAPERBOY_BENCH_PAPERS", 60_000);
    let database = folder.path().join("paperboy.db");
    for file in files {
        if papers_in(&database) < most {
            done(paperboy(folder.path()).args(["papers", "import"]).arg(file));
        }
    }
    let count = papers_in(&database);
    println!("{count} papers, {} s for each row", seconds().as_secs());

    let web = paperboy(folder.path())
        .args(["run", "--role", "web"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _web = Running(web);
    let ours = SocketAddr::from(([127, 0, 0, 1], port));
    wait_for(ours);
    let (papers, days, queries) = what_to_ask(&database);
    let visits = visits(&papers, VISITS);
    let rows = [
        ("/", vec!["/".to_owned()]),
        ("/papers/{id}, each once,", papers),
        ("/papers/{id}, as visited,", visits),
        ("/archive/{date}", days),
    ];
    let mut kept = HashMap::new();
    for (_, paths) in &rows {
        for path in paths.iter().take(400) {
            kept.insert(path.clone(), runtime.block_on(one(ours, path)));
        }
    }
    let (_bare, bare) = start_bare(folder.path(), &kept);

    for beside in [false, true] {
        let sending = beside.then(|| Sending::start(folder.path()));
        let when = if beside {
            "while digests go out"
        } else {
            "alone"
        };
        let before = catcher.caught().len();
        for (name, paths) in &rows {
            let known: Arc<[String]> = paths.iter().take(400).cloned().collect();
            let all: Arc<[String]> = paths.clone().into();
            let reference = runtime.block_on(load(bare, &known, CONNECTIONS, false));
            let ours = runtime.block_on(load(ours, &all, CONNECTIONS, false));
            report(
                &format!("{name} of {}, {when}", all.len()),
                &ours,
                &reference,
                "axum",
            );
        }
        let queries: Arc<[String]> = queries.clone().into();
        let ours = runtime.block_on(load(ours, &queries, SEARCHERS, true));
        let reference = fts5(&database, &queries);
        report(&format!("/search, {when}"), &ours, &reference, "FTS5");
        if let Some(sending) = sending {
            sending.stop();
            println!(
                "meanwhile {} digests arrived",
                catcher.caught().len() - before
            );
        }
    }
}

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

fn seconds() -> Duration {
    Duration::from_secs(number("PAPERBOY_BENCH_SECONDS", 5))
}

fn paperboy(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paperboy"));
    command
        .arg("-c")
        .arg(folder.join("paperboy.toml"))
        .env("RUST_LOG", "error")
        .stdin(Stdio::null());
    command
}

fn done(command: &mut Command) {
    assert!(
        command.stdout(Stdio::null()).status().unwrap().success(),
        "{command:?}"
    );
}

fn papers_in(database: &Path) -> u64 {
    let db = rusqlite::Connection::open(database).unwrap();
    db.query_one("SELECT count(*) FROM papers", [], |row| row.get(0))
        .unwrap()
}

fn wait_for(address: SocketAddr) {
    let until = Instant::now() + Duration::from_mins(1);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "nobody listens at {address}");
        std::thread::yield_now();
    }
}

/// Paths of all papers in a mixed order, of all days, and of searches as people type them:
/// two words of one title, all different.
fn what_to_ask(database: &Path) -> (Vec<String>, Vec<String>, Vec<String>) {
    let db = rusqlite::Connection::open(database).unwrap();
    let mut statement = db
        .prepare("SELECT id, title FROM papers ORDER BY row * 7919 % 60013")
        .unwrap();
    let papers: Vec<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut statement = db
        .prepare("SELECT DISTINCT announced FROM papers WHERE announced IS NOT NULL")
        .unwrap();
    let days = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let days = days
        .map(|day| format!("/archive/{}", day.unwrap()))
        .collect();
    let mut seen = std::collections::HashSet::new();
    let mut queries = Vec::new();
    for (_, title) in &papers {
        let words = title
            .split(|c: char| !c.is_ascii_alphabetic())
            .filter(|word| word.len() > 4);
        let words: Vec<&str> = words.take(2).collect();
        if words.len() == 2 && seen.insert(words.join(" ").to_lowercase()) {
            queries.push(format!("/search?q={}", words.join("+")));
        }
    }
    (
        papers
            .into_iter()
            .map(|(id, _)| format!("/papers/{id}"))
            .collect(),
        days,
        queries,
    )
}

/// `count` visits of pages, the k-th page k^-0.8 times as often as the first. Breslau, Cao,
/// Fan, Phillips, Shenker, "Web caching and Zipf-like distributions: evidence and
/// implications", INFOCOM 1999, find exponents between 0.64 and 0.83.
fn visits(paths: &[String], count: usize) -> Vec<String> {
    const EXPONENT: f64 = -0.8;
    let mut total = 0.0;
    let ends: Vec<f64> = (1..=paths.len())
        .map(|rank| {
            total += (rank as f64).powf(EXPONENT);
            total
        })
        .collect();
    let drawn = (1..=count as u64).map(|at| fraction(at) * total);
    drawn
        .map(|drawn| {
            paths[ends
                .partition_point(|end| *end < drawn)
                .min(paths.len() - 1)]
            .clone()
        })
        .collect()
}

/// Step `at` of `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014) as a fraction, the same in
/// every run.
fn fraction(at: u64) -> f64 {
    let mut x = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The result of one measurement.
struct Run {
    answers: usize,
    failed: usize,
    seconds: f64,
    slowest: Duration,
}

impl Run {
    fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

fn report(what: &str, ours: &Run, reference: &Run, name: &str) {
    println!(
        "{what}: {:.0}/s, slowest {:.0} ms, {} failed; {name} {:.0}/s; ratio {:.3}",
        ours.rate(),
        ours.slowest.as_secs_f64() * 1e3,
        ours.failed,
        reference.rate(),
        ours.rate() / reference.rate()
    );
}

/// Requests `paths` in turn over `connections`. With `is_spread`, each request comes from a
/// network of its own, because searches are limited per network.
async fn load(
    address: SocketAddr,
    paths: &Arc<[String]>,
    connections: usize,
    is_spread: bool,
) -> Run {
    let (next, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let start = Instant::now();
    let until = start + seconds();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (paths, next, failed) = (Arc::clone(paths), Arc::clone(&next), Arc::clone(&failed));
        tasks.spawn(async move {
            let mut stream =
                BufReader::with_capacity(64 << 10, TcpStream::connect(address).await.unwrap());
            let (mut answers, mut slowest) = (0, Duration::ZERO);
            while Instant::now() < until {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                let network = if is_spread { at } else { 0 };
                match ask(&mut stream, &paths[at % paths.len()], network).await {
                    Some((200, _)) => answers += 1,
                    other => {
                        failed.fetch_add(1, Ordering::Relaxed);
                        if other.is_none() {
                            stream = BufReader::new(TcpStream::connect(address).await.unwrap());
                        }
                    }
                }
                slowest = slowest.max(asked.elapsed());
            }
            (answers, slowest)
        });
    }
    let all = tasks.join_all().await;
    Run {
        answers: all.iter().map(|(answers, _)| answers).sum(),
        failed: failed.load(Ordering::Relaxed),
        seconds: start.elapsed().as_secs_f64(),
        slowest: all
            .iter()
            .map(|(_, slowest)| *slowest)
            .max()
            .unwrap_or_default(),
    }
}

async fn ask(
    stream: &mut BufReader<TcpStream>,
    path: &str,
    network: usize,
) -> Option<(u16, Vec<u8>)> {
    let from = format!(
        "10.{}.{}.{}",
        network >> 16 & 255,
        network >> 8 & 255,
        network & 255
    );
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {from}\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes()).await.ok()?;
    let (mut status, mut length, mut line) = (None, 0, String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if status.is_none() {
            status = line.split(' ').nth(1)?.parse::<u16>().ok();
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((status?, body))
}

async fn one(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
    let (status, body) = ask(&mut stream, path, 0).await.unwrap();
    assert_eq!(status, 200, "{path}");
    body
}

/// Starts this program as the reference, which serves the pages in a file.
fn start_bare(folder: &Path, kept: &HashMap<String, Vec<u8>>) -> (Running, SocketAddr) {
    let file = folder.join("kept");
    let mut out = std::fs::File::create(&file).unwrap();
    for (path, body) in kept {
        writeln!(out, "{path}\t{}", body.len()).unwrap();
        out.write_all(body).unwrap();
    }
    drop(out);
    let mut child = Command::new(std::env::current_exe().unwrap());
    let mut child = child
        .arg("bare")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    Lines::new(child.stdout.take().unwrap())
        .read_line(&mut address)
        .unwrap();
    (Running(child), address.trim().parse().unwrap())
}

async fn bare(file: &Path) {
    let all = Bytes::from(std::fs::read(file).unwrap());
    let (mut kept, mut at) = (HashMap::new(), 0);
    while at < all.len() {
        let end = at + all[at..].iter().position(|byte| *byte == b'\n').unwrap();
        let (path, length) = std::str::from_utf8(&all[at..end])
            .unwrap()
            .split_once('\t')
            .unwrap();
        let body = all.slice(end + 1..end + 1 + length.parse::<usize>().unwrap());
        at = end + 1 + body.len();
        kept.insert(path.to_owned(), body);
    }
    let kept = Arc::new(kept);
    let pages = Router::new().fallback(move |uri: Uri| {
        let found = kept.get(uri.path()).cloned();
        async move {
            let status = if found.is_some() {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            (
                status,
                [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                found.unwrap_or_default(),
            )
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, pages).await.unwrap();
}

/// The reference for searches: FTS5 with the same words and as many threads.
fn fts5(database: &Path, queries: &Arc<[String]>) -> Run {
    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let until = start + seconds();
    let threads: Vec<_> = (0..SEARCHERS)
        .map(|_| {
            let (database, queries, next) = (database.to_owned(), Arc::clone(queries), Arc::clone(&next));
            std::thread::spawn(move || {
                let bare = rusqlite::Connection::open(database).unwrap();
                let sql = "SELECT rowid FROM papers_text WHERE papers_text MATCH ?1 ORDER BY rank LIMIT 20";
                let mut statement = bare.prepare(sql).unwrap();
                let mut answers = 0;
                while Instant::now() < until {
                    let at = next.fetch_add(1, Ordering::Relaxed) % queries.len();
                    let words = queries[at].trim_start_matches("/search?q=").replace('+', " ");
                    answers +=
                        usize::from(statement.query_map([words], |row| row.get::<_, i64>(0)).unwrap().count() < 21);
                }
                answers
            })
        })
        .collect();
    let answers = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    Run {
        answers,
        failed: 0,
        seconds: start.elapsed().as_secs_f64(),
        slowest: Duration::ZERO,
    }
}

/// Publishes and delivers issues, day after day, until it is stopped.
struct Sending {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Sending {
    fn start(folder: &Path) -> Self {
        let file = folder.join("readers.jsonl");
        let mut readers = String::new();
        for number in 0..READERS {
            let about = [
                "graph neural networks",
                "quantum error correction",
                "dark matter",
                "robot grasping",
            ][number % 4];
            readers += &serde_json::json!({
                "email": format!("reader{number}@example.org"), "min_score": 0.0,
                "interests": [{ "name": about, "description": about }],
            })
            .to_string();
            readers.push('\n');
        }
        std::fs::write(&file, readers).unwrap();
        done(paperboy(folder).args(["subscribers", "import"]).arg(&file));
        let newest = {
            let db = rusqlite::Connection::open(folder.join("paperboy.db")).unwrap();
            db.query_one("SELECT max(announced) FROM papers", [], |row| {
                row.get::<_, String>(0)
            })
            .unwrap()
        };
        let mut day: chrono::NaiveDate = newest.parse().unwrap();
        let (stop, folder) = (Arc::new(AtomicBool::new(false)), folder.to_owned());
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopping.load(Ordering::Relaxed) {
                done(paperboy(&folder).args(["publish", "--now", &format!("{day}T23:00:00Z")]));
                done(paperboy(&folder).args(["deliver", "--until-empty"]));
                day = day.succ_opt().unwrap();
            }
        });
        Sending { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}
