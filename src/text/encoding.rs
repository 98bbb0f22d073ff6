//! From bytes to text: UTF-8, UTF-16, or windows-1252.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The text of a file, with line feeds alone at the ends of lines.
///
/// A byte order mark decides; without one, UTF-16 is known by its zero bytes, and bytes
/// that are not UTF-8 are windows-1252, which programs on Windows write.
pub fn decode(bytes: &[u8]) -> String {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or_else(|| {
        // Latin text has a zero in every pair.
        let encoding = if is_half_nul(bytes, 0) {
            UTF_16BE
        } else if is_half_nul(bytes, 1) {
            UTF_16LE
        } else if std::str::from_utf8(bytes).is_ok() {
            UTF_8
        } else {
            WINDOWS_1252
        };
        (encoding, 0)
    });
    let bytes = &bytes[mark..];
    // A mark of UTF-8 before bytes that are none is a slip of the program that wrote it.
    let encoding = match encoding {
        utf_8 if utf_8 == UTF_8 && std::str::from_utf8(bytes).is_err() => WINDOWS_1252,
        known => known,
    };
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The character of a byte in windows-1252.
pub(super) fn windows_1252(byte: u8) -> char {
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    text.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_half_nul(bytes: &[u8], at: usize) -> bool {
    let start = &bytes[..bytes.len().min(64)];
    let pairs = start.chunks_exact(2);
    start.len() >= 4
        && pairs.len() > 0
        && pairs.clone().filter(|two| two[at] == 0).count() * 4 > pairs.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_reads_the_same() {
        let wanted = "Übung – 1\n";
        let wide: Vec<u16> = wanted.encode_utf16().collect();
        let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            wanted.as_bytes().to_vec(),
            marked(&[0xEF, 0xBB, 0xBF], wanted.as_bytes()),
            marked(&[0xFF, 0xFE], &little),
            marked(&[0xFE, 0xFF], &big),
            little,
            big,
            b"\xDCbung \x96 1\r\n".to_vec(),
        ] {
            assert_eq!(decode(&bytes), wanted, "{bytes:x?}");
        }
    }
}
