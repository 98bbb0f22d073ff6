//! TeX in titles, abstracts and names, as readable Unicode.
//!
//! Metadata hold TeX as authors typed it, so this reads TeX as people write it, not as TeX
//! would: undefined macros are common, and text that cannot be converted stays legible. No
//! text is dropped, except keys that only a bibliography resolves (`\cite`).
//!
//! arXiv describes its own dialect at <https://info.arxiv.org/help/prep.html>.

mod macros;
mod output;
mod pairs;
mod symbols;

use super::clean::composed;
use unicode_normalization::char::{compose, is_combining_mark};

use self::output::{bare_accent, push_accented, push_address, push_blank, push_kept};
use self::pairs::{Pairs, is_formula};
use self::symbols::{Symbol, is_greek};
use super::superscripts::{push_subscript, push_superscript};

// Real metadata nests four or five groups. Deeper text is read flat, which
// bounds both the stack and the work (each level copies its text once).
const MAX_DEPTH: usize = 24;

/// Converts TeX markup to Unicode text in composed form (NFC).
///
/// Plain text is returned unchanged, prices, file paths and patterns included. The time is
/// linear in the length of `raw`.
pub fn to_unicode(raw: &str) -> String {
    if !raw.contains(['\\', '$', '{', '~', '`']) && !raw.contains("--") {
        return composed(raw);
    }
    let reader = TexReader {
        raw,
        pairs: Pairs::of(raw),
    };
    let mut out = String::with_capacity(raw.len());
    reader.read(
        Span {
            at: 0,
            end: raw.len(),
        },
        Mode::Text,
        0,
        &mut out,
    );
    composed(&out)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Math,
}

/// Byte range of the text still to be read.
#[derive(Debug, Clone, Copy)]
struct Span {
    at: usize,
    end: usize,
}

/// The argument of a macro, and the offset behind it.
struct Argument {
    inner: Span,
    next: usize,
}

struct TexReader<'a> {
    raw: &'a str,
    pairs: Pairs,
}

impl TexReader<'_> {
    fn byte(&self, at: usize, end: usize) -> Option<u8> {
        (at < end).then(|| self.raw.as_bytes()[at])
    }

    fn char_at(&self, at: usize, end: usize) -> Option<char> {
        self.raw.get(at..end)?.chars().next()
    }

    fn char_before(&self, at: usize) -> Option<char> {
        self.raw[..at].chars().next_back()
    }

    fn skip_blanks(&self, mut at: usize, end: usize) -> usize {
        while self.byte(at, end).is_some_and(|b| b.is_ascii_whitespace()) {
            at += 1;
        }
        at
    }

    fn to_string(&self, inner: Span, mode: Mode, depth: usize) -> String {
        let mut out = String::new();
        self.read(inner, mode, depth + 1, &mut out);
        out
    }

    /// Appends the reading of `span` to `out`.
    fn read(&self, span: Span, mode: Mode, depth: usize, out: &mut String) {
        let Span { mut at, end } = span;
        let mut open_quotes = 0_usize;
        while let Some(byte) = self.byte(at, end) {
            at = match byte {
                b'\\' => self.macro_at(at, end, mode, depth, out),
                b'{' => self.group_at(at, end, mode, depth, out),
                b'}' if depth >= MAX_DEPTH || mode == Mode::Math => at + 1,
                b'$' => self.dollar_at(at, end, mode, depth, out),
                b'^' | b'_' => self.script_at(at, end, mode, depth, out),
                b'~' => {
                    out.push(self.tilde(at, end, mode));
                    at + 1
                }
                b'\'' if mode == Mode::Math => {
                    out.push('′');
                    at + 1
                }
                b'&' if mode == Mode::Math => {
                    out.push(' ');
                    at + 1
                }
                b'`' | b'\'' => self.quote_at(at, end, &mut open_quotes, out),
                b'-' if mode == Mode::Text => self.dashes_at(at, end, out),
                b'h' if self.raw[at..end].starts_with("http") && mode == Mode::Text => {
                    self.address_at(at, end, out)
                }
                _ => self.plain_at(at, end, out),
            };
        }
    }

    /// Copies the character at `at` and the plain ones that follow it.
    fn plain_at(&self, at: usize, end: usize, out: &mut String) -> usize {
        let rest = &self.raw.as_bytes()[at + 1..end];
        let plain = rest
            .iter()
            .position(|b| b"\\{}$^_~'&`-h".contains(b))
            .unwrap_or(rest.len());
        // All the stops are ASCII, so this is a character border.
        let next = at + 1 + plain;
        out.push_str(&self.raw[at..next]);
        next
    }

    /// Copies a web address unchanged: its `~`, `_` and `--` are not TeX.
    fn address_at(&self, at: usize, end: usize, out: &mut String) -> usize {
        let rest = &self.raw[at..end];
        if !(rest.starts_with("http://") || rest.starts_with("https://")) {
            out.push('h');
            return at + 1;
        }
        let mut length = rest
            .find(|c: char| c.is_whitespace() || "{}$<>\"".contains(c))
            .unwrap_or(rest.len());
        // `\_` belongs to the address, `\footnote` does not.
        let pairs = rest.as_bytes()[..length].windows(2);
        let ends = |pair: &[u8]| pair[0] == b'\\' && pair[1].is_ascii_alphabetic();
        if let Some(at) = pairs.into_iter().position(ends) {
            length = at;
        }
        push_address(out, &rest[..length]);
        at + length
    }

    fn tilde(&self, at: usize, end: usize, mode: Mode) -> char {
        // In TeX a tie; in plain writing "about" (~5) or a home folder (/~me).
        let joins =
            |c: Option<char>, but: &str| c.is_some_and(|c| !c.is_whitespace() && !but.contains(c));
        let before = self.char_before(at);
        let after = self.char_at(at + 1, end);
        let range =
            before.is_some_and(|c| c.is_ascii_digit()) && after.is_some_and(|c| c.is_ascii_digit());
        let tie = joins(before, "~(/<=") && joins(after, "~/<=") && !range;
        if mode == Mode::Math || tie { ' ' } else { '~' }
    }

    fn dashes_at(&self, at: usize, end: usize, out: &mut String) -> usize {
        let run = self.raw.as_bytes()[at..end]
            .iter()
            .take_while(|&&b| b == b'-')
            .count();
        let next = at + run;
        let before = self.char_before(at);
        let after = self.char_at(next, end);
        // Options (`--help`), arrows and comments (`<!-- -->`) are not dashes.
        let option = before.is_none_or(|c| c.is_whitespace() || "`'\"([".contains(c))
            && after.is_some_and(char::is_alphanumeric);
        let drawn = before.is_some_and(|c| "!<".contains(c)) || after == Some('>');
        match run {
            2 if !option && !drawn => out.push('–'),
            3 if !drawn => out.push('—'),
            _ => out.push_str(&self.raw[at..next]),
        }
        next
    }

    fn quote_at(&self, at: usize, end: usize, open: &mut usize, out: &mut String) -> usize {
        let sign = self.raw.as_bytes()[at];
        let run = self.raw.as_bytes()[at..end]
            .iter()
            .take_while(|&&b| b == sign)
            .count();
        let next = at + run;
        // Three backticks are a fence of Markdown, not a quotation.
        if sign == b'`' && run == 2 {
            *open += 1;
            out.push('“');
        } else if sign == b'\'' && run == 2 && *open > 0 {
            *open -= 1;
            out.push('”');
        } else {
            out.push_str(&self.raw[at..next]);
        }
        next
    }

    fn group_at(&self, at: usize, end: usize, mode: Mode, depth: usize, out: &mut String) -> usize {
        let Some(close) = self.pairs.close(at, end) else {
            if mode == Mode::Text && depth < MAX_DEPTH {
                out.push('{');
            }
            return at + 1;
        };
        if depth >= MAX_DEPTH {
            return at + 1;
        }
        let inner = &self.raw[at + 1..close];
        let keep = mode == Mode::Text && !is_tex_group(inner);
        if keep {
            out.push('{');
        }
        let span = Span {
            at: at + 1,
            end: close,
        };
        self.read(span, mode, depth + 1, out);
        if keep {
            out.push('}');
        }
        close + 1
    }

    fn dollar_at(
        &self,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> usize {
        if depth >= MAX_DEPTH {
            out.push('$');
            return at + 1;
        }
        if mode == Mode::Math {
            return at + 1;
        }
        let Some(close) = self.pairs.close(at, end) else {
            out.push('$');
            return at + 1;
        };
        // `$$…$$`: the nearest two are one opener.
        if close == at + 1 {
            if let Some(inner_close) = self.pairs.close(close, end)
                && self.byte(inner_close + 1, end) == Some(b'$')
            {
                self.formula(close + 1, inner_close, depth, out);
                return inner_close + 2;
            }
            out.push_str("$$");
            return at + 2;
        }
        let inner = &self.raw[at + 1..close];
        if is_formula(inner, self.char_at(close + 1, end)) {
            self.formula(at + 1, close, depth, out);
            close + 1
        } else {
            out.push('$');
            at + 1
        }
    }

    fn formula(&self, at: usize, end: usize, depth: usize, out: &mut String) {
        let formula = self.to_string(Span { at, end }, Mode::Math, depth);
        out.push_str(formula.trim());
    }

    fn script_at(
        &self,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> usize {
        let sign = self.raw.as_bytes()[at];
        // Outside formulas only braces tell a script from snake_case and 2^10.
        let meant = mode == Mode::Math || self.byte(at + 1, end) == Some(b'{');
        let argument = meant.then(|| self.argument(at + 1, end, depth)).flatten();
        let Some(argument) = argument else {
            out.push(sign as char);
            return at + 1;
        };
        let inner = self.to_string(argument.inner, Mode::Math, depth);
        if sign == b'^' {
            push_superscript(out, &inner);
        } else {
            push_subscript(out, &inner);
        }
        argument.next
    }

    /// Reads one macro argument: a group, a macro or a character.
    fn argument(&self, at: usize, end: usize, depth: usize) -> Option<Argument> {
        if depth >= MAX_DEPTH {
            return None;
        }
        let at = self.skip_blanks(at, end);
        match self.byte(at, end)? {
            b'{' => {
                let close = self.pairs.close(at, end)?;
                Some(Argument {
                    inner: Span {
                        at: at + 1,
                        end: close,
                    },
                    next: close + 1,
                })
            }
            b'}' | b'$' | b'&' => None,
            b'\\' => {
                let name = self.name_at(at + 1, end);
                let mut next = at + 1 + name.len();
                if name.is_empty() {
                    next += self.char_at(next, end)?.len_utf8();
                } else if symbols::symbol(name).is_none() {
                    // `x^\mathrm{T}` is wrong in TeX and common in abstracts.
                    while self.byte(next, end) == Some(b'{') {
                        next = self.pairs.close(next, end)? + 1;
                    }
                }
                Some(Argument {
                    inner: Span { at, end: next },
                    next,
                })
            }
            _ => {
                let next = at + self.char_at(at, end)?.len_utf8();
                Some(Argument {
                    inner: Span { at, end: next },
                    next,
                })
            }
        }
    }

    /// Reads an argument in braces only.
    fn braced(&self, at: usize, end: usize, depth: usize) -> Option<Argument> {
        let start = self.skip_blanks(at, end);
        if self.byte(start, end) != Some(b'{') {
            return None;
        }
        self.argument(start, end, depth)
    }

    fn name_at(&self, at: usize, end: usize) -> &str {
        let rest = &self.raw[at..end];
        let length = rest
            .bytes()
            .position(|b| !b.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        &rest[..length]
    }

    /// Skips a `[…]` option and a star after a macro name.
    fn skip_options(&self, mut at: usize, end: usize) -> usize {
        if self.byte(at, end) == Some(b'*') && self.byte(at + 1, end) == Some(b'{') {
            at += 1;
        }
        // The search is bounded: option lists are short, and a lone bracket is text.
        let window = &self.raw.as_bytes()[at..end.min(at + 80)];
        if window.first() == Some(&b'[')
            && let Some(close) = window.iter().position(|&b| b == b']')
            && window.get(close + 1) == Some(&b'{')
        {
            at += close + 1;
        }
        at
    }

    fn macro_at(&self, at: usize, end: usize, mode: Mode, depth: usize, out: &mut String) -> usize {
        if mode == Mode::Text
            && let Some(next) = self.path_at(at, end)
        {
            out.push_str(&self.raw[at..next]);
            return next;
        }
        let name = self.name_at(at + 1, end);
        if name.is_empty() {
            return self.sign_macro_at(at, end, mode, depth, out);
        }
        if let Some((c, next)) = self.escaped_code_at(at, end) {
            out.push(c);
            return next;
        }
        let after = at + 1 + name.len();
        if let Some((letter, next)) = self.greek_split_at(name, after, end) {
            out.push_str(letter);
            return next;
        }
        self.accent(name, after, end, mode, depth, out)
            .or_else(|| self.structure(name, after, end, mode, depth, out))
            .or_else(|| self.symbol(name, after, end, mode, out))
            .unwrap_or_else(|| self.unknown(name, at, end, mode, depth, out))
    }

    /// The end of a Windows path whose first backslash is at `at`.
    fn path_at(&self, at: usize, end: usize) -> Option<usize> {
        let mut before = self.raw[..at].chars().rev();
        let drive = before.next() == Some(':')
            && before.next().is_some_and(|c| c.is_ascii_alphabetic())
            && before.next().is_none_or(|c| !c.is_alphanumeric());
        if !drive {
            return None;
        }
        let rest = &self.raw[at..end];
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        Some(at + length)
    }

    /// `\u00e9` as JSON writes it, `\unicode{x2013}` and `\char"0041`.
    fn escaped_code_at(&self, at: usize, end: usize) -> Option<(char, usize)> {
        let rest = &self.raw[at..end];
        let (digits_at, digits) = if let Some(inner) = rest.strip_prefix("\\unicode{") {
            let close = inner.bytes().take(12).position(|b| b == b'}')?;
            let code = inner[..close].trim_start_matches(['x', 'X', 'u', 'U', '+']);
            return Some((shown_char(code)?, at + 9 + close + 1));
        } else if let Some(inner) = rest.strip_prefix("\\char\"") {
            (6, inner)
        } else {
            (2, rest.strip_prefix("\\u")?)
        };
        let code = digits.get(..4)?;
        if !code.bytes().any(|b| b.is_ascii_digit()) {
            return None;
        }
        Some((shown_char(code)?, at + digits_at + 4))
    }

    /// arXiv reads `\beta` as the accent `\b` and writes `\b{eta}`.
    fn greek_split_at(&self, name: &str, at: usize, end: usize) -> Option<(&'static str, usize)> {
        if name.len() != 1 || self.byte(at, end) != Some(b'{') {
            return None;
        }
        let close = self.pairs.close(at, end).filter(|close| close - at < 9)?;
        let joined = format!("{name}{}", &self.raw[at + 1..close]);
        match symbols::symbol(&joined) {
            Some(Symbol::Ordinary(letter)) if is_greek(letter) => Some((letter, close + 1)),
            _ => None,
        }
    }

    /// Reads a macro whose name is not a letter.
    fn sign_macro_at(
        &self,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> usize {
        let Some(sign) = self.char_at(at + 1, end) else {
            out.push('\\');
            return at + 1;
        };
        let next = at + 1 + sign.len_utf8();
        match sign {
            '%' | '&' | '_' | '#' | '$' | '{' | '}' => out.push(sign),
            '(' | '[' => {
                if depth < MAX_DEPTH
                    && let Some(close) = self.pairs.close(at, end)
                {
                    self.formula(next, close, depth, out);
                    return close + 2;
                }
                push_kept(out, sign, mode);
            }
            ',' | ';' | ':' | '>' if mode == Mode::Math => push_blank(out),
            ',' | ';' => out.push(' '),
            ' ' | '\n' | '\t' => push_blank(out),
            '!' | '/' | '-' | '@' => {}
            '|' => out.push('‖'),
            '\\' => return self.line_break(next, end, out),
            _ => {
                let accent = u8::try_from(sign).ok().and_then(symbols::sign_accent);
                if let Some(mark) = accent
                    && mode == Mode::Text
                    && let Some(next) = self.text_accent(mark, next, end, depth, out)
                {
                    return next;
                }
                if matches!(sign, '~' | '^' | '\'' | '"' | '`' | '=') {
                    // An escaped sign without a letter below it.
                    out.push(sign);
                } else {
                    push_kept(out, sign, mode);
                }
            }
        }
        next
    }

    /// `\\` is a line break, a macro escaped twice, or a network path.
    fn line_break(&self, next: usize, end: usize, out: &mut String) -> usize {
        let name = self.name_at(next, end);
        if !name.is_empty() && (symbols::symbol(name).is_some() || is_structure(name)) {
            return next - 1;
        }
        let before = self.char_before(next - 2);
        if name.len() > 1 && before.is_none_or(char::is_whitespace) {
            // `\\server\share`: keep it whole.
            let rest = &self.raw[next..end];
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            if rest[..length].contains('\\') {
                out.push_str(&self.raw[next - 2..next + length]);
                return next + length;
            }
        }
        push_blank(out);
        next
    }

    /// Reads the letter of a text accent and appends it with its mark.
    fn text_accent(
        &self,
        mark: char,
        at: usize,
        end: usize,
        depth: usize,
        out: &mut String,
    ) -> Option<usize> {
        let start = self.skip_blanks(at, end);
        // `Poincar\' e` is an accent in TeX; elsewhere `\'` may be a quotation mark.
        if start > at {
            let letter = self.char_at(start, end)?;
            if compose(letter, mark).is_none() || !self.takes_mark(at - 2, start, end, letter, mark)
            {
                return None;
            }
        }
        let argument = self.argument(at, end, depth)?;
        // Decided before the argument is read: reading it here and once more
        // elsewhere would take time exponential in the nesting.
        if !may_take_accent(&self.raw[argument.inner.at..argument.inner.end]) {
            return None;
        }
        let inner = self.to_string(argument.inner, Mode::Text, depth);
        let mut letters = inner.chars();
        let Some(base) = letters.next() else {
            // `\~{}` is how TeX writes a bare tilde.
            out.push_str(bare_accent(mark));
            return Some(argument.next);
        };
        if !base.is_alphabetic() {
            out.push_str(&inner);
            return Some(argument.next);
        }
        // Marks that the letter has already come first: `\~{\^e}` is ễ.
        let rest = letters.as_str();
        let marks = rest.find(|c| !is_combining_mark(c)).unwrap_or(rest.len());
        push_accented(out, base, &rest[..marks], mark);
        out.push_str(&rest[marks..]);
        // The space after `\'\i` ends the macro and is no space.
        let ends_macro = self.raw[argument.inner.at..argument.inner.end].starts_with('\\')
            && self.raw[..argument.next].ends_with(|c: char| c.is_ascii_alphabetic());
        Some(if ends_macro {
            self.skip_blanks(argument.next, end)
        } else {
            argument.next
        })
    }
}

/// Whether braces around `inner` are TeX's and not the writer's.
fn is_tex_group(inner: &str) -> bool {
    // BibTeX protects capitals by braces: `{B}ayesian`, `{GPT}`.
    let protected = inner.contains(|c: char| c.is_uppercase())
        && inner
            .chars()
            .all(|c| c.is_alphanumeric() || c == ' ' || c == '-');
    inner.trim().is_empty() && inner.len() <= 1 || inner.contains('\\') || protected
}

fn is_structure(name: &str) -> bool {
    matches!(
        name,
        "frac" | "sqrt" | "text" | "mathbb" | "mathcal" | "mathrm" | "mathbf" | "href" | "url"
    ) || name.starts_with("text")
        || name == "emph"
        || is_citation(name)
}

fn is_citation(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(
        name.as_str(),
        "ref" | "cref" | "eqref" | "autoref" | "pageref" | "nocite" | "index"
    ) || [
        "cite",
        "citep",
        "citet",
        "citealp",
        "citealt",
        "citeauthor",
        "citeyear",
        "parencite",
        "textcite",
        "autocite",
        "footcite",
        "supercite",
        "onlinecite",
        "citenum",
    ]
    .contains(&name.as_str())
}

fn shown_char(code: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(code, 16).ok()?).filter(|c| !c.is_control())
}

/// Whether an argument may yield a letter or nothing.
fn may_take_accent(inner: &str) -> bool {
    let mut chars = inner.chars();
    match chars.next() {
        Some('\\') => chars.next().is_some_and(|c| {
            c.is_ascii_alphabetic() || "`'^~=.\"".contains(c) && chars.next().is_some()
        }),
        first => first.is_none_or(|c| c.is_alphabetic() || c == '{'),
    }
}

#[cfg(test)]
mod tests;
