//! Reads a message back, as far as the tests need it. Python's `email` judges
//! the same messages by hand; this is here so that `cargo test` needs nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

/// A message taken apart.
pub(crate) struct Mail {
    /// Name and value as they stand, unfolded, in order.
    pub(crate) headers: Vec<(String, String)>,
    /// Content type and decoded text of every part.
    pub(crate) parts: Vec<(String, String)>,
}

impl Mail {
    /// Fails on anything that RFC 5322 and MIME do not allow in a message of ours.
    pub(crate) fn parse(bytes: &[u8]) -> Mail {
        let text = std::str::from_utf8(bytes).expect("a message is ASCII");
        assert!(text.is_ascii(), "a message is ASCII");
        assert!(text.ends_with("\r\n"), "the last line has an end");
        assert!(
            !text.replace("\r\n", "").contains(['\r', '\n', '\0']),
            "no bare CR, LF or NUL"
        );
        for line in text.split("\r\n") {
            assert!(line.len() <= 998, "a line of {} bytes", line.len());
        }
        let (headers, body) = split(text);
        let content_type = find(&headers, "Content-Type").to_owned();
        let parts = match content_type.split_once("boundary=\"") {
            None => vec![(content_type, decode(&headers, body))],
            Some((_, rest)) => {
                let boundary = format!("--{}", rest.trim_end_matches('"'));
                let mut pieces = body.split(&boundary);
                assert_eq!(
                    pieces.next().map(str::trim),
                    Some(""),
                    "nothing stands before the first part"
                );
                let mut pieces: Vec<&str> = pieces.collect();
                assert_eq!(
                    pieces.pop(),
                    Some("--\r\n"),
                    "the last boundary ends the message"
                );
                pieces
                    .into_iter()
                    .map(|piece| {
                        let piece = piece
                            .strip_prefix("\r\n")
                            .expect("a boundary has its own line");
                        let piece = piece
                            .strip_suffix("\r\n")
                            .expect("a boundary has its own line");
                        let (headers, body) = split(piece);
                        (
                            find(&headers, "Content-Type").to_owned(),
                            decode(&headers, body),
                        )
                    })
                    .collect()
            }
        };
        Mail { headers, parts }
    }

    /// The one header of this name, its encoded words decoded.
    pub(crate) fn header(&self, name: &str) -> String {
        words(find(&self.headers, name))
    }
}

fn split(text: &str) -> (Vec<(String, String)>, &str) {
    let (block, body) = text
        .split_once("\r\n\r\n")
        .expect("an empty line ends the headers");
    let unfolded = block.replace("\r\n ", " ").replace("\r\n\t", " ");
    let headers = unfolded
        .split("\r\n")
        .map(|line| {
            let (name, value) = line
                .split_once(": ")
                .or_else(|| line.split_once(':'))
                .expect("a header has a colon");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
                "{line}"
            );
            (name.to_owned(), value.trim().to_owned())
        })
        .collect();
    (headers, body)
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = headers
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let (_, value) = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} stands there twice");
    value
}

fn decode(headers: &[(String, String)], body: &str) -> String {
    let bytes = match find(headers, "Content-Transfer-Encoding") {
        "7bit" => body.as_bytes().to_vec(),
        "quoted-printable" => {
            for line in body.split("\r\n") {
                assert!(
                    line.len() <= 76,
                    "a quoted-printable line of {} bytes",
                    line.len()
                );
            }
            quoted(&body.replace("=\r\n", ""))
        }
        "base64" => base64(body),
        other => panic!("the encoding {other}"),
    };
    String::from_utf8(bytes).expect("a part is UTF-8")
}

fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'=' {
            let code = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(code, 16).unwrap_or_else(|_| panic!("={code}")));
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text
        .chars()
        .filter(|letter| !letter.is_ascii_whitespace() && *letter != '=')
    {
        let value = ALPHABET
            .find(letter)
            .unwrap_or_else(|| panic!("{letter} in base64"));
        buffer = (buffer << 6) | u32::try_from(value).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
        }
    }
    bytes
}

/// RFC 2047: encoded words, and no white space between two of them.
fn words(value: &str) -> String {
    let mut text: Vec<u8> = Vec::new();
    let mut after_word = false;
    for token in value.split_inclusive(' ') {
        let word = token.trim_end();
        let trailing = &token[word.len()..];
        let inner = word
            .strip_prefix("=?utf-8?")
            .and_then(|rest| rest.strip_suffix("?="));
        if let Some((encoding, payload)) = inner.and_then(|inner| inner.split_once('?')) {
            assert!(word.len() <= 75, "an encoded word of {} bytes", word.len());
            if after_word {
                text.pop();
            }
            let bytes = match encoding {
                "b" => base64(payload),
                "q" => quoted(&payload.replace('_', " ")),
                other => panic!("the encoding {other}"),
            };
            assert!(
                std::str::from_utf8(&bytes).is_ok(),
                "a character is split over two words"
            );
            text.extend(bytes);
            after_word = true;
        } else {
            text.extend(word.as_bytes());
            after_word = false;
        }
        text.extend(trailing.as_bytes());
    }
    String::from_utf8(text).expect("decoded words are UTF-8")
}
