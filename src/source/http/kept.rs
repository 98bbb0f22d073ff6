//! Answers that are kept in memory, packed, to ask whether they have changed
//! (RFC 9110 section 13): a feed that is asked for three times an hour changes once
//! a day. Pure.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::collections::VecDeque;
use std::io::{Read, Write};

/// What all answers together may take, packed.
const BYTES_MAX: usize = 8 << 20;

/// What the provider calls the state of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// `ETag`.
    pub(super) tag: Option<String>,
    /// `Last-Modified`.
    pub(super) modified: Option<String>,
}

struct Kept {
    url: String,
    state: State,
    content_type: Option<String>,
    packed: Vec<u8>,
}

/// The last answers, the latest used one last.
#[derive(Default)]
pub(super) struct Answers(VecDeque<Kept>);

impl Answers {
    /// What to ask with, if the answer of `url` is here.
    pub(super) fn state(&self, url: &str) -> Option<State> {
        self.0
            .iter()
            .find(|kept| kept.url == url)
            .map(|kept| kept.state.clone())
    }

    /// The answer of `url`, which has not changed, and what it said of its form.
    pub(super) fn unchanged(&mut self, url: &str) -> Option<(Option<String>, Vec<u8>)> {
        let at = self.0.iter().position(|kept| kept.url == url)?;
        let kept = self.0.remove(at)?;
        let mut body = Vec::new();
        let read = GzDecoder::new(kept.packed.as_slice()).read_to_end(&mut body);
        let content_type = kept.content_type.clone();
        self.0.push_back(kept);
        read.is_ok().then_some((content_type, body))
    }

    /// Keeps no answer of `url`.
    pub(super) fn forget(&mut self, url: &str) {
        self.0.retain(|kept| kept.url != url);
    }

    /// Keeps an answer, if its provider names its state and it is not too long.
    pub(super) fn keep(
        &mut self,
        url: &str,
        state: State,
        content_type: Option<String>,
        body: &[u8],
    ) {
        self.forget(url);
        if state == State::default() {
            return;
        }
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = packer.write_all(body).and_then(|()| packer.finish());
        let Ok(packed) = packed else { return };
        if packed.len() > BYTES_MAX / 4 {
            return;
        }
        self.0.push_back(Kept {
            url: url.to_owned(),
            state,
            content_type,
            packed,
        });
        while self.0.iter().map(|kept| kept.packed.len()).sum::<usize>() > BYTES_MAX {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_kept() {
        let tag = |tag: &str| State {
            tag: Some(tag.to_owned()),
            modified: None,
        };
        let mut answers = Answers::default();
        answers.keep("a", tag("1"), None, b"one");
        answers.keep("b", State::default(), None, b"no name");
        answers.keep("a", tag("2"), None, b"two");
        assert_eq!(
            (answers.state("a"), answers.state("b")),
            (Some(tag("2")), None)
        );
        assert_eq!(answers.unchanged("a"), Some((None, b"two".to_vec())));
        let noise: Vec<u8> = (0..1_500_000_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        for url in ["c", "d", "e", "f", "g", "h"] {
            answers.keep(url, tag("1"), None, &noise);
        }
        assert!(answers.state("h").is_some());
        assert!(
            answers
                .0
                .iter()
                .map(|kept| kept.packed.len())
                .sum::<usize>()
                <= BYTES_MAX
        );
    }
}
