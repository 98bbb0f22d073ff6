//! Compressed responses in memory, for conditional requests (RFC 9110 section 13):
//! a feed that is requested three times an hour changes once a day. Pure.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::collections::VecDeque;
use std::io::{Read, Write};

/// Limit of all entries together, compressed.
const BYTES_MAX: usize = 8 << 20;

/// Validators of a response (RFC 9110 section 8.8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    /// `ETag`.
    pub(super) tag: Option<String>,
    /// `Last-Modified`.
    pub(super) modified: Option<String>,
}

struct CacheEntry {
    url: String,
    validators: Validators,
    content_type: Option<String>,
    packed: Vec<u8>,
}

/// The last responses; the most recently used one is last.
#[derive(Default)]
pub(super) struct ResponseCache(VecDeque<CacheEntry>);

impl ResponseCache {
    /// Validators of the cached response of `url`.
    pub(super) fn validators(&self, url: &str) -> Option<Validators> {
        self.0
            .iter()
            .find(|entry| entry.url == url)
            .map(|entry| entry.validators.clone())
    }

    /// `Content-Type` and body of the cached response of `url`.
    pub(super) fn get(&mut self, url: &str) -> Option<(Option<String>, Vec<u8>)> {
        let at = self.0.iter().position(|entry| entry.url == url)?;
        let entry = self.0.remove(at)?;
        let mut body = Vec::new();
        let read = GzDecoder::new(entry.packed.as_slice()).read_to_end(&mut body);
        let content_type = entry.content_type.clone();
        self.0.push_back(entry);
        read.is_ok().then_some((content_type, body))
    }

    /// Evicts the response of `url`.
    pub(super) fn evict(&mut self, url: &str) {
        self.0.retain(|entry| entry.url != url);
    }

    /// Stores a response that has validators and is not too long.
    pub(super) fn insert(
        &mut self,
        url: &str,
        validators: Validators,
        content_type: Option<String>,
        body: &[u8],
    ) {
        self.evict(url);
        if validators == Validators::default() {
            return;
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = packer.write_all(body).and_then(|()| packer.finish());
        let Ok(packed) = packed else { return };
        if packed.len() > BYTES_MAX / 4 {
            return;
        }
        self.0.push_back(CacheEntry {
            url: url.to_owned(),
            validators,
            content_type,
            packed,
        });
        while self.0.iter().map(|entry| entry.packed.len()).sum::<usize>() > BYTES_MAX {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_responses_are_cached() {
        let tag = |tag: &str| Validators {
            tag: Some(tag.to_owned()),
            modified: None,
        };
        let mut cache = ResponseCache::default();
        cache.insert("a", tag("1"), None, b"one");
        cache.insert("b", Validators::default(), None, b"no name");
        cache.insert("a", tag("2"), None, b"two");
        assert_eq!(
            (cache.validators("a"), cache.validators("b")),
            (Some(tag("2")), None)
        );
        assert_eq!(cache.get("a"), Some((None, b"two".to_vec())));
        let noise: Vec<u8> = (0..1_500_000_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for url in ["c", "d", "e", "f", "g", "h"] {
            cache.insert(url, tag("1"), None, &noise);
        }
        assert!(cache.validators("h").is_some());
        assert!(
            cache
                .0
                .iter()
                .map(|entry| entry.packed.len())
                .sum::<usize>()
                <= BYTES_MAX
        );
    }
}
