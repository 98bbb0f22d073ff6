//! TeX macro names and what they look like in Unicode.
//!
//! The code points follow the `unicode-math` symbol list (Robertson, "Every
//! symbol defined by unicode-math") and, for letters in text, section 4 of
//! "The Comprehensive LaTeX Symbol List" (Pakin). Where a plain character is
//! easier to read in a mail than the exact one, the plain one is used.

/// How a macro behaves on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A letter or sign that stands close to its neighbours: `\alpha`.
    Ordinary(&'static str),
    /// An operator, spaced as its writer spaced it: `\times`.
    Binary(&'static str),
    /// A relation, which reads better with room on both sides: `\leq`.
    Relation(&'static str),
    /// A function name: `\log`.
    Word(&'static str),
    /// White space: `\quad`.
    Space,
    /// Nothing to read: `\displaystyle`, `\left`.
    Nothing,
}

/// Looks up a macro that takes no argument.
pub(super) fn symbol(name: &str) -> Option<Symbol> {
    ordinary(name)
        .map(Symbol::Ordinary)
        .or_else(|| binary(name).map(Symbol::Binary))
        .or_else(|| relation(name).map(Symbol::Relation))
        .or_else(|| word(name).map(Symbol::Word))
        .or_else(|| silent(name))
}

fn ordinary(name: &str) -> Option<&'static str> {
    greek(name)
        .or_else(|| letter(name))
        .or_else(|| sign(name))
        .or_else(|| shorthand(name))
}

fn greek(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" | "upalpha" => "α",
        "beta" | "upbeta" => "β",
        "gamma" => "γ",
        "delta" => "δ",
        "epsilon" | "varepsilon" => "ε",
        "zeta" => "ζ",
        "eta" => "η",
        "theta" => "θ",
        "vartheta" => "ϑ",
        "iota" => "ι",
        "kappa" | "varkappa" => "κ",
        "lambda" => "λ",
        "mu" | "textmu" | "micro" | "upmu" => "μ",
        "nu" => "ν",
        "xi" => "ξ",
        "omicron" => "ο",
        "pi" | "uppi" => "π",
        "varpi" => "ϖ",
        "rho" | "varrho" => "ρ",
        "sigma" => "σ",
        "varsigma" => "ς",
        "tau" => "τ",
        "upsilon" => "υ",
        "phi" | "varphi" => "φ",
        "chi" => "χ",
        "psi" => "ψ",
        "omega" => "ω",
        "Gamma" | "varGamma" => "Γ",
        "Delta" | "varDelta" | "triangle" | "bigtriangleup" => "Δ",
        "Theta" | "varTheta" => "Θ",
        "Lambda" | "varLambda" => "Λ",
        "Xi" => "Ξ",
        "Pi" => "Π",
        "Sigma" | "varSigma" => "Σ",
        "Upsilon" => "Υ",
        "Phi" | "varPhi" => "Φ",
        "Psi" => "Ψ",
        "Omega" | "varOmega" => "Ω",
        _ => return None,
    })
}

fn letter(name: &str) -> Option<&'static str> {
    Some(match name {
        "ss" => "ß",
        "SS" => "SS",
        "o" => "ø",
        "O" => "Ø",
        "l" => "ł",
        "L" => "Ł",
        "aa" => "å",
        "AA" | "angstrom" => "Å",
        "ae" => "æ",
        "AE" => "Æ",
        "oe" => "œ",
        "OE" => "Œ",
        "i" | "imath" => "ı",
        "j" | "jmath" => "ȷ",
        "dh" | "eth" => "ð",
        "DH" | "Dh" => "Ð",
        "dj" => "đ",
        "DJ" | "Dj" => "Đ",
        "th" => "þ",
        "TH" => "Þ",
        "ng" => "ŋ",
        "NG" => "Ŋ",
        "ell" => "ℓ",
        "hbar" | "hslash" => "ℏ",
        "Re" => "ℜ",
        "Im" => "ℑ",
        "aleph" => "ℵ",
        "beth" => "ℶ",
        "wp" => "℘",
        "mho" => "℧",
        _ => return None,
    })
}

fn sign(name: &str) -> Option<&'static str> {
    Some(match name {
        "infty" | "infinity" => "∞",
        "partial" => "∂",
        "nabla" | "grad" => "∇",
        "forall" => "∀",
        "exists" => "∃",
        "nexists" => "∄",
        "emptyset" | "varnothing" => "∅",
        "neg" | "lnot" => "¬",
        "top" => "⊤",
        "bot" => "⊥",
        "angle" => "∠",
        "prime" => "′",
        "degree" | "textdegree" | "degrees" => "°",
        "celsius" => "°C",
        "dag" | "dagger" | "textdagger" => "†",
        "ddag" | "ddagger" => "‡",
        "S" => "§",
        "P" => "¶",
        "copyright" | "textcopyright" => "©",
        "textregistered" | "circledR" => "®",
        "texttrademark" => "™",
        "pounds" | "textsterling" => "£",
        "euro" | "texteuro" => "€",
        "yen" | "textyen" => "¥",
        "permil" | "textperthousand" => "‰",
        "textpertenthousand" => "‱",
        "mathellipsis" | "ldots" | "dots" | "dotsc" | "dotso" | "textellipsis" => "…",
        "cdots" | "dotsb" | "dotsm" => "⋯",
        "vdots" => "⋮",
        "ddots" => "⋱",
        "sum" => "∑",
        "prod" => "∏",
        "coprod" => "∐",
        "int" | "smallint" => "∫",
        "iint" => "∬",
        "iiint" => "∭",
        "oint" => "∮",
        "bigcup" => "⋃",
        "bigcap" => "⋂",
        "bigoplus" => "⨁",
        "bigotimes" => "⨂",
        "bigvee" => "⋁",
        "bigwedge" => "⋀",
        "bigsqcup" => "⨆",
        "bigodot" => "⨀",
        "langle" => "⟨",
        "rangle" => "⟩",
        "lceil" => "⌈",
        "rceil" => "⌉",
        "lfloor" => "⌊",
        "rfloor" => "⌋",
        "lbrace" | "textbraceleft" => "{",
        "rbrace" | "textbraceright" => "}",
        "lbrack" => "[",
        "rbrack" => "]",
        "vert" | "lvert" | "rvert" | "textbar" => "|",
        "Vert" | "lVert" | "rVert" => "‖",
        "backslash" | "textbackslash" => "\\",
        "slash" => "/",
        "colon" => ":",
        "textasciitilde" => "~",
        "textasciicircum" => "^",
        "textunderscore" => "_",
        "textless" => "<",
        "textgreater" => ">",
        "textendash" => "–",
        "textemdash" => "—",
        "textquotedblleft" => "“",
        "textquotedblright" => "”",
        "textquoteleft" | "lq" => "‘",
        "textquoteright" | "rq" => "’",
        "textquotesingle" => "'",
        "textbullet" => "•",
        "textexclamdown" => "¡",
        "textquestiondown" => "¿",
        "guillemotleft" => "«",
        "guillemotright" => "»",
        "checkmark" | "cmark" => "✓",
        "xmark" => "✗",
        "clubsuit" => "♣",
        "diamondsuit" => "♦",
        "heartsuit" => "♥",
        "spadesuit" => "♠",
        "flat" => "♭",
        "natural" => "♮",
        "sharp" => "♯",
        "blacksquare" | "qed" => "■",
        "square" | "Box" => "□",
        "lozenge" | "Diamond" => "◊",
        "bigstar" => "★",
        "sun" | "odotsun" => "☉",
        _ => return None,
    })
}

/// Macros that authors and classes define for words.
fn shorthand(name: &str) -> Option<&'static str> {
    Some(match name {
        "TeX" => "TeX",
        "LaTeX" => "LaTeX",
        "eg" => "e.g.",
        "ie" => "i.e.",
        "etal" => "et al.",
        "item" => "• ",
        _ => return None,
    })
}

fn binary(name: &str) -> Option<&'static str> {
    Some(match name {
        "times" | "texttimes" => "×",
        "div" => "÷",
        "pm" | "textpm" => "±",
        "mp" => "∓",
        "cdot" | "cdotp" | "textperiodcentered" => "·",
        "ast" => "∗",
        "star" => "⋆",
        "circ" => "∘",
        "bullet" => "•",
        "cup" => "∪",
        "cap" => "∩",
        "uplus" => "⊎",
        "sqcup" => "⊔",
        "sqcap" => "⊓",
        "vee" | "lor" => "∨",
        "wedge" | "land" => "∧",
        "oplus" => "⊕",
        "ominus" => "⊖",
        "otimes" => "⊗",
        "oslash" => "⊘",
        "odot" => "⊙",
        "boxtimes" => "⊠",
        "boxplus" => "⊞",
        "setminus" | "smallsetminus" => "∖",
        "wr" => "≀",
        "amalg" => "⨿",
        "ltimes" => "⋉",
        "rtimes" => "⋊",
        "diamond" => "⋄",
        "triangleleft" => "◁",
        "triangleright" => "▷",
        _ => return None,
    })
}

fn relation(name: &str) -> Option<&'static str> {
    arrow(name).or_else(|| {
        Some(match name {
            "le" | "leq" | "leqslant" | "leqq" => "≤",
            "ge" | "geq" | "geqslant" | "geqq" => "≥",
            "ll" => "≪",
            "gg" => "≫",
            "lt" => "<",
            "gt" => ">",
            "ne" | "neq" => "≠",
            "equiv" => "≡",
            // The plain tilde is in every font and is what people search for.
            "sim" | "thicksim" => "~",
            "simeq" => "≃",
            "approx" | "thickapprox" => "≈",
            "approxeq" => "≊",
            "cong" => "≅",
            "propto" | "varpropto" => "∝",
            "asymp" => "≍",
            "doteq" => "≐",
            "triangleq" => "≜",
            "coloneqq" | "coloneq" => "≔",
            "lesssim" | "la" => "≲",
            "gtrsim" | "ga" => "≳",
            "lessgtr" => "≶",
            "prec" => "≺",
            "succ" => "≻",
            "preceq" => "⪯",
            "succeq" => "⪰",
            "in" => "∈",
            "ni" | "owns" => "∋",
            "notin" => "∉",
            "subset" => "⊂",
            "supset" => "⊃",
            "subseteq" => "⊆",
            "supseteq" => "⊇",
            "subsetneq" => "⊊",
            "supsetneq" => "⊋",
            "nsubseteq" => "⊈",
            "sqsubset" => "⊏",
            "sqsubseteq" => "⊑",
            "sqsupseteq" => "⊒",
            "mid" => "|",
            "nmid" => "∤",
            "parallel" => "∥",
            "perp" => "⊥",
            "vdash" => "⊢",
            "dashv" => "⊣",
            "models" | "vDash" => "⊨",
            "Vdash" => "⊩",
            "bowtie" => "⋈",
            "therefore" => "∴",
            "because" => "∵",
            _ => return None,
        })
    })
}

fn arrow(name: &str) -> Option<&'static str> {
    Some(match name {
        "to" | "rightarrow" | "longrightarrow" | "textrightarrow" => "→",
        "gets" | "leftarrow" | "longleftarrow" | "textleftarrow" => "←",
        "leftrightarrow" | "longleftrightarrow" => "↔",
        "Rightarrow" | "Longrightarrow" | "implies" => "⇒",
        "Leftarrow" | "Longleftarrow" | "impliedby" => "⇐",
        "Leftrightarrow" | "Longleftrightarrow" | "iff" => "⇔",
        "mapsto" | "longmapsto" => "↦",
        "hookrightarrow" => "↪",
        "hookleftarrow" => "↩",
        "twoheadrightarrow" => "↠",
        "rightharpoonup" => "⇀",
        "rightleftharpoons" => "⇌",
        "leftrightarrows" => "⇆",
        "leadsto" | "rightsquigarrow" => "⇝",
        "nrightarrow" => "↛",
        "nRightarrow" => "⇏",
        "uparrow" | "textuparrow" => "↑",
        "downarrow" | "textdownarrow" => "↓",
        "updownarrow" => "↕",
        "Uparrow" => "⇑",
        "Downarrow" => "⇓",
        "nearrow" => "↗",
        "searrow" => "↘",
        "swarrow" => "↙",
        "nwarrow" => "↖",
        "circlearrowleft" => "↺",
        "circlearrowright" => "↻",
        _ => return None,
    })
}

fn word(name: &str) -> Option<&'static str> {
    Some(match name {
        "log" => "log",
        "ln" => "ln",
        "lg" => "lg",
        "exp" => "exp",
        "max" => "max",
        "min" => "min",
        "sup" => "sup",
        "inf" => "inf",
        "lim" => "lim",
        "limsup" => "lim sup",
        "liminf" => "lim inf",
        "argmax" => "argmax",
        "argmin" => "argmin",
        "arg" => "arg",
        "sin" => "sin",
        "cos" => "cos",
        "tan" => "tan",
        "cot" => "cot",
        "sec" => "sec",
        "csc" => "csc",
        "arcsin" => "arcsin",
        "arccos" => "arccos",
        "arctan" => "arctan",
        "sinh" => "sinh",
        "cosh" => "cosh",
        "tanh" => "tanh",
        "coth" => "coth",
        "det" => "det",
        "dim" => "dim",
        "ker" => "ker",
        "rank" => "rank",
        "tr" => "tr",
        "gcd" => "gcd",
        "lcm" => "lcm",
        "hom" => "hom",
        "deg" => "deg",
        "Pr" => "Pr",
        "bmod" | "mod" => "mod",
        "polylog" => "polylog",
        "poly" => "poly",
        "sgn" => "sgn",
        "diag" => "diag",
        "etc" => "etc.",
        _ => return None,
    })
}

fn silent(name: &str) -> Option<Symbol> {
    Some(match name {
        "quad" | "qquad" | "space" | "thinspace" | "enspace" | "newline" | "linebreak" | "par"
        | "medspace" | "thickspace" | "bigskip" | "medskip" | "smallskip" | "hfill" | "hline"
        | "nobreakspace" | "enskip" | "cr" | "tab" => Symbol::Space,
        "left" | "right" | "middle" | "big" | "Big" | "bigg" | "Bigg" | "bigl" | "bigr"
        | "Bigl" | "Bigr" | "biggl" | "biggr" | "Biggl" | "Biggr" | "bigm" | "Bigm"
        | "displaystyle" | "textstyle" | "scriptstyle" | "scriptscriptstyle" | "limits"
        | "nolimits" | "xspace" | "noindent" | "centering" | "protect" | "boldmath"
        | "unboldmath" | "allowbreak" | "nobreakdash" | "nobreak" | "bf" | "it" | "em" | "rm"
        | "sc" | "sf" | "tt" | "sl" | "cal" | "bfseries" | "itshape" | "mdseries" | "upshape"
        | "scshape" | "slshape" | "rmfamily" | "sffamily" | "ttfamily" | "normalfont" | "tiny"
        | "scriptsize" | "footnotesize" | "small" | "normalsize" | "large" | "Large" | "LARGE"
        | "huge" | "Huge" | "null" | "relax" | "strut" | "ensuremath" | "negthinspace"
        | "maketitle" | "sloppy" | "frenchspacing" => Symbol::Nothing,
        _ => return None,
    })
}

/// Combining mark of an accent written with a sign: `\"o`.
pub(super) fn sign_accent(sign: u8) -> Option<char> {
    Some(match sign {
        b'`' => '\u{300}',
        b'\'' => '\u{301}',
        b'^' => '\u{302}',
        b'~' => '\u{303}',
        b'=' => '\u{304}',
        b'.' => '\u{307}',
        b'"' => '\u{308}',
        _ => return None,
    })
}

/// Combining mark of a text accent written with a letter: `\v{s}`.
pub(super) fn letter_accent(name: &str) -> Option<char> {
    Some(match name {
        "u" => '\u{306}',
        "r" => '\u{30A}',
        "H" => '\u{30B}',
        "v" => '\u{30C}',
        "d" => '\u{323}',
        "c" => '\u{327}',
        "k" => '\u{328}',
        "b" => '\u{331}',
        _ => return None,
    })
}

/// Combining mark of a mathematical accent: `\hat{x}`.
pub(super) fn math_accent(name: &str) -> Option<char> {
    Some(match name {
        "grave" => '\u{300}',
        "acute" => '\u{301}',
        "hat" | "widehat" => '\u{302}',
        "tilde" | "widetilde" | "wt" => '\u{303}',
        "bar" | "overline" => '\u{304}',
        "breve" => '\u{306}',
        "dot" => '\u{307}',
        "ddot" => '\u{308}',
        "mathring" => '\u{30A}',
        "check" => '\u{30C}',
        "vec" | "overrightarrow" => '\u{20D7}',
        _ => return None,
    })
}

/// A letter in a mathematical alphabet, if `alphabet` is one we draw.
///
/// Bold, sans and typewriter alphabets are not drawn: they cost screen
/// readers and search more than they tell the reader.
pub(super) fn alphabet(alphabet: &str, letter: char) -> Option<char> {
    match alphabet {
        "mathbb" | "mathds" | "Bbb" | "bb" => double_struck(letter),
        "mathcal" | "mathscr" => script(letter),
        "mathfrak" | "frak" => fraktur(letter),
        _ => None,
    }
}

fn offset(letter: char, upper: u32, lower: u32) -> Option<char> {
    match letter {
        'A'..='Z' => char::from_u32(upper + (letter as u32 - 'A' as u32)),
        'a'..='z' => char::from_u32(lower + (letter as u32 - 'a' as u32)),
        _ => None,
    }
}

// The letters listed by hand are holes in the Mathematical Alphanumeric
// Symbols block: they were in Unicode's Letterlike Symbols block before it.
fn double_struck(letter: char) -> Option<char> {
    match letter {
        'C' => Some('ℂ'),
        'H' => Some('ℍ'),
        'N' => Some('ℕ'),
        'P' => Some('ℙ'),
        'Q' => Some('ℚ'),
        'R' => Some('ℝ'),
        'Z' => Some('ℤ'),
        '1' => Some('𝟙'),
        _ => offset(letter, 0x1D538, 0x1D552),
    }
}

fn script(letter: char) -> Option<char> {
    match letter {
        'B' => Some('ℬ'),
        'E' => Some('ℰ'),
        'F' => Some('ℱ'),
        'H' => Some('ℋ'),
        'I' => Some('ℐ'),
        'L' => Some('ℒ'),
        'M' => Some('ℳ'),
        'R' => Some('ℛ'),
        'e' => Some('ℯ'),
        'g' => Some('ℊ'),
        'o' => Some('ℴ'),
        _ => offset(letter, 0x1D49C, 0x1D4B6),
    }
}

fn fraktur(letter: char) -> Option<char> {
    match letter {
        'C' => Some('ℭ'),
        'H' => Some('ℌ'),
        'I' => Some('ℑ'),
        'R' => Some('ℜ'),
        'Z' => Some('ℨ'),
        _ => offset(letter, 0x1D504, 0x1D51E),
    }
}
