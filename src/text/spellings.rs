//! The spellings under which a word of a search may stand in a text.
//!
//! A full-text index holds words as sources write them: `α-synuclein` and `CO₂`, where
//! readers type `alpha-synuclein` and `CO2`, or the other way round.

use super::fold::{GREEK_NAMES, greek_place, spelled_out};

/// More than these are combinations that nobody writes.
const SPELLINGS_MAX: usize = 24;

/// `words` first, then the same with Greek letters as names and names as letters, and
/// with digits raised, lowered or plain.
pub fn spellings(words: &str) -> Vec<String> {
    let mut all = vec![words.to_owned()];
    let lettered = lettered(words);
    let mut greek = vec![words.to_owned(), lettered.clone()];
    for form in [words, &lettered] {
        greek.extend([false, true].map(|apart| spelled_out(form, apart)));
        greek.extend([apart(form), joined(form)]);
    }
    let variants: Vec<String> = greek.iter().map(|form| with_variants(form)).collect();
    greek.extend(variants);
    for form in greek {
        all.extend(digits(&form));
        all.push(form);
    }
    let mut seen = std::collections::HashSet::new();
    all.retain(|form| seen.insert(form.clone()));
    all.truncate(SPELLINGS_MAX);
    all
}

/// The names of Greek letters as letters: whole words, digits around them left aside,
/// and long names that begin or end a word (`TGFbeta`, `LambdaCDM`).
fn lettered(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while !rest.is_empty() {
        let length = |is_word: bool| {
            rest.find(|c: char| c.is_alphabetic() != is_word)
                .unwrap_or(rest.len())
        };
        let (word, next) = rest.split_at(length(true));
        let (gap, next) = match word {
            "" => rest.split_at(length(false)),
            _ => ("", next),
        };
        out.push_str(&letter_in(word));
        out.push_str(gap);
        rest = next;
    }
    out
}

fn letter_in(word: &str) -> String {
    const LONG: usize = 4;
    let lower = word.to_ascii_lowercase();
    if !word.is_ascii() {
        return word.to_owned();
    }
    let letters = ('α'..='ω').zip(GREEK_NAMES);
    let whole = letters.clone().find(|(_, name)| lower == **name);
    if let Some((letter, _)) = whole {
        return letter.to_string();
    }
    for (letter, name) in letters.filter(|(_, name)| name.len() >= LONG) {
        if lower.starts_with(name) {
            return format!("{letter}{}", &word[name.len()..]);
        }
        if lower.ends_with(name) {
            return format!("{}{letter}", &word[..word.len() - name.len()]);
        }
    }
    word.to_owned()
}

/// A blank on both sides of each Greek letter that touches a Latin one: `IFN γ`.
fn apart(words: &str) -> String {
    let mut out = String::with_capacity(words.len() + 2);
    for c in words.chars() {
        let before = out.chars().next_back();
        let borders = before.is_some_and(|before| {
            before.is_alphabetic()
                && c.is_alphabetic()
                && greek_place(before).is_some() != greek_place(c).is_some()
        });
        if borders {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

/// Without the hyphen between a Greek letter and another one: `TGFβ`.
fn joined(words: &str) -> String {
    let chars: Vec<char> = words.chars().collect();
    let is_kept = |at: usize| {
        let beside = [at.wrapping_sub(1), at + 1].map(|at| chars.get(at).copied());
        let letters = beside.map(|c| c.is_some_and(char::is_alphabetic));
        let is_greek = beside
            .into_iter()
            .flatten()
            .any(|c| greek_place(c).is_some());
        !(matches!(chars[at], '-' | ' ') && letters == [true; 2] && is_greek)
    };
    (0..chars.len())
        .filter(|at| is_kept(*at))
        .map(|at| chars[at])
        .collect()
}

/// Greek letters in their other form: ϵ for ε, the micro sign for μ, and so on.
fn with_variants(words: &str) -> String {
    const FORMS: [(char, char); 9] = [
        ('ε', 'ϵ'),
        ('θ', 'ϑ'),
        ('φ', 'ϕ'),
        ('π', 'ϖ'),
        ('κ', 'ϰ'),
        ('ρ', 'ϱ'),
        ('σ', 'ς'),
        ('β', 'ϐ'),
        ('μ', 'µ'),
    ];
    let other = |c: char| {
        FORMS.iter().find_map(|(usual, variant)| match c {
            c if c == *usual => Some(*variant),
            c if c == *variant => Some(*usual),
            _ => None,
        })
    };
    words.chars().map(|c| other(c).unwrap_or(c)).collect()
}

/// Words with digits beside letters, in which these are lowered, raised or plain.
fn digits(words: &str) -> Vec<String> {
    const PLAIN: &str = "0123456789";
    const LOW: &str = "₀₁₂₃₄₅₆₇₈₉";
    const HIGH: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    let value = |c: char| {
        [PLAIN, LOW, HIGH]
            .iter()
            .find_map(|digits| digits.chars().position(|d| d == c))
    };
    let has_both =
        words.chars().any(char::is_alphabetic) && words.chars().any(|c| value(c).is_some());
    if !has_both {
        return Vec::new();
    }
    let written = |digits: &str| -> String {
        let digit = |c: char| value(c).and_then(|value| digits.chars().nth(value));
        words.chars().map(|c| digit(c).unwrap_or(c)).collect()
    };
    [PLAIN, LOW, HIGH].map(written).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, stored: &str) {
        for (a, b) in [(typed, stored), (stored, typed)] {
            let all = spellings(a);
            // An index knows neither case nor hyphens.
            let plain = |text: &str| text.to_lowercase().replace('-', " ");
            assert!(
                all.iter().any(|form| plain(form) == plain(b)),
                "{a}: {all:?}"
            );
            assert!(all.len() <= SPELLINGS_MAX && all[0] == a);
        }
    }

    #[test]
    fn every_spelling_leads_to_the_others() {
        for (typed, stored) in [
            ("alpha-synuclein", "α-synuclein"),
            ("TGF-beta", "TGF-β"),
            ("TGF-beta", "TGFβ"),
            ("TGFbeta", "TGFβ"),
            ("TGF-beta1", "TGF-β1"),
            ("beta2", "β₂"),
            ("LambdaCDM", "ΛCDM"),
            ("Lambda CDM", "ΛCDM"),
            ("IFN-gamma", "IFNγ"),
            ("epsilon", "ϵ"),
            ("theta", "ϑ"),
            ("phi-meson", "ϕ-meson"),
            ("mu-opioid", "µ-opioid"),
            ("omega", "Ω"),
            ("CO2", "CO₂"),
            ("H2O", "H₂O"),
            ("C6H12O6", "C₆H₁₂O₆"),
            ("x2", "x²"),
        ] {
            check(typed, stored);
        }
    }

    #[test]
    fn most_words_have_one_spelling() {
        for word in ["graph", "low-rank", "2024", "multi-view", "语言", "Noether"] {
            assert_eq!(spellings(word), [word]);
        }
        assert!(!spellings("theta").contains(&"η".to_owned()));
    }
}
