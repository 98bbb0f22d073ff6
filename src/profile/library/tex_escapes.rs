//! Undoes TeX escapes that an exporter applied once too often.
//!
//! Reference managers that keep titles as plain text escape the signs of TeX in them:
//! `Al$_2$O$_3$` becomes `Al\$\_2\$O\$\_3\$`. Better BibTeX for Zotero also writes `\vphantom`
//! before a brace that would lack its partner: `\{\vphantom\}GaN\vphantom\{\}` for `{GaN}`.

use std::borrow::Cow;

/// The text without the superfluous escapes. Escapes that may be meant, such as `\{112\}`,
/// stay.
pub(super) fn unescape_tex(text: &str) -> Cow<'_, str> {
    if !["\\vphantom\\", "\\_", "\\^\\{", "\\textbackslash"]
        .iter()
        .any(|mark| text.contains(mark))
    {
        return Cow::Borrowed(text);
    }
    let text = without_phantoms(text).replace("\\textbackslash{}", "\\");
    Cow::Owned(indices(&formulas(&text)))
}

/// Removes braces whose partner is a phantom.
fn without_phantoms(text: &str) -> String {
    const CLOSING: &str = "\\vphantom\\}";
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // No opening brace is left before this offset; searching again would be quadratic.
    let mut searched = 0;
    while let Some(at) = rest.find(CLOSING) {
        out.push_str(&rest[..at]);
        match out[searched..].rfind("\\{") {
            Some(open) => out.replace_range(searched + open..searched + open + 2, ""),
            None => searched = out.len(),
        }
        rest = &rest[at + CLOSING.len()..];
    }
    out.push_str(rest);
    out.replace("\\vphantom\\{\\}", "")
}

/// Turns `\$…\$` around an escaped index into a formula.
fn formulas(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\$") {
        out.push_str(before);
        match after.split_once("\\$") {
            Some((inside, next)) if inside.contains("\\_") || inside.contains("\\^") => {
                out.push('$');
                out.push_str(&plain(inside));
                out.push('$');
                rest = next;
            }
            _ => {
                out.push_str("\\$");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Turns `\_\{…\}` and `\^\{…\}` into formulas.
fn indices(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let last_close = text.rfind("\\}").unwrap_or(0);
    while let Some(at) = rest.find(['_', '^']) {
        let (before, after) = rest.split_at(at);
        let (sign, inner) = after.split_at(1);
        let group = inner.trim_start().strip_prefix("\\{");
        let group = group
            .filter(|inner| text.len() - inner.len() <= last_close)
            .and_then(|inner| inner.split_once("\\}"));
        if let (Some(before), Some((inside, next))) = (before.strip_suffix('\\'), group) {
            out.push_str(before);
            out.extend(["$", sign, "{", &plain(inside), "}$"]);
            rest = next;
        } else {
            out.push_str(before);
            out.push_str(sign);
            rest = inner;
        }
    }
    out.push_str(rest);
    out
}

/// Unescapes the signs of a formula.
fn plain(text: &str) -> String {
    [("\\_", "_"), ("\\^", "^"), ("\\{", "{"), ("\\}", "}")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
}

#[cfg(test)]
mod tests {
    use super::unescape_tex;

    #[test]
    fn superfluous_escapes_are_undone_and_meant_ones_stay() {
        for (escaped, meant) in [
            (
                r"of \{\vphantom\}{{ZnO}}\vphantom\{\} rods",
                "of {{ZnO}} rods",
            ),
            (
                r"of \{(\vphantom\}{In},{Ga}){As}\vphantom\{\}",
                "of ({In},{Ga}){As}",
            ),
            (r"{Al}\_\{x\}{Ga}\_\{1-x\}N", r"{Al}$_{x}${Ga}$_{1-x}$N"),
            (r"{Fe}\_ \{3\} {O}\_ \{4\}", r"{Fe}$_{3}$ {O}$_{4}$"),
            (r"N\^\{-\}-type", "N$^{-}$-type"),
            (r"{SiO}\$\_\{2\}\$ at \$5", r"{SiO}$_{2}$ at \$5"),
            (r"{Al}\$\_x\$In", "{Al}$_x$In"),
            (r"(01\textbackslash{}bar\{1\}0)", r"(01\bar\{1\}0)"),
            (r"{112} planes and \{112\}", r"{112} planes and \{112\}"),
            (
                r"snake\_case costs \$5 and \$6",
                r"snake\_case costs \$5 and \$6",
            ),
            (r"\vphantom\} \_\{open", r" \_\{open"),
        ] {
            assert_eq!(unescape_tex(escaped), meant);
        }
    }
}
