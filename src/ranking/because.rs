//! One thing that speaks for a pick, and the words in which it is stored.
//!
//! Reasons are stored as English text. Whoever shows them in another language
//! reads them back with [`read`].

use std::fmt;

/// Between two reasons.
const BETWEEN: &str = " · ";

/// One thing that speaks for a pick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// These people, whom the subscriber follows, wrote it; joined by "and".
    Author(String),
    /// It holds this phrase.
    Phrase(String),
    /// It is like the paper of this title, which they liked.
    Liked(String),
    /// This person wrote it, and papers that they liked.
    LikedAuthor(String),
    /// It is tried: near the line of this interest, and unlike its other picks.
    Beyond(String),
    /// It is about this; joined by commas.
    About(String),
    /// It is close in meaning to a paper of this title that they liked, or to the words of this interest.
    Meaning(String),
    /// It is in this category, as are papers that they liked.
    Field(String),
    /// It is new in this category.
    NewIn(String),
    /// It is new.
    New,
    /// So many voted for it.
    Votes(u32),
    /// Something else.
    Other(String),
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Because::Author(names) => write!(f, "by {names}, whom you follow"),
            Because::Phrase(phrase) => write!(f, "matches “{phrase}”"),
            Because::Liked(title) => write!(f, "like “{title}”, which you liked"),
            Because::LikedAuthor(name) => write!(f, "by {name}, whose papers you liked"),
            Because::Beyond(interest) => write!(f, "exploring beyond “{interest}”"),
            Because::About(terms) => write!(f, "about {terms}"),
            Because::Meaning(title) => write!(f, "close in meaning to “{title}”"),
            Because::Field(category) => write!(f, "in {category}, as are papers you liked"),
            Because::NewIn(category) => write!(f, "new in {category}"),
            Because::New => f.write_str("newly announced"),
            Because::Votes(1) => f.write_str("trending with 1 vote"),
            Because::Votes(count) => write!(f, "trending with {count} votes"),
            Because::Other(text) => f.write_str(text),
        }
    }
}

/// The text that is stored for `all`.
pub fn write(all: &[Because]) -> String {
    all.iter()
        .map(Because::to_string)
        .collect::<Vec<_>>()
        .join(BETWEEN)
}

/// What was written; whatever is not recognised is [`Because::Other`].
pub fn read(text: &str) -> Vec<Because> {
    text.split(BETWEEN)
        .filter(|part| !part.is_empty())
        .map(read_one)
        .collect()
}

fn read_one(part: &str) -> Because {
    let between = |start: &str, end: &str| {
        let inner = part.strip_prefix(start)?.strip_suffix(end)?;
        (!inner.is_empty()).then(|| inner.to_owned())
    };
    between("by ", ", whom you follow")
        .map(Because::Author)
        .or_else(|| between("matches “", "”").map(Because::Phrase))
        .or_else(|| between("like “", "”, which you liked").map(Because::Liked))
        .or_else(|| between("by ", ", whose papers you liked").map(Because::LikedAuthor))
        .or_else(|| between("exploring beyond “", "”").map(Because::Beyond))
        .or_else(|| between("about ", "").map(Because::About))
        .or_else(|| between("close in meaning to “", "”").map(Because::Meaning))
        .or_else(|| between("in ", ", as are papers you liked").map(Because::Field))
        .or_else(|| between("new in ", "").map(Because::NewIn))
        .or_else(|| (part == "newly announced").then_some(Because::New))
        .or_else(|| {
            let count = between("trending with ", " votes")
                .or_else(|| between("trending with ", " vote"))?;
            count.parse().ok().map(Because::Votes)
        })
        .unwrap_or_else(|| Because::Other(part.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let own = str::to_owned;
        let all = vec![
            Because::Author(own("Ada Lovelace and Tri Dao")),
            Because::Phrase(own("low-rank “x”")),
            Because::Liked(own("On Lamps, which you liked")),
            Because::LikedAuthor(own("Ada Lovelace")),
            Because::Beyond(own("Lamps “x”")),
            Because::About(own("salt, glass")),
            Because::Meaning(own("On Lamps")),
            Because::Field(own("Robotics")),
            Because::NewIn(own("Robotics")),
            Because::New,
            Because::Votes(1),
            Because::Votes(42),
            Because::Other(own("read by your neighbours")),
        ];
        assert_eq!(read(&write(&all)), all);
        assert_eq!(read(""), []);
        // A title with our own sign in it is still said, only not translated.
        let torn = read("like “A · B”, which you liked");
        assert_eq!(
            torn,
            [
                Because::Other(own("like “A")),
                Because::Other(own("B”, which you liked"))
            ]
        );
    }
}
