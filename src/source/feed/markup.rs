//! RSS 0.9x, 1.0 and 2.0, and Atom 0.3 and 1.0. Pure.
//!
//! Prefixes are only used where names differ in meaning (`media:title` is that of a
//! picture): their namespaces are often not declared, or wrongly.

use super::super::xml::{self, Element};
use super::Items;
use super::item::{RawItem, RawItems, page_address, resolve};
use base64::Engine as _;
use reqwest::Url;

/// Prefixes of pictures, sounds and maps, whose titles and texts are not the item's.
const ASIDE: [&str; 6] = ["media", "itunes", "geo", "georss", "slash", "feedburner"];

pub(super) fn read(text: &str, place: &str) -> Result<Items, String> {
    let document = xml::read(text, &["item", "entry"]);
    let is_root = |element: &Element| {
        ["rss", "rdf", "feed", "channel"].contains(&element.name().to_lowercase().as_str())
    };
    let mut roots = Vec::new();
    document.top.find(&is_root, &mut roots);
    let Some(root) = roots.first() else {
        let what = document.top.elements().next().map_or_else(
            || format!("{:?}", text.chars().take(60).collect::<String>()),
            |element| format!("<{}>", element.name()),
        );
        return Err(format!("{place} answers with {what}, which is no feed"));
    };
    let is_html = document
        .top
        .elements()
        .any(|element| element.name().eq_ignore_ascii_case("html"));
    if is_html {
        return Err(format!("{place} answers with a web page, which is no feed"));
    }
    // RSS 0.9 and 1.0 have the items beside the channel.
    let head = root.at("channel").unwrap_or(root);
    let links: Vec<&Element> = head.all("link").collect();
    let site = ordered_links(&links).into_iter().next();
    let base = base_of(root, address(place).as_ref());
    let site = site.and_then(|(site, _)| resolve(&site, base.as_ref()));
    let mut items = RawItems::of_site(site.clone());
    let base = base.or_else(|| address(&site?));
    let mut entries = Vec::new();
    find_entries(root, base.as_ref(), &mut entries);
    let journal = head.text_at("title");
    for (entry, base) in entries {
        let record = &text[entry.place.clone()];
        if entry.is_broken {
            items.add_broken("it has no end", record);
        } else {
            items.add(raw(entry, base.as_ref(), journal.as_deref()), record);
        }
    }
    Ok(items.into_items(place, document.is_whole))
}

fn address(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme().starts_with("http"))
}

/// The base of the addresses in `element`: its `xml:base`, which may be relative itself.
fn base_of(element: &Element, around: Option<&Url>) -> Option<Url> {
    match (element.attribute("base"), around) {
        (Some(base), Some(around)) => around.join(base).ok(),
        (Some(base), None) => address(base),
        (None, around) => around.cloned(),
    }
}

/// The items below `element`, each with its base.
fn find_entries<'a>(
    element: &'a Element,
    base: Option<&Url>,
    found: &mut Vec<(&'a Element, Option<Url>)>,
) {
    for inner in element.elements() {
        let base = base_of(inner, base);
        let name = inner.name();
        if name.eq_ignore_ascii_case("item") || name.eq_ignore_ascii_case("entry") {
            found.push((inner, base));
        } else {
            find_entries(inner, base.as_ref(), found);
        }
    }
}

fn raw(entry: &Element, base: Option<&Url>, journal: Option<&str>) -> RawItem {
    let own = |element: &&Element| !ASIDE.contains(&element.prefix().to_lowercase().as_str());
    let named = |name: &str| -> Vec<&Element> {
        // One that holds something comes before one that does not.
        let all: Vec<&Element> = entry
            .elements()
            .filter(|element| element.name().eq_ignore_ascii_case(name))
            .filter(own)
            .collect();
        // The feed's own elements, without a prefix, come before those of a module.
        let (plain, modules): (Vec<&Element>, Vec<&Element>) = all
            .into_iter()
            .partition(|element| matches!(element.prefix(), "" | "atom" | "atom10" | "rss"));
        plain.into_iter().chain(modules).collect()
    };
    let texts = |name: &str| -> Vec<String> {
        named(name)
            .into_iter()
            .map(Element::text)
            .filter(|text| !text.is_empty())
            .collect()
    };
    let first = |name: &str| texts(name).into_iter().next();
    let content = |name: &str| -> Vec<String> {
        named(name)
            .into_iter()
            .map(content)
            .filter(|text| !text.trim().is_empty())
            .collect()
    };
    let mut names = texts("doi");
    names.extend(texts("identifier"));
    names.extend(entry.attribute("about").map(str::to_owned));
    let guid = first("guid")
        .or(first("id"))
        .or(entry.attribute("about").map(str::to_owned));
    let mut links: Vec<(String, Option<Url>)> = ordered_links(&named("link"))
        .into_iter()
        .map(|(link, element)| (link, base_of(element, base)))
        .collect();
    let permalinks = named("guid").into_iter().filter(|guid| {
        let flag = guid.attribute("isPermaLink");
        flag.is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
    });
    links.extend(permalinks.map(|guid| (guid.text(), base.cloned())));
    let link = page_address(links, guid.as_deref());
    names.extend(
        named("link")
            .iter()
            .filter_map(|link| link.attribute("href").map(str::to_owned)),
    );
    names.extend(texts("origLink"));
    let mut authors: Vec<String> = Vec::new();
    for name in ["creator", "author", "authors"] {
        if authors.is_empty() {
            let people = named(name).into_iter().flat_map(|person| {
                let names: Vec<String> = person
                    .all("name")
                    .map(Element::text)
                    .filter(|name| !name.is_empty())
                    .collect();
                match names.is_empty() {
                    true if person.holds_elements() => {
                        vec![person.text_at("email").unwrap_or_default()]
                    }
                    true => vec![person.text()],
                    false => names,
                }
            });
            authors = people.filter(|name| !name.is_empty()).collect();
        }
    }
    if authors.is_empty() {
        let credits = entry
            .elements()
            .filter(|element| element.prefix() == "media" && element.name() == "credit");
        authors.extend(credits.map(Element::text));
    }
    let mut topics: Vec<String> = Vec::new();
    for category in named("category") {
        topics.extend(
            category
                .attribute("label")
                .or(category.attribute("term"))
                .map(str::to_owned),
        );
        topics.extend(Some(category.text()).filter(|text| !text.is_empty()));
    }
    topics.extend(texts("subject"));
    let dated = [
        "pubDate",
        "publicationDate",
        "published",
        "issued",
        "date",
        "coverDate",
        "created",
    ];
    let title = content("title").into_iter().next().unwrap_or_default();
    RawItem {
        title,
        names,
        own: guid,
        link,
        abstracts: ["abstract", "description", "summary", "encoded", "content"]
            .iter()
            .flat_map(|name| content(name))
            .collect(),
        authors,
        topics,
        published: dated.iter().filter_map(|name| first(name)).collect(),
        updated: first("updated").or(first("modified")),
        journal: first("publicationName").or(journal.map(str::to_owned)),
        volume: first("volume"),
    }
}

/// Text or markup, as the element says or as it looks.
fn content(element: &Element) -> String {
    if element
        .attribute("type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/octet-stream"))
        || element
            .attribute("mode")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("base64"))
    {
        let packed: String = element.text().split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(packed)
            .unwrap_or_default();
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    if element.holds_elements() {
        element.markup()
    } else {
        element.text()
    }
}

/// The addresses in `link` elements, each with its element: texts, as in RSS, come first,
/// then the alternate ones of Atom, then others.
fn ordered_links<'a>(links: &[&'a Element]) -> Vec<(String, &'a Element)> {
    let rank = |link: &Element| match (link.attribute("href"), link.attribute("rel")) {
        (None, _) => 0,
        (_, None) => 1,
        (_, Some(rel)) if rel.eq_ignore_ascii_case("alternate") => 1,
        _ => 2,
    };
    let mut links: Vec<&Element> = links.to_vec();
    links.sort_by_key(|link| rank(link));
    let text = |link: &Element| {
        let href = link.attribute("href").map(str::to_owned);
        href.unwrap_or_else(|| link.text())
    };
    let links = links.into_iter().map(|link| (text(link), link));
    links.filter(|(text, _)| !text.is_empty()).collect()
}
