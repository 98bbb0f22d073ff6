//! A web server that answers as it is told, and remembers what it was asked.
//!
//! ```ignore
//! let arxiv = FakeHttp::start().await;
//! arxiv.on("/rss/cs.LG").says(Reply::status(503)).then(Reply::ok(feed));
//! ```
//!
//! The last reply to a path is given again and again. Each answer closes its
//! connection, so that connections can be counted.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    delay: Duration,
    sent_bytes: Option<usize>,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            sent_bytes: None,
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Reply {
            status,
            ..Reply::ok("")
        }
    }

    pub(crate) fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            body: body.into(),
            ..self
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer begins so much later.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Reply { delay, ..self }
    }

    /// The connection breaks after so many bytes of the body.
    pub(crate) fn cut_off_after(self, bytes: usize) -> Self {
        Reply {
            sent_bytes: Some(bytes),
            ..self
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    headers: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
struct State {
    replies: BTreeMap<String, VecDeque<Reply>>,
    asked: Vec<Asked>,
    open: usize,
    open_max: usize,
}

/// The server; it ends with its value.
pub(crate) struct FakeHttp {
    state: Arc<Mutex<State>>,
    host: &'static str,
    port: u16,
    serving: JoinHandle<()>,
}

impl Drop for FakeHttp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The replies to one path.
pub(crate) struct Script<'a> {
    server: &'a FakeHttp,
    path: String,
}

impl Script<'_> {
    /// From now on.
    pub(crate) fn says(self, reply: Reply) -> Self {
        self.server
            .lock()
            .replies
            .insert(self.path.clone(), VecDeque::from([reply]));
        self
    }

    /// After the replies so far.
    pub(crate) fn then(self, reply: Reply) -> Self {
        self.server
            .lock()
            .replies
            .entry(self.path.clone())
            .or_default()
            .push_back(reply);
        self
    }
}

impl FakeHttp {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1").await
    }

    /// A server at another address of this machine.
    pub(crate) async fn start_at(host: &'static str) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    {
                        let mut state = shared.lock().unwrap();
                        state.open += 1;
                        state.open_max = state.open_max.max(state.open);
                    }
                    // Whether the client stays to the end is its business.
                    let _ = answer(stream, &shared).await;
                    shared.lock().unwrap().open -= 1;
                });
            }
        });
        FakeHttp {
            state,
            host,
            port,
            serving,
        }
    }

    /// Its address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// What it says when asked for `path`, or for `path` and query.
    pub(crate) fn on(&self, path: &str) -> Script<'_> {
        Script {
            server: self,
            path: path.to_owned(),
        }
    }

    /// What it was asked for so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    /// The paths it was asked for so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// The most connections that were open at a time.
    pub(crate) fn connections_max(&self) -> usize {
        self.lock().open_max
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

async fn answer(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines[0].split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers = headers
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let reply = {
        let mut state = state.lock().unwrap();
        state.asked.push(Asked {
            target: target.clone(),
            headers,
        });
        let path = target.split('?').next().unwrap_or_default();
        let key = if state.replies.contains_key(&target) {
            target.as_str()
        } else {
            path
        };
        let replies = state.replies.get_mut(key);
        replies.and_then(|replies| {
            if replies.len() > 1 {
                replies.pop_front()
            } else {
                replies.front().cloned()
            }
        })
    };
    let reply = reply.unwrap_or_else(|| Reply::status(404).with_body("not scripted"));
    tokio::time::sleep(reply.delay).await;
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\nConnection: close\r\nContent-Length: {}\r\n",
        reply.status,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream
        .write_all(&reply.body[..reply.sent_bytes.unwrap_or(reply.body.len())])
        .await?;
    stream.shutdown().await
}
