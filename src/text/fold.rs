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

/// Folds a text like [`fold`] to search for phrases in it: Greek letters are spelled out,
/// since readers type `alpha` for `α`.
///
/// If a Greek letter touches a Latin one (`ΛCDM`, `IFNγ`), the text is repeated with a word
/// border between the two, since `Lambda-CDM` means the same.
pub fn fold_text(text: &str) -> String {
    let [joined, parted] = spellings(text);
    if joined == parted {
        joined
    } else {
        joined + " | " + &parted
    }
}

/// The folded spellings of a phrase to search for in a [`fold_text`], a trailing `*` (any
/// ending) kept: two if a Greek letter touches a Latin one, else one.
pub fn fold_phrase(phrase: &str) -> Vec<String> {
    let is_open = phrase.trim_end().ends_with('*');
    let mut all: Vec<String> = spellings(phrase).into();
    all.dedup();
    all.retain(|folded| !folded.is_empty());
    if is_open {
        for folded in &mut all {
            folded.push('*');
        }
    }
    all
}

/// The folded text with Greek letters spelled out, joined to their words and apart.
fn spellings(text: &str) -> [String; 2] {
    if !text.chars().any(|c| greek_name(c).is_some()) {
        let folded = fold(text);
        return [folded.clone(), folded];
    }
    [false, true].map(|apart| fold(&spelled_out(text, apart)))
}

/// Spells out the Greek letters of `text`, except those of Greek words: runs of three or more.
pub(super) fn spelled_out(text: &str, apart: bool) -> String {
    const LETTERS_MAX: usize = 2;
    let mut out = String::with_capacity(2 * text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c| greek_name(c).is_none() && !is_combining_mark(c))
            .unwrap_or(rest.len());
        let (run, next) = rest.split_at(end);
        let names = run.chars().filter_map(greek_name);
        if run.is_empty() || names.clone().count() > LETTERS_MAX || greek_name(first).is_none() {
            let length = end.max(first.len_utf8());
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        for name in names {
            if apart && out.ends_with(char::is_alphabetic) {
                out.push(' ');
            }
            out.push_str(name);
        }
        if apart && next.starts_with(char::is_alphabetic) {
            out.push(' ');
        }
        rest = next;
    }
    out
}

/// The English names of the Greek letters from α to ω, the final sigma included.
pub(super) const GREEK_NAMES: [&str; 25] = [
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "sigma", "tau", "upsilon", "phi",
    "chi", "psi", "omega",
];

fn greek_name(c: char) -> Option<&'static str> {
    greek_place(c).map(|place| GREEK_NAMES[place])
}

/// The place of a Greek letter, or of one of its variants, among [`GREEK_NAMES`].
pub(super) fn greek_place(c: char) -> Option<usize> {
    // The increment sign is often typed for Δ.
    if c == '∆' {
        return Some(3);
    }
    // Compatibility forms: ϵ ϑ ϕ ϖ µ and the alphabets of mathematics.
    let is_candidate = matches!(c, 'µ' | 'Ω' | '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}'
        | '\u{1D6A8}'..='\u{1D7CB}');
    let letter = is_candidate
        .then(|| std::iter::once(c).nfkd().next()?.to_lowercase().next())
        .flatten()?;
    let letter = if letter == 'ϲ' { 'σ' } else { letter };
    let place = u32::from(letter).checked_sub('α' as u32)? as usize;
    (place < GREEK_NAMES.len()).then_some(place)
}

/// Whether a text folded with [`fold_text`] contains a folded phrase between word borders. A
/// phrase that ends in `*` may end within a word.
///
/// Scripts without spaces have no word borders, so there a match may start and end anywhere.
/// An empty phrase never matches.
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

/// Appends a letter or digit in lower case without its marks.
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
        let text_folded = fold_text(text);
        let found = fold_phrase(phrase)
            .iter()
            .any(|phrase| contains_phrase(&text_folded, phrase));
        assert_eq!(found, expected, "{phrase:?} in {text:?}");
    }

    #[test]
    fn greek_letters_and_their_names_are_one_word() {
        for (name, letters) in [
            ("alpha", "αΑ𝛼𝚨"),
            ("beta", "βΒϐ"),
            ("gamma", "γΓ"),
            ("delta", "δΔ∆"),
            ("epsilon", "εΕϵ"),
            ("zeta", "ζΖ"),
            ("eta", "ηΗ"),
            ("theta", "θΘϑϴ"),
            ("iota", "ιΙ"),
            ("kappa", "κΚϰ"),
            ("lambda", "λΛ"),
            ("mu", "μΜµ"),
            ("nu", "νΝ"),
            ("xi", "ξΞ"),
            ("omicron", "οΟ"),
            ("pi", "πΠϖ"),
            ("rho", "ρΡϱ"),
            ("sigma", "σΣς"),
            ("tau", "τΤ"),
            ("upsilon", "υΥϒ"),
            ("phi", "φΦϕ"),
            ("chi", "χΧ"),
            ("psi", "ψΨ"),
            ("omega", "ωΩΩ"),
        ] {
            for letter in letters.chars() {
                check(&format!("the {letter}-form"), &format!("{name}-form"), true);
                check(&format!("the {name} form"), &format!("{letter}-form"), true);
                check(&format!("of {letter}2"), &format!("{name}2"), true);
            }
        }
        for (text, phrase) in [
            ("α-synuclein fibrils", "alpha-synuclein"),
            ("TGF-β signalling", "TGF-beta"),
            ("TGF-β1", "TGF-beta1"),
            ("TGFβ", "TGF-beta"),
            ("IFN-gamma", "IFNγ"),
            ("NF-κB", "NF-kappaB"),
            ("NF-kappa B", "NF-κB"),
            ("ΛCDM", "Lambda-CDM"),
            ("ΛCDM", "LambdaCDM"),
            ("Lambda CDM", "ΛCDM"),
            ("γδ T cells", "gamma delta T cell*"),
            ("5α-reductase", "5alpha-reductase"),
            ("the α*-test", "alpha*"),
            ("CO₂ and x²", "co2"),
            ("CO2", "CO₂"),
        ] {
            check(text, phrase, true);
        }
        check("alphabet", "alpha", false);
        check("alphabet", "α", false);
        check("theta waves", "eta", false);
        check("θ waves", "η", false);
        check("Ελληνικά", "ελληνικά", true);
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
