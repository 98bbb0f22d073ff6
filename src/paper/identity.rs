//! Decides which records describe the same work. Pure.
//!
//! Records that share an id describe the same work, and so do records with the same title
//! and first author, unless one of these contradicts it:
//!
//! - two different arXiv ids are two works, whatever else they share;
//! - title and author do not join records with different publisher DOIs, different DOIs of
//!   one preprint server, or different PubMed ids: an erratum, a second part and a yearly
//!   report may have the title of another work;
//! - nor two records of one source with different ids of one kind;
//! - nor records whose years are far apart, and generic titles (`Editorial`,
//!   `Introduction`) are not compared.

use super::{Paper, PaperId, Registry, split_dois};
use crate::text::{family_name, fold};
use chrono::Datelike;
use std::collections::BTreeSet;

/// The most years between a preprint and its publication.
const YEARS_MAX: i32 = 3;

/// A shorter title may also be that of another work by the same author.
const LETTERS_MIN: usize = 16;
const WORDS_MIN: usize = 3;

/// Titles with these beginnings refer to another work, or to none.
const GENERIC: [&str; 28] = [
    "addendum",
    "announcement",
    "author correction",
    "author s reply",
    "authors reply",
    "book review",
    "call for papers",
    "corrections to",
    "correction to",
    "correction",
    "corrigendum",
    "editorial",
    "editors note",
    "errata",
    "erratum",
    "expression of concern",
    "foreword",
    "front matter",
    "guest editorial",
    "in memoriam",
    "introduction to the special",
    "letter to the editor",
    "obituary",
    "preface",
    "publisher correction",
    "publisher s note",
    "reply to",
    "retraction",
];

/// The ids of a work, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkIds(BTreeSet<PaperId>);

impl WorkIds {
    /// Every id in `paper`: its own, its DOIs and `same_as`. Only the first of several arXiv
    /// ids counts: no work has two.
    pub fn of(paper: &Paper) -> Self {
        let dois = paper
            .doi
            .iter()
            .flat_map(|doi| split_dois(doi))
            .filter_map(|doi| doi.parse().ok());
        let dois = dois.filter(|doi: &PaperId| doi.registry() != Registry::Other);
        let mut names = BTreeSet::new();
        let mut has_arxiv = false;
        for name in std::iter::once(paper.id.clone())
            .chain(paper.same_as.iter().cloned())
            .chain(dois)
        {
            let is_arxiv = name.is_arxiv();
            if !is_arxiv || !has_arxiv {
                names.insert(name);
            }
            has_arxiv |= is_arxiv;
        }
        WorkIds(names)
    }

    /// The ids, each once.
    pub fn iter(&self) -> impl Iterator<Item = &PaperId> {
        self.0.iter()
    }

    /// Whether they have an id in common.
    pub fn share_one(&self, other: &WorkIds) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// Whether both have ids of a kind of which a work has only one, and these differ.
    fn differ(&self, other: &WorkIds, among: impl Fn(&PaperId) -> bool) -> bool {
        let own: BTreeSet<&PaperId> = self.0.iter().filter(|name| among(name)).collect();
        let others: BTreeSet<&PaperId> = other.0.iter().filter(|name| among(name)).collect();
        !own.is_empty() && !others.is_empty() && own.is_disjoint(&others)
    }
}

/// A work with its records.
#[derive(Debug, Clone, Copy)]
pub struct WorkRecords<'a> {
    /// The merged record.
    pub paper: &'a Paper,
    /// The source and the id of each record.
    pub records: &'a [(String, PaperId)],
}

/// Whether two sets of ids belong to different works, whatever they share.
pub fn ids_contradict(a: &WorkIds, b: &WorkIds) -> bool {
    a.differ(b, PaperId::is_arxiv)
}

/// Whether two works are the same.
pub fn is_same_work(a: WorkRecords<'_>, b: WorkRecords<'_>) -> bool {
    let (a_names, b_names) = (WorkIds::of(a.paper), WorkIds::of(b.paper));
    if ids_contradict(&a_names, &b_names) {
        return false;
    }
    a_names.share_one(&b_names) || have_one_title(a, b, &a_names, &b_names)
}

fn have_one_title(
    a: WorkRecords<'_>,
    b: WorkRecords<'_>,
    a_names: &WorkIds,
    b_names: &WorkIds,
) -> bool {
    let Some(key) = title_and_author(a.paper) else {
        return false;
    };
    if title_and_author(b.paper) != Some(key) {
        return false;
    }
    let is_of = |registry| move |name: &PaperId| name.registry() == registry;
    let preprints = |names: &WorkIds| -> BTreeSet<String> {
        let dois = names
            .iter()
            .filter(|name| name.registry() == Registry::Preprint);
        dois.filter_map(|doi| doi.as_str().split_once('/'))
            .map(|(prefix, _)| prefix.to_owned())
            .collect()
    };
    let servers = preprints(a_names);
    let of_one_server = preprints(b_names)
        .into_iter()
        .filter(|server| servers.contains(server))
        .any(|server| {
            a_names.differ(b_names, |name| {
                name.registry() == Registry::Preprint
                    && name.as_str().split('/').next() == Some(server.as_str())
            })
        });
    let differ = of_one_server
        || [Registry::Doi, Registry::PubMed, Registry::Pmc]
            .into_iter()
            .any(|kind| a_names.differ(b_names, is_of(kind)));
    let listed_twice = a.records.iter().any(|(source, id)| {
        b.records.iter().any(|(other, other_id)| {
            source == other && id != other_id && kind(id) == kind(other_id)
        })
    });
    let years = year(a.paper).zip(year(b.paper));
    !differ && !listed_twice && years.is_none_or(|(a, b)| (a - b).abs() <= YEARS_MAX)
}

/// The kind of an id within its source.
fn kind(id: &PaperId) -> (Registry, &str) {
    let registry = id.registry();
    let space = id.as_str().split_once(':').map_or("", |(space, _)| space);
    (
        registry,
        if matches!(registry, Registry::Index | Registry::Other) {
            space
        } else {
            ""
        },
    )
}

fn year(paper: &Paper) -> Option<i32> {
    paper
        .published
        .map(|at| at.year())
        .or(paper.announced.map(|day| day.year()))
}

/// A hash that records with the same title and first author share; `None` if the title or
/// the author is too generic.
pub fn title_key(paper: &Paper) -> Option<i64> {
    let (title, family) = title_and_author(paper)?;
    // FNV-1a (draft-eastlake-fnv): the key is stored, so the hash must never change.
    let bytes = title.bytes().chain([b'|']).chain(family.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Some(hash.cast_signed())
}

/// The title and the first author in comparable form.
fn title_and_author(paper: &Paper) -> Option<(String, String)> {
    let family = paper
        .authors
        .first()
        .map(|name| family_name(name))
        .filter(|family| !family.is_empty())?;
    let title = fold(&paper.title);
    let is_generic = GENERIC.iter().any(|start| {
        title
            .strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let letters = title
        .chars()
        .filter(|c| *c != ' ')
        .map(|c| if c.is_ascii() { 1 } else { 2 })
        .sum::<usize>();
    let words = title.split(' ').count();
    let is_short = letters < LETTERS_MIN || (words < WORDS_MIN && title.is_ascii());
    // Spelling with a hyphen, a space or neither varies between sources.
    (!is_generic && !is_short).then(|| (title.replace(' ', ""), family))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record written as `id; other ids; title; first author; year`.
    fn record(text: &str) -> Paper {
        let mut parts = text.split(';').map(str::trim);
        let mut next = || parts.next().unwrap_or_default();
        let (id, others, title, author, year) = (next(), next(), next(), next(), next());
        Paper {
            same_as: others
                .split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect(),
            authors: if author.is_empty() {
                vec![]
            } else {
                vec![author.to_owned()]
            },
            published: (!year.is_empty())
                .then(|| format!("{year}-06-01T00:00:00Z").parse().unwrap()),
            ..Paper::new(id.parse().unwrap(), title.to_owned())
        }
    }

    #[track_caller]
    fn check_from(sources: [&str; 2], a: &str, b: &str, expected: bool) {
        let (a, b) = (record(a), record(b));
        let a_records = [(sources[0].to_owned(), a.id.clone())];
        let b_records = [(sources[1].to_owned(), b.id.clone())];
        let (a, b) = (
            WorkRecords {
                paper: &a,
                records: &a_records,
            },
            WorkRecords {
                paper: &b,
                records: &b_records,
            },
        );
        assert_eq!(
            is_same_work(a, b),
            expected,
            "{} and {}",
            a.paper.id,
            b.paper.id
        );
        assert_eq!(
            is_same_work(b, a),
            expected,
            "{} and {}",
            b.paper.id,
            a.paper.id
        );
    }

    #[track_caller]
    fn check(a: &str, b: &str, expected: bool) {
        check_from(["one", "another"], a, b, expected);
    }

    const TITLE: &str = "Counting sheep in linear time";

    #[test]
    fn records_that_share_a_name_are_one_work() {
        check(
            "2510.00001; 10.1000/x; A title",
            "10.1000/X;; Another title",
            true,
        );
        check("pmid:1; 10.1000/x; A", "PMC7; pmid:1; B", true);
        check(
            "openreview:abcdef; 2510.00001; A",
            "10.48550/arXiv.2510.00001;; B",
            true,
        );
        check(
            "10.1101/2025.01.01.123456v1;; A",
            "10.1101/2025.01.01.123456v2;; B",
            true,
        );
        check("2510.00001;; A", "2510.00002;; B", false);
    }

    #[test]
    fn two_names_from_arxiv_are_two_works_whatever_they_share() {
        let one = format!("2510.00001; 10.1000/x; {TITLE}; Ada Lovelace; 2025");
        check(
            &one,
            &format!("2510.00002; 10.1000/x; {TITLE}; Ada Lovelace; 2025"),
            false,
        );
        check("2510.00001; 2510.00002; A", "2510.00002;; B", false);
        check(
            "2510.00001; 10.48550/arXiv.2510.00002; A",
            "2510.00002;; B",
            false,
        );
        // Of two publications of one preprint, the preprint says that they are one work.
        check("2510.00001; 10.1000/x; A", "10.1000/y; 2510.00001; A", true);
    }

    #[test]
    fn records_of_one_title_and_first_author_are_one_work() {
        let preprint = format!("2510.00001;; {TITLE}; Ada Lovelace; 2025");
        check(
            &preprint,
            &format!("10.1000/x;; {TITLE}.; Lovelace, A.; 2026"),
            true,
        );
        check(
            &preprint,
            "10.1000/x;; COUNTING SHEEP in Linear-Time; Lovelace A; 2026",
            true,
        );
        check(
            &preprint,
            &format!("10.1000/x;; {TITLE}; A. Lovelace;"),
            true,
        );
        check(
            &preprint,
            &format!("10.1000/x;; {TITLE}; Emmy Noether; 2026"),
            false,
        );
        check(&preprint, &format!("10.1000/x;; {TITLE};; 2026"), false);
        check(
            &preprint,
            &format!("10.1000/x;; {TITLE}; Ada Lovelace; 2031"),
            false,
        );
        check(
            &preprint,
            &format!("10.1000/x;; {TITLE} again; Ada Lovelace; 2025"),
            false,
        );
    }

    #[test]
    fn one_title_does_not_join_what_has_two_names_of_one_kind() {
        for (a, b) in [
            ("10.1000/x", "10.1000/y"),
            ("10.1000/x; ", "pmid:1; 10.1000/y"),
            ("pmid:1", "pmid:2"),
            ("PMC1", "PMC2"),
            ("2510.00001", "2510.00002"),
            ("10.1101/2025.01.01.111111", "10.1101/2025.01.01.222222"),
        ] {
            let written = |id: &str| {
                let (id, others) = id.split_once(';').unwrap_or((id, ""));
                format!("{id}; {others}; {TITLE}; Ada Lovelace; 2025")
            };
            check(&written(a), &written(b), false);
        }
        let of = |id: &str| format!("{id};; {TITLE}; Ada Lovelace; 2025");
        check(&of("10.1101/2025.01.01.111111"), &of("10.1000/x"), true);
        check(
            &of("10.1101/2025.01.01.111111"),
            &of("10.21203/rs.3.rs-1"),
            true,
        );
        check(&of("openreview:abcdef"), &of("openreview:ghijkl"), true);
        check_from(
            ["one", "one"],
            &of("openreview:abcdef"),
            &of("openreview:ghijkl"),
            false,
        );
        check_from(["one", "one"], &of("a.1"), &of("a.2"), false);
        check_from(["one", "one"], &of("2510.00001"), &of("10.1000/x"), true);
    }

    #[test]
    fn titles_that_say_nothing_join_nothing() {
        for title in [
            "Editorial",
            "Erratum",
            "Introduction",
            "Correction to: Counting sheep in linear time",
            "Erratum: Counting sheep in linear time",
            "Author Correction: Counting sheep in linear time",
            "Reply to the comment on counting sheep",
            "Counting sheep",
            "A note on sheep",
            "论文",
            "",
        ] {
            let of = |id: &str| format!("{id};; {title}; Ada Lovelace; 2025");
            check(&of("10.1000/x"), &of("pmid:1"), false);
        }
        let of = |id: &str| format!("{id};; 大规模语言模型的研究; 王小明; 2025");
        check(&of("10.1000/x"), &of("pmid:1"), true);
        // `Erratic` is no erratum.
        let of = |id: &str| {
            format!("{id};; Correctional facilities in the long run; Ada Lovelace; 2025")
        };
        check(&of("10.1000/x"), &of("pmid:1"), true);
    }

    #[test]
    fn parts_of_a_series_are_works_of_their_own() {
        let of = |id: &str, part: &str| {
            format!("{id};; On the counting of sheep. {part}; Ada Lovelace; 2025")
        };
        check(&of("10.1000/x", "Part I"), &of("pmid:1", "Part II"), false);
        check(&of("10.1000/x", "Part I"), &of("pmid:1", ""), false);
        check(&of("10.1000/x", "III"), &of("pmid:1", "II"), false);
        check(&of("10.1000/x", "Part I"), &of("pmid:1", "Part I"), true);
    }

    proptest::proptest! {
        #[test]
        fn works_that_are_one_by_their_title_have_one_key(a in "[a-zA-Z -]{10,40}", b in "[a-zA-Z -]{10,40}") {
            let (a, b) = (record(&format!("10.1000/x;; {a}; Ada Lovelace")), record(&format!("pmid:1;; {b}; A. Lovelace")));
            let one = is_same_work(WorkRecords { paper: &a, records: &[] }, WorkRecords { paper: &b, records: &[] });
            proptest::prop_assert_eq!(one, title_key(&a).is_some() && title_key(&a) == title_key(&b));
        }
    }
}
