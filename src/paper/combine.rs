//! Merges the records that sources have of one work. Pure.

use super::{Paper, PaperId, Registry, WorkIds};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Longer abstracts hold the full text of the paper.
const ABSTRACT_CHARS_MAX: usize = 8_000;

/// Limit on the categories of other sources that are kept beside arXiv's: some send
/// dozens of keywords.
const FOREIGN_CATEGORIES_MAX: usize = 3;

impl Paper {
    /// Updates a source's record of a paper with a newer one.
    ///
    /// A record of an earlier version changes nothing but the announcement day: the earliest
    /// one is kept, since a replacement is not a new paper. A field that the newer record
    /// lacks keeps its value, and a truncated abstract does not replace a whole one.
    /// abstract that breaks off.
    #[must_use]
    pub fn updated_by(&self, news: &Paper) -> Paper {
        let announced = earliest(self.announced, news.announced);
        let is_older = matches!((self.version, news.version), (Some(known), Some(said)) if said < known)
            || matches!((self.updated, news.updated), (Some(known), Some(said)) if said < known);
        if is_older {
            return Paper {
                announced,
                ..self.clone()
            };
        }
        let is_newer =
            matches!((self.version, news.version), (Some(known), Some(said)) if said > known);
        let or_known = |said: &String, known: &String| {
            if said.is_empty() {
                known.clone()
            } else {
                said.clone()
            }
        };
        let list_or_known = |said: &Vec<String>, known: &Vec<String>| {
            if said.is_empty() {
                known.clone()
            } else {
                said.clone()
            }
        };
        let breaks_off = !is_whole(&news.abstract_text)
            && self.abstract_text.starts_with(stem(&news.abstract_text));
        Paper {
            id: self.id.clone(),
            version: news.version.or(self.version),
            title: or_known(&news.title, &self.title),
            abstract_text: if breaks_off {
                self.abstract_text.clone()
            } else {
                or_known(&news.abstract_text, &self.abstract_text)
            },
            authors: if !is_newer && is_worse_list(&news.authors, &self.authors) {
                self.authors.clone()
            } else {
                list_or_known(&news.authors, &self.authors)
            },
            categories: list_or_known(&news.categories, &self.categories),
            announced,
            published: news.published.or(self.published),
            updated: news.updated.or(self.updated),
            url: news.url.clone().or_else(|| self.url.clone()),
            doi: news.doi.clone().or_else(|| self.doi.clone()),
            comment: news.comment.clone().or_else(|| self.comment.clone()),
            upvotes: news.upvotes.or(self.upvotes),
            same_as: union(&self.same_as, &news.same_as),
            journal: news.journal.clone().or_else(|| self.journal.clone()),
            code: news.code.clone().or_else(|| self.code.clone()),
            withdrawn: news.withdrawn || self.withdrawn,
        }
    }
}

/// The known values, then the new ones, each once.
fn union(known: &[PaperId], news: &[PaperId]) -> Vec<PaperId> {
    let mut all = known.to_vec();
    all.extend(news.iter().filter(|id| !known.contains(id)).cloned());
    all
}

fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Merges the records of the work `id`; each comes with its source.
///
/// The order of the records does not matter. Title, address and comment are
/// those of the preprint in its newest version; the abstract is the longest
/// whole one, the authors are the longest and fullest list; journal and DOI are
/// those of the publisher.
///
/// # Panics
///
/// If there is no record.
#[must_use]
pub fn combine(id: &PaperId, records: &[(String, Paper)]) -> Paper {
    if let [(_, only)] = records {
        return Paper {
            id: id.clone(),
            ..only.clone()
        };
    }
    let mut records: Vec<&(String, Paper)> = records.iter().collect();
    records.sort_by_cached_key(|(source, paper)| {
        let rank = match paper.id.registry() {
            Registry::Arxiv => 0,
            Registry::Preprint => 1,
            Registry::OpenReview => 2,
            Registry::Doi => 3,
            Registry::PubMed | Registry::Pmc => 4,
            Registry::Index => 5,
            Registry::Other => 6,
        };
        (
            rank,
            Reverse(paper.version),
            Reverse(paper.updated),
            paper.id.clone(),
            source.clone(),
        )
    });
    let records: Vec<&Paper> = records.into_iter().map(|(_, paper)| paper).collect();
    let first = records.first().expect("a work has a record");
    let text = |of: fn(&Paper) -> Option<&String>| {
        records
            .iter()
            .find_map(|paper| of(paper).filter(|text| !text.is_empty()))
            .cloned()
    };
    let names: BTreeSet<PaperId> = records
        .iter()
        .flat_map(|paper| WorkIds::of(paper).iter().cloned().collect::<Vec<_>>())
        .collect();
    let own = records.iter().filter(|paper| paper.id == *id);
    Paper {
        id: id.clone(),
        version: own.filter_map(|paper| paper.version).max(),
        title: text(|paper| Some(&paper.title)).unwrap_or_else(|| first.title.clone()),
        abstract_text: best_abstract(&records),
        authors: best_authors(&records),
        categories: categories(&records),
        announced: records.iter().filter_map(|paper| paper.announced).min(),
        published: records.iter().filter_map(|paper| paper.published).min(),
        updated: records.iter().filter_map(|paper| paper.updated).max(),
        url: text(|paper| paper.url.as_ref()),
        doi: publisher_doi(&records),
        comment: text(|paper| paper.comment.as_ref()),
        upvotes: records.iter().filter_map(|paper| paper.upvotes).max(),
        same_as: names.into_iter().filter(|name| name != id).collect(),
        journal: journal(&records),
        code: text(|paper| paper.code.as_ref()),
        withdrawn: records.iter().any(|paper| paper.withdrawn),
    }
}

/// Whether a list of authors is shorter than another one that has all of its words: people
/// were joined to one entry, or the list was cut.
fn is_worse_list(authors: &[String], other: &[String]) -> bool {
    let words = |authors: &[String]| -> BTreeSet<String> {
        let all = authors.join(" ").to_lowercase();
        let words = all.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| !matches!(*word, "" | "and" | "et" | "al"))
            .map(str::to_owned)
            .collect()
    };
    authors.len() < other.len() && words(authors).is_subset(&words(other))
}

/// Whether an abstract ends with a sentence.
fn is_whole(text: &str) -> bool {
    !text.is_empty() && !text.ends_with('…') && !text.ends_with("...")
}

/// The part of a truncated abstract before the mark of truncation.
fn stem(text: &str) -> &str {
    text.trim_end_matches(['…', '.', ' '])
}

fn best_abstract(records: &[&Paper]) -> String {
    let length = |paper: &&Paper| paper.abstract_text.chars().count();
    let sensible =
        |paper: &&&Paper| is_whole(&paper.abstract_text) && length(paper) <= ABSTRACT_CHARS_MAX;
    // A longer abstract of an earlier version does not replace the newer one.
    let newest = |paper: &&&Paper| {
        let later = |other: &&&Paper| other.id == paper.id && other.version > paper.version;
        !records
            .iter()
            .any(|other| later(&other) && is_whole(&other.abstract_text))
    };
    let longest = records
        .iter()
        .filter(sensible)
        .filter(newest)
        .map(length)
        .max();
    let chosen = match longest {
        // A fifth more may be a copyright line.
        Some(longest) => records
            .iter()
            .filter(sensible)
            .filter(newest)
            .find(|paper| length(paper) * 5 >= longest * 4),
        None => records.iter().max_by_key(|paper| {
            (
                length(paper).min(ABSTRACT_CHARS_MAX),
                Reverse(&paper.abstract_text),
            )
        }),
    };
    chosen
        .map(|paper| paper.abstract_text.clone())
        .unwrap_or_default()
}

fn best_authors(records: &[&Paper]) -> Vec<String> {
    let is_cut = |paper: &Paper| {
        paper
            .authors
            .last()
            .is_some_and(|last| last.to_lowercase().contains("et al"))
    };
    let is_full = |name: &&String| {
        let given = name.split([' ', ',']).filter(|word| !word.is_empty());
        given
            .filter(|word| word.trim_end_matches('.').chars().count() > 1)
            .count()
            > 1
    };
    let value = |paper: &Paper| {
        (
            !is_cut(paper),
            paper.authors.len(),
            paper.authors.iter().filter(is_full).count(),
        )
    };
    let mut best: &[String] = &[];
    let mut most = (false, 0, 0);
    for paper in records {
        if value(paper) > most && !paper.authors.is_empty() {
            (best, most) = (&paper.authors, value(paper));
        }
    }
    best.to_vec()
}

/// arXiv's categories of the newest version first, then a few of the other sources'.
fn categories(records: &[&Paper]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |categories: &[String], most: usize| {
        for category in categories.iter().take(most) {
            if !all.iter().any(|known| known.eq_ignore_ascii_case(category)) {
                all.push(category.clone());
            }
        }
    };
    let own = records
        .iter()
        .find(|paper| paper.id.is_arxiv() && !paper.categories.is_empty());
    if let Some(own) = own {
        add(&own.categories, usize::MAX);
        let mut room = FOREIGN_CATEGORIES_MAX;
        for paper in records.iter().filter(|paper| !paper.id.is_arxiv()) {
            add(&paper.categories, room);
            room = room.saturating_sub(paper.categories.len());
        }
    } else {
        for paper in records {
            add(&paper.categories, usize::MAX);
        }
    }
    all
}

fn publisher_doi(records: &[&Paper]) -> Option<String> {
    let of = |registry: Registry| {
        let ids = records
            .iter()
            .filter(move |paper| paper.id.registry() == registry)
            .map(|paper| paper.id.to_string());
        let named = records.iter().filter_map(move |paper| {
            let doi = paper.doi.as_ref()?;
            let is_so = doi
                .parse()
                .is_ok_and(|id: PaperId| id.registry() == registry);
            is_so.then(|| doi.clone())
        });
        let also = records.iter().flat_map(|paper| &paper.same_as);
        let also = also
            .filter(move |id| id.registry() == registry)
            .map(PaperId::to_string);
        named.chain(ids).chain(also).next()
    };
    of(Registry::Doi)
        .or_else(|| of(Registry::Preprint))
        .or_else(|| records.iter().find_map(|paper| paper.doi.clone()))
}

/// The journal of the publisher's record, else of any other.
fn journal(records: &[&Paper]) -> Option<String> {
    let (published, others): (Vec<&&Paper>, Vec<&&Paper>) = records.iter().partition(|paper| {
        matches!(
            paper.id.registry(),
            Registry::Doi | Registry::PubMed | Registry::Pmc
        )
    });
    published
        .into_iter()
        .chain(others)
        .find_map(|paper| paper.journal.clone().filter(|journal| !journal.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn paper(id: &str, change: impl FnOnce(&mut Paper)) -> (String, Paper) {
        let mut paper = Paper::new(id.parse().unwrap(), "A title".to_owned());
        change(&mut paper);
        ("source".to_owned(), paper)
    }

    #[test]
    fn a_worse_list_of_authors_never_overwrites_a_better_one() {
        let with = |version, authors: &[&str]| {
            let (_, paper) = paper("2611.10011", |paper| {
                paper.version = Some(version);
                paper.authors = authors.iter().map(|name| (*name).to_owned()).collect();
            });
            paper
        };
        let known = with(1, &["Ines Moreau", "Chidi Okafor"]);
        for worse in [
            &["Ines Moreau and Chidi Okafor"][..],
            &["Ines Moreau et al."],
            &["I. Moreau"][..0],
        ] {
            assert_eq!(
                known.updated_by(&with(1, worse)).authors,
                known.authors,
                "{worse:?}"
            );
        }
        for better in [
            &["Ines Moreau", "Chidi Okafor", "Ann Poe"][..],
            &["Ann Poe"],
        ] {
            assert_eq!(known.updated_by(&with(1, better)).authors, better);
        }
        // A new version may drop an author.
        assert_eq!(
            known.updated_by(&with(2, &["Ines Moreau"])).authors,
            ["Ines Moreau"]
        );
    }

    fn sentences(number: usize) -> String {
        "We count sheep again. ".repeat(number).trim().to_owned()
    }

    #[track_caller]
    fn check_abstract(abstracts: &[&str], expected: &str) {
        let records: Vec<_> = abstracts
            .iter()
            .enumerate()
            .map(|(at, text)| {
                paper(&format!("pmid:{at}"), |paper| {
                    paper.abstract_text = (*text).to_owned();
                })
            })
            .collect();
        assert_eq!(combine(&records[0].1.id, &records).abstract_text, expected);
    }

    #[test]
    fn the_longest_whole_abstract_is_the_best() {
        let (short, long, cut) = (sentences(2), sentences(9), format!("{}…", sentences(20)));
        check_abstract(&[&short, &long], &long);
        check_abstract(&[&long, &short], &long);
        check_abstract(&[&cut, &long], &long);
        check_abstract(&["", &cut], &cut);
        check_abstract(&[&long, &sentences(2_000)], &long);
        // If two hardly differ in length, the one of the better source is taken.
        let more = format!("{long} Copyright 2026.");
        check_abstract(&[&long, &more], &long);
        check_abstract(&["", ""], "");
    }

    #[test]
    fn the_fullest_list_of_authors_is_the_best() {
        let check = |lists: &[&[&str]], expected: usize| {
            let records: Vec<_> = lists
                .iter()
                .enumerate()
                .map(|(at, names)| {
                    paper(&format!("pmid:{at}"), |paper| {
                        paper.authors = names.iter().map(|&n| n.to_owned()).collect();
                    })
                })
                .collect();
            assert_eq!(combine(&records[0].1.id, &records).authors, lists[expected]);
        };
        check(&[&["A. Lovelace"], &["Ada Lovelace"]], 1);
        check(&[&["A. Lovelace", "E. Noether"], &["Ada Lovelace"]], 0);
        check(
            &[
                &["Ada Lovelace", "Emmy Noether", "et al."],
                &["A. Lovelace", "E. Noether"],
            ],
            1,
        );
        check(&[&[], &["Ada Lovelace"]], 1);
    }

    #[test]
    fn the_categories_of_arxiv_come_first_and_others_do_not_drown_them() {
        let categories = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let records = [
            paper("pmid:1", |paper| {
                paper.categories = categories(&["Sheep", "Wool", "cs.lg", "Grass", "Hills"]);
            }),
            paper("2510.00001", |paper| {
                paper.categories = categories(&["cs.LG", "stat.ML"]);
            }),
        ];
        assert_eq!(
            combine(&records[0].1.id, &records).categories,
            ["cs.LG", "stat.ML", "Sheep", "Wool"]
        );
        let own = combine(&records[0].1.id, &records[..1]);
        assert_eq!(own.categories.len(), 5);
    }

    #[test]
    fn a_work_keeps_its_first_announcement_and_all_its_names() {
        let day = |text: &str| Some(text.parse().unwrap());
        let records = [
            paper("10.1000/x", |paper| {
                paper.announced = day("2026-08-05");
                paper.journal = Some("Sheep".to_owned());
            }),
            paper("2510.00001", |paper| {
                paper.announced = day("2025-10-01");
                paper.version = Some(2);
                paper.upvotes = Some(3);
                paper.journal = Some("to appear in Sheep".to_owned());
            }),
            paper("pmid:1", |paper| paper.doi = Some("10.1000/X".to_owned())),
        ];
        let work = combine(&records[0].1.id, &records);
        assert_eq!(work.announced, day("2025-10-01"));
        assert_eq!(
            work.same_as,
            ["2510.00001".parse().unwrap(), "pmid:1".parse().unwrap()]
        );
        assert_eq!(
            (work.journal.as_deref(), work.upvotes),
            (Some("Sheep"), Some(3))
        );
        assert_eq!(work.doi.as_deref(), Some("10.1000/X"));
        assert_eq!(combine(&records[1].1.id, &records).version, Some(2));
    }

    #[test]
    fn an_abstract_that_breaks_off_does_not_replace_a_whole_one() {
        let whole = paper("2510.00001", |paper| paper.abstract_text = sentences(3)).1;
        let cut = Paper {
            abstract_text: "We count sheep again. We…".to_owned(),
            ..whole.clone()
        };
        assert_eq!(whole.updated_by(&cut), whole);
        assert_eq!(cut.updated_by(&whole), whole);
        let other = Paper {
            abstract_text: "We gave up…".to_owned(),
            ..whole.clone()
        };
        assert_eq!(whole.updated_by(&other), other);
    }

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter(
            records in proptest::collection::vec(
                (0..4_usize, 0..3_u32, 0..3_usize, 0..3_usize, 0..4_u32), 1..6),
            swap in any::<prop::sample::Index>(),
        ) {
            let ids = ["2510.00001", "10.1000/x", "pmid:1", "openreview:abcdef"];
            let mut seen = std::collections::BTreeSet::new();
            let mut records: Vec<(String, Paper)> = records
                .into_iter()
                .enumerate()
                .map(|(at, (id, version, text, authors, votes))| {
                    let (_, paper) = paper(ids[id], |paper| {
                        paper.version = (version > 0).then_some(version);
                        paper.title = format!("Title {at}");
                        paper.abstract_text = format!("{at} {}", sentences(text));
                        paper.authors = vec![format!("Ada {at} Lovelace"); authors];
                        paper.upvotes = Some(votes);
                        paper.journal = Some(format!("Journal {at}"));
                    });
                    (format!("source {at}"), paper)
                })
                .filter(|(source, paper)| seen.insert((source.clone(), paper.id.clone())))
                .collect();
            let id: PaperId = "2510.00001".parse().unwrap();
            let before = combine(&id, &records);
            let at = swap.index(records.len());
            records.rotate_left(at);
            records.reverse();
            prop_assert_eq!(combine(&id, &records), before);
        }
    }
}
