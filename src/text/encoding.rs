//! From bytes to text: UTF-8, UTF-16, or Windows-1252, whichever it is.

/// What Windows-1252 has between 0x80 and 0x9F (Unicode's mapping table
/// CP1252.TXT); the five that it leaves open are what they are in Latin-1.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
];

/// The text of a file, with line feeds alone at the ends of lines.
pub fn decode(bytes: &[u8]) -> String {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => eight_bit(rest),
        [0xFF, 0xFE, rest @ ..] => sixteen_bit(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => sixteen_bit(rest, u16::from_be_bytes),
        // Without a mark: Latin text has a NUL in every pair.
        _ if is_half_nul(bytes, 0) => sixteen_bit(bytes, u16::from_be_bytes),
        _ if is_half_nul(bytes, 1) => sixteen_bit(bytes, u16::from_le_bytes),
        _ => eight_bit(bytes),
    };
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn eight_bit(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .map(|&byte| {
                if (0x80..0xA0).contains(&byte) {
                    WINDOWS[usize::from(byte - 0x80)]
                } else {
                    char::from(byte)
                }
            })
            .collect(),
    }
}

fn sixteen_bit(bytes: &[u8], pair: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|two| pair([two[0], two[1]]))
        .collect();
    String::from_utf16_lossy(&units)
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
