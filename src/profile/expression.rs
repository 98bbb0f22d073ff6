//! Keywords: phrases, combined with AND and OR.
//!
//! `graph neural network` is a phrase; `molecul*` any word that begins so;
//! `"graph neural" AND molecul*`, `(dft OR "density functional") AND solver*`
//! combine them; `author:Noether` and `category:cs.*` look at other things than
//! the text. AND and OR are written in capitals, since phrases hold the words
//! themselves, and AND binds more tightly. A text that cannot be parsed is taken as a
//! phrase, and [`Expression::warning`] tells what is wrong with it.

use crate::text::{fold_phrase, is_stop_word};

/// A parsed keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The text as the interest has it.
    pub written: String,
    /// The condition that a paper must meet.
    pub condition: Condition,
    /// The reason why it could not be parsed as it was meant.
    pub warning: Option<String>,
}

/// A condition on papers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A phrase: as written, and its spellings, folded.
    Phrase(String, Vec<String>),
    /// An author.
    Author(String),
    /// A category, or a pattern like `cs.*`.
    Category(String),
    /// All of these.
    All(Vec<Condition>),
    /// One of these.
    Any(Vec<Condition>),
}

impl Expression {
    /// Parses a keyword; `None` if it holds nothing to search for.
    pub fn read(written: &str) -> Option<Expression> {
        let written = written.trim();
        let tokens = tokens(written);
        let is_plain = tokens
            .iter()
            .all(|token| matches!(token, Lexeme::Word(word) if field(word).is_none()))
            && tokens.first() != Some(&Lexeme::Word("NOT".to_owned()));
        let parsed = if is_plain {
            phrase(written)
        } else {
            Parser {
                tokens: &tokens,
                at: 0,
            }
            .whole()
        };
        let (condition, warning) = match parsed {
            Ok(condition) => {
                let warning = misplaced_star(&condition);
                (condition, warning)
            }
            // The words of a malformed keyword are still searched for.
            Err(warning) => (phrase(&plain_words(&tokens)).ok()?, Some(warning)),
        };
        Some(Expression {
            written: written.to_owned(),
            condition,
            warning,
        })
    }

    /// The warning to show to the person who enters a keyword.
    pub fn warning_for(written: &str) -> Option<String> {
        match Expression::read(written) {
            Some(expression) => expression.warning,
            None if fold_phrase(written)
                .iter()
                .any(|folded| is_in_every_text(folded)) =>
            {
                Some(
                    "it is in nearly every paper, so it is left out: write more of what you mean"
                        .to_owned(),
                )
            }
            None => Some("it contains no word, so it matches nothing".to_owned()),
        }
    }

    /// Its phrases without signs of syntax.
    pub fn phrases(&self) -> Vec<&str> {
        let mut found = Vec::new();
        collect(&self.condition, &mut found);
        found
    }
}

fn collect<'a>(condition: &'a Condition, into: &mut Vec<&'a str>) {
    match condition {
        Condition::Phrase(written, _) => into.push(written.trim_end_matches('*')),
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                collect(part, into);
            }
        }
        Condition::Author(_) | Condition::Category(_) => {}
    }
}

/// Shorter prefixes match words of nearly every text.
const PREFIX_MIN: usize = 2;

fn misplaced_star(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Phrase(written, folded) => {
            let stars = written.matches('*').count();
            let is_open = folded.iter().any(|folded| folded.ends_with('*'));
            let is_astray = stars > usize::from(is_open);
            is_astray.then(|| "* may only stand at the end of a phrase".to_owned())
        }
        Condition::All(parts) | Condition::Any(parts) => parts.iter().find_map(misplaced_star),
        Condition::Author(_) | Condition::Category(_) => None,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lexeme {
    Open,
    Close,
    And,
    Or,
    /// A text in quotation marks.
    Quoted(String),
    Word(String),
    /// A text behind a quotation mark that is never closed.
    Unclosed(String),
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»')
}

fn tokens(text: &str) -> Vec<Lexeme> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if c == '(' || c == ')' {
            chars.next();
            tokens.push(if c == '(' {
                Lexeme::Open
            } else {
                Lexeme::Close
            });
        } else if is_quote(c) {
            chars.next();
            let mut inside = String::new();
            let mut is_closed = false;
            for c in chars.by_ref() {
                if is_quote(c) {
                    is_closed = true;
                    break;
                }
                inside.push(c);
            }
            if is_closed && chars.next_if_eq(&'*').is_some() {
                inside.push('*');
            }
            tokens.push(if is_closed {
                Lexeme::Quoted(inside)
            } else {
                Lexeme::Unclosed(inside)
            });
        } else {
            let mut word = String::new();
            // `f(x)` and `2"` are words; `a)` ends a group if one was opened.
            while let Some(c) = chars
                .next_if(|c| !(c.is_whitespace() || *c == ')' || is_quote(*c) && ends_field(&word)))
            {
                word.push(c);
                if c == '(' {
                    word.extend(std::iter::from_fn(|| chars.next_if(|c| *c != ')')));
                    word.extend(chars.next());
                }
            }
            tokens.push(match word.as_str() {
                "AND" | "&&" => Lexeme::And,
                "OR" | "||" => Lexeme::Or,
                _ => Lexeme::Word(word),
            });
        }
    }
    // Without an operator or a quote, brackets are part of a phrase.
    let is_combined = tokens.iter().any(|token| {
        matches!(
            token,
            Lexeme::And | Lexeme::Or | Lexeme::Quoted(_) | Lexeme::Unclosed(_)
        )
    });
    if !is_combined {
        tokens.retain(|token| !matches!(token, Lexeme::Open | Lexeme::Close));
    }
    tokens
}

fn ends_field(word: &str) -> bool {
    word.ends_with(':') && field(word).is_some()
}

/// The field `author:` or `category:` at the start of a word, and the rest of it.
fn field(word: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = word.split_once(':')?;
    let known = ["author", "category"]
        .into_iter()
        .find(|known| name.eq_ignore_ascii_case(known))?;
    Some((known, rest))
}

fn plain_words(tokens: &[Lexeme]) -> String {
    let words = tokens.iter().filter_map(|token| match token {
        Lexeme::Quoted(text) | Lexeme::Unclosed(text) | Lexeme::Word(text) => Some(text.as_str()),
        Lexeme::Open | Lexeme::Close | Lexeme::And | Lexeme::Or => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a phrase is in nearly every text: `the`, `of the`, `w*`.
fn is_in_every_text(folded: &str) -> bool {
    let (words, is_open) = match folded.strip_suffix('*') {
        Some(start) => (start, true),
        None => (folded, false),
    };
    let is_short_start = is_open && words.is_ascii() && words.len() < PREFIX_MIN;
    !words.is_empty() && (is_short_start || words.split(' ').all(is_stop_word))
}

fn phrase(written: &str) -> Result<Condition, String> {
    let folded = fold_phrase(written);
    if folded.is_empty() {
        return Err(format!("{written:?} contains no word"));
    }
    // It would pin every paper of a day, or exclude all of them.
    if folded.iter().any(|folded| is_in_every_text(folded)) {
        return Err(format!("{written:?} is in nearly every paper"));
    }
    Ok(Condition::Phrase(written.to_owned(), folded))
}

struct Parser<'a> {
    tokens: &'a [Lexeme],
    at: usize,
}

impl Parser<'_> {
    fn whole(mut self) -> Result<Condition, String> {
        let condition = self.any(0)?;
        match self.tokens.get(self.at) {
            None => Ok(condition),
            Some(_) => Err("a bracket is closed that was never opened".to_owned()),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.all(depth)?];
        while self.tokens.get(self.at) == Some(&Lexeme::Or) {
            self.at += 1;
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Condition::Any(parts)
        })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut parts = vec![self.one(depth)?];
        loop {
            match self.tokens.get(self.at) {
                Some(Lexeme::And) => self.at += 1,
                // Two terms side by side are both required, as in any search.
                Some(Lexeme::Open | Lexeme::Quoted(_) | Lexeme::Word(_) | Lexeme::Unclosed(_)) => {}
                _ => break,
            }
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Condition::All(parts)
        })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, String> {
        const DEPTH_MAX: usize = 20;
        let token = self
            .tokens
            .get(self.at)
            .ok_or("something is missing at its end")?;
        self.at += 1;
        match token {
            Lexeme::Open if depth < DEPTH_MAX => {
                let inside = self.any(depth + 1)?;
                if self.tokens.get(self.at) != Some(&Lexeme::Close) {
                    return Err("a bracket is opened and never closed".to_owned());
                }
                self.at += 1;
                Ok(inside)
            }
            Lexeme::Open => Err("it has too many brackets".to_owned()),
            Lexeme::Close => {
                Err("there is nothing in a bracket, or it was never opened".to_owned())
            }
            Lexeme::And => Err("something is missing beside AND".to_owned()),
            Lexeme::Or => Err("something is missing beside OR".to_owned()),
            Lexeme::Unclosed(_) => Err("a quotation mark is missing".to_owned()),
            Lexeme::Quoted(text) => phrase(text),
            Lexeme::Word(word) if word == "NOT" => {
                Err("NOT is not understood: what must not be there goes into must_not".to_owned())
            }
            Lexeme::Word(word) => {
                let mut text = field(word)
                    .map_or(word.as_str(), |(_, rest)| rest)
                    .to_owned();
                if let (true, Some(Lexeme::Quoted(quoted))) =
                    (text.is_empty(), self.tokens.get(self.at))
                {
                    text.clone_from(quoted);
                    self.at += 1;
                } else {
                    // Words up to the next sign are one phrase.
                    while let Some(Lexeme::Word(next)) = self.tokens.get(self.at)
                        && field(next).is_none()
                        && next != "NOT"
                    {
                        text.push(' ');
                        text.push_str(next);
                        self.at += 1;
                    }
                }
                let text = text.trim().to_owned();
                match field(word) {
                    None => phrase(&text),
                    Some((name, _)) if crate::text::fold(&text).is_empty() => {
                        Err(format!("nothing follows {name}:"))
                    }
                    Some(("author", _)) => Ok(Condition::Author(text)),
                    Some(_) => Ok(Condition::Category(text)),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(condition: &Condition) -> String {
        let all = |parts: &[Condition], sign: &str| {
            format!(
                "({})",
                parts.iter().map(shown).collect::<Vec<_>>().join(sign)
            )
        };
        match condition {
            Condition::Phrase(_, folded) => folded.join(" / "),
            Condition::Author(name) => format!("@{name}"),
            Condition::Category(pattern) => format!("#{pattern}"),
            Condition::All(parts) => all(parts, " & "),
            Condition::Any(parts) => all(parts, " | "),
        }
    }

    #[track_caller]
    fn check(written: &str, expected: &str) {
        let read = Expression::read(written).unwrap();
        assert_eq!(
            (shown(&read.condition).as_str(), read.warning),
            (expected, None),
            "{written}"
        );
    }

    #[track_caller]
    fn check_broken(written: &str, expected: &str, warning: &str) {
        let read = Expression::read(written).unwrap();
        assert_eq!(shown(&read.condition), expected, "{written}");
        assert!(
            read.warning
                .as_deref()
                .is_some_and(|said| said.contains(warning)),
            "{:?}",
            read.warning
        );
    }

    #[test]
    fn keywords_of_every_form_are_parsed() {
        check("Low-Rank adaptation", "low rank adaptation");
        check("signal and noise", "signal and noise");
        check("molecul*", "molecul*");
        check("f(x) models", "f x models");
        check("(2+1) gravity", "2 1 gravity");
        check(
            "\"graph neural\" AND molecule*",
            "(graph neural & molecule*)",
        );
        check("graph neural AND molecule*", "(graph neural & molecule*)");
        check("a1 OR b1 AND c1", "(a1 | (b1 & c1))");
        check("(a1 OR “b1 b2”) AND c1", "((a1 | b1 b2) & c1)");
        check("\"a b\" \"c d\"", "(a b & c d)");
        check("\"graph neur\"*", "graph neur*");
        check("author:Emmy Noether", "@Emmy Noether");
        check(
            "author:\"Noether, Emmy\" AND ring*",
            "(@Noether, Emmy & ring*)",
        );
        check("Category:cs.*", "#cs.*");
        check("大规模 OR 语言模型", "(大规模 | 语言模型)");
        check("vitamin C: a review", "vitamin c a review");
        check("α-synuclein", "alpha synuclein");
        check("ΛCDM OR TGF-β*", "(lambdacdm / lambda cdm | tgf beta*)");
    }

    #[test]
    fn a_malformed_keyword_is_a_phrase_with_a_warning() {
        check_broken("graph AND", "graph", "missing at its end");
        check_broken("OR graph", "graph", "missing beside OR");
        check_broken("\"graph neural", "graph neural", "quotation mark");
        check_broken("(graph OR net", "graph net", "never closed");
        check_broken("graph OR net)", "graph net", "never opened");
        check_broken(
            "graph AND NOT net",
            "graph NOT net".to_lowercase().as_str(),
            "must_not",
        );
        check_broken("mol*cule", "mol cule", "at the end");
        check_broken("author:", "author", "nothing follows");
        check_broken("NOT net", "not net", "must_not");
        check_broken("the AND net*", "the net*", "nearly every");
        for common in ["a*", "the", "Of the", "a", "\"in this\""] {
            assert_eq!(Expression::read(common), None, "{common:?}");
            assert!(
                Expression::warning_for(common).is_some_and(|said| said.contains("nearly every"))
            );
        }
        for empty in ["", " * ", "\"\"", "AND", "()", "…"] {
            assert_eq!(Expression::read(empty), None, "{empty:?}");
            assert!(Expression::warning_for(empty).is_some());
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(written in "[a-z()\"* ]{0,20}|(AND|OR|NOT|\\(|\\)|\"|author:| |[a-z]{1,3}){0,12}|\\PC{0,20}") {
            if let Some(read) = Expression::read(&written) {
                prop_assert!(!shown(&read.condition).is_empty());
            }
        }
    }
}
