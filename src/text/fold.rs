//! Text without case, accents and punctuation, for exact phrases.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, with single spaces for punctuation.
///
/// Hyphens are punctuation, so `Low-Rank` and `low rank` fold alike. The signs
/// of `C++` and `C#` stay.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_alphanumeric() || is_combining_mark(c) {
            push_folded(&mut out, c);
        } else if (c == '+' || c == '#')
            && out.ends_with(|c: char| c.is_ascii_alphabetic() || c == '+')
            && !chars
                .peek()
                .is_some_and(|&next| next.is_alphanumeric() || is_combining_mark(next))
        {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// A phrase folded like [`fold`], its trailing `*` (any ending) kept.
pub fn fold_phrase(phrase: &str) -> String {
    let mut folded = fold(phrase);
    if phrase.trim_end().ends_with('*') && !folded.is_empty() {
        folded.push('*');
    }
    folded
}

/// Whether a folded text holds a folded phrase, from word border to word
/// border. A phrase that ends in `*` may go on within its last word.
///
/// Scripts without spaces have no word borders, so there it may start and end
/// anywhere. An empty phrase is in no text.
pub fn contains_phrase(folded_text: &str, folded_phrase: &str) -> bool {
    let (phrase, open_end) = match folded_phrase.strip_suffix('*') {
        Some(start) => (start, true),
        None => (folded_phrase, false),
    };
    let (Some(first), Some(last)) = (phrase.chars().next(), phrase.chars().next_back()) else {
        return false;
    };
    let mut from = 0;
    while let Some(found) = folded_text[from..].find(phrase) {
        let start = from + found;
        let end = start + phrase.len();
        let starts_word = start == 0 || folded_text[..start].ends_with(' ') || is_unspaced(first);
        let ends_word = open_end
            || end == folded_text.len()
            || folded_text[end..].starts_with(' ')
            || is_unspaced(last);
        if starts_word && ends_word {
            return true;
        }
        from = start + first.len_utf8();
    }
    false
}

/// Whether `c` belongs to a script that writes words without spaces: Chinese,
/// Japanese, and Korean, whose words carry their particles.
pub fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// Appends a letter or digit in lower case and without its marks.
pub(super) fn push_folded(out: &mut String, c: char) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    // Decomposing these would take Korean syllables and Japanese kana apart.
    if is_unspaced(c) {
        out.push(c);
        return;
    }
    let letters = std::iter::once(c).nfkd().filter(|&c| !is_combining_mark(c));
    for lower in letters.flat_map(char::to_lowercase) {
        if let Some(plain) = plain_letters(lower) {
            out.push_str(plain);
        } else if lower.is_alphanumeric() {
            // `⑴` decomposes to more than letters and digits.
            out.push(lower);
        }
    }
}

/// The plain form of a letter that Unicode does not decompose.
fn plain_letters(lower: char) -> Option<&'static str> {
    Some(match lower {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ı' => "i",
        'ȷ' => "j",
        'ħ' => "h",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, phrase: &str, expected: bool) {
        let found = contains_phrase(&fold(text), &fold_phrase(phrase));
        assert_eq!(found, expected, "{phrase:?} in {text:?}");
    }

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        assert_eq!(fold("  Low-Rank, “Übung” (Łódź)! "), "low rank ubung lodz");
        assert_eq!(fold("C++ and C# vs. a+b"), "c++ and c# vs a b");
        assert_eq!(fold("𝒪(n) ﬁnal が한국"), "o n final が한국");
        check("A Low-Rank method", "low rank", true);
        check("Schrödinger’s cat", "schrodinger", true);
    }

    #[test]
    fn a_phrase_matches_whole_words_unless_it_ends_in_a_star() {
        check("diffusion models", "diffusion model", false);
        check("diffusion models", "diffusion model*", true);
        check("transdiffusion", "diffusion*", false);
        check("xa a a", "a a", true);
        check("anything", "", false);
        check("anything", "*", false);
        check("大规模语言模型研究", "语言模型", true);
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once.clone());
        }

        #[test]
        fn a_text_holds_itself(text in "[a-zé ]{1,30}", other in "\\PC{0,20}") {
            let folded = fold(&text);
            prop_assert_eq!(contains_phrase(&folded, &folded), !folded.is_empty());
            contains_phrase(&fold(&other), &folded);
        }
    }
}
