//! Writing the parts of formulas and links.

use unicode_normalization::char::is_combining_mark;

use super::Mode;
use crate::text::superscripts::bracketed;

/// Appends several pieces one after another.
pub(super) fn push_all(out: &mut String, pieces: &[&str]) {
    out.extend(pieces.iter().copied());
}

/// Appends an unknown sign, with its backslash outside of formulas.
pub(super) fn push_kept(out: &mut String, sign: char, mode: Mode) {
    if mode == Mode::Text {
        out.push('\\');
    }
    out.push(sign);
}

/// Appends a space, unless there is one or nothing stands before it.
pub(super) fn push_blank(out: &mut String) {
    if !out.is_empty() && !out.ends_with(char::is_whitespace) {
        out.push(' ');
    }
}

/// Appends a letter with the marks it has and one more.
pub(super) fn push_accented(out: &mut String, base: char, marks: &str, mark: char) {
    // An accented i loses its dot, so the dotless letter and the plain one
    // give the same character.
    let above = !matches!(mark, '\u{323}' | '\u{327}' | '\u{328}' | '\u{331}');
    out.push(match base {
        'ı' if above => 'i',
        'ȷ' if above => 'j',
        other => other,
    });
    out.push_str(marks);
    out.push(mark);
}

pub(super) fn bare_accent(mark: char) -> &'static str {
    match mark {
        '\u{300}' => "`",
        '\u{301}' => "´",
        '\u{302}' => "^",
        '\u{303}' => "~",
        '\u{304}' => "¯",
        '\u{308}' => "¨",
        _ => "",
    }
}

pub(super) fn push_fraction(out: &mut String, above: &str, below: &str) {
    // `2 1/2` must not read as 21/2.
    if out.ends_with(|c: char| c.is_ascii_digit())
        && above.starts_with(|c: char| c.is_ascii_digit())
    {
        out.push(' ');
    }
    push_atom(out, above);
    out.push('/');
    push_atom(out, below);
}

/// Appends `text`, in brackets if an operator within could be misread.
pub(super) fn push_atom(out: &mut String, text: &str) {
    let single = text
        .chars()
        .all(|c| c.is_alphanumeric() || is_combining_mark(c) || "._′∞°%".contains(c));
    if single || bracketed(text) {
        out.push_str(text);
    } else {
        out.push('(');
        out.push_str(text);
        out.push(')');
    }
}

pub(super) fn push_link(out: &mut String, address: &str, label: &str) {
    let bare = |text: &str| {
        let text = text.strip_prefix("https://").unwrap_or(text);
        text.strip_prefix("http://").unwrap_or(text).to_lowercase()
    };
    if label.is_empty() || bare(address).contains(&bare(label)) && label.contains('.') {
        out.push_str(address);
    } else if bare(label).contains(&bare(address)) {
        out.push_str(label);
    } else {
        push_all(out, &[label, " (", address, ")"]);
    }
}

pub(super) fn address(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    push_address(&mut out, raw.trim());
    out
}

/// Appends a web address without the backslashes TeX needs in it.
pub(super) fn push_address(out: &mut String, raw: &str) {
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        let escape = c == '\\' && rest.peek().is_some_and(|next| "_%#&~{}$".contains(*next));
        if !escape {
            out.push(c);
        }
    }
}
