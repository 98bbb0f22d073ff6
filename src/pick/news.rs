//! News of a paper: changes after its announcement.

use crate::paper::{Paper, PaperId, Registry};
use serde::{Deserialize, Serialize};

/// A change of a paper after its announcement.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperNews {
    /// A new version, with its number.
    Replaced(u32),
    /// Published there: the journal, or the DOI if no more is known.
    Published(String),
    /// Withdrawn by its authors or its publisher.
    Withdrawn,
}

impl PaperNews {
    /// The changes of a paper between two of its records.
    pub fn between(before: &Paper, after: &Paper) -> Vec<PaperNews> {
        let mut news = Vec::new();
        if let (Some(known), Some(said)) = (before.version, after.version)
            && known < said
        {
            news.push(PaperNews::Replaced(said));
        }
        if publication(before).is_none() {
            news.extend(publication(after).map(PaperNews::Published));
        }
        if after.withdrawn && !before.withdrawn {
            news.push(PaperNews::Withdrawn);
        }
        news
    }

    /// Its word in the database.
    pub fn word(&self) -> &'static str {
        match self {
            PaperNews::Replaced(_) => "replaced",
            PaperNews::Published(_) => "published",
            PaperNews::Withdrawn => "withdrawn",
        }
    }

    /// The value that belongs to the word; may be empty.
    pub fn detail(&self) -> String {
        match self {
            PaperNews::Replaced(version) => version.to_string(),
            PaperNews::Published(place) => place.clone(),
            PaperNews::Withdrawn => String::new(),
        }
    }

    /// Reads the values of [`word`](Self::word) and [`detail`](Self::detail).
    pub fn read(word: &str, detail: &str) -> Option<PaperNews> {
        match word {
            "replaced" => detail.parse().ok().map(PaperNews::Replaced),
            "published" => Some(PaperNews::Published(detail.to_owned())),
            "withdrawn" => Some(PaperNews::Withdrawn),
            _ => None,
        }
    }
}

/// The place of publication: the journal, or the publisher's DOI.
fn publication(paper: &Paper) -> Option<String> {
    let is_published = |name: &PaperId| name.registry() == Registry::Doi;
    let doi = paper
        .doi
        .iter()
        .filter_map(|doi| doi.parse().ok())
        .chain([paper.id.clone()])
        .find(is_published);
    let journal = paper
        .journal
        .clone()
        .filter(|journal| !journal.trim().is_empty());
    journal.or_else(|| doi.map(|doi| format!("doi.org/{doi}")))
}

#[cfg(test)]
mod tests {
    use super::PaperNews::{Published, Replaced, Withdrawn};
    use super::*;

    #[track_caller]
    fn check(change: impl Fn(&mut Paper), expected: &[PaperNews]) {
        let before = Paper {
            version: Some(1),
            ..Paper::new("2510.00001".parse().unwrap(), "a".to_owned())
        };
        let mut after = before.clone();
        change(&mut after);
        let news = PaperNews::between(&before, &after);
        assert_eq!(news, expected);
        assert_eq!(PaperNews::between(&after, &after), []);
        for news in news {
            assert_eq!(PaperNews::read(news.word(), &news.detail()), Some(news));
        }
    }

    #[test]
    fn what_became_of_a_paper_is_seen_in_what_is_known_of_it() {
        check(|paper| paper.title = "b".to_owned(), &[]);
        check(|paper| paper.version = Some(3), &[Replaced(3)]);
        check(
            |paper| paper.doi = Some("10.1000/x".to_owned()),
            &[Published("doi.org/10.1000/x".to_owned())],
        );
        check(
            |paper| paper.doi = Some("10.1101/2025.01.01.1".to_owned()),
            &[],
        );
        check(
            |paper| paper.journal = Some("Sheep 3".to_owned()),
            &[Published("Sheep 3".to_owned())],
        );
        check(
            |paper| {
                paper.version = Some(2);
                paper.withdrawn = true;
            },
            &[Replaced(2), Withdrawn],
        );
    }
}
