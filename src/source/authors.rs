//! Author lists, taken apart into one name for each person. Pure.
//!
//! Sources write several people into one text in many ways: `A One, B Two and C Three`
//! (arXiv), `One, A and Two, B` (BibTeX, `EPrints`), `One, A., Two, B., & Three, C.` (APA),
//! `a@example.org (A One)` (RSS 2.0). Affiliations in parentheses, mail addresses, degrees
//! and `et al.` are not part of a name; an institution whose name holds `and` is one author.

use crate::text::clean_line;

/// Words that mark the name of an institution or a group.
const INSTITUTIONS: [&str; 58] = [
    "academy",
    "agency",
    "alliance",
    "association",
    "authority",
    "bureau",
    "center",
    "centre",
    "centro",
    "clinic",
    "collaboration",
    "collaborations",
    "college",
    "commission",
    "committee",
    "consortium",
    "corporation",
    "council",
    "department",
    "dept",
    "división",
    "division",
    "editors",
    "faculty",
    "federation",
    "foundation",
    "fundación",
    "gesellschaft",
    "group",
    "hospital",
    "initiative",
    "institut",
    "institute",
    "institutes",
    "institution",
    "instituto",
    "investigators",
    "istituto",
    "lab",
    "laboratoire",
    "laboratories",
    "laboratory",
    "labs",
    "ministry",
    "museum",
    "network",
    "observatory",
    "office",
    "organisation",
    "organization",
    "program",
    "programme",
    "project",
    "school",
    "society",
    "survey",
    "team",
    "universities",
];

/// Stems of words for universities in several languages.
const UNIVERSITY: [&str; 4] = ["universit", "universid", "université", "hochschule"];

/// Degrees, compared without full stops and spaces.
const DEGREES: [&str; 47] = [
    "BA", "BS", "BSc", "BSN", "CPA", "DDS", "DMD", "DO", "DPhil", "DPT", "DrPH", "DSc", "DVM",
    "EdD", "Esq", "FAAP", "FACC", "FACP", "FACS", "FAHA", "FESC", "FRCP", "FRCS", "FRS", "JD",
    "LLB", "LLM", "MA", "MB", "MBA", "MBBS", "MBChB", "MD", "MEng", "MPA", "MPH", "MPhil", "MPP",
    "MRCP", "MS", "MSc", "MSPH", "PharmD", "PhD", "PsyD", "RN", "ScD",
];

/// Degrees that are also removed without a comma before them: no family name looks like one.
const PLAIN_DEGREES: [&str; 8] = ["DPhil", "DVM", "MBBS", "MBChB", "MD", "MPH", "MSc", "PhD"];

/// Titles in front of a name, without full stops.
const TITLES: [&str; 9] = [
    "dr",
    "prof",
    "professor",
    "mr",
    "mrs",
    "ms",
    "herr",
    "frau",
    "sir",
];

const SUFFIXES: [&str; 5] = ["jr", "sr", "ii", "iii", "iv"];

/// Words between given and family name.
const PARTICLES: [&str; 22] = [
    "al", "ap", "ben", "bin", "da", "dal", "de", "del", "della", "den", "der", "des", "di", "dos",
    "du", "el", "la", "le", "ten", "ter", "van", "von",
];

/// Employers of one word that follow a name as an affiliation.
const COMPANIES: [&str; 8] = [
    "adobe",
    "amazon",
    "apple",
    "google",
    "huawei",
    "intel",
    "meta",
    "microsoft",
];

/// The people in a list of texts, each with one name or several, without repetitions.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in texts.into_iter().flat_map(people) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The people in one text.
pub(super) fn people(text: &str) -> Vec<String> {
    take_apart(text, true)
}

/// The people in arXiv's text, which never puts the family name first.
pub(super) fn names(creators: &str) -> Vec<String> {
    take_apart(creators, false)
}

fn take_apart(text: &str, may_be_inverted: bool) -> Vec<String> {
    let text = without_asides(&without_addresses(&clean_line(text)));
    let strong = |c: char| matches!(c, ';' | '|' | '、' | '；' | '•' | '·');
    let mut names = Vec::new();
    for group in text
        .replace('，', ",")
        .replace(" on behalf of ", ", ")
        .split(strong)
    {
        names.extend(people_of_group(group, may_be_inverted));
    }
    names
}

/// The people in a text without strong separators.
fn people_of_group(group: &str, may_be_inverted: bool) -> Vec<String> {
    let group = without_byline(group.trim());
    let segments: Vec<Vec<String>> = segments(group).iter().map(|it| parts(it)).collect();
    let segments: Vec<Vec<String>> = segments.into_iter().filter(|it| !it.is_empty()).collect();
    let persons = || {
        segments
            .iter()
            .filter(|parts| !is_institution(&parts.join(" ")))
    };
    let is_inverted =
        may_be_inverted && persons().next().is_some() && persons().all(|parts| is_inverted(parts));
    let mut names: Vec<String> = Vec::new();
    for parts in &segments {
        if is_inverted && parts.len() > 1 && !is_institution(&parts.join(" ")) {
            names.extend(
                parts
                    .chunks(2)
                    .map(|pair| format!("{} {}", pair[1], pair[0])),
            );
        } else {
            names.extend(parts.iter().cloned());
        }
    }
    names
        .iter()
        .map(|name| bare(name))
        .filter(|name| is_name(name))
        .collect()
}

/// Splits at `and` and its translations, except within the name of an institution.
fn segments(group: &str) -> Vec<String> {
    let words: Vec<&str> = group.split_whitespace().collect();
    let is_conjunction = |at: usize| {
        let next = words
            .get(at + 1)
            .map_or("", |word| word.trim_end_matches(['.', ',']));
        let word = words[at].trim_end_matches(',').to_lowercase();
        matches!(word.as_str(), "and" | "&" | "und" | "et") && !next.eq_ignore_ascii_case("al")
    };
    let mut segments: Vec<String> = Vec::new();
    let mut start = 0;
    for at in (0..words.len())
        .filter(|at| is_conjunction(*at))
        .chain([words.len()])
    {
        let segment = words[start..at].join(" ");
        match segments.last_mut() {
            Some(left) if belongs_together(left, &segment) => {
                *left = format!("{left} {} {segment}", words[start - 1]);
            }
            _ => segments.push(segment),
        }
        start = at + 1;
    }
    segments
}

/// Whether the `and` between two texts is part of the name of an institution.
fn belongs_together(left: &str, right: &str) -> bool {
    let left = left.trim_end_matches(',');
    let last = left.rsplit(',').next().unwrap_or_default();
    let right = right.split(',').next().unwrap_or_default();
    if is_institution(last) {
        return !is_institution(right);
    }
    // "Food and Agriculture Organization"; but "Ines Moreau and the Virgo Collaboration".
    let is_one_word = left.split_whitespace().count() < 2;
    is_one_word && is_institution(right)
}

/// The parts between commas, without degrees and `et al.`; a suffix stays with its name.
fn parts(segment: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in segment
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let lower = part.trim_matches('.').to_lowercase();
        let last_is_full = parts.last().is_some_and(|last| last.contains(' '));
        match parts.last_mut() {
            _ if matches!(lower.as_str(), "et al" | "al" | "etc") || lower.ends_with("others") => {}
            Some(last) if SUFFIXES.contains(&lower.as_str()) => *last = format!("{last} {part}"),
            // "Moreau, M.A." is a family name with initials.
            Some(_) if last_is_full && is_degree(part, &DEGREES) => {}
            Some(_) if is_degree(part, &PLAIN_DEGREES) => {}
            _ => parts.push(
                part.trim_end_matches("et al.")
                    .trim_end_matches("et al")
                    .trim()
                    .to_owned(),
            ),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_degree(part: &str, degrees: &[&str]) -> bool {
    let plain: String = part
        .chars()
        .filter(|c| !matches!(c, '.' | ' ' | '-'))
        .collect();
    let is_one = |word: &str| {
        degrees
            .iter()
            .any(|degree| *degree == word || degree.to_uppercase() == word)
    };
    is_one(&plain)
        || part
            .split_whitespace()
            .all(|word| is_one(&word.replace('.', "")))
}

/// Whether the parts are family names, each followed by given names.
fn is_inverted(parts: &[String]) -> bool {
    if parts.len() < 2 || parts.len() % 2 == 1 {
        return false;
    }
    let pairs = || {
        parts
            .chunks(2)
            .map(|pair| (pair[0].as_str(), pair[1].as_str()))
    };
    let has_initials = pairs().all(|(_, given)| is_initials(given));
    let is_plain = pairs().all(|(family, given)| {
        is_family(family) && given.split_whitespace().count() <= 3 && !is_institution(given)
    });
    has_initials || is_plain || (parts.len() == 2 && is_double_surname(&parts[0], &parts[1]))
}

/// Whether two parts are a double surname and one given name: `García Márquez, José`. Two people
/// would have two names each.
fn is_double_surname(family: &str, given: &str) -> bool {
    let is_title_case = |word: &str| {
        let mut letters = word.chars().filter(|c| c.is_alphabetic());
        letters.next().is_some_and(char::is_uppercase) && letters.all(char::is_lowercase)
    };
    let words: Vec<&str> = family.split_whitespace().collect();
    words.len() == 2
        && words.iter().all(|word| is_title_case(word))
        && is_title_case(given)
        && !given.contains(char::is_whitespace)
        && !COMPANIES.contains(&given.to_lowercase().as_str())
        && !is_institution(given)
}

/// Whether a text is a family name alone: one word, besides particles.
fn is_family(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let plain = words
        .iter()
        .filter(|word| !PARTICLES.contains(&word.as_str()));
    let names = plain
        .filter(|word| !SUFFIXES.contains(&word.trim_matches('.')))
        .count();
    names <= 1 && !words.is_empty()
}

/// Whether a text holds initials only: `I.`, `J.-P. M.`, `IM`.
fn is_initials(text: &str) -> bool {
    let mut letters = text
        .split(['.', '-', ' ', '‐'])
        .filter(|piece| !piece.is_empty());
    let is_short = |piece: &str| {
        piece.chars().count() <= if text.contains('.') { 2 } else { 3 }
            && piece.chars().next().is_some_and(char::is_uppercase)
            && (piece.chars().count() == 1
                || piece.chars().all(char::is_uppercase)
                || text.contains('.'))
    };
    !text.is_empty() && letters.all(is_short)
}

fn is_institution(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let word = word.to_lowercase();
        INSTITUTIONS.contains(&word.as_str())
            || UNIVERSITY.iter().any(|stem| word.starts_with(stem))
    })
}

/// A name without titles, degrees and marks of footnotes.
fn bare(name: &str) -> String {
    let marks = |c: char| {
        matches!(
            c,
            '*' | '†' | '‡' | '§' | '¶' | '¹' | '²' | '³' | ',' | ':' | '"' | ' '
        )
    };
    let mut words: Vec<&str> = name.trim_matches(marks).split_whitespace().collect();
    while words.len() > 1
        && TITLES.contains(&words[0].trim_end_matches('.').to_lowercase().as_str())
    {
        words.remove(0);
    }
    while words.len() > 2 && is_degree(words[words.len() - 1], &PLAIN_DEGREES) {
        words.pop();
    }
    if words.len() > 1 && words[0] == "the" {
        words.remove(0);
    }
    words.join(" ")
}

fn is_name(name: &str) -> bool {
    let lower = name.trim_matches('.').to_lowercase();
    name.chars().any(char::is_alphabetic)
        && !name.contains('@')
        && !matches!(
            lower.as_str(),
            "et al" | "al" | "others" | "unknown author" | "n/a"
        )
}

/// Removes `by` and `authors:` in front of a list.
fn without_byline(text: &str) -> &str {
    for word in ["by ", "authors:", "author:", "author(s):"] {
        if let Some(head) = text.get(..word.len())
            && head.eq_ignore_ascii_case(word)
        {
            return text[word.len()..].trim();
        }
    }
    text
}

/// Removes mail addresses. `me@example.org (Jane Doe)` becomes the name; each address ends
/// a person.
fn without_addresses(text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let start = rest[..at]
            .rfind(|c: char| c.is_whitespace() || matches!(c, '<' | '(' | '[' | ',' | ';'));
        let start = start.map_or(0, |before| {
            before + rest[before..].chars().next().map_or(1, char::len_utf8)
        });
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | ')' | ']' | '(' | ',' | ';'));
        let end = end.map_or(rest.len(), |end| at + end);
        out.push_str(rest[..start].trim_end_matches(['<', '[', '(', ' ']));
        rest = rest[end..].trim_start_matches(['>', ']', ')']);
        let behind = rest.trim_start();
        // The name in parentheses behind an address.
        if let Some(inner) = behind.strip_prefix('(')
            && let Some((name, after)) = inner.split_once(')')
            && !name.contains('@')
        {
            out.push_str("; ");
            out.push_str(name);
            rest = after;
        }
        out.push(';');
        out.push(' ');
    }
    out.push_str(rest);
    out
}

/// Removes affiliations in parentheses, which may hold commas and parentheses. Where these
/// do not pair up they are ordinary characters: no name may be lost with them.
fn without_asides(text: &str) -> String {
    if !pairs_up(text) {
        return text.to_owned();
    }
    let mut depth = 0_u32;
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

fn pairs_up(text: &str) -> bool {
    let mut depth = 0_i32;
    text.chars().all(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth >= 0
    }) && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_arxiv(creators: &str, expected: &[&str]) {
        assert_eq!(names(creators), expected, "{creators}");
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(people(text), expected, "{text}");
    }

    #[test]
    fn names_of_arxiv_are_separated_by_commas_and_conjunctions_outside_of_parentheses() {
        for (creators, expected) in [
            (
                "Ada Lovelace, Charles Babbage",
                &["Ada Lovelace", "Charles Babbage"][..],
            ),
            (
                "Ada Lovelace (Analytical Society, London (UK)), Charles Babbage (Cambridge)",
                &["Ada Lovelace", "Charles Babbage"],
            ),
            (
                "A One (1), B Two (2) ((1) Here, There, (2) Elsewhere)",
                &["A One", "B Two"],
            ),
            ("A One, B Two, and C Three", &["A One", "B Two", "C Three"]),
            ("A One, B Two and C Three", &["A One", "B Two", "C Three"]),
            ("A One and B Two", &["A One", "B Two"]),
            ("A One (Oxford and London) and B Two", &["A One", "B Two"]),
            (
                "P. W. Anderson and G. Brandt",
                &["P. W. Anderson", "G. Brandt"],
            ),
            ("Martin King, Jr., B Two", &["Martin King Jr.", "B Two"]),
            ("A One,\n  B\n Two", &["A One", "B Two"]),
            ("Plato, Socrates", &["Plato", "Socrates"]),
            (
                "LIGO Scientific Collaboration and Virgo Collaboration, A One",
                &[
                    "LIGO Scientific Collaboration",
                    "Virgo Collaboration",
                    "A One",
                ],
            ),
            ("", &[]),
            (" , ", &[]),
            // Parentheses that do not pair up lose no name.
            ("A One (Here, B Two", &["A One (Here", "B Two"]),
            ("A One), B Two (There)", &["A One)", "B Two (There)"]),
            (
                "Andr\\'e Weil, Kurt G{\\\"o}del and Paul Erd\\H{o}s",
                &["André Weil", "Kurt Gödel", "Paul Erdős"],
            ),
        ] {
            check_arxiv(creators, expected);
        }
    }

    #[test]
    fn several_people_in_one_field_are_one_entry_each() {
        check("García Márquez, José", &["José García Márquez"]);
        check("Ada Lovelace, Google", &["Ada Lovelace", "Google"]);
        let two = &["Ines Moreau", "Chidi Okafor"][..];
        for text in [
            "Ines Moreau, Chidi Okafor",
            "Ines Moreau and Chidi Okafor",
            "Ines Moreau & Chidi Okafor",
            "Ines Moreau und Chidi Okafor",
            "Ines Moreau et Chidi Okafor",
            "Ines Moreau; Chidi Okafor",
            "Ines Moreau | Chidi Okafor",
            "Ines Moreau、Chidi Okafor",
            "Moreau, Ines and Okafor, Chidi",
            "Moreau, Ines; Okafor, Chidi",
            "Moreau, Ines, Okafor, Chidi",
            "Ines Moreau, Ph.D., Chidi Okafor, MD",
            "Ines Moreau, MD, PhD, Chidi Okafor, M.Sc.",
            "Ines Moreau PhD and Dr. Chidi Okafor",
            "Prof. Dr. Ines Moreau, Chidi Okafor",
            "By Ines Moreau and Chidi Okafor",
            "Authors: Ines Moreau, Chidi Okafor",
            "Ines Moreau, Chidi Okafor, et al.",
            "Ines Moreau, Chidi Okafor et al.",
            "Ines Moreau, Chidi Okafor, and others",
            "Ines Moreau, Chidi Okafor and 12 others",
            "Ines Moreau*, Chidi Okafor†",
            "ines@example.org (Ines Moreau), chidi@example.org (Chidi Okafor)",
            "ines@example.org (Ines Moreau) chidi@example.org (Chidi Okafor)",
            "Ines Moreau <ines@example.org>, Chidi Okafor <chidi@example.org>",
            "Ines Moreau (Lagos, Nigeria), Chidi Okafor (Oslo and Bergen)",
        ] {
            check(text, two);
        }
        let initials = &["I. Moreau", "C. Okafor", "L. van der Berg"][..];
        for text in [
            "Moreau, I., Okafor, C., & van der Berg, L.",
            "Moreau, I., Okafor, C., and van der Berg, L.",
            "Moreau, I.; Okafor, C.; van der Berg, L.",
            "Moreau, I. and Okafor, C. and van der Berg, L.",
        ] {
            check(text, initials);
        }
        check("Smith, M.A., Jones, B.", &["M.A. Smith", "B. Jones"]);
        check("Doe, Jane", &["Jane Doe"]);
        check("Moreau I, Okafor C", &["Moreau I", "Okafor C"]);
        check("me@example.org", &[]);
        check("me@example.org (Jane Doe)", &["Jane Doe"]);
        check("Martin King, Jr., Ann Poe", &["Martin King Jr.", "Ann Poe"]);
        check(
            "Plato, Aristotle and Socrates",
            &["Plato", "Aristotle", "Socrates"],
        );
        check("et al.", &[]);
    }

    #[test]
    fn an_institution_is_one_author() {
        for text in [
            "Max Planck Institute for Gravitation and Cosmology",
            "Department of Physics and Astronomy",
            "Food and Agriculture Organization of the United Nations",
            "Center for Ecology & Hydrology",
        ] {
            check(text, &[text]);
        }
        check(
            "Ines Moreau and the Virgo Collaboration",
            &["Ines Moreau", "Virgo Collaboration"],
        );
        check(
            "Moreau, Ines and Virgo Collaboration",
            &["Ines Moreau", "Virgo Collaboration"],
        );
    }

    #[test]
    fn a_list_holds_each_person_once() {
        assert_eq!(
            list(["Jane Doe", "John Roe and Ann Poe", "Jane Doe"]),
            ["Jane Doe", "John Roe", "Ann Poe"]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_apart_without_a_panic(text in "\\PC{0,60}|[A-C@<>() ,.;&a]{0,60}") {
            let _ = (people(&text), names(&text));
        }
    }
}
