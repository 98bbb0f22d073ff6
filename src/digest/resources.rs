//! Finds the code and the project page of a paper. Pure.

use super::clean::web_url;
use crate::paper::Paper;

/// Web addresses that belong to a paper.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) code: Option<String>,
    pub(super) project: Option<String>,
}

/// Hosts of code.
const CODE_HOSTS: [&str; 8] = [
    "github.com",
    "gitlab.com",
    "bitbucket.org",
    "codeberg.org",
    "git.sr.ht",
    "sourceforge.net",
    "anonymous.4open.science",
    "huggingface.co",
];

/// Common hosts of project pages.
const PAGE_HOSTS: [&str; 6] = [
    ".github.io",
    ".gitlab.io",
    "sites.google.com",
    ".pages.dev",
    ".netlify.app",
    ".vercel.app",
];

/// The addresses given by the source, else the first ones in the abstract or the comment that
/// look like code or a project page.
pub(super) fn find(paper: &Paper) -> Resources {
    let mut found = Resources {
        code: paper.code.as_deref().and_then(web_url),
        project: None,
    };
    for text in [Some(&paper.abstract_text), paper.comment.as_ref()]
        .into_iter()
        .flatten()
    {
        for (before, address) in addresses(text) {
            let Some(url) = web_url(&address) else {
                continue;
            };
            let host = host(&url);
            if CODE_HOSTS.contains(&host.as_str()) {
                // A host without a path is not a repository.
                if found.code.is_none() && path_of(&url).contains('/') {
                    found.code = Some(url);
                }
            } else if found.project.is_none()
                && (PAGE_HOSTS.iter().any(|known| host.ends_with(known)) || says_project(before))
            {
                found.project = Some(url);
            }
        }
    }
    found
}

/// Every web address in `text`, with a scheme added, and the text before it.
fn addresses(text: &str) -> Vec<(&str, String)> {
    const STARTS: [&str; 4] = ["https://", "http://", "github.com/", "www."];
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = STARTS
        .iter()
        .filter_map(|start| text[from..].find(start))
        .min()
    {
        let start = from + at;
        let end = text[start..]
            .find(|c: char| c.is_whitespace() || !c.is_ascii() || "<>\"'{}|\\^`()[],;".contains(c))
            .map_or(text.len(), |length| start + length);
        // Trailing punctuation belongs to the sentence.
        let address = text[start..end].trim_end_matches(['.', ':', '!', '?', '/', '*']);
        let address = if address.contains("://") {
            address.to_owned()
        } else {
            format!("https://{address}")
        };
        found.push((&text[..start], address));
        from = end.max(start + 1);
    }
    found
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest
        .split(['/', '?', '#', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    host.strip_prefix("www.").map(str::to_owned).unwrap_or(host)
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split_once('/')
        .map_or("", |(_, path)| path.trim_end_matches('/'))
}

/// Whether the words before an address introduce a project page.
fn says_project(before: &str) -> bool {
    let near: String = before
        .chars()
        .rev()
        .take(40)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    let near = near.to_lowercase();
    [
        "project page",
        "project website",
        "project site",
        "project:",
        "webpage",
        "homepage",
    ]
    .iter()
    .any(|words| near.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(abstract_text: &str, comment: &str, code: Option<&str>, project: Option<&str>) {
        let mut paper = Paper::new("2611.00001".parse().unwrap(), "t".to_owned());
        (paper.abstract_text, paper.comment) = (abstract_text.to_owned(), Some(comment.to_owned()));
        let expected = Resources {
            code: code.map(str::to_owned),
            project: project.map(str::to_owned),
        };
        assert_eq!(find(&paper), expected, "{abstract_text} {comment}");
    }

    #[test]
    fn code_and_project_pages_are_found() {
        check(
            "Code: https://github.com/a/b.",
            "",
            Some("https://github.com/a/b"),
            None,
        );
        check(
            "See github.com/a/b, please",
            "",
            Some("https://github.com/a/b"),
            None,
        );
        check(
            "(https://a.github.io/b/)",
            "",
            None,
            Some("https://a.github.io/b"),
        );
        check(
            "",
            "8 pages. Project page: https://lamp.example/x; code at http://www.gitlab.com/a/b",
            Some("http://www.gitlab.com/a/b"),
            Some("https://lamp.example/x"),
        );
        check(
            "on https://github.com we rely; http://example.org/data.",
            "",
            None,
            None,
        );
        check(
            "\u{202e}https://github.com/a/b\u{202c}語",
            "",
            Some("https://github.com/a/b"),
            None,
        );
        check("https://", "www.", None, None);
    }

    #[test]
    fn addresses_given_by_the_source_come_first() {
        let mut paper = Paper::new("2611.00001".parse().unwrap(), "t".to_owned());
        paper.code = Some("https://example.org/code".to_owned());
        paper.abstract_text = "https://github.com/a/b".to_owned();
        assert_eq!(
            find(&paper).code.as_deref(),
            Some("https://example.org/code")
        );
        paper.code = Some("javascript:alert(1)".to_owned());
        assert_eq!(find(&paper).code.as_deref(), Some("https://github.com/a/b"));
    }
}
