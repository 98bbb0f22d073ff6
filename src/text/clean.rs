//! Turns metadata as sources send it into text that is safe to show.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{html, tex};

/// One line of readable text: titles, names, anything that goes in a header.
///
/// Markup and TeX become Unicode; control characters, direction marks and invisible
/// characters are removed; white space, line breaks included, becomes single spaces. The
/// result is in composed form (NFC).
pub fn clean_line(raw: &str) -> String {
    collapse(&readable(raw, html::strip_markup), false)
}

/// Readable paragraphs, separated by an empty line: abstracts.
///
/// Like [`clean_line`], but an empty line or a block element in `raw` separates paragraphs.
/// Single line breaks are hard wraps and become spaces.
pub fn clean_text(raw: &str) -> String {
    collapse(&readable(raw, html::strip_markup), true)
}

/// Like [`clean_line`], for text without HTML such as arXiv's metadata: the mean `<B>` and the
/// token `<title>` are kept.
pub fn clean_tex_line(raw: &str) -> String {
    collapse(&readable(raw, html::decode_entities), false)
}

/// Like [`clean_text`], for text without HTML.
pub fn clean_tex_text(raw: &str) -> String {
    collapse(&readable(raw, html::decode_entities), true)
}

fn readable(raw: &str, strip: fn(&str) -> String) -> String {
    // Normalise line breaks first, so that the TeX reader sees empty lines.
    let raw = raw.replace("\r\n", "\n").replace(['\r', '\u{2028}'], "\n");
    let raw = raw.replace('\u{2029}', "\n\n");
    // Twice: a hidden character must not separate the hyphens of a dash, nor come out of an
    // entity.
    let text = visible(&tex::to_unicode(&strip(&visible(&raw))));
    // Removed characters may have separated a letter from its mark.
    composed(&text)
}

/// The text in composed form (NFC).
///
/// Below U+0300, where the combining marks begin, every text is composed already (Unicode
/// Standard Annex 15, section 9: quick check "yes"), as most titles and abstracts are.
pub(super) fn composed(text: &str) -> String {
    const FIRST_MARK: char = '\u{300}';
    if text.chars().all(|c| c < FIRST_MARK) {
        text.to_owned()
    } else {
        text.nfc().collect()
    }
}

/// The text without hidden characters.
fn visible(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let shown = match c {
            // Joiners are needed in Indic and Arabic scripts and emoji; elsewhere they only
            // hide something.
            '\u{200C}' | '\u{200D}' => {
                let joiner = |c: char| matches!(c, '\u{200C}' | '\u{200D}');
                let shaped =
                    |c: char| !(c.is_ascii() || c.is_whitespace() || is_hidden(c) || joiner(c));
                kept.ends_with(shaped) && chars.peek().is_some_and(|&next| shaped(next))
            }
            '\n' | '\t' => true,
            _ => !is_hidden(c),
        };
        if shown {
            kept.push(c);
        }
    }
    kept
}

/// Whether `c` is a control, direction, tag or invisible character, or a noncharacter (Unicode
/// Standard, section 23.7; XML forbids two of them).
///
/// Direction characters can change the order in which a line is read (Unicode Technical
/// Report 36, section 2.6).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || u32::from(c) & 0xFFFE == 0xFFFE
        || matches!(c,
            '\u{FDD0}'..='\u{FDEF}' |
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

fn collapse(text: &str, keep_paragraphs: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = true;
            breaks += usize::from(c == '\n');
            continue;
        }
        if blank && !out.is_empty() {
            out.push_str(if keep_paragraphs && breaks > 1 {
                "\n\n"
            } else {
                " "
            });
        }
        blank = false;
        breaks = 0;
        out.push(c);
    }
    out
}

/// Cuts `text` to at most `max_chars` characters, after a word and with "…".
///
/// A word longer than the limit is cut between grapheme clusters: a letter keeps its marks, an
/// emoji its parts.
pub fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let Some(room) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let mut end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    let ends_word = text[end..].starts_with(char::is_whitespace);
    while end > 0 && joins(&text[..end], &text[end..]) {
        end -= text[..end].chars().next_back().map_or(0, char::len_utf8);
    }
    let head = &text[..end];
    // If a cut at a word would lose more than half (long words, scripts without spaces), cut
    // within it.
    let words = match head.rfind(char::is_whitespace) {
        Some(at) if !ends_word && at * 2 >= head.len() => &head[..at],
        _ => head,
    };
    let words =
        words.trim_end_matches(|c: char| c.is_whitespace() || ",;:.–—-([{'\"“‘".contains(c));
    format!("{words}…")
}

/// Whether a grapheme cluster spans the border of the two.
fn joins(before: &str, after: &str) -> bool {
    let Some(next) = after.chars().next() else {
        return false;
    };
    let joined = |c: char| {
        is_combining_mark(c)
            || matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}'
                | '\u{1F3FB}'..='\u{1F3FF}' | '\u{1160}'..='\u{11FF}')
    };
    let flag = |c: char| matches!(c, '\u{1F1E6}'..='\u{1F1FF}');
    let flags = before.chars().rev().take_while(|&c| flag(c)).count();
    joined(next) || before.ends_with('\u{200D}') || flag(next) && flags % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check_line(raw: &str, expected: &str) {
        assert_eq!(clean_line(raw), expected, "{raw:?}");
    }

    fn check_text(raw: &str, expected: &str) {
        assert_eq!(clean_text(raw), expected, "{raw:?}");
    }

    fn check_cut(text: &str, max_chars: usize, expected: &str) {
        assert_eq!(cut(text, max_chars), expected, "{text:?} in {max_chars}");
    }

    #[test]
    fn a_line_has_no_breaks_and_nothing_hidden() {
        check_line(" On\r\n  $O(n^2)$ <i>sums</i>\0 ", "On O(n²) sums");
        check_line("a-\u{200C}-b", "a–b");
        check_line("Subject\u{202E}gnp.exe\u{200B}\u{FEFF}", "Subjectgnp.exe");
        check_line(
            "a\u{200D}b क्\u{200D}ष 👩\u{200D}🔬",
            "ab क्\u{200D}ष 👩\u{200D}🔬",
        );
        check_line("a\u{FFFE}\u{1FFFF}\u{FDD0}b", "ab");
        check_line("e\u{200B}\u{301}", "é");
        check_line("A &amp; B\u{2029}C\u{a0}D", "A & B C D");
    }

    #[test]
    fn paragraphs_stay_and_hard_wraps_go() {
        check_text(
            "One\ntwo.\r\n\r\nThree.\n \n\nFour.",
            "One two.\n\nThree.\n\nFour.",
        );
        check_text("<p>One</p>\n<p>two</p>", "One\n\ntwo");
        check_text("", "");
    }

    #[test]
    fn a_cut_falls_between_words_and_never_inside_a_letter() {
        check_cut("short", 5, "short");
        check_cut("one two three", 9, "one two…");
        check_cut("one two three", 8, "one two…");
        check_cut("one two, three", 10, "one two…");
        check_cut("word one “ two", 12, "word one…");
        check_cut("日本語の題名", 4, "日本語…");
        check_cut(
            "a Donaudampfschifffahrtsgesellschaft",
            20,
            "a Donaudampfschifff…",
        );
        check_cut("unbreakable", 6, "unbre…");
        check_cut("ne\u{301}e", 3, "n…");
        check_cut("ab", 1, "…");
        check_cut("ab", 0, "");
        check_cut("x👩\u{200D}🔬yz", 4, "x…");
    }

    proptest! {
        #[test]
        fn output_is_composed_and_shows_everything_it_holds(raw in "\\PC{0,40}|[\\x00-\\x7f\\u{200b}-\\u{2069}é\u{301}\\\\{}$]{0,60}") {
            for clean in [clean_line(&raw), clean_text(&raw)] {
                prop_assert!(!clean.chars().any(|c| is_hidden(c) && c != '\n'), "{clean:?}");
                prop_assert!(unicode_normalization::is_nfc(&clean));
                prop_assert_eq!(clean.trim(), &clean);
            }
            prop_assert!(!clean_line(&raw).contains('\n'));
        }

        #[test]
        fn cleaning_plain_text_twice_changes_nothing(raw in "[a-zA-Z0-9é\u{301}\u{200d}\u{200c}नक .,;:()\n\t\r-]{0,60}") {
            let line = clean_line(&raw);
            prop_assert_eq!(clean_line(&line), line.clone());
            let text = clean_text(&raw);
            prop_assert_eq!(clean_text(&text), text.clone());
        }

        #[test]
        fn a_cut_is_never_too_long(text in "\\PC{0,60}", max in 0_usize..40) {
            prop_assert!(cut(&text, max).chars().count() <= max);
        }
    }
}
