//! The accent colour, adjusted for contrast on light and dark backgrounds. Pure.

use std::str::FromStr;

/// A colour. The default is a dark red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent([u8; 3]);

/// A text that is not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour like #8c2f1b")]
pub struct BadAccent;

/// Minimum contrast ratio. WCAG 2.2, success criterion 1.4.3, requires 4.5; thin serifs
/// need more.
const CONTRAST_MIN: f64 = 5.5;

/// Background of the light page.
pub(super) const PAPER_LIGHT: Accent = Accent([0xfd, 0xfc, 0xf9]);
/// Background of the dark page.
pub(super) const PAPER_DARK: Accent = Accent([0x17, 0x18, 0x1b]);

impl Default for Accent {
    fn default() -> Self {
        Accent([0x8c, 0x2f, 0x1b])
    }
}

impl FromStr for Accent {
    type Err = BadAccent;

    fn from_str(text: &str) -> Result<Self, BadAccent> {
        let digits = text.trim().strip_prefix('#').ok_or(BadAccent)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadAccent);
        }
        let long: String = match digits.len() {
            6 => digits.to_owned(),
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => return Err(BadAccent),
        };
        let channel = |at: usize| u8::from_str_radix(&long[at..at + 2], 16).map_err(|_| BadAccent);
        Ok(Accent([channel(0)?, channel(2)?, channel(4)?]))
    }
}

impl Accent {
    /// `#rrggbb`, darkened as far as needed for contrast on the light page.
    pub fn on_light(self) -> String {
        self.towards([0; 3], PAPER_LIGHT).css()
    }

    /// `#rrggbb`, lightened as far as needed for contrast on the dark page.
    pub fn on_dark(self) -> String {
        self.towards([255; 3], PAPER_DARK).css()
    }

    fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// Mixes the colour with `end` in steps of 5 % until the contrast with `ground` suffices.
    fn towards(self, end: [u8; 3], ground: Accent) -> Accent {
        (0..=20)
            .map(|step| {
                let mix = |at: usize| {
                    let (from, to) = (u32::from(self.0[at]), u32::from(end[at]));
                    ((from * (20 - step) + to * step) / 20) as u8
                };
                Accent([mix(0), mix(1), mix(2)])
            })
            .find(|colour| colour.contrast(ground) >= CONTRAST_MIN)
            .unwrap_or(Accent(end))
    }

    /// The contrast ratio as defined by WCAG 2.2.
    fn contrast(self, other: Accent) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The relative luminance as defined by WCAG 2.2.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        let [red, green, blue] = self.0;
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_parsed_in_both_forms() {
        assert_eq!("#8C2F1B".parse(), Ok(Accent::default()));
        assert_eq!("#abc".parse(), Ok(Accent([0xaa, 0xbb, 0xcc])));
        for bad in ["", "#", "8c2f1b", "#8c2f1", "#8c2f1g", "red;x:y", "#ébc"] {
            assert_eq!(bad.parse::<Accent>(), Err(BadAccent), "{bad}");
        }
    }

    #[test]
    fn every_accent_is_legible_on_both_backgrounds() {
        for text in [
            "#8c2f1b", "#000000", "#ffffff", "#ffff00", "#0000ff", "#808080", "#1a7f37",
        ] {
            let accent: Accent = text.parse().unwrap();
            for (colour, ground) in [
                (accent.on_light(), PAPER_LIGHT),
                (accent.on_dark(), PAPER_DARK),
            ] {
                let found = colour.parse::<Accent>().unwrap().contrast(ground);
                assert!(found >= CONTRAST_MIN, "{text} became {colour} with {found}");
            }
        }
    }

    /// Checks the fixed colours of `templates/digest.html`.
    #[test]
    fn the_text_colours_are_legible_on_both_backgrounds() {
        for (ink, ground) in [
            ("#1f1e1b", PAPER_LIGHT),
            ("#615c53", PAPER_LIGHT),
            ("#e8e5de", PAPER_DARK),
            ("#a9a498", PAPER_DARK),
        ] {
            assert!(
                ink.parse::<Accent>().unwrap().contrast(ground) >= CONTRAST_MIN,
                "{ink}"
            );
        }
    }
}
