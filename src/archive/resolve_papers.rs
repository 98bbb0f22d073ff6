//! Resolving papers that a person names in a form: ids, addresses or titles, one a
//! line, or a piece of a library.

use super::match_works::{MatchedWorks, match_works};
use super::search::search;
use crate::paper::PaperId;
use crate::paper::query::SearchQuery;
use crate::profile::library::{LibraryFormat, read_library};
use crate::store::{Db, LibraryWork, StoreError, StoredPaper, WorkMatch, WorkNames};
use crate::text::{clean_line, cut, fold};

/// Papers listed for a line that fits several.
const TITLES_MAX: u32 = 3;

/// Lines read; a form is no place for a whole library.
const LINES_MAX: usize = 200;

/// The papers and works that a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedPapers {
    /// Papers of the archive, each once.
    pub papers: Vec<PaperId>,
    /// Works that are not in the archive; their text is learned from.
    pub works: Vec<LibraryWork>,
    /// Lines that were not resolved, each cut to one line, and the lines beyond the limit.
    pub unknown: Vec<String>,
}

/// Resolves the papers that `text` names.
pub fn resolve_papers(db: &Db, text: &str) -> Result<ResolvedPapers, StoreError> {
    let mut named = ResolvedPapers::default();
    match read_library(text.as_bytes()) {
        // A list of ids may have titles between them: it is read line by line.
        Ok(library) if library.form != LibraryFormat::Ids => {
            let MatchedWorks {
                liked,
                own,
                unknown,
            } = match_works(db, &library)?;
            named.papers = liked;
            named.works = own;
            named
                .unknown
                .extend(unknown.iter().map(ToString::to_string));
            named.unknown.extend(
                library
                    .skipped
                    .iter()
                    .map(|aside| format!("line {}: {}", aside.line, aside.reason)),
            );
            // BibTeX takes lines between entries for comments; here they may name papers.
            let between = if library.form == LibraryFormat::Bibtex {
                between_entries(text)
            } else {
                Vec::new()
            };
            between
                .iter()
                .take(LINES_MAX)
                .try_for_each(|line| read_line(db, &mut named, line))?;
        }
        _ => {
            let lines: Vec<&str> = text
                .lines()
                .map(bare)
                .filter(|line| !line.is_empty())
                .collect();
            for line in lines.iter().take(LINES_MAX) {
                read_line(db, &mut named, line)?;
            }
            if lines.len() > LINES_MAX {
                named
                    .unknown
                    .push(format!("what stands after the first {LINES_MAX} lines"));
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    named.papers.retain(|id| seen.insert(id.clone()));
    Ok(named)
}

/// The lines between the entries of BibTeX.
fn between_entries(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut between = Vec::new();
    for line in text.lines() {
        let is_outside = depth == 0 && !line.trim_start().starts_with('@');
        if is_outside && !bare(line).is_empty() {
            between.push(bare(line));
        }
        if !is_outside {
            // A brace behind a backslash is a letter.
            let plain = line.replace("\\{", "").replace("\\}", "");
            let (opened, closed) = (plain.matches('{').count(), plain.matches('}').count());
            depth = (depth + opened).saturating_sub(closed);
        }
    }
    between
}

/// The line without list markers: `- `, `[12] `, `3. `, a comma at the end.
fn bare(line: &str) -> &str {
    let line = line.trim().trim_end_matches([',', ';']).trim();
    let line = line.trim_start_matches(['-', '*', '•', '–']).trim_start();
    let numbered = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .or_else(|| line.split_once(['.', ')']));
    match numbered {
        Some((number, rest))
            if (1..=3).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && rest.starts_with(char::is_whitespace) =>
        {
            rest.trim_start()
        }
        _ => line,
    }
}

/// Resolves one line: an id, a whole title, several ids with anything between them, the
/// beginning of a title, or words that only one title contains.
fn read_line(db: &Db, named: &mut ResolvedPapers, line: &str) -> Result<(), StoreError> {
    if let Ok(id) = line.parse::<PaperId>()
        && let Some(known) = known(db, &id)?
    {
        named.papers.push(known);
        return Ok(());
    }
    let title = line.trim_matches(['"', '\'', '“', '”', '.']);
    if let Some(id) = titled(db, title)? {
        named.papers.push(id);
        return Ok(());
    }
    let words = line.split(|c: char| c.is_whitespace() || "()[]{}<>,;|\"'“”".contains(c));
    let ids: Vec<PaperId> = words.filter_map(id).collect();
    if !ids.is_empty() {
        return ids.iter().try_for_each(|id| place(db, named, id));
    }
    match in_titles(db, title)? {
        InTitles::One(id) => named.papers.push(id),
        InTitles::Several(titles) => {
            named
                .unknown
                .push(format!("{} ({})", as_typed(line), titles.join("; ")));
        }
        InTitles::None => named.unknown.push(as_typed(line)),
    }
    Ok(())
}

/// Titles that contain the words of a line.
enum InTitles {
    /// One title begins with them, or only one contains them.
    One(PaperId),
    /// Several contain them: some of these with their ids, so that one can be named.
    Several(Vec<String>),
    None,
}

fn in_titles(db: &Db, typed: &str) -> Result<InTitles, StoreError> {
    if typed.split_whitespace().count() < 2 {
        return Ok(InTitles::None);
    }
    let mut wanted = SearchQuery::parse(typed);
    // Titles only: an abstract may contain anything.
    let words = std::mem::take(&mut wanted.words);
    wanted.title.extend(words);
    let found = search(db, &wanted, 0, TITLES_MAX, None)?;
    if found.is_relaxed {
        return Ok(InTitles::None);
    }
    let begun = fold(typed);
    let begins_so = |stored: &&StoredPaper| fold(&stored.paper.title).starts_with(&begun);
    let so_begin: Vec<&StoredPaper> = found.papers.iter().filter(begins_so).collect();
    Ok(match (so_begin.as_slice(), found.papers.as_slice()) {
        ([begun], _) => InTitles::One(begun.paper.id.clone()),
        (_, [only]) => InTitles::One(only.paper.id.clone()),
        (_, []) => InTitles::None,
        (_, some) => InTitles::Several(
            some.iter()
                .map(|stored| format!("{} “{}”", stored.paper.id, cut(&stored.paper.title, 60)))
                .collect(),
        ),
    })
}

/// The line as it is shown; one of markup alone is shown as it is.
fn as_typed(line: &str) -> String {
    let clean = clean_line(line);
    let shown = if clean.is_empty() {
        line.replace(char::is_control, "")
    } else {
        clean
    };
    cut(&shown, 80)
}

/// An arXiv id or a DOI, alone or in the address of a page about its paper, on this
/// site or on others such as alphaXiv.
fn id(word: &str) -> Option<PaperId> {
    let word = word.trim_end_matches(['.', ':']);
    let is_certain =
        |id: &PaperId| id.is_arxiv() || id.as_str().starts_with("10.") && id.as_str().contains('/');
    if let Some(id) = word.parse::<PaperId>().ok().filter(is_certain) {
        return Some(id);
    }
    let (_, address) = word.split_once("://")?;
    let place = ["/papers/", "/abs/", "/pdf/", "/html/"]
        .iter()
        .find_map(|part| Some(address.split_once(part)?.1))?;
    let name = place
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    name.parse().ok().filter(is_certain)
}

/// Adds the paper called `id`, or lists the id as unknown.
fn place(db: &Db, named: &mut ResolvedPapers, id: &PaperId) -> Result<(), StoreError> {
    match known(db, id)? {
        Some(known) => named.papers.push(known),
        None => named.unknown.push(id.to_string()),
    }
    Ok(())
}

fn known(db: &Db, id: &PaperId) -> Result<Option<PaperId>, StoreError> {
    Ok(db
        .run_here(|store| store.paper(id))?
        .map(|stored| stored.paper.id))
}

fn titled(db: &Db, title: &str) -> Result<Option<PaperId>, StoreError> {
    let found = db.run_here(|store| store.find_works(&[WorkNames { ids: &[], title }]))?;
    Ok(match found.into_iter().next() {
        Some(WorkMatch::ByTitle(candidates)) => candidates.into_iter().next().map(|(_, id, _)| id),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_markers_are_no_part_of_a_name() {
        for (line, wanted) in [
            ("- 2510.12793,", "2510.12793"),
            ("[12] On lamps;", "On lamps"),
            ("3. On lamps", "On lamps"),
            (
                "* https://arxiv.org/abs/2510.12793",
                "https://arxiv.org/abs/2510.12793",
            ),
            ("2510.12793", "2510.12793"),
            ("3.5 is no place in a list", "3.5 is no place in a list"),
        ] {
            assert_eq!(bare(line), wanted, "{line}");
        }
    }

    #[test]
    fn lines_between_entries_are_found() {
        let text = "2510.12793\n@article{a,\n  title = {On {L}amps \\}},\n}\n\n\
                    - On wicks\n@misc{b, title={Oil}}\nOn glass";
        assert_eq!(
            between_entries(text),
            ["2510.12793", "On wicks", "On glass"]
        );
    }

    #[test]
    fn ids_are_found_in_addresses_of_many_sites() {
        for (word, wanted) in [
            (
                "https://ar5iv.labs.arxiv.org/html/2510.12793",
                Some("2510.12793"),
            ),
            (
                "https://digest.example.org/papers/hep-th/9901001?x=1",
                Some("hep-th/9901001"),
            ),
            (
                "https://www.alphaxiv.org/abs/2510.12793v2",
                Some("2510.12793"),
            ),
            ("10.1000/abc.", Some("10.1000/abc")),
            ("https://journal.example.org/pdf/latest", None),
            ("lamps", None),
        ] {
            assert_eq!(id(word).as_ref().map(PaperId::as_str), wanted, "{word}");
        }
    }
}
