//! From the bytes of an answer to text. Pure.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of `bytes`. What says how they are written, in this order: a byte
/// order mark, the HTTP header, the XML declaration (RFC 7303 section 3.2);
/// without any it is UTF-8, or what Windows writes if it cannot be.
///
/// Text that is UTF-8 beyond doubt is read so whatever the header says: servers
/// add `iso-8859-1` to anything.
pub(super) fn decode(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some(text) = utf_32(bytes) {
        return text;
    }
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding
            .decode_without_bom_handling(&bytes[mark..])
            .0
            .into_owned();
    }
    match bytes {
        [b'<', 0, ..] => return UTF_16LE.decode_without_bom_handling(bytes).0.into_owned(),
        [0, b'<', ..] => return UTF_16BE.decode_without_bom_handling(bytes).0.into_owned(),
        _ => {}
    }
    let declared = declaration(bytes).and_then(|label| Encoding::for_label(label.as_bytes()));
    // A declaration that could be read is not in two bytes a character.
    let declared = declared.filter(|encoding| ![UTF_16LE, UTF_16BE].contains(encoding));
    if declared.is_none_or(|encoding| encoding == UTF_8)
        && let Ok(text) = std::str::from_utf8(bytes)
        && !text.is_ascii()
    {
        return text.to_owned();
    }
    let said = content_type
        .and_then(charset)
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    let tried = [said, declared, Some(UTF_8)].into_iter().flatten();
    for encoding in tried {
        if let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) {
            return text.into_owned();
        }
    }
    match declared.or(said) {
        // Some characters are wrong: the others are as it says.
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        None => WINDOWS_1252
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
    }
}

fn charset(content_type: &str) -> Option<&str> {
    let mut parameters = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches(['"', '\'']))
}

/// `<?xml version="1.0" encoding="big5"?>`
fn declaration(bytes: &[u8]) -> Option<&str> {
    let start = &bytes[..bytes.len().min(400)].trim_ascii_start();
    let end = start.iter().position(|&byte| byte == b'>')?;
    let line = std::str::from_utf8(&start[..end]).ok()?;
    let rest = line
        .strip_prefix("<?xml")?
        .split_once("encoding")?
        .1
        .trim_start()
        .strip_prefix('=')?
        .trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].split(quote).next()
}

/// Four bytes a character, which the Web does not know and some feeds use.
fn utf_32(bytes: &[u8]) -> Option<String> {
    let (mark, little) = match bytes {
        [0xff, 0xfe, 0, 0, ..] => (4, true),
        [0, 0, 0xfe, 0xff, ..] => (4, false),
        [b'<', 0, 0, 0, ..] => (0, true),
        [0, 0, 0, b'<', ..] => (0, false),
        _ => return None,
    };
    let char_of = |four: &[u8]| {
        let four = <[u8; 4]>::try_from(four).expect("chunks of four");
        let code = if little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        };
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    };
    Some(bytes[mark..].chunks_exact(4).map(char_of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_the_bytes_is_believed_unless_they_say_otherwise() {
        let check = |bytes: &[u8], content_type: Option<&str>, expected: &str| {
            assert_eq!(
                decode(bytes, content_type),
                expected,
                "{bytes:?} {content_type:?}"
            );
        };
        check("<a>é</a>".as_bytes(), None, "<a>é</a>");
        check(
            "<a>é</a>".as_bytes(),
            Some("text/xml; charset=iso-8859-1"),
            "<a>é</a>",
        );
        check(
            b"<a>\xe9</a>",
            Some("text/xml; charset=\"ISO-8859-1\""),
            "<a>é</a>",
        );
        check(b"<a>\xe9\x93</a>", None, "<a>é“</a>");
        check(
            b"<?xml version='1.0' encoding='koi8-r'?>\xcd",
            None,
            "<?xml version='1.0' encoding='koi8-r'?>м",
        );
        check(
            b"<?xml version='1.0' encoding='koi8-r'?>\xcd",
            Some("text/xml"),
            "<?xml version='1.0' encoding='koi8-r'?>м",
        );
        check(
            b"\xef\xbb\xbf<a/>",
            Some("text/xml; charset=koi8-r"),
            "<a/>",
        );
        check(b"\xff\xfe<\0a\0", None, "<a");
        check(b"<\0a\0", None, "<a");
        check(b"\0\0\0<\0\0\0a", None, "<a");
        check(b"", None, "");
    }
}
