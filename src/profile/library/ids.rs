//! Ids in the fields of library entries, and lists of ids.

use super::{LibraryEntry, RawEntry};
use crate::paper::{PaperId, doi_in, is_doi, split_dois};

/// Whether most lines of a text are ids.
pub(super) fn is_list(text: &str) -> bool {
    let (mut ids, mut lines) = (0, 0);
    for (_, line) in lines_of(text) {
        lines += 1;
        ids += usize::from(id(line).is_some());
    }
    ids > 0 && ids * 2 > lines
}

pub(super) fn read(text: &str) -> Vec<LibraryEntry> {
    lines_of(text)
        .map(|(at, line)| {
            let content = match id(line) {
                Some(id) => Ok(RawEntry {
                    arxiv: vec![id.to_string()],
                    ..RawEntry::default()
                }),
                None => Err(format!(
                    "{:?} is no id of arXiv, DOI or PubMed",
                    crate::text::cut(line, 60)
                )),
            };
            LibraryEntry { line: at, content }
        })
        .collect()
}

/// Lines with something on them, without comments and commas at their ends; of
/// a line of several ids, each of them.
fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim().trim_end_matches([',', ';']).trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', '%']));
    lines.flat_map(|(at, line)| {
        let are_ids =
            |parts: &[&str]| parts.len() > 1 && parts.iter().all(|part| id(part).is_some());
        // A DOI may hold commas and semicolons of its own.
        let whole = split_dois(line);
        let cut: Vec<&str> = line
            .split(|c: char| c == ',' || c == ';' || c.is_whitespace())
            .filter(|part| !part.is_empty())
            .collect();
        let parts = [whole, cut].into_iter().find(|parts| are_ids(parts));
        let parts = parts.unwrap_or_else(|| vec![line]);
        parts.into_iter().map(move |part| (at, part))
    })
}

/// An id of a known kind.
fn id(text: &str) -> Option<PaperId> {
    let lower = text.to_lowercase();
    if let Some(number) = lower.strip_prefix("pmid:") {
        return pubmed(number);
    }
    known(text)
}

fn known(text: &str) -> Option<PaperId> {
    let id = text.parse::<PaperId>().ok()?;
    (id.is_arxiv() || is_doi(id.as_str())).then_some(id)
}

fn pubmed(number: &str) -> Option<PaperId> {
    let number = number.trim();
    let is_one =
        (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_one
        .then(|| format!("pmid:{number}").parse().ok())
        .flatten()
}

/// The ids of an entry, the most reliable first.
pub(super) fn of(raw: &RawEntry) -> Vec<PaperId> {
    let mut ids: Vec<PaperId> = Vec::new();
    let mut add = |id: Option<PaperId>| {
        if let Some(id) = id
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    };
    for text in &raw.arxiv {
        add(id(text.trim()));
    }
    for text in &raw.mentions {
        add(arxiv_in(text));
    }
    // The arXiv id is the most reliable; DOIs come next.
    add(doi_in(&raw.doi).and_then(|doi| known(&doi)));
    for text in &raw.mentions {
        add(named_doi(text));
    }
    add(pubmed(&raw.pmid));
    for text in &raw.mentions {
        let lower = text.to_lowercase();
        let numbers = lower.split("pmid:").skip(1).map(str::trim_start);
        for number in numbers {
            let end = number
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(number.len());
            add(pubmed(&number[..end]));
        }
    }
    ids
}

/// The first arXiv id in a text that mentions arXiv.
fn arxiv_in(text: &str) -> Option<PaperId> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) = lower[from..].find("arxiv") {
        from += found + "arxiv".len();
        // `arXiv:1706.03762v5 [cs]`, `arxiv.org/abs/hep-th/9901001`, `arXiv preprint 1706.03762`
        let near: String = text[from..].chars().take(40).collect();
        let words = near
            .split(|c: char| c.is_whitespace() || "[](){}<>,;\"'".contains(c))
            .take(4);
        for word in words {
            let word = word.trim_matches([':', '.', '/']);
            let word = ["org/abs/", "org/pdf/", "org/html/"]
                .iter()
                .find_map(|start| word.strip_prefix(start))
                .unwrap_or(word);
            if let Ok(id) = word.parse::<PaperId>()
                && id.is_arxiv()
            {
                return Some(id);
            }
        }
    }
    None
}

/// A DOI that follows `doi` or `doi.org/` in a text, or is all of it.
fn named_doi(text: &str) -> Option<PaperId> {
    let lower = text.trim().to_ascii_lowercase();
    let start = if lower.starts_with("10.") {
        0
    } else {
        let said = lower.find("doi")?;
        let number = lower[said..].find("10.")?;
        // Between the word and the number there are signs alone: `doi: `, `doi.org/`.
        let between = lower[said..said + number].rsplit("doi").next()?;
        if between.len() > 8 {
            return None;
        }
        // With what stands before it: in an address signs are percent-encoded.
        lower[..said]
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + 1)
    };
    known(&doi_in(&lower[start..])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let raw = RawEntry {
            mentions: vec![text.to_owned()],
            ..RawEntry::default()
        };
        assert_eq!(
            of(&raw).iter().map(PaperId::as_str).collect::<Vec<_>>(),
            wanted,
            "{text}"
        );
    }

    #[test]
    fn ids_are_found_where_people_write_them() {
        check("arXiv preprint arXiv:1706.03762", &["1706.03762"]);
        check("arXiv:1706.03762v5 [cs]", &["1706.03762"]);
        check("http://arxiv.org/abs/hep-th/9901001v2", &["hep-th/9901001"]);
        check("https://arxiv.org/pdf/2106.09685v2.pdf", &["2106.09685"]);
        check(
            "https://doi.org/10.1103/PhysRevB.89.195135.",
            &["10.1103/physrevb.89.195135"],
        );
        check("doi: 10.1063/1.1954747", &["10.1063/1.1954747"]);
        check(
            "doi: 10.1061/(ASCE)0000(2026)132:2(202).",
            &["10.1061/(asce)0000(2026)132:2(202)"],
        );
        check(
            "https://doi.org/10.1002/(SICI)18:15%3C1662::AID-EXA%3E3.0.CO;2-3",
            &["10.1002/(sici)18:15<1662::aid-exa>3.0.co;2-3"],
        );
        check("PMID: 23849302 PMCID: PMC123", &["pmid:23849302"]);
        check("no doi was found for 10.5 of them", &[]);
        check("see 1706.03762", &[]);
        check("arXiv ÄÖÜ doi é", &[]);
    }
}
