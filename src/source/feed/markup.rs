//! RSS 0.9x, 1.0 and 2.0, and Atom 0.3 and 1.0. Pure.
//!
//! Identifiers are told apart by their prefix only where two mean different things
//! (`media:title` is that of a picture); which namespace a prefix stands for is
//! often not declared, or wrongly.

use super::super::Unreadable;
use super::super::identifiers::excerpt;
use super::super::xml::{self, Element};
use super::Items;
use super::item::RawItem;
use base64::Engine as _;

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
    let mut entries = Vec::new();
    let is_entry = |element: &Element| {
        ["item", "entry"]
            .iter()
            .any(|name| element.name().eq_ignore_ascii_case(name))
    };
    root.find(&is_entry, &mut entries);
    // RSS 0.9 and 1.0 have them beside the channel.
    let journal = root
        .text_at("channel/title")
        .or_else(|| root.text_at("title"));
    let mut items = Items {
        is_whole: document.is_whole,
        ..Items::default()
    };
    for entry in entries {
        let record = &text[entry.place.clone()];
        if entry.is_broken {
            let at = items.entries.len() as u64 + items.skipped + 1;
            items.entries.push(Err(Unreadable {
                place: format!("{place} item {at}"),
                reason: "it has no end".to_owned(),
                record: excerpt(record),
            }));
        } else {
            items.add(raw(entry, journal.as_deref()), place, record);
        }
    }
    Ok(items)
}

fn raw(entry: &Element, journal: Option<&str>) -> RawItem {
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
    let link = link(&named("link"));
    let guid_is_link = guid.clone().filter(|guid| guid.starts_with("http"));
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
        link: link.or(guid_is_link),
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

/// The page of an item: the address in RSS, the alternate one in Atom.
fn link(links: &[&Element]) -> Option<String> {
    let href = |link: &&Element| link.attribute("href").map(str::to_owned);
    let is_page = |link: &&&Element| {
        link.attribute("rel")
            .is_none_or(|rel| rel.eq_ignore_ascii_case("alternate"))
    };
    let plain = links
        .iter()
        .filter(|link| link.attribute("href").is_none())
        .map(|link| link.text());
    let plain = plain.into_iter().find(|text| !text.is_empty());
    plain
        .or_else(|| links.iter().filter(is_page).find_map(&href))
        .or_else(|| links.iter().find_map(href))
}
