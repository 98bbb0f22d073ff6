use super::*;
use proptest::prelude::*;

fn check(raw: &str, expected: &str) {
    assert_eq!(to_unicode(raw), expected, "{raw:?}");
}

#[test]
fn accents_become_letters() {
    check(r#"Erd{\"o}s, G\"odel, Erd\H{o}s"#, "Erdös, Gödel, Erdős");
    check(
        r"\v{S}imi\'c, Fran\c{c}ois, Fran\c cois",
        "Šimić, François, François",
    );
    check(
        r#"Mart\'{\i}nez, Mart\'\i nez, na\"{\i}ve"#,
        "Martínez, Martínez, naïve",
    );
    check(
        r#"Wa{\l}\k{e}sa, S{\o}ren, S\o ren, {\AA}ngstr\"om, 5 \AA wide"#,
        "Wałęsa, Søren, Søren, Ångström, 5 Å wide",
    );
    check(r"Gro\ss e, \O{}re, {\aa}r, \ae{}on", "Große, Øre, år, æon");
    check(r"\~n, \^{}, \~{}x, \=a", "ñ, ^, ~x, ā");
    check(r"{\'E}cole \`a \'{e}", "École à é");
}

#[test]
fn an_accent_macro_may_have_a_blank_before_its_letter() {
    for (raw, expected) in [
        (r"Erd{\H o}s", "Erdős"),
        (r"Erd\H os", "Erdős"),
        (r"{\H O}sz", "Ősz"),
        (r"Fran{\c c}ois", "François"),
        (r"{\c S}ahin", "Şahin"),
        (r"\c Sahin", "Şahin"),
        (r"{\v S}koda, \v Skoda", "Škoda, Škoda"),
        (r"Dvo{\v r}\'ak", "Dvořák"),
        (r"Wa{\l}{\k e}sa, {\k A}", "Wałęsa, Ą"),
        (r"Erdo{\u g}an, Erdo\u gan", "Erdoğan, Erdoğan"),
        (r#"{\r A}ngstr\"om, {\r u}"#, "Ångström, ů"),
        (r"{\d s}ad, {\b d}", "ṣad, ḏ"),
        (r"{\t oo}, \t{oo}", "o\u{361}o, o\u{361}o"),
        (r"Ioni{\c t}a, Ioni\c t", "Ioniţa, Ioniţ"),
        (r"\textcommabelow{s}", "ș"),
        (r"{\'\i}, {\v\i}, {\v \j}, {\u \i}, {\^\i}", "í, ǐ, ǰ, ĭ, î"),
        (r#"{\"\i}, \"{\i}, \'{\i}, \`\i, {\~\i}"#, "ï, ï, í, ì, ĩ"),
        (r"{\~{\^e}}, {\'{\^a}}, \'{\u a}, \d{\^o}", "ễ, ấ, ắ, ộ"),
        (r#"{\' e}, {\" u}, Poincar\' e"#, "é, ü, Poincaré"),
        (
            r#"\AA ngstr\"om, {\AA}rhus, 5~\AA wide"#,
            "Ångström, Århus, 5 Å wide",
        ),
        (
            r"\O stergaard, \L ukasz, \ae on, Stra\ss e, \DJ or\dj e",
            "Østergaard, Łukasz, æon, Straße, Đorđe",
        ),
    ] {
        check(raw, expected);
    }
    check(
        r"score-based \b black-box \b",
        r"score-based \b black-box \b",
    );
    // A pattern stays one.
    check(
        r"the classes \d and \b of the tool",
        r"the classes \d and \b of the tool",
    );
}

#[test]
fn a_macro_of_running_text_swallows_the_blank_behind_it() {
    check(
        r"100\textmu s, 5\textdegree C, \S 3, \pounds 5",
        "100μs, 5°C, §3, £5",
    );
    check(r"\textalpha -helix, \textOmega", "α-helix, Ω");
}

#[test]
fn the_symbols_of_amssymb_are_known() {
    for (raw, expected) in [
        (
            r"$a\nleq b$, $a\ngeq b$, $a\nless b$",
            "a ≰ b, a ≱ b, a ≮ b",
        ),
        (r"$A\nsubseteq B$, $A\subsetneqq B$", "A ⊈ B, A ⫋ B"),
        (
            r"$x\not= y$, $x\not\sim y$, $x\not\mid y$, $x\not\leq y$",
            "x ≠ y, x ≁ y, x ∤ y, x ≰ y",
        ),
        (r"$\not\subset$, $\not\equiv$, $\not\exists$", "⊄, ≢, ∄"),
        (
            r"$a\nrightarrow b$, $a\nLeftrightarrow b$, $a\multimap b$",
            "a ↛ b, a ⇎ b, a ⊸ b",
        ),
        (
            r"$\beth$, $\gimel$, $\daleth$, $\complement A$, $\Bbbk$",
            "ℶ, ℷ, ℸ, ∁A, 𝕜",
        ),
        (
            r"$a\trianglelefteq b$, $\blacktriangle$, $N\ntriangleleft G$",
            "a ⊴ b, ▴, N ⋪ G",
        ),
        (r"$\Alpha$, $\digamma$, $\varXi$", "Α, ϝ, Ξ"),
        (r"$\langle k \rangle$, $\lceil x \rceil$", "⟨k⟩, ⌈x⌉"),
        (
            r"$\ket{0}$, $\braket{a|b}$, $\braket{a}{b}$, $\ketbra{a}{b}$",
            "|0⟩, ⟨a|b⟩, ⟨a|b⟩, |a⟩⟨b|",
        ),
    ] {
        check(raw, expected);
    }
}

#[test]
fn greek_and_operators_become_signs() {
    check(r"$\alpha$-divergence, $\varepsilon$", "α-divergence, ε");
    check(r"$x\in X$, $n \geq 2$, $\leq 5$", "x ∈ X, n ≥ 2, ≤5");
    check(r"$3\times 3$, $3 \times 3$, $\pm 0.1$", "3×3, 3 × 3, ±0.1");
    check(r"$O(n\log n)$ and $\max_x f$", "O(n log n) and maxₓ f");
    check(r"\b{eta}-VAE, \r{ho} = 1, \k{appa}", "β-VAE, ρ = 1, κ");
    check(
        r"360{\deg} and 90$^\circ$ and $90^{\circ}$",
        "360° and 90° and 90°",
    );
    check(r"$f: \mathbb{R}^d \to \mathbb{R}$", "f: ℝᵈ → ℝ");
    check(
        r"$\mathcal{O}(1)$, $\mathcal{LOSS}$, $\mathfrak{g}$",
        "𝒪(1), LOSS, 𝔤",
    );
    check(
        r"$\tilde O(n)$, $\hat{x}$, $\vec v$, $\bar{xy}$",
        "Õ(n), x̂, v\u{20d7}, xy",
    );
    check(r"$a \not= b$, $a\not\in B$", "a ≠ b, a ∉ B");
    check(r"$\left(\frac{a}{b}\right)$", "(a/b)");
}

#[test]
fn fractions_and_roots_read_unambiguously() {
    check(
        r"$\frac{1}{2}$, $\frac12$, $\frac{a+b}{c}$",
        "1/2, 1/2, (a+b)/c",
    );
    check(
        r"$\sqrt{n}$, $\sqrt{a+b}$, $\sqrt[3]{x}$, $\sqrt 2$",
        "√n, √(a+b), ∛x, √2",
    );
    check(r"$\binom{n}{k}$", "(n choose k)");
    check(r"$2\frac{1}{2}$", "2 1/2");
}

#[test]
fn scripts_use_unicode_where_it_has_them() {
    check(r"$x^2$, $10^{-3}$, $H_2O$, $\ell_1$", "x², 10⁻³, H₂O, ℓ₁");
    check(
        r"$x^{\alpha+b}$, $x_{max}$, $x_{\text{max}}$",
        "x^(α+b), x_max, x_max",
    );
    check(
        r"$2^{n^2}$, $x_{i,j}$, $A^\top$, $x^*$",
        "2^(n²), x_(i,j), Aᵀ, x*",
    );
    check(
        r"CO$_2$, 10^{-8} Hz, x^2, snake_case",
        "CO₂, 10⁻⁸ Hz, x^2, snake_case",
    );
}

#[test]
fn dollars_are_removed_around_formulas_only() {
    check("from $5 to $10 each", "from $5 to $10 each");
    check("costs $5", "costs $5");
    check("$100/$200 and US$3M-$5M", "$100/$200 and US$3M-$5M");
    check("$n$ of $ m $, $k$NN, $x+y$", "n of m, kNN, x+y");
    check(r"\(a^2\), \[b\], $$c_1$$, $$ and $", "a², b, c₁, $$ and $");
    check("a$-$b, $>$3%, $ + $", "a-b, >3%, +");
    check("echo $PATH and $HOME", "echo $PATH and $HOME");
    check(r"for \$5 at 3\%", "for $5 at 3%");
}

#[test]
fn styles_links_and_notes_leave_their_text() {
    check(r"\textbf{Bold} \emph{and} {\it so} on", "Bold and so on");
    check(
        r"\href{https://a.example/x_y}{Code} here",
        "Code (https://a.example/x_y) here",
    );
    check(r"\href{https://a.example}{a.example}", "https://a.example");
    check(r"\url{https://a.example/b\_c~d}", "https://a.example/b_c~d");
    check(
        r"As shown~\cite{doe}, yes \citep[p.~1]{roe}.",
        "As shown, yes.",
    );
    check(r"Fact\footnote{Or so.} stays", "Fact (Or so.) stays");
    check(r"Data\footnote{Not closed", "Data Not closed");
    check(r"\textcolor{red}{new} \foo{bar} \foo", "new bar foo");
    check(
        r"\ourmodel{} wins, {\sysname} too",
        "ourmodel wins, sysname too",
    );
    check("{B}ayesian {GPT}-4 {a, b}", "Bayesian GPT-4 {a, b}");
}

#[test]
fn dashes_quotes_and_ties_are_set_in_type() {
    check("a--b --- ``c'' -- d", "a–b — “c” – d");
    check(
        "run --help or a ---- b <!-- x -->",
        "run --help or a ---- b <!-- x -->",
    );
    check("models~(say, one), (~5)", "models (say, one), (~5)");
    check("Fig.~1, ~5, 10~20, /~me", "Fig. 1, ~5, 10~20, /~me");
    check("f'' and ```code```", "f'' and ```code```");
    check("https://a.example/~x--y_z", "https://a.example/~x--y_z");
}

#[test]
fn backslashes_that_are_no_tex_stay() {
    check(r"C:\Users\name\new", r"C:\Users\name\new");
    check(r"\\server\share x", r"\\server\share x");
    check(r"match \d+\s*\w and \n\n", r"match \d+\s*\w and \n\n");
    check(r"src\main", r"src\main");
    check("\\", "\\");
    check(r"a \u2013 b, $\unicode{x2014}$", "a – b, —");
}

#[test]
fn hostile_nesting_ends_and_keeps_its_letters() {
    for unit in [
        "{",
        "\\textbf{",
        "$x^{",
        "\\frac{",
        "\\(",
        "^{",
        "\\'{",
        "\\\"",
        "`",
        "$",
        "\\hat",
    ] {
        let raw = unit.repeat(20_000) + "end";
        assert!(to_unicode(&raw).ends_with("nd"), "{unit:?}");
        let closed = unit.repeat(5_000) + "end" + &"}".repeat(5_000);
        assert!(to_unicode(&closed).contains("nd"), "{unit:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(raw in "\\PC{0,60}") {
        to_unicode(&raw);
    }

    #[test]
    fn any_tex_is_read(pieces in proptest::collection::vec(
        proptest::sample::select(vec!["\\frac", "{", "}", "$", "^", "_", "\\", "x", "é", " ", "\\(", "\\)", "\\'", "\\v", "~", "--", "``", "''", "\\sqrt", "[3]", "\\left", "\\cite", "\\href", "\\verb|", "\\kern", "3mu", "\\u00e", "9", "\\char\"", "C:\\", "http://", "\u{301}", "\\i", "\\not", "\\\\", "\n"]), 0..40)) {
        to_unicode(&pieces.concat());
    }

    #[test]
    fn plain_text_comes_back_as_it_was(raw in "[a-zA-Z0-9 .,;:()<>+=*/?!]{0,60}") {
        prop_assert_eq!(to_unicode(&raw), raw.clone());
    }
}
