//! Fetches files from a hub as Hugging Face runs it.
//!
//! A file is at `/{repo}/resolve/{revision}/{file}`. A large one is kept
//! elsewhere: the hub answers with a redirection, and with its SHA-256 in
//! `X-Linked-Etag`; the `ETag` of a small one is the name that git gives it
//! (<https://huggingface.co/docs/hub/storage-backends>). We follow redirections
//! ourselves, since those headers are on the first answer only.

use super::Checksum;
use crate::http::{HttpEnv, HttpSettings, error_line, tls};
use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, Url};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// The largest file that is fetched. The largest encoder that makes sense here
/// has some 500 MB; a disk is not to be filled by a mistyped name.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Tries in a row that bring nothing.
const TRIES: u32 = 5;

const REDIRECTIONS_MAX: usize = 5;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Nobody answers.
    #[error(
        "cannot fetch {url} ({why}). What has come is kept, and the same command goes on from there; without a \
         network, `paperboy model install FOLDER` copies a model that was downloaded elsewhere"
    )]
    Unreachable {
        /// The requested address.
        url: String,
        /// The last failure.
        why: String,
    },
    /// The hub says no.
    #[error("{url}: {why}")]
    Refused {
        /// The requested address.
        url: String,
        /// The message of the hub.
        why: String,
    },
    /// Something else came than was promised. It was thrown away.
    #[error("{url}: what came is not what was promised ({why}); it was thrown away, try again")]
    Checksum {
        /// The requested address.
        url: String,
        /// How it differs.
        why: String,
    },
    /// Too large.
    #[error("{url} has {bytes} bytes; models of more than {} GB are not fetched", FILE_BYTES_MAX >> 30)]
    TooLarge {
        /// The requested address.
        url: String,
        /// How large it is.
        bytes: u64,
    },
    /// The file system refused.
    #[error("cannot write {} (a full disk? what is there is kept, and the same command goes on from there)", path.display())]
    File {
        /// The file that could not be written.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The client cannot be built.
    #[error("cannot set up TLS")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How far a file has come.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Its name.
    pub file: &'a str,
    /// Bytes that are here.
    pub done: u64,
    /// Bytes that there are, if the hub said so.
    pub whole: Option<u64>,
}

/// A file to download.
#[derive(Debug)]
pub(super) struct Fetch<'a> {
    pub(super) repo: &'a str,
    pub(super) revision: &'a str,
    pub(super) file: &'a str,
    /// Its checksum, if it is known beforehand.
    pub(super) expected: Option<Checksum>,
}

/// A file that is here.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The commit that it is of, if the hub said so.
    pub(super) commit: Option<String>,
}

/// A hub.
#[derive(Clone)]
pub struct Hub {
    address: String,
    client: Client,
    around: HttpEnv,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Metadata of a file on the hub.
#[derive(Debug, Default)]
struct Said {
    sum: Option<Checksum>,
    bytes: Option<u64>,
    commit: Option<String>,
}

impl Said {
    fn listen(&mut self, headers: &HeaderMap, is_first: bool) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let etag = text("x-linked-etag").or_else(|| text("etag").filter(|_| is_first));
        let name = etag.map(|etag| {
            etag.trim_start_matches("W/")
                .trim_matches('"')
                .to_lowercase()
        });
        let name = name.filter(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if self.sum.is_none() {
            self.sum = name.and_then(|name| match name.len() {
                64 => Some(Checksum::Sha256(name)),
                40 => Some(Checksum::Git(name)),
                _ => None,
            });
        }
        self.bytes = self.bytes.or_else(|| text("x-linked-size")?.parse().ok());
        self.commit = self
            .commit
            .take()
            .or_else(|| text("x-repo-commit").map(str::to_owned));
    }
}

/// How one try ended.
enum Try {
    Done(Said),
    /// There is no such file.
    Missing,
    /// It broke off; whether something came before.
    Broken {
        why: String,
        has_come: bool,
    },
    /// The partial file does not match; it is downloaded again.
    Anew,
}

impl Hub {
    /// The hub at `address`.
    pub fn new(address: &str, settings: &HttpSettings, around: HttpEnv) -> Result<Self, HubError> {
        let client = Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            // A large file may take long; only silence is a failure.
            .read_timeout(settings.read_timeout)
            .redirect(reqwest::redirect::Policy::none())
            // Half a file is only of use if its bytes are those of the file.
            .gzip(false)
            .referer(false)
            .tls_backend_preconfigured(tls().map_err(|error| HubError::Setup(Box::new(error)))?)
            .build()
            .map_err(|error| HubError::Setup(Box::new(error)))?;
        Ok(Hub {
            address: address.trim_end_matches('/').to_owned(),
            client,
            around,
        })
    }

    /// Fetches a file to `path`; `None` if there is none. What came of it before goes on growing in
    /// `path.part`.
    pub(super) async fn fetch(
        &self,
        ask: &Fetch<'_>,
        path: &Path,
        step: &mut impl FnMut(Download<'_>),
    ) -> Result<Option<Fetched>, HubError> {
        let url = format!(
            "{}/{}/resolve/{}/{}",
            self.address, ask.repo, ask.revision, ask.file
        );
        // A file that is here whole is asked for no more, if we know what it must be.
        if let Some(expected) = &ask.expected
            && expected.check(path).is_ok()
        {
            return Ok(Some(Fetched { commit: None }));
        }
        let part = PathBuf::from(format!("{}.part", path.display()));
        let mut failures = 0;
        let mut anew = false;
        loop {
            match self.try_once(ask, &url, &part, step).await? {
                Try::Missing => return Ok(None),
                Try::Done(said) => {
                    // Without anybody's word there is nothing to compare with.
                    if let Some(sum) = ask.expected.as_ref().or(said.sum.as_ref())
                        && let Err(wrong) = sum.check_fetched(&part, &url)
                    {
                        remove(&part).await?;
                        return Err(wrong);
                    }
                    rename(&part, path).await?;
                    return Ok(Some(Fetched {
                        commit: said.commit,
                    }));
                }
                Try::Anew if !anew => {
                    anew = true;
                    remove(&part).await?;
                }
                Try::Anew => {
                    return Err(HubError::Refused {
                        url,
                        why: "it answers with other bytes than asked for".to_owned(),
                    });
                }
                Try::Broken { why, has_come } => {
                    failures = if has_come { 1 } else { failures + 1 };
                    if failures >= TRIES {
                        return Err(HubError::Unreachable { url, why });
                    }
                    tracing::debug!(url, "broken off: {why}");
                    (self.around.sleep)(Duration::from_secs(1 << failures)).await;
                }
            }
        }
    }

    async fn try_once(
        &self,
        ask: &Fetch<'_>,
        url: &str,
        part: &Path,
        step: &mut impl FnMut(Download<'_>),
    ) -> Result<Try, HubError> {
        let here = tokio::fs::metadata(part)
            .await
            .map_or(0, |metadata| metadata.len());
        let mut said = Said::default();
        let mut response = match self.follow(url, here, &mut said).await? {
            Ok(response) => response,
            Err(why) => {
                return Ok(Try::Broken {
                    why,
                    has_come: false,
                });
            }
        };
        let status = response.status().as_u16();
        let start = match status {
            200 => 0,
            206 if starts_at(response.headers()) == Some(here) => here,
            404 => return Ok(Try::Missing),
            // All of it was here already, or more.
            416 if said.bytes == Some(here) => return Ok(Try::Done(said)),
            206 | 416 => return Ok(Try::Anew),
            401 | 403 => {
                let why = format!(
                    "status {status}: there is no such repository, or it asks for a login, which paperboy has not"
                );
                return Err(HubError::Refused {
                    url: url.to_owned(),
                    why,
                });
            }
            429 | 500.. => {
                return Ok(Try::Broken {
                    why: format!("status {status}"),
                    has_come: false,
                });
            }
            _ => {
                return Err(HubError::Refused {
                    url: url.to_owned(),
                    why: format!("status {status}"),
                });
            }
        };
        let whole = response
            .content_length()
            .map(|rest| start + rest)
            .or(said.bytes);
        if let Some(bytes) = whole.filter(|bytes| *bytes > FILE_BYTES_MAX) {
            return Err(HubError::TooLarge {
                url: url.to_owned(),
                bytes,
            });
        }
        let failed = |source| HubError::File {
            path: part.to_owned(),
            source,
        };
        let mut options = tokio::fs::OpenOptions::new();
        let options = if start == 0 {
            options.write(true).truncate(true)
        } else {
            options.append(true)
        };
        let mut file = options.create(true).open(part).await.map_err(failed)?;
        let mut done = start;
        let broken = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => {
                    done += bytes.len() as u64;
                    if done > FILE_BYTES_MAX {
                        return Err(HubError::TooLarge {
                            url: url.to_owned(),
                            bytes: done,
                        });
                    }
                    file.write_all(&bytes).await.map_err(failed)?;
                    step(Download {
                        file: ask.file,
                        done,
                        whole,
                    });
                }
                Ok(None) => break None,
                Err(error) => break Some(error_line(&error)),
            }
        };
        file.sync_all().await.map_err(failed)?;
        let broken = broken.or_else(|| {
            let whole = whole.filter(|whole| done < *whole)?;
            Some(format!("it ended after {done} of {whole} bytes"))
        });
        Ok(match broken {
            Some(why) => Try::Broken {
                why,
                has_come: done > start,
            },
            None => Try::Done(said),
        })
    }

    /// Asks for what comes after the first `here` bytes, and goes where the hub says.
    async fn follow(
        &self,
        url: &str,
        here: u64,
        said: &mut Said,
    ) -> Result<Result<Response, String>, HubError> {
        let refused = |why: &str| HubError::Refused {
            url: url.to_owned(),
            why: why.to_owned(),
        };
        let mut at = Url::parse(url).map_err(|_| refused("this is no web address"))?;
        for hop in 0..=REDIRECTIONS_MAX {
            let mut request = self.client.get(at.clone());
            if here > 0 {
                request = request.header(header::RANGE, format!("bytes={here}-"));
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) => return Ok(Err(error_line(&error))),
            };
            said.listen(response.headers(), hop == 0);
            if !response.status().is_redirection() {
                return Ok(Ok(response));
            }
            let next = response
                .headers()
                .get(header::LOCATION)
                .and_then(|value| value.to_str().ok());
            let next = next
                .and_then(|next| at.join(next).ok())
                .ok_or_else(|| refused("a redirection to nowhere"))?;
            if at.scheme() == "https" && next.scheme() != "https" {
                return Err(refused("a redirection from https to http"));
            }
            at = next;
        }
        Err(refused("too many redirections"))
    }
}

/// First byte of a partial response (RFC 9110 section 14.4).
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}

async fn remove(path: &Path) -> Result<(), HubError> {
    match tokio::fs::remove_file(path).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(HubError::File {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(()),
    }
}

async fn rename(from: &Path, to: &Path) -> Result<(), HubError> {
    tokio::fs::rename(from, to)
        .await
        .map_err(|source| HubError::File {
            path: to.to_owned(),
            source,
        })
}
