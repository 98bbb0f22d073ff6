//! Finds mail addresses in free text. Pure.

/// Longest parts that are taken for one: RFC 5321 section 4.5.3.1, with room for source routes of
/// old.
const LOCAL_BYTES_MAX: usize = 100;
const DOMAIN_BYTES_MAX: usize = 255;

/// Every address in `text` with where it begins and ends, brackets and quotes left out.
pub fn addresses(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + bytes[from..].iter().position(|&byte| byte == b'@')?;
            let start = local_start(bytes, at, from);
            let end = domain_end(bytes, at + 1);
            from = at + 1;
            if let (Some(start), Some(end)) = (start, end) {
                from = end;
                return Some((start, end));
            }
        }
    })
}

/// The first address in `text`, in lower-case domain.
pub fn first(text: &str) -> Option<&str> {
    addresses(text).next().map(|(start, end)| &text[start..end])
}

fn local_start(bytes: &[u8], at: usize, least: usize) -> Option<usize> {
    let floor = least.max(at.saturating_sub(LOCAL_BYTES_MAX));
    if at > floor && bytes[at - 1] == b'"' {
        let open = bytes[floor..at - 1]
            .iter()
            .rposition(|&byte| byte == b'"')
            .map(|found| floor + found)?;
        return (open + 1 < at - 1).then_some(open);
    }
    let is_local = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) || byte >= 0x80
    };
    let mut start = at;
    while start > floor && is_local(bytes[start - 1]) {
        start -= 1;
    }
    // A quote before an address is no part of it, nor is half a letter where the search stopped.
    while start < at && (b"'`=/".contains(&bytes[start]) || (bytes[start] & 0xC0) == 0x80) {
        start += 1;
    }
    // X.400 gateways write "dda:SMTP=a@example.org".
    for prefix in [&b"smtp="[..], b"rfc-822=", b"rfc822=", b"to="] {
        if bytes[start..at].len() > prefix.len()
            && bytes[start..start + prefix.len()].eq_ignore_ascii_case(prefix)
        {
            start += prefix.len();
        }
    }
    start += foreign(&bytes[start..at]);
    (start < at).then_some(start)
}

/// The length in bytes of words that touch a local part, as Chinese and Japanese write:
/// `宛先（ada@…`.
fn foreign(local: &[u8]) -> usize {
    let Ok(local) = std::str::from_utf8(local) else {
        return 0;
    };
    // An address may be all in such letters (RFC 6531), but then to its end.
    let ends_in_ascii = local.ends_with(|c: char| c.is_ascii());
    let is_foreign =
        |c: char| !c.is_ascii() && (!c.is_alphanumeric() || ends_in_ascii && c >= '\u{2e80}');
    local
        .char_indices()
        .rev()
        .find(|(_, c)| is_foreign(*c))
        .map_or(0, |(at, c)| at + c.len_utf8())
}

fn domain_end(bytes: &[u8], start: usize) -> Option<usize> {
    let ceiling = bytes.len().min(start + DOMAIN_BYTES_MAX);
    let length = bytes[start..ceiling]
        .iter()
        .take_while(|&&b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        .count();
    let mut end = start + length;
    while end > start && b".-_".contains(&bytes[end - 1]) {
        end -= 1;
    }
    let domain = &bytes[start..end];
    (!domain.is_empty() && domain[0].is_ascii_alphanumeric()).then_some(end)
}

/// Whether `one` and `other` name the same mailbox, as far as case goes.
pub fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_text() {
        let found = |text: &str| {
            addresses(text)
                .map(|(a, b)| text[a..b].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found("<a.b@example.org>: unknown (c+d=x@e.example)."),
            ["a.b@example.org", "c+d=x@e.example"]
        );
        assert_eq!(found("\"a b\"@example.org."), ["\"a b\"@example.org"]);
        assert_eq!(
            found("'x@example.org', mailto:y@localhost, @z @@ a@"),
            ["x@example.org", "y@localhost"]
        );
        assert_eq!(
            found("邮件地址（ada@example.org）不存在"),
            ["ada@example.org"]
        );
        assert_eq!(found("宛先ada@example.orgは"), ["ada@example.org"]);
        assert_eq!(
            found("<andré@example.org> 用户@example.org"),
            ["andré@example.org", "用户@example.org"]
        );
        assert_eq!(found(&"@".repeat(10_000)).len(), 0);
    }
}
