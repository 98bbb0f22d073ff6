//! Splits text into sentences.

/// The sentences of `text` in order, without the white space between them.
///
/// All other characters are kept. Abbreviations, initials and decimals do not end a sentence;
/// an empty line always does.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = if matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？') {
            // `?!`, `...` and the quotes and brackets that close after it.
            while let Some(&(_, next)) = chars.peek() {
                if !".!?…。！？\"'”’)]»」』".contains(next) {
                    break;
                }
                chars.next();
            }
            let end = chars.peek().map_or(text.len(), |&(next, _)| next);
            let wide = matches!(c, '。' | '！' | '？');
            (wide || ends_sentence(&text[start..at], &text[at..end], &text[end..])).then_some(end)
        } else {
            starts_paragraph(&text[at..]).then_some(at)
        };
        if let Some(end) = end {
            push_trimmed(&mut found, &text[start..end]);
            start = end;
        }
    }
    push_trimmed(&mut found, &text[start..]);
    found
}

fn push_trimmed<'a>(found: &mut Vec<&'a str>, sentence: &'a str) {
    let sentence = sentence.trim();
    if !sentence.is_empty() {
        found.push(sentence);
    }
}

/// Whether `rest` starts with an empty line.
fn starts_paragraph(rest: &str) -> bool {
    // The window keeps a text of nothing but spaces linear.
    let window = rest.as_bytes();
    window.first() == Some(&b'\n')
        && window[1..]
            .iter()
            .take(80)
            .find(|b| !matches!(b, b' ' | b'\t' | b'\r'))
            == Some(&b'\n')
}

/// Whether the stop between `before` and `rest` ends the sentence.
fn ends_sentence(before: &str, stop: &str, rest: &str) -> bool {
    if !rest.starts_with(char::is_whitespace) {
        return rest.is_empty();
    }
    let next = rest.trim_start();
    // A sentence may start with a name in lower case (`vLLM`), but a missing split reads better
    // than a wrong one.
    if next.starts_with(|c: char| c.is_lowercase() || ",;:)–—".contains(c)) {
        return false;
    }
    if !stop.starts_with('.') {
        return true;
    }
    let word_start = before
        .rfind(|c: char| c.is_whitespace() || "([“\"".contains(c))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    let word = &before[word_start..];
    if is_abbreviation(word) {
        // `etc.` and the like may also end a sentence.
        return matches!(word, "etc" | "Inc" | "Ltd") && starts_like_a_sentence(next);
    }
    let initial = word.chars().count() == 1 && word.starts_with(char::is_uppercase);
    !initial || starts_like_a_sentence(next)
}

fn is_abbreviation(word: &str) -> bool {
    // `e.g`, `i.e`, `U.S`, `Ph.D`: dots within.
    let dotted = word.contains('.')
        && word
            .split('.')
            .all(|part| (1..=2).contains(&part.len()) && part.chars().all(char::is_alphabetic));
    dotted
        || matches!(
            word.to_lowercase().as_str(),
            "al" | "eg"
                | "ie"
                | "cf"
                | "vs"
                | "etc"
                | "fig"
                | "figs"
                | "eq"
                | "eqs"
                | "eqn"
                | "sec"
                | "sect"
                | "ref"
                | "refs"
                | "tab"
                | "vol"
                | "pp"
                | "resp"
                | "approx"
                | "ca"
                | "viz"
                | "dr"
                | "prof"
                | "mr"
                | "mrs"
                | "ms"
                | "st"
                | "jr"
                | "sr"
                | "inc"
                | "ltd"
                | "dept"
                | "univ"
                | "thm"
                | "lem"
                | "prop"
                | "def"
                | "ex"
                | "w.r.t"
                | "wrt"
                | "i.i.d"
                | "a.k.a"
                | "est"
                | "ed"
                | "eds"
                | "phys"
                | "rev"
                | "lett"
                | "j"
        )
}

fn starts_like_a_sentence(next: &str) -> bool {
    let word = next.split(|c: char| !c.is_alphabetic()).next();
    matches!(
        word,
        Some(
            "The"
                | "This"
                | "These"
                | "We"
                | "Our"
                | "In"
                | "It"
                | "However"
                | "To"
                | "An"
                | "For"
                | "Here"
                | "They"
                | "By"
                | "As"
                | "On"
                | "With"
                | "Moreover"
                | "Furthermore"
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text), expected, "{text:?}");
    }

    #[test]
    fn sentences_end_at_stops_and_empty_lines() {
        check("One. Two! Three? Four", &["One.", "Two!", "Three?", "Four"]);
        check("He said “no.” Then left.", &["He said “no.”", "Then left."]);
        check("A heading\n\nA text", &["A heading", "A text"]);
        check("一句。两句！三", &["一句。", "两句！", "三"]);
        check("Wait... What?!  Yes", &["Wait...", "What?!", "Yes"]);
        check("", &[]);
        check(" \n\n ", &[]);
    }

    #[test]
    fn abbreviations_initials_and_decimals_end_none() {
        for whole in [
            "Tools, e.g. Rust, help.",
            "Tools (i.e. Rust) help.",
            "As in Doe et al. (2020), it is.",
            "See Fig. 2 and Eq. 3.",
            "It gains 3.5 points.",
            "By J. Doe, U.S. Army.",
            "Cats vs. Dogs, cf. Birds.",
            "A .NET tool",
        ] {
            check(whole, &[whole]);
        }
        check(
            "We fix C. The rest follows.",
            &["We fix C.", "The rest follows."],
        );
        check("It uses 3. We go on.", &["It uses 3.", "We go on."]);
    }

    proptest! {
        #[test]
        fn only_white_space_between_is_lost(text in "[a-zA-Z .!?\n\"()。]{0,80}|\\PC{0,60}") {
            let bare = |s: &str| s.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(bare(&sentences(&text).concat()), bare(&text));
        }
    }
}
