//! Finds the end of every TeX group and formula in one pass.

/// The byte offset of the partner of each opening `{`, `\(`, `\[` and `$`.
pub(super) struct Pairs {
    partner: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl Pairs {
    /// Reads all of `raw` once in each direction.
    pub(super) fn of(raw: &str) -> Self {
        let bytes = raw.as_bytes();
        // Text beyond 4 GiB is read without partners.
        if u32::try_from(bytes.len()).is_err() {
            return Self {
                partner: Vec::new(),
            };
        }
        let mut partner = vec![NONE; bytes.len()];
        let mut open_braces = Vec::new();
        let mut marks = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => {
                    if let Some(b'(' | b')' | b'[' | b']') = bytes.get(at + 1) {
                        marks.push(at);
                    }
                    at += 1;
                }
                b'{' => open_braces.push(at),
                b'}' => {
                    if let Some(open) = open_braces.pop() {
                        partner[open] = at as u32;
                    }
                }
                b'$' => marks.push(at),
                _ => {}
            }
            at += 1;
        }
        // Backwards, so that each opener knows the nearest closer after it.
        let (mut round, mut square, mut dollar) = (NONE, NONE, NONE);
        for &mark in marks.iter().rev() {
            match (bytes[mark], bytes.get(mark + 1)) {
                (b'$', _) => {
                    partner[mark] = dollar;
                    dollar = mark as u32;
                }
                (_, Some(b')')) => round = mark as u32,
                (_, Some(b']')) => square = mark as u32,
                (_, Some(b'(')) => partner[mark] = round,
                _ => partner[mark] = square,
            }
        }
        Self { partner }
    }

    /// The partner of the opener at `at`, if it comes before `end`.
    pub(super) fn close(&self, at: usize, end: usize) -> Option<usize> {
        let close = *self.partner.get(at)?;
        (close != NONE && (close as usize) < end).then_some(close as usize)
    }
}

/// Whether the text between two dollar signs is a formula and not prices.
///
/// Pandoc's `tex_math_dollars` rule (no space inside the dollars, no digit
/// after the second) decides, except where the content says more: a macro or
/// a script makes it a formula, running words make it prose.
pub(super) fn is_formula(inner: &str, after: Option<char>) -> bool {
    let trimmed = inner.trim();
    if trimmed.is_empty() || inner.contains("\n\n") {
        return false;
    }
    // `$>$3%` and `a$-$b`: an operator alone, whatever follows.
    if trimmed.chars().all(|c| "<>=+-/|*:~".contains(c)) {
        return true;
    }
    let leads_blank = inner.starts_with(char::is_whitespace);
    let ends_blank = inner.ends_with(char::is_whitespace);
    let price_like = trimmed.starts_with(|c: char| c.is_ascii_digit())
        && (ends_blank || after.is_some_and(|c| c.is_ascii_digit()));
    let words = longest_prose(trimmed);
    if inner.contains(['\\', '^', '_', '{']) {
        return !(price_like && words >= 1 && ends_blank || words >= 4 && leads_blank);
    }
    let half_open = leads_blank != ends_blank || trimmed.ends_with(['/', '-', ',', '(', ';']);
    !(price_like || half_open || words >= 1 || after.is_some_and(|c| c.is_ascii_digit()))
}

/// The longest run of plain words of three letters or more, separated by spaces; a single word
/// alone is a variable.
fn longest_prose(text: &str) -> usize {
    let (mut longest, mut run, mut pieces) = (0, 0, 0);
    for piece in text.split_whitespace() {
        pieces += 1;
        let word = piece.trim_end_matches([',', '.', ';']);
        let plain = word.len() >= 3 && word.bytes().all(|b| b.is_ascii_alphabetic());
        run = if plain { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    if pieces == 1 { 0 } else { longest }
}
