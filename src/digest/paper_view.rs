//! The values of a paper's template. Pure.

use super::Branding;
use super::clean::{line, paragraphs, path_segment, web_url};
use super::placeholders::Slot;
use super::summary::SentenceSet;
use crate::language::{Language, is_latin};
use crate::paper::{Paper, category_name, doi_url};
use crate::pick::{PaperNews, Reason};
use crate::subscriber::AbstractLength;
use crate::text::cut;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::HashSet;

const TITLE_CHARS_MAX: usize = 300;
const REASON_CHARS_MAX: usize = 300;
pub(super) const NAME_CHARS_MAX: usize = 100;
/// The longest abstracts on arXiv have some 2,500 characters.
const ABSTRACT_CHARS_MAX: usize = 6_000;
/// Lists longer than this are cut to [`AUTHORS_SHOWN`] names.
const AUTHORS_WHOLE: usize = 8;
const AUTHORS_SHOWN: usize = 6;
/// Maximum number of followed authors shown from the rest of the list.
const FOLLOWED_SHOWN: usize = 6;
const CATEGORIES_SHOWN: usize = 3;

/// A paper in an issue.
#[derive(Debug, Serialize)]
pub(super) struct PaperView {
    /// `12. `, as wide as the indent of the text part.
    pub(super) marker: String,
    pub(super) title: String,
    pub(super) url: String,
    /// Language of title and abstract, if it is known and differs from the issue's.
    pub(super) lang: Option<&'static str>,
    pub(super) authors: Vec<AuthorView>,
    /// `and 43 more`.
    pub(super) authors_more: Option<String>,
    pub(super) categories: Vec<String>,
    /// `announced Fri 20 Nov`, if the issue does not show it.
    pub(super) dated: Option<String>,
    /// A replacement, a publication or a withdrawal.
    pub(super) news: Option<String>,
    /// The reason of the pick; may be empty.
    pub(super) reason: String,
    /// Paragraphs; empty if unwanted or unknown.
    pub(super) abstract_text: Vec<String>,
    pub(super) links: Vec<LinkView>,
    /// The links without that of the title, for the text part.
    pub(super) more_links: Vec<LinkView>,
    /// The feedback links; empty if there is no web service.
    pub(super) thumbs: Vec<LinkView>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct AuthorView {
    pub(super) name: String,
    pub(super) followed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LinkView {
    pub(super) label: String,
    pub(super) url: String,
}

/// The part of a reader's view of a paper that is the same for many readers. The other part
/// is in [`SlotValues`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RenderMode {
    pub(super) abstracts: AbstractLength,
    pub(super) chosen: SentenceSet,
    pub(super) followed: Vec<String>,
    pub(super) news: Option<PaperNews>,
    pub(super) is_dated: bool,
    /// Dates of other years are shown with the year.
    pub(super) year: i32,
    pub(super) has_reason: bool,
    pub(super) has_thumbs: bool,
}

/// The part of the view that differs for every reader: the value of each [`Slot`].
#[derive(Debug, Clone)]
pub(super) struct SlotValues {
    pub(super) marker: String,
    pub(super) reason: String,
    pub(super) thumbs: [String; 3],
}

impl SlotValues {
    /// Placeholders for all values of `mode`.
    pub(super) fn placeholders(mode: &RenderMode) -> Self {
        SlotValues {
            marker: Slot::Marker.placeholder(),
            reason: if mode.has_reason {
                Slot::Reason.placeholder()
            } else {
                String::new()
            },
            thumbs: [Slot::More, Slot::Less, Slot::Save].map(Slot::placeholder),
        }
    }
}

/// The view of `paper` in `language`; `summary` is the short form of its abstract.
pub(super) fn view(
    paper: &Paper,
    mode: &RenderMode,
    own: SlotValues,
    summary: impl FnOnce() -> String,
    language: &Language,
    branding: &Branding,
) -> PaperView {
    let words = &language.digest;
    let url = title_url(paper, branding);
    let links = links(paper, &url, language);
    let (authors, more) = authors(&paper.authors, &mode.followed);
    let abstract_text = match mode.abstracts {
        AbstractLength::Full => {
            cut_paragraphs(paragraphs(&paper.abstract_text), ABSTRACT_CHARS_MAX)
        }
        AbstractLength::Short => Some(summary())
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect(),
        AbstractLength::None => Vec::new(),
    };
    let labels = [&words.more, &words.less, &words.save].map(|text| text.as_str().to_owned());
    let thumbs = labels
        .into_iter()
        .zip(own.thumbs)
        .map(|(label, url)| LinkView { label, url });
    PaperView {
        marker: own.marker,
        title: title(paper),
        lang: (language.code != "en" && is_latin(&paper.title)).then_some("en"),
        more_links: links
            .iter()
            .filter(|link| link.url != url)
            .cloned()
            .collect(),
        links,
        url,
        authors,
        authors_more: (more > 0).then(|| language.count(&words.authors_more, more as u64, &[])),
        categories: categories(paper),
        dated: if mode.is_dated {
            dated(paper, mode.year, language)
        } else {
            None
        },
        news: news(paper, mode.news.as_ref(), language),
        reason: own.reason,
        abstract_text,
        thumbs: if mode.has_thumbs {
            thumbs.collect()
        } else {
            Vec::new()
        },
    }
}

/// The reasons for a pick in `language`.
pub(super) fn reason(reasons: &[Reason], language: &Language) -> String {
    let words = &language.digest;
    let own = |text: &str| line(text);
    let all = |names: &[String]| names.iter().map(|name| own(name)).collect::<Vec<_>>();
    let category = |code: &str| own(category_name(code));
    let texts: Vec<String> = reasons
        .iter()
        .map(|reason| match reason {
            Reason::FollowedAuthors(names) => words
                .why_author
                .with(&[("names", &language.list(&all(names)))]),
            Reason::Keyword(phrase) => words.why_phrase.with(&[("phrase", &own(phrase))]),
            Reason::LikedPaper(title) => words.why_liked.with(&[("title", &cut(&own(title), 80))]),
            Reason::LikedAuthor(name) => words.why_liked_author.with(&[("name", &own(name))]),
            Reason::Exploring(interest) => words.why_beyond.with(&[("interest", &own(interest))]),
            Reason::NearMiss => words.why_near_miss.as_str().to_owned(),
            Reason::Terms(terms) => words
                .why_about
                .with(&[("terms", &language.joined(&all(terms)))]),
            Reason::Meaning(title) => words.why_meaning.with(&[("title", &cut(&own(title), 80))]),
            Reason::LikedCategory(code) => words.why_field.with(&[("category", &category(code))]),
            Reason::NewIn(code) => words.why_new_in.with(&[("category", &category(code))]),
            Reason::New => words.why_new.as_str().to_owned(),
            Reason::Votes(count) => language.count(&words.why_trending, u64::from(*count), &[]),
            Reason::News(news) => news_text(news, language),
            Reason::Text(text) => own(text),
        })
        .filter(|text| !text.is_empty())
        .collect();
    cut(&texts.join(" · "), REASON_CHARS_MAX)
}

fn cut_paragraphs(paragraphs: Vec<String>, chars_max: usize) -> Vec<String> {
    let mut room = chars_max;
    let mut kept = Vec::new();
    for paragraph in paragraphs {
        let chars = paragraph.chars().count();
        if chars > room {
            if room > 1 {
                kept.push(cut(&paragraph, room));
            }
            break;
        }
        room -= chars;
        kept.push(paragraph);
    }
    kept
}

pub(super) fn title(paper: &Paper) -> String {
    let title = cut(&line(&paper.title), TITLE_CHARS_MAX);
    if title.is_empty() {
        paper.id.to_string()
    } else {
        title
    }
}

/// The link of the title: the paper's page at its source, else its page on our site.
fn title_url(paper: &Paper, branding: &Branding) -> String {
    paper
        .link()
        .and_then(|link| web_url(&link))
        .unwrap_or_else(|| {
            format!(
                "{}/papers/{}",
                branding.base_url,
                path_segment(paper.id.as_str())
            )
        })
}

/// Links to other forms of the paper and to its resources.
fn links(paper: &Paper, title_url: &str, language: &Language) -> Vec<LinkView> {
    let words = &language.digest;
    let id = paper.id.as_str();
    let mut links: Vec<LinkView> = Vec::new();
    let mut add = |label: &crate::language::Text, url: String| {
        if links
            .iter()
            .all(|link| !link.url.eq_ignore_ascii_case(&url))
        {
            links.push(LinkView {
                label: label.as_str().to_owned(),
                url,
            });
        }
    };
    if paper.id.is_arxiv() {
        add(&words.link_abstract, format!("https://arxiv.org/abs/{id}"));
        add(&words.link_pdf, format!("https://arxiv.org/pdf/{id}"));
        // arXiv provides HTML since December 2023.
        if id
            .split_once('.')
            .is_some_and(|(month, _)| ("2312".."9100").contains(&month))
        {
            add(&words.link_html, format!("https://arxiv.org/html/{id}"));
        }
    } else {
        add(&words.link_abstract, title_url.to_owned());
    }
    let found = super::resources::find(paper);
    if let Some(url) = found.code {
        add(&words.link_code, url);
    }
    if let Some(url) = found.project {
        add(&words.link_project, url);
    }
    if let Some(doi) = &paper.doi
        && let Some(url) = web_url(&doi_url(doi))
        && title_url != url
    {
        add(&words.link_published, url);
    }
    links
}

/// The first authors, the followed ones, and the number of the others.
fn authors(names: &[String], followed: &[String]) -> (Vec<AuthorView>, usize) {
    let followed: HashSet<String> = followed
        .iter()
        .map(|name| line(name).to_lowercase())
        .collect();
    let all: Vec<AuthorView> = names
        .iter()
        .map(|name| line(name))
        .filter(|name| !name.is_empty())
        .map(|name| AuthorView {
            followed: followed.contains(&name.to_lowercase()),
            name: cut(&name, NAME_CHARS_MAX),
        })
        .collect();
    if all.len() <= AUTHORS_WHOLE {
        return (all, 0);
    }
    let total = all.len();
    let mut followed_later = 0;
    let shown: Vec<AuthorView> = all
        .into_iter()
        .enumerate()
        .filter(|(at, author)| {
            let later = *at >= AUTHORS_SHOWN && author.followed;
            followed_later += usize::from(later);
            *at < AUTHORS_SHOWN || later && followed_later <= FOLLOWED_SHOWN
        })
        .map(|(_, author)| author)
        .collect();
    let more = total - shown.len();
    (shown, more)
}

fn categories(paper: &Paper) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for code in &paper.categories {
        // arXiv's feeds mix in ACM and MSC classes ("I.2.7", "68T50").
        if paper.id.is_arxiv() && !code.starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        let name = cut(&line(category_name(code)), NAME_CHARS_MAX);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(CATEGORIES_SHOWN);
    names
}

fn dated(paper: &Paper, year: i32, language: &Language) -> Option<String> {
    let today = NaiveDate::from_ymd_opt(year, 1, 1)?;
    let words = &language.digest;
    let (text, day) = match (paper.announced, paper.published) {
        (Some(day), _) => (&words.announced, day),
        (None, Some(instant)) => (&words.published, instant.date_naive()),
        (None, None) => return None,
    };
    Some(text.with(&[("day", &language.day_short(day, today))]))
}

/// The news of a paper: a withdrawal is always named, and replaces the version that
/// announces it.
fn news(paper: &Paper, news: Option<&PaperNews>, language: &Language) -> Option<String> {
    let withdrawn =
        (paper.withdrawn || news == Some(&PaperNews::Withdrawn)).then_some(&PaperNews::Withdrawn);
    let first = news.filter(|news| match news {
        PaperNews::Published(_) => true,
        PaperNews::Replaced(_) => withdrawn.is_none(),
        PaperNews::Withdrawn => false,
    });
    let texts: Vec<String> = first
        .into_iter()
        .chain(withdrawn)
        .map(|news| news_text(news, language))
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// One piece of news in `language`.
pub(super) fn news_text(news: &PaperNews, language: &Language) -> String {
    let words = &language.digest;
    match news {
        PaperNews::Replaced(version) => words
            .news_version
            .with(&[("version", &version.to_string())]),
        PaperNews::Published(journal) => match cut(&line(journal), NAME_CHARS_MAX).as_str() {
            "" => words.news_published.as_str().to_owned(),
            journal => words.news_published_in.with(&[("journal", journal)]),
        },
        PaperNews::Withdrawn => words.news_withdrawn.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::language;

    fn names(count: usize) -> Vec<String> {
        (1..=count).map(|at| format!("Author {at}")).collect()
    }

    fn english() -> std::sync::Arc<Language> {
        language::load(None).unwrap().best("en").clone()
    }

    #[test]
    fn long_lists_of_authors_are_cut_but_keep_the_followed() {
        let (shown, more) = authors(&names(8), &[]);
        assert_eq!((shown.len(), more), (8, 0));
        let (shown, more) = authors(
            &names(50),
            &["AUTHOR 3".to_owned(), " author 44".to_owned()],
        );
        assert_eq!((shown.len(), more), (7, 43));
        let followed: Vec<&str> = shown
            .iter()
            .filter(|author| author.followed)
            .map(|author| &*author.name)
            .collect();
        assert_eq!(followed, ["Author 3", "Author 44"]);
        let (shown, more) = authors(&names(3_000), &names(3_000));
        assert_eq!((shown.len(), more), (12, 2_988));
    }

    fn paper(id: &str) -> Paper {
        Paper {
            id: id.parse().unwrap(),
            ..(*sample::issue().sections[0].picks[0].paper).clone()
        }
    }

    #[test]
    fn links_depend_on_the_paper() {
        let labels = |paper: &Paper| -> Vec<String> {
            let links = links(paper, &title_url(paper, &sample::branding()), &english());
            links.into_iter().map(|link| link.label).collect()
        };
        let mut bare = paper("2611.01234");
        (bare.code, bare.abstract_text) = (None, String::new());
        let bare = |id: &str| Paper {
            id: id.parse().unwrap(),
            ..bare.clone()
        };
        assert_eq!(labels(&bare("2611.01234")), ["Abstract", "PDF", "HTML"]);
        assert_eq!(labels(&bare("2311.01234")), ["Abstract", "PDF"]);
        assert_eq!(labels(&bare("9912.1234")), ["Abstract", "PDF"]);
        assert_eq!(labels(&bare("hep-th/9901001")), ["Abstract", "PDF"]);
        assert_eq!(labels(&bare("10.1101/2026.1")), ["Abstract"]);
        let published = Paper {
            doi: Some("10.5555/towers.7".to_owned()),
            ..bare("2611.01234")
        };
        assert_eq!(
            labels(&published),
            ["Abstract", "PDF", "HTML", "Published version"]
        );
        let code = Paper {
            code: Some("https://github.com/keepers/brush".to_owned()),
            ..published
        };
        assert_eq!(
            labels(&code),
            ["Abstract", "PDF", "HTML", "Code", "Published version"]
        );
        let bad = Paper {
            url: Some("javascript:alert(1)".to_owned()),
            doi: None,
            ..bare("日本語/1")
        };
        assert_eq!(
            title_url(&bad, &sample::branding()),
            "https://digest.example.org/papers/%E6%97%A5%E6%9C%AC%E8%AA%9E%2F1"
        );
    }

    #[test]
    fn categories_are_shown_by_name() {
        let mut paper = paper("2611.01234");
        paper.categories = ["cs.SY", "eess.SY", "I.2.7; H.3.3", "68T50", "cs.XX"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(categories(&paper), ["Systems and Control", "cs.XX"]);
        paper.id = "sample.1".parse().unwrap();
        paper.categories = vec!["Ornithology".to_owned()];
        assert_eq!(categories(&paper), ["Ornithology"]);
    }

    #[test]
    fn news_of_a_paper_is_worded() {
        let said = |paper: &Paper, what: Option<PaperNews>| {
            news(paper, what.as_ref(), &english()).unwrap_or_default()
        };
        let mut paper = paper("2611.01234");
        assert_eq!(said(&paper, None), "");
        assert_eq!(
            said(&paper, Some(PaperNews::Replaced(2))),
            "new version (v2)"
        );
        assert_eq!(
            said(
                &paper,
                Some(PaperNews::Published("J. Towers\r\n 7".to_owned()))
            ),
            "now published in J. Towers 7"
        );
        assert_eq!(
            said(&paper, Some(PaperNews::Published(String::new()))),
            "now published"
        );
        paper.withdrawn = true;
        assert_eq!(
            said(&paper, Some(PaperNews::Replaced(2))),
            "Withdrawn by its authors"
        );
    }

    #[test]
    fn a_reason_is_worded_in_the_readers_language() {
        let languages = language::load(None).unwrap();
        let why = [
            Reason::FollowedAuthors(vec!["Ada".to_owned(), "Tri".to_owned()]),
            Reason::Keyword("lamp".to_owned()),
            Reason::Terms(vec!["salt".to_owned(), "glass".to_owned()]),
        ];
        assert_eq!(
            reason(&why, languages.best("en")),
            "by Ada and Tri, whom you follow · matches “lamp” · about salt, glass"
        );
        assert_eq!(
            reason(&why, languages.best("ja")),
            "フォロー中の Ada、Tri の論文 · 「lamp」を含む · salt、glass について"
        );
    }
}
