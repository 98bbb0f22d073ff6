//! JSON Feed, 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>). Pure.

use super::super::json::{list, text, texts};
use super::Items;
use super::item::{RawItem, RawItems, page_address, resolve};
use reqwest::Url;
use serde_json::Value;

pub(super) fn read(body: &str, place: &str) -> Result<Items, String> {
    let feed: Value = serde_json::from_str(body)
        .map_err(|error| format!("{place} answers with JSON that breaks: {error}"))?;
    let Some(items) = feed.pointer("/items").and_then(Value::as_array) else {
        return Err(format!("{place} answers with JSON that is no feed"));
    };
    let journal = text(&feed, "/title");
    let place_url = Url::parse(place).ok();
    let site = text(&feed, "/home_page_url");
    let mut base = [text(&feed, "/feed_url"), site.clone()]
        .into_iter()
        .flatten();
    let base = place_url.or_else(|| base.find_map(|base| Url::parse(&base).ok()));
    let mut read = RawItems::of_site(site.and_then(|site| resolve(&site, base.as_ref())));
    for item in items {
        let mut authors = texts(item, "/authors", "/name");
        authors.extend(text(item, "/author/name").filter(|_| authors.is_empty()));
        let raw = RawItem {
            title: text(item, "/title").unwrap_or_default(),
            names: [text(item, "/doi"), text(item, "/external_url")]
                .into_iter()
                .flatten()
                .collect(),
            own: text(item, "/id"),
            link: page_address(
                ["/url", "/external_url"]
                    .iter()
                    .filter_map(|name| Some((text(item, name)?, base.clone()))),
                text(item, "/id").as_deref(),
            ),
            abstracts: ["/content_html", "/content_text", "/summary"]
                .iter()
                .filter_map(|name| text(item, name))
                .collect(),
            authors,
            topics: list(item, "/tags")
                .iter()
                .filter_map(|tag| text(tag, ""))
                .collect(),
            published: text(item, "/date_published").into_iter().collect(),
            updated: text(item, "/date_modified"),
            journal: journal.clone(),
            volume: None,
        };
        read.add(raw, &item.to_string());
    }
    Ok(read.into_items(place, true))
}
