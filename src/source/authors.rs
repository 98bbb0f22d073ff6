//! arXiv's one string of author names, taken apart. Pure.

use crate::text::clean_line;

/// The names in `creators`, in order, without affiliations.
///
/// Identifiers are parted by commas. Affiliations stand in parentheses, which may
/// hold commas and parentheses; where these do not pair up they are taken for
/// ordinary characters rather than lose the names behind them.
pub(super) fn names(creators: &str) -> Vec<String> {
    let pairs_up = pairs_up(creators);
    let mut names: Vec<String> = Vec::new();
    let mut name = String::new();
    let mut depth = 0_u32;
    let mut add = |name: &mut String| {
        let clean = clean_line(name);
        name.clear();
        // "A, B, and C"; "John Smith, Jr."
        let clean = clean
            .strip_prefix("and ")
            .map_or(clean.clone(), str::to_owned);
        match (clean.as_str(), names.last_mut()) {
            ("" | "et al" | "et al.", _) => {}
            ("Jr" | "Jr." | "Sr" | "Sr." | "II" | "III" | "IV", Some(last)) => {
                *last = format!("{last} {clean}")
            }
            _ => names.push(clean),
        }
    };
    for c in creators.chars() {
        match c {
            '(' if pairs_up => depth += 1,
            ')' if pairs_up => depth -= 1,
            ',' | ';' | '\n' if depth == 0 => {
                // A line break within a name is only white space.
                if c == '\n' {
                    name.push(' ')
                } else {
                    add(&mut name)
                }
            }
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    add(&mut name);
    names
}

fn pairs_up(text: &str) -> bool {
    let mut depth = 0_i32;
    text.chars().all(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth >= 0
    }) && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(creators: &str, expected: &[&str]) {
        assert_eq!(names(creators), expected, "{creators}");
    }

    #[test]
    fn names_are_parted_by_commas_outside_of_parentheses() {
        check(
            "Ada Lovelace, Charles Babbage",
            &["Ada Lovelace", "Charles Babbage"],
        );
        check(
            "Ada Lovelace (Analytical Society, London (UK)), Charles Babbage (Cambridge)",
            &["Ada Lovelace", "Charles Babbage"],
        );
        check(
            "A One (1), B Two (2) ((1) Here, There, (2) Elsewhere)",
            &["A One", "B Two"],
        );
        check("A One, B Two, and C Three", &["A One", "B Two", "C Three"]);
        check("Martin King, Jr., B Two", &["Martin King Jr.", "B Two"]);
        check("A One,\n  B\n Two", &["A One", "B Two"]);
        check("", &[]);
        check(" , ", &[]);
    }

    #[test]
    fn tex_in_names_becomes_letters() {
        check(
            "Andr\\'e Weil, Kurt G{\\\"o}del, Paul Erd\\H{o}s",
            &["André Weil", "Kurt Gödel", "Paul Erdős"],
        );
    }

    #[test]
    fn parentheses_that_do_not_pair_up_cost_no_name() {
        check("A One (Here, B Two", &["A One (Here", "B Two"]);
        check("A One), B Two (There)", &["A One)", "B Two (There)"]);
    }
}
