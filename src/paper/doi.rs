//! DOIs: read from fields, running text and addresses, and written as links. Pure.
//!
//! Any printable character may stand in the suffix of a DOI (DOI handbook, section 2.2):
//! `10.1061/(ASCE)0000-9399(2026)132:2(202)`, and the old SICI form
//! `10.1002/(SICI)1097-0000(202608)18:15<1662::AID-EXA969>3.0.CO;2-3`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Longer ones are no DOI but text that begins like one.
const BYTES_MAX: usize = 200;

/// Ends of the pages that publishers show at the address of a DOI.
const PAGES: [&str; 9] = [
    "/abstract",
    "/full",
    "/fulltext",
    "/pdf",
    "/meta",
    ".pdf",
    ".full",
    ".short",
    "/epdf",
];

/// The first DOI of `text` in lower case, as DOIs are compared without regard to case
/// (section 2.4): the whole of a field, behind `doi:`, in running text or in an address.
///
/// A field that holds a DOI alone is taken as it is. In running text a bracket belongs
/// to the DOI if its partner does, and a full stop at the end does not.
pub fn doi_in(text: &str) -> Option<String> {
    let text = text.trim();
    let slashes = text.replace("%2F", "/").replace("%2f", "/");
    let from = start(&slashes)?;
    let in_address = slashes[..from].contains("http");
    let rest = &slashes[from..];
    let is_whole = from == 0 && !rest.contains(char::is_whitespace);
    let doi = if in_address {
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '?' | '#' | '&' | '"'));
        let decoded = percent_decoded(&rest[..end.unwrap_or(rest.len())]);
        let mut doi = decoded[..end_in_text(&decoded)].to_lowercase();
        for end in PAGES {
            doi = doi.strip_suffix(end).map_or(doi.clone(), str::to_owned);
        }
        doi.trim_end_matches('/').to_owned()
    } else if is_whole {
        with_signs(rest).to_lowercase()
    } else {
        let rest = with_signs(rest);
        rest[..end_in_text(&rest)].to_lowercase()
    };
    let (_, suffix) = doi.split_once('/')?;
    let is_one = !suffix.is_empty() && doi.len() <= BYTES_MAX && !doi.chars().any(char::is_control);
    is_one.then_some(doi)
}

/// The offset of the first DOI: `10.`, four digits or more, parts behind dots, and a
/// slash (section 2.2.2).
fn start(text: &str) -> Option<usize> {
    text.match_indices("10.").map(|(at, _)| at).find(|&at| {
        let before = &text[..at];
        let is_apart = before.is_empty()
            || before.ends_with(|c: char| c.is_whitespace() || "/:=([<>{,;\"".contains(c));
        is_apart && is_doi(&text[at..])
    })
}

/// Whether a text begins with a registrant's prefix and a slash.
pub(crate) fn is_doi(text: &str) -> bool {
    let Some((registrant, suffix)) = text
        .strip_prefix("10.")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let digits = registrant.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = registrant.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    digits >= 4 && is_number && !suffix.is_empty()
}

/// The length of the DOI at the start of a text.
fn end_in_text(text: &str) -> usize {
    let mut open = Vec::new();
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        let closes = match c {
            '(' => Some(')'),
            '[' => Some(']'),
            // A SICI holds pages and a code in angle brackets; anything else is a tag.
            '<' if text[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => Some('>'),
            _ => None,
        };
        let is_end = match c {
            ')' | ']' | '>' if open.last() == Some(&c) => {
                open.pop();
                false
            }
            ')' | ']' | '>' | '<' | '"' | '“' | '”' | '{' | '}' | '|' => closes.is_none(),
            c => c.is_whitespace(),
        };
        if is_end {
            end = at;
            break;
        }
        open.extend(closes);
    }
    text[..end]
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '’', '(', '['])
        .len()
}

/// `&lt;` and TeX's names of the angle brackets as the signs themselves.
fn with_signs(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '\\', '$', '%']) {
        return Cow::Borrowed(text);
    }
    let signs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
        ("{\\textless}", "<"),
        ("{\\textgreater}", ">"),
        ("\\textless{}", "<"),
        ("\\textgreater{}", ">"),
        ("$<$", "<"),
        ("$>$", ">"),
        ("\\_", "_"),
        ("\\%", "%"),
        ("\\&", "&"),
        ("\\#", "#"),
        ("%3C", "<"),
        ("%3E", ">"),
        ("%3c", "<"),
        ("%3e", ">"),
        ("%28", "("),
        ("%29", ")"),
    ];
    let plain = |text: String, (written, sign): (&str, &str)| text.replace(written, sign);
    Cow::Owned(signs.into_iter().fold(text.to_owned(), plain))
}

/// The text with its percent-encoded bytes decoded; as it is if they are no UTF-8.
pub(super) fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = code.and_then(|two| u8::from_str_radix(two, 16).ok());
        if let Some(byte) = byte.filter(|_| *first == b'%') {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The DOIs of a field that may hold several. A comma or a semicolon parts them only
/// where another one begins behind it.
pub fn split_dois(text: &str) -> Vec<&str> {
    let begins = |rest: &str| {
        let rest = rest.trim_start();
        let starts = ["http", "doi:", "DOI:", "arXiv:", "arxiv:", "pmid:", "PMID:"];
        is_doi(rest) || starts.iter().any(|start| rest.starts_with(start))
    };
    let mut parts = Vec::new();
    for word in text.split_whitespace() {
        let mut start = 0;
        for (at, _) in word.match_indices([',', ';']) {
            if begins(&word[at + 1..]) {
                parts.push(&word[start..at]);
                start = at + 1;
            }
        }
        parts.push(&word[start..]);
    }
    let is_last = parts.len() == 1;
    parts.retain_mut(|part| {
        if !is_last {
            *part = part.trim_end_matches([',', ';']);
        }
        !part.is_empty()
    });
    parts
}

/// The address of a DOI, with all reserved signs percent-encoded but the slash (DOI
/// handbook, section 3.8.3).
pub fn doi_url(doi: &str) -> String {
    let mut url = "https://doi.org/".to_owned();
    for byte in doi.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASCE: &str = "10.1061/(asce)0000-9399(2026)132:2(202)";
    const SICI: &str = "10.1002/(sici)1097-0000(202608)18:15<1662::aid-exa969>3.0.co;2-3";

    #[test]
    fn a_doi_is_whole_wherever_it_stands() {
        for doi in [
            ASCE,
            SICI,
            "10.1016/s0000(26)00001-x",
            "10.1000/a[1]",
            "10.1000/x;y",
        ] {
            let upper = doi.to_uppercase();
            for text in [
                upper.clone(),
                format!("doi:{upper}"),
                format!("https://doi.org/{upper}"),
                doi_url(doi),
                format!("see {upper}."),
                format!("A text (doi: {upper}), and more"),
                format!("[{upper}]"),
                upper.replace('<', "&lt;").replace('>', "&gt;"),
                upper
                    .replace('<', "{\\textless}")
                    .replace('>', "{\\textgreater}"),
                upper.replace('<', "%3C").replace('>', "%3E"),
            ] {
                assert_eq!(doi_in(&text).as_deref(), Some(doi), "{text}");
            }
        }
        // Nothing is taken from a field that holds a DOI alone.
        assert_eq!(doi_in("10.1000/x(1.").as_deref(), Some("10.1000/x(1."));
        assert_eq!(doi_in("at 10.1000/x</a>").as_deref(), Some("10.1000/x"));
        assert_eq!(
            doi_in("https://a.example/10.1000/x/full?a=b").as_deref(),
            Some("10.1000/x")
        );
        for none in [
            "",
            "10.",
            "10.12/x",
            "10.1038/",
            "version 2.10.1038/x1",
            "é10.1038",
        ] {
            assert_eq!(doi_in(none), None, "{none}");
        }
    }

    #[test]
    fn a_field_may_hold_several() {
        assert_eq!(split_dois(SICI), [SICI]);
        assert_eq!(
            split_dois("10.1000/a, 10.1000/b;10.1000/c"),
            ["10.1000/a", "10.1000/b", "10.1000/c"]
        );
        assert_eq!(split_dois(&format!("{SICI} {ASCE}")), [SICI, ASCE]);
    }

    #[test]
    fn a_link_holds_no_reserved_sign() {
        assert_eq!(
            doi_url("10.1002/(sici)18:15<1::aid>3.0.co;2-3"),
            "https://doi.org/10.1002/%28sici%2918%3A15%3C1%3A%3Aaid%3E3.0.co%3B2-3"
        );
    }

    proptest::proptest! {
        #[test]
        fn a_link_leads_back_to_its_doi(suffix in "[a-z0-9()<>\\[\\];:#?&%+_. é-]{1,30}") {
            let doi = format!("10.1000/{suffix}");
            let url = doi_url(&doi);
            proptest::prop_assert_eq!(percent_decoded(&url), format!("https://doi.org/{doi}"));
            let _ = doi_in(&format!("text {doi} text"));
        }
    }
}
