//! Macros with arguments, and the placement of symbols.

use unicode_normalization::char::{compose, is_combining_mark};

use super::output::{
    address, push_accented, push_address, push_all, push_atom, push_blank, push_fraction, push_link,
};
use super::symbols::{self, Symbol};
use super::{MAX_DEPTH, Mode, Span, TexReader, is_citation};
use crate::text::stop_words::is_stop_word;
use crate::text::superscripts::{push_subscript, push_superscript};

impl TexReader<'_> {
    pub(super) fn accent(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> Option<usize> {
        if let Some(mark) = symbols::letter_accent(name)
            && mode == Mode::Text
        {
            let start = self.skip_blanks(at, end);
            let is_meant = match self.char_at(start, end)? {
                '{' => true,
                '\\' => matches!(self.name_at(start + 1, end), "i" | "j"),
                letter => {
                    start > at && self.takes_mark(at - 1 - name.len(), start, end, letter, mark)
                }
            };
            if !is_meant {
                return None;
            }
            return self.text_accent(mark, start, end, depth, out);
        }
        let mark = symbols::math_accent(name)?;
        let argument = self.argument(at, end, depth)?;
        let inner = self.to_string(argument.inner, mode, depth);
        let mut letters = inner.chars().filter(|&c| !is_combining_mark(c));
        if let (Some(_), None) = (letters.next(), letters.next()) {
            // One letter: the mark goes above it.
            let base = inner.chars().next()?;
            let marks: String = inner.chars().skip(1).collect();
            push_accented(out, base, &marks, mark);
        } else {
            out.push_str(&inner);
        }
        Some(argument.next)
    }

    /// Reads macros that transform their arguments.
    pub(super) fn structure(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> Option<usize> {
        let after_options = self.skip_options(at, end);
        match name {
            "frac" | "tfrac" | "dfrac" | "nicefrac" | "sfrac" | "binom" | "tbinom" | "dbinom" => {
                let first = self.argument(at, end, depth)?;
                let second = self.argument(first.next, end, depth)?;
                let above = self.to_string(first.inner, Mode::Math, depth);
                let below = self.to_string(second.inner, Mode::Math, depth);
                let (above, below) = (above.trim(), below.trim());
                if name.ends_with("binom") {
                    push_all(out, &["(", above, " choose ", below, ")"]);
                } else {
                    push_fraction(out, above, below);
                }
                Some(second.next)
            }
            "sqrt" => {
                let root = match &self.raw[at..after_options] {
                    "[3]" => "∛",
                    "[4]" => "∜",
                    _ => "√",
                };
                let argument = self.argument(after_options, end, depth)?;
                let inner = self.to_string(argument.inner, Mode::Math, depth);
                out.push_str(root);
                push_atom(out, inner.trim());
                Some(argument.next)
            }
            "textsuperscript" | "textsubscript" => {
                let argument = self.braced(at, end, depth)?;
                let inner = self.to_string(argument.inner, Mode::Text, depth);
                if name == "textsuperscript" {
                    push_superscript(out, &inner);
                } else {
                    push_subscript(out, &inner);
                }
                Some(argument.next)
            }
            "text"
            | "textrm"
            | "textnormal"
            | "mbox"
            | "hbox"
            | "textup"
            | "mathrm"
            | "mathit"
            | "mathbf"
            | "mathsf"
            | "mathtt"
            | "mathnormal"
            | "bm"
            | "boldsymbol"
            | "bold"
            | "pmb"
            | "symbf"
            | "operatorname"
            | "mathop"
            | "mathbin"
            | "mathrel"
            | "mathord"
            | "operatornamewithlimits" => {
                let upright = name.starts_with("text") || name.ends_with("box");
                let inner_mode = if upright { Mode::Text } else { mode };
                let at = if name.starts_with("operatorname") && self.byte(at, end) == Some(b'*') {
                    at + 1
                } else {
                    at
                };
                let argument = self.argument(at, end, depth)?;
                let inner = self.to_string(argument.inner, inner_mode, depth);
                if name.starts_with("operatorname") {
                    self.push_word(out, &inner, argument.next, end);
                } else {
                    out.push_str(&inner);
                }
                Some(argument.next)
            }
            _ => self.notation(name, after_options, end, mode, depth, out),
        }
    }

    /// Reads macros that change or enclose their argument.
    fn notation(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> Option<usize> {
        match name {
            "mathbb" | "mathds" | "Bbb" | "mathcal" | "mathscr" | "mathfrak" | "frak" => {
                let argument = self.argument(at, end, depth)?;
                let inner = self.to_string(argument.inner, mode, depth);
                let mut letters = inner.trim().chars();
                let drawn = match (letters.next(), letters.next()) {
                    (Some(letter), None) => symbols::alphabet(name, letter),
                    _ => None,
                };
                match drawn {
                    Some(letter) => out.push(letter),
                    None => out.push_str(&inner),
                }
                Some(argument.next)
            }
            "not" => {
                let argument = self.argument(at, end, depth)?;
                let inner = self.to_string(argument.inner, mode, depth);
                // Unicode negates the signs of mathematics, not their plain forms.
                let inner = inner.replace('~', "∼").replace('|', "∣");
                let mut letters = inner.trim().chars();
                let inside = !out.is_empty();
                if inside {
                    push_blank(out);
                }
                if let Some(base) = letters.next() {
                    push_accented(out, base, "", '\u{338}');
                }
                out.push_str(letters.as_str());
                if inside {
                    out.push(' ');
                }
                Some(self.skip_blanks(argument.next, end))
            }
            "pmod" => {
                let argument = self.argument(at, end, depth)?;
                let inner = self.to_string(argument.inner, Mode::Math, depth);
                push_blank(out);
                push_all(out, &["(mod ", inner.trim(), ")"]);
                Some(argument.next)
            }
            "ket" | "Ket" | "bra" | "Bra" | "braket" | "Braket" | "expval" | "ketbra" => {
                let argument = self.argument(at, end, depth)?;
                let inner = self.to_string(argument.inner, Mode::Math, depth);
                let (open, close) = match name {
                    "ket" | "Ket" | "ketbra" => ("|", "⟩"),
                    "bra" | "Bra" => ("⟨", "|"),
                    _ => ("⟨", "⟩"),
                };
                push_all(out, &[open, inner.trim(), close]);
                // `\ketbra{a}{b}` and `\braket{a}{b}` of the physics package.
                let second = matches!(name, "ketbra" | "braket")
                    .then(|| self.braced(argument.next, end, depth))
                    .flatten();
                let Some(second) = second else {
                    return Some(argument.next);
                };
                let inner = self.to_string(second.inner, Mode::Math, depth);
                if name == "ketbra" {
                    push_all(out, &["⟨", inner.trim(), "|"]);
                } else {
                    out.truncate(out.len() - "⟩".len());
                    push_all(out, &["|", inner.trim(), "⟩"]);
                }
                Some(second.next)
            }
            "enquote" => {
                let argument = self.braced(at, end, depth)?;
                let inner = self.to_string(argument.inner, mode, depth);
                push_all(out, &["“", &inner, "”"]);
                Some(argument.next)
            }
            _ => self.reference(name, at, end, mode, depth, out),
        }
    }

    /// Reads links, notes, citations and macros with layout arguments.
    fn reference(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> Option<usize> {
        match name {
            "href" => {
                let target = self.braced(at, end, depth)?;
                let address = address(&self.raw[target.inner.at..target.inner.end]);
                let Some(label) = self.braced(target.next, end, depth) else {
                    out.push_str(&address);
                    return Some(target.next);
                };
                let label_text = self.to_string(label.inner, mode, depth);
                push_link(out, &address, label_text.trim());
                Some(label.next)
            }
            "url" | "path" | "nolinkurl" => {
                let target = self.braced(at, end, depth)?;
                push_address(out, &self.raw[target.inner.at..target.inner.end]);
                Some(target.next)
            }
            "footnote" | "footnotetext" | "thanks" => {
                let note = self.braced(at, end, depth)?;
                let inner = self.to_string(note.inner, Mode::Text, depth);
                if !inner.trim().is_empty() {
                    push_blank(out);
                    push_all(out, &["(", inner.trim(), ")"]);
                    if self
                        .char_at(note.next, end)
                        .is_some_and(char::is_alphanumeric)
                    {
                        out.push(' ');
                    }
                }
                Some(note.next)
            }
            "textcolor" | "colorbox" | "foreignlanguage" | "hyperlink" | "hyperref"
            | "fontsize" | "raisebox" | "scalebox" | "resizebox" | "rotatebox" => {
                let option = self.braced(at, end, depth)?;
                let Some(content) = self.braced(option.next, end, depth) else {
                    // If there is only one argument, it is the text.
                    self.read(option.inner, mode, depth + 1, out);
                    return Some(option.next);
                };
                self.read(content.inner, mode, depth + 1, out);
                Some(content.next)
            }
            "begin" | "end" | "color" | "vspace" | "hspace" | "phantom" | "vphantom"
            | "hphantom" | "label" | "pagestyle" | "thispagestyle" | "definecolor" => {
                let dropped = self.braced(at, end, depth)?;
                push_blank(out);
                Some(self.skip_blanks(dropped.next, end))
            }
            "ding" => {
                let code = self.braced(at, end, depth)?;
                // Zapf Dingbats: 51 and 52 are ticks, 53 to 56 crosses.
                match self.raw[code.inner.at..code.inner.end].trim() {
                    "51" | "52" => out.push('✓'),
                    "53" | "54" | "55" | "56" => out.push('✗'),
                    _ => {}
                }
                Some(code.next)
            }
            "mkern" | "kern" | "hskip" | "vskip" | "mskip" => {
                let rest = &self.raw[at..end];
                let length = rest
                    .find(|c: char| !(c.is_ascii_digit() || "+-. ".contains(c)))
                    .unwrap_or(rest.len());
                let unit = rest.get(length..length + 2)?;
                if !matches!(unit, "mu" | "pt" | "em" | "ex" | "cm" | "mm" | "in") {
                    return None;
                }
                push_blank(out);
                Some(at + length + 2)
            }
            "verb" => {
                let fence = self.char_at(at, end).filter(char::is_ascii_punctuation)?;
                let start = at + 1;
                let rest = &self.raw[start..end];
                let length = rest.find(fence)?;
                out.push_str(&rest[..length]);
                Some(start + length + 1)
            }
            _ if is_citation(name) => {
                let mut key = self.braced(at, end, depth)?;
                // `\cite{a}{b}` is used by some journals.
                while let Some(b'{') = self.byte(key.next, end) {
                    key = self.braced(key.next, end, depth)?;
                }
                let follows = self.char_at(key.next, end);
                if follows.is_none_or(|c| c.is_whitespace() || ".,;:)!?".contains(c)) {
                    out.truncate(out.trim_end_matches([' ', '~']).len());
                }
                Some(key.next)
            }
            _ => None,
        }
    }

    pub(super) fn symbol(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        out: &mut String,
    ) -> Option<usize> {
        let found = symbols::symbol(name)?;
        let next = self.skip_blanks(at, end);
        let spaced = next > at;
        let follows = self.char_at(next, end);
        // A pattern (`\S+`), not a paragraph sign.
        if name.len() == 1
            && mode == Mode::Text
            && self.byte(at, end).is_some_and(|b| b"+*?[|\\".contains(&b))
        {
            return None;
        }
        match found {
            Symbol::Text(text) if mode == Mode::Text => {
                // `5 \AA wide` is a unit, `\AA ngstr\"om` a letter.
                let is_unit = text == "Å" && self.is_unit(at - 1 - name.len(), next, end);
                out.push_str(text);
                if spaced && is_unit {
                    out.push(' ');
                }
            }
            Symbol::Text(text) | Symbol::Ordinary(text) => {
                if "⟩⟫⌉⌋⟧".contains(text) {
                    out.truncate(out.trim_end().len());
                }
                out.push_str(text);
                let tight = mode == Mode::Math
                    && follows.is_some_and(|c| c.is_alphanumeric() || "\\^_({)}".contains(c));
                if spaced && !tight {
                    out.push(' ');
                }
            }
            Symbol::Binary(text) => {
                let roomy = out.ends_with(char::is_whitespace) || mode == Mode::Text;
                out.push_str(text);
                if spaced && roomy && !out.is_empty() {
                    out.push(' ');
                }
            }
            Symbol::Relation(text) if mode == Mode::Math => {
                let inside = !out.trim_end().is_empty();
                if inside {
                    push_blank(out);
                }
                out.push_str(text);
                if inside {
                    out.push(' ');
                }
            }
            Symbol::Relation(text) => {
                out.push_str(text);
                if spaced {
                    out.push(' ');
                }
            }
            Symbol::Word("deg") if out.ends_with(|c: char| c.is_ascii_digit()) => {
                // arXiv writes the degree sign as {\deg}.
                out.push('°');
                if spaced {
                    out.push(' ');
                }
            }
            Symbol::Word("deg") if mode == Mode::Text && follows.is_none() => out.push('°'),
            Symbol::Word(text) => self.push_word(out, text, at, end),
            Symbol::Space => push_blank(out),
            Symbol::Nothing => {
                // `\left.` and `\right.` draw no bracket.
                if matches!(name, "left" | "right") && follows == Some('.') {
                    return Some(next + 1);
                }
                if spaced
                    && mode == Mode::Text
                    && out.ends_with(char::is_alphanumeric)
                    && follows.is_some_and(char::is_alphanumeric)
                {
                    out.push(' ');
                }
            }
        }
        Some(next)
    }

    /// Whether the letter at `start` belongs to the accent macro whose backslash is at
    /// `macro_at`, with blanks and no braces between: `{\H o}`, `\v Skoda`, `Fran\c cois`.
    ///
    /// In running text `\d and \r` are patterns: there the letter must exist with that
    /// mark, and begin no English function word.
    pub(super) fn takes_mark(
        &self,
        macro_at: usize,
        start: usize,
        end: usize,
        letter: char,
        mark: char,
    ) -> bool {
        match self.char_before(macro_at) {
            _ if !letter.is_alphabetic() => false,
            Some('{') => true,
            Some(before) if before.is_alphabetic() => true,
            _ => {
                let word = self.raw[start..end]
                    .split(|c: char| !c.is_alphabetic())
                    .next();
                let is_function_word =
                    word.is_some_and(|word| word.len() > 1 && is_stop_word(word));
                // A small letter with another mark begins no word: `\b black` is no accent.
                let begins_word =
                    letter.is_uppercase() || "\u{30B}\u{30C}\u{327}\u{328}".contains(mark);
                begins_word && compose(letter, mark).is_some() && !is_function_word
            }
        }
    }

    /// Whether an Å at `at` is a unit and not the first letter of the word at `next`.
    fn is_unit(&self, at: usize, next: usize, end: usize) -> bool {
        let before = self.raw[..at].trim_end_matches([' ', '~', '-', '{', '$']);
        let word = self.raw[next..end]
            .split(|c: char| !c.is_alphabetic())
            .next();
        before.ends_with(|c: char| c.is_ascii_digit())
            || word.is_none_or(|w| w.is_empty() || is_stop_word(w))
    }

    /// Appends a function name, apart from the letters on either side.
    fn push_word(&self, out: &mut String, word: &str, at: usize, end: usize) {
        if out.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
            out.push(' ');
        }
        out.push_str(word);
        let next = self.skip_blanks(at, end);
        let follows = self.char_at(next, end);
        let letter = |c: char| c.is_alphanumeric() || c == '\\' && next > at || c == '{';
        if follows.is_some_and(letter) && !self.raw[next..end].starts_with("\\left") {
            out.push(' ');
        }
    }

    /// Reads an unknown macro: its arguments, else its name.
    pub(super) fn unknown(
        &self,
        name: &str,
        at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> usize {
        let after = at + 1 + name.len();
        let braces_at = self.skip_options(after, end);
        if self.byte(braces_at, end) == Some(b'{')
            && depth < MAX_DEPTH
            && let Some(close) = self.pairs.close(braces_at, end)
        {
            let inner = &self.raw[braces_at + 1..close];
            if inner.trim().is_empty() {
                out.push_str(name);
                return close + 1;
            }
            if name.len() > 1 || inner.starts_with(char::is_alphabetic) {
                return self.contents(braces_at, end, mode, depth, out);
            }
        }
        if is_citation(name) || matches!(name, "footnote" | "href" | "url") {
            // Its brace was never closed: read on as text.
            push_blank(out);
            return after + usize::from(self.byte(after, end) == Some(b'{'));
        }
        let before = self.char_before(at);
        // `dir\file` and `\d+`: the backslash belongs to the text.
        let pattern = name.len() == 1 || before.is_some_and(|c| c.is_alphanumeric() || c == '\\');
        if mode == Mode::Text && pattern {
            out.push('\\');
            out.push_str(name);
        } else if mode == Mode::Math {
            self.push_word(out, name, after, end);
            return self.skip_blanks(after, end);
        } else {
            out.push_str(name);
        }
        after
    }

    /// Reads the groups behind an unknown macro, separated by spaces.
    fn contents(
        &self,
        mut at: usize,
        end: usize,
        mode: Mode,
        depth: usize,
        out: &mut String,
    ) -> usize {
        let mut first = true;
        while self.byte(at, end) == Some(b'{') {
            let Some(close) = self.pairs.close(at, end) else {
                break;
            };
            if !first && close > at + 1 {
                push_blank(out);
            }
            first = false;
            let inner = Span {
                at: at + 1,
                end: close,
            };
            self.read(inner, mode, depth + 1, out);
            at = close + 1;
        }
        at
    }
}
