//! Placeholders in rendered templates for values that differ between readers. Pure.

// Noncharacters, which `clean` removes from all input.
pub(super) const PLACEHOLDER: char = '\u{fdd0}';
pub(super) const PLACEHOLDER_END: char = '\u{fdd1}';
pub(super) const WRAP: char = '\u{fdd2}';
pub(super) const WRAP_NEXT: char = '\u{fdd3}';
pub(super) const WRAP_END: char = '\u{fdd4}';

/// A value that differs between readers, in the order of the values of `Fragment::fill`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Marker,
    Reason,
    More,
    Less,
    Save,
}

pub(super) const SLOTS: [Slot; 5] = [
    Slot::Marker,
    Slot::Reason,
    Slot::More,
    Slot::Less,
    Slot::Save,
];

impl Slot {
    /// The placeholder for its value.
    pub(super) fn placeholder(self) -> String {
        placeholder(self as usize)
    }
}

/// The placeholder with number `at`.
pub(super) fn placeholder(at: usize) -> String {
    format!("{PLACEHOLDER}{at}{PLACEHOLDER_END}")
}

/// Whether `text` contains a placeholder.
pub(super) fn has_placeholder(text: &str) -> bool {
    text.contains(PLACEHOLDER)
}

/// Encodes a `wrap` to be applied once the values are known.
pub(super) fn deferred_wrap(text: &str, first: &str, indent: usize) -> String {
    format!("{WRAP}{indent}{WRAP_NEXT}{first}{WRAP_NEXT}{text}{WRAP_END}")
}
