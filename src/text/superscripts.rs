//! Raised and lowered text: `x²`, `H₂O`, with a fallback (`x^max`) for characters that Unicode
//! lacks.

/// Appends `inner` raised above the line.
pub(super) fn push_superscript(out: &mut String, inner: &str) {
    push_script(out, inner, '^', superscript);
}

/// Appends `inner` lowered below the line.
pub(super) fn push_subscript(out: &mut String, inner: &str) {
    push_script(out, inner, '_', subscript);
}

fn push_script(out: &mut String, inner: &str, sign: char, map: fn(char) -> Option<char>) {
    let inner = tighten(inner.trim());
    if inner.is_empty() {
        return;
    }
    if sign == '^' {
        // These signs are raised already.
        match inner.as_str() {
            "∘" => return out.push('°'),
            "TM" => return out.push('™'),
            "*" | "∗" | "**" | "⋆" | "†" | "‡" | "′" | "′′" | "°" | "®" | "™" | "§" | "¶" =>
            {
                return out.push_str(&inner);
            }
            _ => {}
        }
    }
    // A raised or lowered word of three letters or more is harder to read
    // than `x_max`, and fonts for those letters are patchy.
    if longest_letter_run(&inner) <= 2
        && let Some(mapped) = inner.chars().map(map).collect::<Option<String>>()
    {
        return out.push_str(&mapped);
    }
    out.push(sign);
    // `x^5` and `x_max` need no brackets to be read rightly.
    if inner.chars().all(is_plain) || inner.chars().count() == 1 || bracketed(&inner) {
        out.push_str(&inner);
    } else {
        out.push('(');
        out.push_str(&inner);
        out.push(')');
    }
}

/// A letter or digit that is neither raised nor lowered itself.
fn is_plain(c: char) -> bool {
    c.is_ascii_digit()
        || c.is_alphabetic()
            && !matches!(c, '\u{1D2C}'..='\u{1D6A}' | '\u{2070}'..='\u{209F}' | 'ʰ'..='ʸ' | 'ⱼ' | 'ⱽ')
}

/// Whether one pair of round brackets holds the whole of `text`.
pub(super) fn bracketed(text: &str) -> bool {
    text.strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'))
        .is_some_and(|inner| !inner.contains(['(', ')']))
}

/// Drops the spaces that do not part two words.
fn tighten(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let before = out.ends_with(char::is_alphanumeric);
        let after = rest.peek().is_some_and(|next| next.is_alphanumeric());
        if !c.is_whitespace() || before && after {
            out.push(c);
        }
    }
    out
}

fn longest_letter_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c.is_alphabetic() { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

// Unicode chapter 22.4, "Superscript and Subscript Symbols", and the modifier
// letters of the Phonetic Extensions blocks.
fn superscript(c: char) -> Option<char> {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    Some(match c {
        '0'..='9' => DIGITS[c as usize - '0' as usize],
        '+' => '⁺',
        '-' | '−' => '⁻',
        '=' => '⁼',
        '(' => '⁽',
        ')' => '⁾',
        'a' => 'ᵃ',
        'b' => 'ᵇ',
        'c' => 'ᶜ',
        'd' => 'ᵈ',
        'e' => 'ᵉ',
        'f' => 'ᶠ',
        'g' => 'ᵍ',
        'h' => 'ʰ',
        'i' => 'ⁱ',
        'j' => 'ʲ',
        'k' => 'ᵏ',
        'l' => 'ˡ',
        'm' => 'ᵐ',
        'n' => 'ⁿ',
        'o' => 'ᵒ',
        'p' => 'ᵖ',
        'r' => 'ʳ',
        's' => 'ˢ',
        't' => 'ᵗ',
        'u' => 'ᵘ',
        'v' => 'ᵛ',
        'w' => 'ʷ',
        'x' => 'ˣ',
        'y' => 'ʸ',
        'z' => 'ᶻ',
        'A' => 'ᴬ',
        'B' => 'ᴮ',
        'D' => 'ᴰ',
        'E' => 'ᴱ',
        'G' => 'ᴳ',
        'H' => 'ᴴ',
        'I' => 'ᴵ',
        'J' => 'ᴶ',
        'K' => 'ᴷ',
        'L' => 'ᴸ',
        'M' => 'ᴹ',
        'N' => 'ᴺ',
        'O' => 'ᴼ',
        'P' => 'ᴾ',
        'R' => 'ᴿ',
        'T' | '⊤' => 'ᵀ',
        'U' => 'ᵁ',
        'V' => 'ⱽ',
        'W' => 'ᵂ',
        _ => return None,
    })
}

fn subscript(c: char) -> Option<char> {
    const DIGITS: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
    Some(match c {
        '0'..='9' => DIGITS[c as usize - '0' as usize],
        '+' => '₊',
        '-' | '−' => '₋',
        '=' => '₌',
        '(' => '₍',
        ')' => '₎',
        'a' => 'ₐ',
        'e' => 'ₑ',
        'h' => 'ₕ',
        'i' => 'ᵢ',
        'j' => 'ⱼ',
        'k' => 'ₖ',
        'l' => 'ₗ',
        'm' => 'ₘ',
        'n' => 'ₙ',
        'o' => 'ₒ',
        'p' => 'ₚ',
        'r' => 'ᵣ',
        's' => 'ₛ',
        't' => 'ₜ',
        'u' => 'ᵤ',
        'v' => 'ᵥ',
        'x' => 'ₓ',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raised: &str, lowered: &str, inner: &str) {
        let mut out = String::new();
        push_superscript(&mut out, inner);
        assert_eq!(out, raised, "raised {inner:?}");
        out.clear();
        push_subscript(&mut out, inner);
        assert_eq!(out, lowered, "lowered {inner:?}");
    }

    #[test]
    fn scripts_use_unicode_characters_and_fall_back_to_signs() {
        check("²", "₂", "2");
        check("⁻³", "₋₃", "-3");
        check("ⁿ⁺¹", "ₙ₊₁", "n + 1");
        check("^max", "_max", "max");
        check("^(α+b)", "_(α+b)", "α+b");
        check("ᵀ", "_⊤", "⊤");
        check("†", "_†", "†");
        check("°", "_∘", "∘");
        check("^∞", "_∞", "∞");
        check("", "", " ");
        check("^(in out)", "_(in out)", "in out");
    }
}
