//! Turns a mail's HTML into a page whose policy forbids inline styles. Pure.
//!
//! Mail programs need styles at the elements; our content security policy forbids them.
//! Each different `style` becomes a class in a style sheet, which the policy allows by its
//! hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;
use std::fmt::Write as _;

/// A page and its content security policy.
pub(in crate::web) struct Standalone {
    pub(in crate::web) html: String,
    pub(in crate::web) policy: String,
}

/// Moves the styles of `mail` into a style sheet. `picture` is the one address besides our
/// own from which pictures may be loaded.
pub(in crate::web) fn standalone(mail: &str, picture: Option<&str>) -> Standalone {
    // Browsers normalize CRLF to LF before they hash.
    let mail = mail.replace("\r\n", "\n");
    let mut classes: HashMap<&str, usize> = HashMap::new();
    let (mut html, mut sheet) = (String::with_capacity(mail.len()), String::new());
    let mut rest = mail.as_str();
    while let Some(open) = rest.find('<') {
        html.push_str(&rest[..open]);
        rest = &rest[open..];
        let end = end_of_tag(rest);
        let tag = &rest[..end];
        rest = &rest[end..];
        let Some((before, style, after)) = attribute(tag, "style") else {
            html.push_str(tag);
            continue;
        };
        let next = classes.len();
        let number = *classes.entry(style).or_insert_with(|| {
            let _ = writeln!(sheet, ".s{next}{{{}}}", unescaped(style));
            next
        });
        let bare = format!("{before}{after}");
        if let Some((before, class, after)) = attribute(&bare, "class") {
            let _ = write!(html, "{before} class=\"{class} s{number}\"{after}");
        } else {
            let end = bare.trim_end_matches(['>', '/']).len();
            let _ = write!(
                html,
                "{} class=\"s{number}\"{}",
                bare[..end].trim_end(),
                &bare[end..]
            );
        }
    }
    html.push_str(rest);
    // Before the mail's own rules, which override the styles of elements.
    let style = format!("<style>{sheet}</style>");
    html = match html.find("<style>").or_else(|| html.find("</head>")) {
        Some(at) => format!("{}{style}\n{}", &html[..at], &html[at..]),
        None => style + &html,
    };
    let pictures = picture
        .filter(|url| is_plain_address(url))
        .map_or(String::new(), |url| format!(" {url}"));
    let policy = format!(
        "default-src 'none'; style-src {}; img-src 'self'{pictures}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hashes(&html).join(" ")
    );
    Standalone { html, policy }
}

/// The end of the tag at the beginning of `text`; quoted values may contain any character.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Splits a tag at the value of an attribute: before, value, after.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let start = format!(" {name}=\"");
    let at = tag.find(&start)?;
    let value = &tag[at + start.len()..];
    let end = value.find('"')?;
    Some((&tag[..at], &value[..end], &value[end + 1..]))
}

/// Undoes the escapes of the template engine, and removes characters that could end the
/// style sheet.
fn unescaped(style: &str) -> String {
    let plain = style
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    plain.replace(['<', '{', '}'], "")
}

/// Whether an address can stand in a policy without ending it.
fn is_plain_address(url: &str) -> bool {
    url.starts_with("https://")
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && !";,'\"".contains(c))
}

fn hashes(html: &str) -> Vec<String> {
    let sheets = html
        .split("<style>")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("</style>")?.0));
    let hash = |sheet: &str| {
        STANDARD.encode(ring::digest::digest(
            &ring::digest::SHA256,
            sheet.as_bytes(),
        ))
    };
    sheets
        .map(|sheet| format!("'sha256-{}'", hash(sheet)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_become_classes_and_the_policy_names_their_sheet() {
        let mail = "<html>\r\n<head><style>\r\n.ink { color: red !important; }\r\n</style></head>\
                    <body style=\"margin:0;\"><p class=\"ink\" style=\"font:'A';\">a &lt; b</p>\
                    <p style=\"font:'A';\" dir=\"auto\">c</p><br></body></html>";
        let page = standalone(mail, Some("https://example.org/logo.png"));
        assert!(!page.html.contains("style=\""), "{}", page.html);
        assert!(
            page.html
                .contains("<style>.s0{margin:0;}\n.s1{font:'A';}\n</style>\n<style>\n.ink"),
            "{}",
            page.html
        );
        assert!(
            page.html
                .contains("<p class=\"ink s1\">a &lt; b</p><p dir=\"auto\" class=\"s1\">c</p><br>"),
            "{}",
            page.html
        );
        assert_eq!(page.policy.matches("'sha256-").count(), 2);
        assert!(
            page.policy
                .contains("img-src 'self' https://example.org/logo.png;")
                && !page.policy.contains("unsafe")
        );
        assert!(
            standalone("", Some("https://x/; script-src *"))
                .policy
                .contains("img-src 'self';")
        );
    }
}
