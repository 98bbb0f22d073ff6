//! The `WordPiece` tokenizer of models of the BERT family.
//!
//! Reads `tokenizer.json` as Hugging Face's tokenizers library writes it and
//! gives the same pieces: clean, separate Chinese characters, remove accents, lower the case;
//! split at white space and punctuation; split each word into the longest pieces of the
//! vocabulary (Devlin and others, "BERT", 2019, section 3;
//! <https://huggingface.co/docs/tokenizers/api/normalizers>). Categories of
//! characters come from the same tables as theirs.

use super::BadModel;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use unicode_categories::UnicodeCategories as _;
use unicode_normalization::char::decompose_canonical;

/// A vocabulary and its normalisation.
#[derive(Debug)]
pub(crate) struct WordPiece {
    /// Pieces that begin a word.
    first: WordPieces,
    /// Pieces that continue a word, without their `##`.
    later: WordPieces,
    unknown: u32,
    /// Special tokens such as `[SEP]`.
    special: Vec<(String, u32)>,
    word_chars_max: usize,
    normal: Normal,
    /// Median number of characters of a token.
    token_chars: usize,
    tokens: usize,
}

#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the settings of BertNormalizer are four switches"
)]
struct Normal {
    clean: bool,
    part_chinese: bool,
    strip_accents: bool,
    lowercase: bool,
}

#[derive(Debug, Default)]
struct WordPieces {
    ids: HashMap<Box<str>, u32, BuildHasherDefault<WordHasher>>,
    bytes_max: usize,
}

#[derive(Deserialize)]
struct TokenizerFile {
    model: Value,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
    #[serde(default = "unknown_token")]
    unk_token: String,
    #[serde(default = "continuing")]
    continuing_subword_prefix: String,
    #[serde(default = "word_chars")]
    max_input_chars_per_word: usize,
}

fn unknown_token() -> String {
    "[UNK]".to_owned()
}

fn continuing() -> String {
    "##".to_owned()
}

fn word_chars() -> usize {
    100
}

#[derive(Deserialize)]
struct Bert {
    #[serde(default = "yes")]
    clean_text: bool,
    #[serde(default = "yes")]
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    #[serde(default = "yes")]
    lowercase: bool,
}

fn yes() -> bool {
    true
}

const FILE: &str = "tokenizer.json";

/// The one part of a chain of parts, or the part itself.
fn only(part: Value, parts: &str) -> Value {
    match part[parts].as_array() {
        Some(chain) if part["type"] == "Sequence" && chain.len() == 1 => chain[0].clone(),
        _ => part,
    }
}

fn kind(part: &Value) -> &str {
    part["type"].as_str().unwrap_or("nameless")
}

impl WordPiece {
    /// Reads a `tokenizer.json`. Kinds other than those of the BERT family are refused.
    pub(crate) fn read(json: &[u8]) -> Result<Self, BadModel> {
        let broken = |error: serde_json::Error| BadModel::broken(FILE, error.to_string());
        let file: TokenizerFile = serde_json::from_slice(json).map_err(broken)?;
        // Old files do not name the kind; then a field that only WordPiece has is required.
        let is_wordpiece = match file.model["type"].as_str() {
            Some(kind) => kind == "WordPiece",
            None => !file.model["max_input_chars_per_word"].is_null(),
        };
        if !is_wordpiece {
            return Err(BadModel::Tokenizer {
                found: format!("a {} model", kind(&file.model)),
            });
        }
        let normalizer = only(file.normalizer, "normalizers");
        let before = only(file.pre_tokenizer, "pretokenizers");
        if kind(&normalizer) != "BertNormalizer" {
            return Err(BadModel::Tokenizer {
                found: format!("WordPiece with a {} normalizer", kind(&normalizer)),
            });
        }
        if kind(&before) != "BertPreTokenizer" {
            return Err(BadModel::Tokenizer {
                found: format!("WordPiece with a {} pre-tokenizer", kind(&before)),
            });
        }
        let bert: Bert = serde_json::from_value(normalizer).map_err(broken)?;
        let model: Model = serde_json::from_value(file.model).map_err(broken)?;
        let Some(&unknown) = model.vocab.get(&model.unk_token) else {
            return Err(BadModel::broken(
                FILE,
                format!("its vocabulary lacks {}", model.unk_token),
            ));
        };
        let mut lengths: Vec<usize> = model
            .vocab
            .keys()
            .map(|token| token.chars().count())
            .collect();
        let added = file.added_tokens.iter().map(|added| added.id);
        let tokens = model
            .vocab
            .values()
            .copied()
            .chain(added)
            .max()
            .map_or(0, |last| last as usize + 1);
        let (mut first, mut later) = (WordPieces::default(), WordPieces::default());
        for (token, id) in model.vocab {
            match token.strip_prefix(&model.continuing_subword_prefix) {
                // `##` itself is a piece, too; at the beginning of a word it is two signs.
                Some(rest) if !rest.is_empty() => later.insert(rest, id),
                _ => first.insert(&token, id),
            }
        }
        Ok(WordPiece {
            first,
            later,
            unknown,
            special: file
                .added_tokens
                .into_iter()
                .map(|added| (added.content, added.id))
                .collect(),
            word_chars_max: model.max_input_chars_per_word,
            normal: Normal {
                clean: bert.clean_text,
                part_chinese: bert.handle_chinese_chars,
                // The default follows `lowercase`: Google's BERT does both or neither.
                strip_accents: bert.strip_accents.unwrap_or(bert.lowercase),
                lowercase: bert.lowercase,
            },
            token_chars: median(&mut lengths),
            tokens,
        })
    }

    /// One more than the largest id.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    /// The id of the token for unknown words.
    pub(crate) fn unknown(&self) -> u32 {
        self.unknown
    }

    /// The median number of characters of a token.
    pub(crate) fn token_chars(&self) -> usize {
        self.token_chars
    }

    /// The id of a whole token, such as `[CLS]`.
    #[cfg(feature = "encoder")]
    pub(crate) fn id_of(&self, token: &str) -> Option<u32> {
        self.first.ids.get(token).copied().or_else(|| {
            self.special
                .iter()
                .find(|(content, _)| content == token)
                .map(|(_, id)| *id)
        })
    }

    /// Appends the ids of the pieces of `text` to `ids`, at most `most` in all.
    pub(crate) fn encode(&self, text: &str, most: usize, ids: &mut Vec<u32>) {
        let mut word = String::new();
        let mut rest = text;
        while ids.len() < most {
            let next = self
                .special
                .iter()
                .filter_map(|(content, id)| Some((rest.find(content.as_str())?, content, id)));
            let Some((at, content, id)) =
                next.min_by_key(|(at, content, _)| (*at, usize::MAX - content.len()))
            else {
                break;
            };
            self.words(&rest[..at], most, &mut word, ids);
            ids.push(*id);
            rest = &rest[at + content.len()..];
        }
        self.words(rest, most, &mut word, ids);
        ids.truncate(most);
    }

    fn words(&self, text: &str, most: usize, word: &mut String, ids: &mut Vec<u32>) {
        word.clear();
        for c in text.chars() {
            if ids.len() >= most {
                return;
            }
            if c.is_ascii_alphanumeric() {
                word.push(if self.normal.lowercase {
                    c.to_ascii_lowercase()
                } else {
                    c
                });
            } else {
                self.unusual(c, word, ids);
            }
        }
        self.end_word(word, ids);
    }

    /// Handles a character other than plain letters and digits.
    fn unusual(&self, c: char, word: &mut String, ids: &mut Vec<u32>) {
        let is_space = if self.normal.clean && c.is_control() {
            "\t\n\r".contains(c)
        } else {
            c.is_whitespace()
        };
        if is_space {
            return self.end_word(word, ids);
        }
        if self.normal.clean && (c == '\0' || c == '\u{fffd}' || c.is_other()) {
            return;
        }
        if c.is_ascii() {
            return self.normalised(c, word, ids);
        }
        let stands_alone = self.normal.part_chinese && is_chinese(c);
        if stands_alone {
            self.end_word(word, ids);
        }
        if self.normal.strip_accents {
            decompose_canonical(c, |part| {
                if !part.is_mark_nonspacing() {
                    self.lowered(part, word, ids);
                }
            });
        } else {
            self.lowered(c, word, ids);
        }
        if stands_alone {
            self.end_word(word, ids);
        }
    }

    fn lowered(&self, c: char, word: &mut String, ids: &mut Vec<u32>) {
        if self.normal.lowercase {
            c.to_lowercase().for_each(|c| self.normalised(c, word, ids));
        } else {
            self.normalised(c, word, ids);
        }
    }

    fn normalised(&self, c: char, word: &mut String, ids: &mut Vec<u32>) {
        if c.is_whitespace() {
            self.end_word(word, ids);
        } else if c.is_ascii_punctuation() || c.is_punctuation() {
            self.end_word(word, ids);
            word.push(c);
            self.end_word(word, ids);
        } else {
            word.push(c);
        }
    }

    /// Splits a word into pieces; one that cannot be split is unknown as a whole.
    fn end_word(&self, word: &mut String, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let before = ids.len();
        let is_short =
            word.len() <= self.word_chars_max || word.chars().count() <= self.word_chars_max;
        let mut rest = word.as_str();
        let mut pieces = &self.first;
        while is_short && !rest.is_empty() {
            let Some((id, bytes)) = pieces.longest(rest) else {
                break;
            };
            ids.push(id);
            rest = &rest[bytes..];
            pieces = &self.later;
        }
        if !is_short || !rest.is_empty() {
            ids.truncate(before);
            ids.push(self.unknown);
        }
        word.clear();
    }
}

impl WordPieces {
    fn insert(&mut self, piece: &str, id: u32) {
        self.bytes_max = self.bytes_max.max(piece.len());
        self.ids.insert(piece.into(), id);
    }

    /// The longest piece that `text` begins with, and its bytes.
    fn longest(&self, text: &str) -> Option<(u32, usize)> {
        let mut bytes = text.floor_char_boundary(self.bytes_max);
        while bytes > 0 {
            if let Some(id) = self.ids.get(&text[..bytes]) {
                return Some((*id, bytes));
            }
            bytes = text.floor_char_boundary(bytes - 1);
        }
        None
    }
}

/// The characters that Google's BERT separates: CJK ideographs, but not kana or Hangul.
fn is_chinese(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x2_0000..=0x2_A6DF | 0x2_A700..=0x2_B73F | 0x2_B740..=0x2_B81F
        | 0x2_B920..=0x2_CEAF | 0xF900..=0xFAFF | 0x2_F800..=0x2_FA1F)
}

/// The median as numpy computes it, rounded down.
fn median(lengths: &mut [usize]) -> usize {
    lengths.sort_unstable();
    match lengths.len() {
        0 => 0,
        n if n % 2 == 1 => lengths[n / 2],
        n => usize::midpoint(lengths[n / 2 - 1], lengths[n / 2]),
    }
}

/// A fast hash for the short words of a fixed vocabulary, which is trusted input.
#[derive(Debug, Default)]
struct WordHasher(u64);

// The odd constant nearest to 2^64 divided by the golden ratio (Knuth, "The Art
// of Computer Programming", volume 3, section 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

impl WordHasher {
    fn mix(&mut self, bits: u64) {
        self.0 = (self.0.rotate_left(5) ^ bits).wrapping_mul(SPREAD);
    }
}

impl Hasher for WordHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut eight = [0; 8];
            eight.copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(eight));
        }
        let mut rest = [0; 8];
        rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.mix(u64::from_le_bytes(rest));
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(byte.into());
    }

    fn finish(&self) -> u64 {
        // The table looks at the highest and the lowest bits.
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tokenizer(normalizer: &Value) -> Value {
        let tokens = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "graph", "##s", "un", "##aff", "##able", "neural",
            "-", "##ing", "3", "語", "schro", "##dinger", "$", "α", "—",
        ];
        let vocab: serde_json::Map<_, _> = tokens
            .iter()
            .enumerate()
            .map(|(id, token)| ((*token).to_owned(), json!(id)))
            .collect();
        json!({
            "added_tokens": [{ "id": 3, "content": "[SEP]" }],
            "normalizer": normalizer,
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "model": { "type": "WordPiece", "unk_token": "[UNK]", "vocab": vocab, "max_input_chars_per_word": 12 },
        })
    }

    fn bert() -> Value {
        json!({ "type": "BertNormalizer", "strip_accents": null, "lowercase": true })
    }

    fn read(json: &Value) -> Result<WordPiece, BadModel> {
        WordPiece::read(json.to_string().as_bytes())
    }

    fn check(text: &str, expected: &[u32]) {
        let mut ids = Vec::new();
        read(&tokenizer(&bert()))
            .unwrap()
            .encode(text, 100, &mut ids);
        assert_eq!(ids, expected, "{text:?}");
    }

    #[test]
    fn words_are_cut_into_the_longest_pieces() {
        check("Graphs", &[4, 5]);
        check("unaffable graph", &[6, 7, 8, 4]);
        check("neural-graph", &[9, 10, 4]);
        check("graph$3", &[4, 16, 12]);
    }

    #[test]
    fn a_word_that_cannot_be_split_is_unknown_as_a_whole() {
        check("graphx graph", &[1, 4]);
        check("graphssssssssss", &[1]);
        check("", &[]);
        check(" \t\n", &[]);
    }

    #[test]
    fn accents_case_and_odd_characters_do_not_matter() {
        check("SCHRÖDINGER", &[14, 15]);
        check("Schro\u{308}dinger", &[14, 15]);
        check("gra\u{ad}ph\u{200b}s\u{0}", &[4, 5]);
        check("graph\u{a0}graph\u{3000}3", &[4, 4, 12]);
        check("graph語3", &[4, 13, 12]);
        check("graph—3", &[4, 18, 12]);
        check("Α", &[17]);
    }

    #[test]
    fn special_texts_stand_for_themselves() {
        check("graph[SEP]graph [sep]", &[4, 3, 4, 1, 1, 1]);
    }

    #[test]
    fn no_more_pieces_come_than_were_asked_for() {
        let mut ids = Vec::new();
        read(&tokenizer(&bert()))
            .unwrap()
            .encode("unaffable [SEP] graph", 2, &mut ids);
        assert_eq!(ids, [6, 7]);
    }

    #[test]
    fn other_tokenizers_are_refused_with_what_is_supported() {
        let mut unigram = tokenizer(&bert());
        unigram["model"]["type"] = json!("Unigram");
        let mut bytes = tokenizer(&bert());
        bytes["pre_tokenizer"]["type"] = json!("ByteLevel");
        for (json, found) in [
            (unigram, "a Unigram model"),
            (bytes, "WordPiece with a ByteLevel pre-tokenizer"),
            (
                tokenizer(&json!(null)),
                "WordPiece with a nameless normalizer",
            ),
        ] {
            let said = read(&json).unwrap_err().to_string();
            assert!(
                said.contains(found) && said.contains("BertNormalizer"),
                "{said}"
            );
        }
        assert!(matches!(
            WordPiece::read(b"{"),
            Err(BadModel::Broken { .. })
        ));
        let mut lacking = tokenizer(&bert());
        lacking["model"]["unk_token"] = json!("<unk>");
        assert!(
            read(&lacking)
                .unwrap_err()
                .to_string()
                .contains("lacks <unk>")
        );
    }

    #[test]
    fn a_chain_of_one_is_what_it_holds() {
        let chain = json!({ "type": "Sequence", "normalizers": [bert()] });
        assert!(read(&tokenizer(&chain)).is_ok());
    }
}
