//! Decodes the bytes of a response. Pure.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Decodes `bytes`. The encoding follows from the first of these: byte order mark, HTTP
/// header, XML declaration (RFC 7303 section 3.2). Without any, or if the bytes cannot be
/// UTF-8 as declared, it is detected as browsers do.
///
/// Text that is certainly UTF-8 is decoded so whatever the header says: servers add
/// `iso-8859-1` to anything.
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
        // Some characters are wrong; the others are as declared.
        Some(encoding) if encoding != UTF_8 => encoding.decode_without_bom_handling(bytes).0,
        _ if is_mostly_utf_8(bytes) => String::from_utf8_lossy(bytes),
        _ => detected(bytes).decode_without_bom_handling(bytes).0,
    }
    .into_owned()
}

/// Whether most characters beyond ASCII are valid UTF-8.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    valid >= invalid
}

/// The encoding that a browser would guess.
fn detected(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
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

/// UTF-32, which browsers do not support and some feeds use.
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
    fn the_declared_encoding_is_used_unless_the_bytes_contradict_it() {
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
        // Declared as UTF-8, and something else.
        let declared = "<?xml version='1.0' encoding='utf-8'?>";
        let lie = |bytes: &[u8], expected: &str| {
            let whole = [declared.as_bytes(), bytes].concat();
            check(&whole, None, &format!("{declared}{expected}"));
        };
        lie(b"<a>M\xfcller \x96 ladders</a>", "<a>Müller – ladders</a>");
        lie(
            b"<a>\xd1\xed\xe5\xe6\xed\xfb\xe5 \xe3\xee\xf0\xfb</a>",
            "<a>Снежные горы</a>",
        );
        lie(b"<a>\xc3\xa9t\xc3\xa9 \xff</a>", "<a>été \u{fffd}</a>");
    }
}
