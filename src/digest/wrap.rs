//! Wraps paragraphs of the text part. Pure.

/// Width of the text part, in columns.
pub(super) const COLUMNS: usize = 72;

/// Wraps `text` to lines of at most [`COLUMNS`] columns: the first begins with `first`, the
/// others are indented.
pub(super) fn wrapped(text: &str, first: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(first)
        .subsequent_indent(&indent)
        // Hyphens are part of names, codes and addresses.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(&one_line, options)
}
