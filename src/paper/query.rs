//! Search queries. Any text is a query: parts that are not understood are searched for as
//! words.

use super::PaperId;
use crate::text::is_unspaced;
use chrono::NaiveDate;

/// A word or a phrase as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchWords(pub String);

impl SearchWords {
    /// Whether it holds characters of a script that writes words without spaces.
    pub fn are_unspaced(&self) -> bool {
        self.0.chars().any(is_unspaced)
    }
}

/// A parsed query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// Words that the title, the abstract or the author names must contain.
    pub words: Vec<SearchWords>,
    /// Words of `title:`.
    pub title: Vec<SearchWords>,
    /// Words of `author:`.
    pub authors: Vec<SearchWords>,
    /// Words that must not be there: `-word`.
    pub without: Vec<SearchWords>,
    /// Values of `cat:`, such as `cs.LG` or `cs.*`: one of them must match.
    pub categories: Vec<String>,
    /// Values of `source:`, such as `arxiv`: the id or the page must match one of them.
    pub sources: Vec<String>,
    /// The first announcement day: `from:`.
    pub from: Option<NaiveDate>,
    /// The last announcement day: `until:`.
    pub until: Option<NaiveDate>,
    /// Ids that the whole text can be read as; papers with one of them come first.
    pub ids: Vec<PaperId>,
}

/// Limit on the words of a query; longer texts were pasted.
const WORDS_MAX: usize = 32;

impl SearchQuery {
    /// Parses `text`; every text is a query.
    pub fn parse(text: &str) -> SearchQuery {
        let mut query = SearchQuery {
            ids: ids(text),
            ..SearchQuery::default()
        };
        let mut count = 0;
        for piece in pieces(text) {
            count += 1;
            if count > WORDS_MAX {
                break;
            }
            query.add(&piece);
        }
        query
    }

    fn add(&mut self, piece: &QueryPart) {
        let has_word = |text: &str| text.chars().any(char::is_alphanumeric);
        let value = piece.value.trim();
        if !has_word(value) {
            return;
        }
        let words = SearchWords(value.to_owned());
        let date = || value.parse::<NaiveDate>().ok().or_else(|| first_day(value));
        match piece.field.as_str() {
            "title" | "ti" if !piece.is_negative => self.title.push(words),
            "author" | "au" if !piece.is_negative => self.authors.push(words),
            "cat" | "category" if !piece.is_negative => self.categories.push(value.to_owned()),
            "source" if !piece.is_negative => self.sources.push(value.to_lowercase()),
            "from" | "since" if !piece.is_negative && date().is_some() => self.from = date(),
            "until" | "to" if !piece.is_negative && date().is_some() => self.until = date(),
            "" if piece.is_negative => self.without.push(words),
            "" => self.words.push(words),
            // Not a known field: `attention:` and `10:30` are words with a colon.
            field => {
                let all = SearchWords(format!("{field} {value}"));
                if piece.is_negative {
                    self.without.push(all);
                } else {
                    self.words.push(all);
                }
            }
        }
    }

    /// Whether it requires any words.
    pub fn has_words(&self) -> bool {
        !(self.words.is_empty() && self.title.is_empty() && self.authors.is_empty())
    }

    /// Whether it has a filter beside the words.
    pub fn has_filters(&self) -> bool {
        !(self.categories.is_empty() && self.sources.is_empty())
            || self.from.is_some()
            || self.until.is_some()
    }

    /// Whether it has neither words nor filters.
    pub fn is_empty(&self) -> bool {
        !self.has_words() && !self.has_filters()
    }

    /// The required words as one text.
    pub fn plain_text(&self) -> String {
        let words = self
            .words
            .iter()
            .chain(&self.title)
            .map(|words| words.0.as_str());
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The first day of a month or a year: `2026-08`, `2026`.
fn first_day(value: &str) -> Option<NaiveDate> {
    let (year, month) = match value.split_once('-') {
        Some((year, month)) => (year, month.parse().ok()?),
        None => (value, 1),
    };
    (year.len() == 4).then_some(())?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month, 1)
}

/// The ids that the whole text can be read as.
fn ids(text: &str) -> Vec<PaperId> {
    let looks_like_one = |text: &str| text.chars().any(|c| c.is_ascii_digit());
    let id = looks_like_one(text)
        .then(|| text.parse::<PaperId>().ok())
        .flatten();
    let Some(id) = id else { return Vec::new() };
    // PubMed ids are often written as the number alone.
    let pmid = id
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| format!("pmid:{id}").parse().ok());
    std::iter::once(id.clone()).chain(pmid.flatten()).collect()
}

/// A word or a quoted phrase with its sign and field.
struct QueryPart {
    is_negative: bool,
    /// The field in lower case; empty if there is none.
    field: String,
    value: String,
}

fn pieces(text: &str) -> Vec<QueryPart> {
    let mut pieces = Vec::new();
    // People paste typographic quotes, too.
    let text: String = text
        .chars()
        .map(|c| if "“”„«»".contains(c) { '"' } else { c })
        .collect();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let is_negative = rest.starts_with('-');
        rest = rest.strip_prefix('-').unwrap_or(rest);
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '"' || c == ':')
            .unwrap_or(rest.len());
        let mut field = String::new();
        if rest[end..].starts_with(':') && rest[..end].chars().all(char::is_alphabetic) && end > 0 {
            field = rest[..end].to_lowercase();
            rest = &rest[end + 1..];
        }
        let value;
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            value = &quoted[..end];
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '"')
                .unwrap_or(rest.len());
            value = &rest[..end];
            rest = &rest[end..];
        }
        pieces.push(QueryPart {
            is_negative,
            field,
            value: value.to_owned(),
        });
        rest = rest.trim_start();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[SearchWords]) -> Vec<&str> {
        words.iter().map(|words| words.0.as_str()).collect()
    }

    #[test]
    fn words_phrases_fields_and_filters_are_told_apart() {
        let query = SearchQuery::parse(
            "low-rank \"language models\" -survey -\"case study\" author:\"Emmy Noether\" title:rings cat:cs.LG \
             from:2026-01-01 until:2026-03 source:arXiv",
        );
        assert_eq!(texts(&query.words), ["low-rank", "language models"]);
        assert_eq!(texts(&query.without), ["survey", "case study"]);
        assert_eq!(
            (texts(&query.authors), texts(&query.title)),
            (vec!["Emmy Noether"], vec!["rings"])
        );
        assert_eq!(
            (query.categories, query.sources),
            (vec!["cs.LG".to_owned()], vec!["arxiv".to_owned()])
        );
        assert_eq!(query.from, NaiveDate::from_ymd_opt(2026, 1, 1));
        assert_eq!(query.until, NaiveDate::from_ymd_opt(2026, 3, 1));
    }

    #[test]
    fn text_that_is_not_syntax_is_searched_for() {
        assert_eq!(
            texts(&SearchQuery::parse("attention: a survey").words),
            ["a", "survey"].map(|word| word).to_vec()
        );
        assert_eq!(
            texts(&SearchQuery::parse("from:yesterday").words),
            ["from yesterday"]
        );
        assert_eq!(
            texts(&SearchQuery::parse("\"open phrase").words),
            ["open phrase"]
        );
        assert_eq!(
            texts(&SearchQuery::parse("“curly quotes”").words),
            ["curly quotes"]
        );
        assert!(SearchQuery::parse(" -- \"\" : * AND").words.len() == 1);
        assert!(SearchQuery::parse("").is_empty());
    }

    #[test]
    fn an_id_is_noticed() {
        let id = |text: &str| {
            SearchQuery::parse(text)
                .ids
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(id("https://arxiv.org/abs/2106.09685v2"), ["2106.09685"]);
        assert_eq!(
            id("doi:10.1101/2024.01.02.573ABC"),
            ["10.1101/2024.01.02.573abc"]
        );
        assert_eq!(id("23849302"), ["23849302", "pmid:23849302"]);
        assert!(id("two words 7").is_empty());
    }
}
