//! TeX macro names and their Unicode text.
//!
//! The code points follow the `unicode-math` symbol list (Robertson, "Every
//! symbol defined by unicode-math"), which holds all of `amsmath` and `amssymb`, and,
//! for letters in text, section 4 of "The Comprehensive LaTeX Symbol List" (Pakin).
//! Where a plain character is easier to read in a mail than the exact one, the plain
//! one is used. Each table lists a macro name and its text in turn.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The class of a macro, which decides the spacing around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    /// A letter of a word or another macro of running text; it swallows the blanks
    /// behind it as TeX does: `\o`, `\textmu`.
    Text(&'static str),
    /// A letter or sign without space around it: `\alpha`.
    Ordinary(&'static str),
    /// An operator, spaced as its writer spaced it: `\times`.
    Binary(&'static str),
    /// A relation, which reads better with room on both sides: `\leq`.
    Relation(&'static str),
    /// A function name: `\log`.
    Word(&'static str),
    /// White space: `\quad`.
    Space,
    /// No text: `\displaystyle`, `\left`.
    Nothing,
}

/// Looks up a macro that takes no argument.
pub(super) fn symbol(name: &str) -> Option<Symbol> {
    static TABLE: LazyLock<HashMap<&'static str, Symbol>> = LazyLock::new(table);
    TABLE.get(name).copied().or_else(|| {
        // `\textalpha` and `\upalpha` are the upright letters of some packages.
        let greek = name.strip_prefix("text").or(name.strip_prefix("up"))?;
        match TABLE.get(greek) {
            Some(Symbol::Ordinary(letter)) if is_greek(letter) => Some(Symbol::Text(letter)),
            _ => None,
        }
    })
}

pub(super) fn is_greek(text: &str) -> bool {
    text.starts_with(|c| ('\u{370}'..'\u{400}').contains(&c))
}

fn table() -> HashMap<&'static str, Symbol> {
    let mut table = HashMap::new();
    let mut add = |names: &'static str, class: fn(&'static str) -> Symbol| {
        let words: Vec<&str> = names.split_ascii_whitespace().collect();
        for pair in words.as_chunks::<2>().0 {
            table.insert(pair[0], class(pair[1]));
        }
    };
    add(TEXT, Symbol::Text);
    add(ORDINARY, Symbol::Ordinary);
    add(BINARY, Symbol::Binary);
    add(RELATIONS, Symbol::Relation);
    add(ARROWS, Symbol::Relation);
    for word in WORDS.split_ascii_whitespace() {
        table.insert(word, Symbol::Word(word));
    }
    for name in SPACES.split_ascii_whitespace() {
        table.insert(name, Symbol::Space);
    }
    for name in SILENT.split_ascii_whitespace() {
        table.insert(name, Symbol::Nothing);
    }
    table.extend([
        ("limsup", Symbol::Word("lim sup")),
        ("liminf", Symbol::Word("lim inf")),
        ("varlimsup", Symbol::Word("lim sup")),
        ("varliminf", Symbol::Word("lim inf")),
        ("injlim", Symbol::Word("inj lim")),
        ("projlim", Symbol::Word("proj lim")),
        ("etal", Symbol::Ordinary("et al.")),
        ("item", Symbol::Ordinary("• ")),
        ("etc", Symbol::Word("etc.")),
        ("bmod", Symbol::Word("mod")),
    ]);
    table
}

const TEXT: &str = "
    ss ß SS SS o ø O Ø l ł L Ł aa å AA Å angstrom Å ae æ AE Æ oe œ OE Œ i ı imath ı j ȷ jmath ȷ
    dh ð DH Ð Dh Ð dj đ DJ Đ Dj Đ th þ TH Þ ng ŋ NG Ŋ ij ĳ IJ Ĳ
    S § P ¶ pounds £ micro μ textmu μ textohm Ω textdegree ° textcelsius °C textdagger † textdaggerdbl ‡
    textcopyright © textregistered ® texttrademark ™ textsterling £ texteuro € textyen ¥ textcent ¢
    textcurrency ¤ textbrokenbar ¦ textsection § textparagraph ¶ textordfeminine ª textordmasculine º
    textperthousand ‰ textpertenthousand ‱ textonesuperior ¹ texttwosuperior ² textthreesuperior ³
    textonequarter ¼ textonehalf ½ textthreequarters ¾ texttimes × textdiv ÷ textpm ± textminus −
    textlnot ¬ textsurd √ textfractionsolidus ⁄ textellipsis … textbar | textbardbl ‖ textbackslash \\
    textbraceleft { textbraceright } textasciitilde ~ textasciicircum ^ textasciigrave `
    textasciiacute ´ textasciidieresis ¨ textasciimacron ¯ textunderscore _ textless < textgreater >
    textlangle ⟨ textrangle ⟩ textendash – textemdash — textquotedblleft “ textquotedblright ”
    textquoteleft ‘ textquoteright ’ textquotesingle ' textquotedbl \" quotedblbase „ quotesinglbase ‚
    guillemotleft « guillemotright » guillemetleft « guillemetright » guilsinglleft ‹ guilsinglright ›
    textbullet • textopenbullet ◦ textperiodcentered · textasteriskcentered ∗ textdollar $
    textexclamdown ¡ textquestiondown ¿ textinterrobang ‽ textnumero № textestimated ℮
    textreferencemark ※ textmho ℧ textleftarrow ← textrightarrow → textuparrow ↑ textdownarrow ↓
    textschwa ə textesh ʃ textglotstop ʔ textturna ɐ";

const ORDINARY: &str = "
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι
    kappa κ varkappa κ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ρ sigma σ
    varsigma ς tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω digamma ϝ
    Alpha Α Beta Β Gamma Γ varGamma Γ Delta Δ varDelta Δ Epsilon Ε Zeta Ζ Eta Η Theta Θ varTheta Θ
    Iota Ι Kappa Κ Lambda Λ varLambda Λ Mu Μ Nu Ν Xi Ξ varXi Ξ Omicron Ο Pi Π varPi Π Rho Ρ Sigma Σ
    varSigma Σ Tau Τ Upsilon Υ varUpsilon Υ Phi Φ varPhi Φ Chi Χ Psi Ψ varPsi Ψ Omega Ω varOmega Ω
    ohm Ω upmu μ Upgamma Γ Updelta Δ Uptheta Θ Uplambda Λ Upsigma Σ Upphi Φ Uppsi Ψ Upomega Ω Uppi Π
    aleph ℵ beth ℶ gimel ℷ daleth ℸ ell ℓ hbar ℏ hslash ℏ Re ℜ Im ℑ wp ℘ mho ℧ eth ð Finv Ⅎ Game ⅁
    Bbbk 𝕜 complement ∁ circledS Ⓢ circledR ® maltese ✠ checkmark ✓ cmark ✓ xmark ✗
    infty ∞ infinity ∞ partial ∂ nabla ∇ grad ∇ forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅
    neg ¬ lnot ¬ top ⊤ bot ⊥ angle ∠ measuredangle ∡ sphericalangle ∢ prime ′ backprime ‵ surd √
    degree ° degrees ° celsius °C dag † dagger † ddag ‡ ddagger ‡ copyright © euro € yen ¥ permil ‰
    perthousand ‰ mathellipsis … ldots … dots … dotsc … dotso … cdots ⋯ dotsb ⋯ dotsm ⋯ dotsi ⋯
    vdots ⋮ ddots ⋱ sum ∑ prod ∏ coprod ∐ int ∫ smallint ∫ iint ∬ iiint ∭ iiiint ⨌ oint ∮ oiint ∯
    bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀ bigsqcup ⨆ bigodot ⨀ biguplus ⨄
    langle ⟨ rangle ⟩ lAngle ⟪ rAngle ⟫ lceil ⌈ rceil ⌉ lfloor ⌊ rfloor ⌋ lbrace { rbrace }
    lbrack [ rbrack ] llbracket ⟦ rrbracket ⟧ ulcorner ⌜ urcorner ⌝ llcorner ⌞ lrcorner ⌟
    vert | lvert | rvert | Vert ‖ lVert ‖ rVert ‖ backslash \\ slash / colon : lq ‘ rq ’
    clubsuit ♣ diamondsuit ♦ heartsuit ♥ spadesuit ♠ flat ♭ natural ♮ sharp ♯
    blacksquare ■ qed ■ square □ Box □ lozenge ◊ Diamond ◊ blacklozenge ⧫ bigstar ★ sun ☉ odotsun ☉
    triangle △ vartriangle ▵ triangledown ▿ blacktriangle ▴ blacktriangledown ▾
    diagup ⟋ diagdown ⟍ male ♂ female ♀ TeX TeX LaTeX LaTeX eg e.g. ie i.e.";

const BINARY: &str = "
    times × div ÷ pm ± mp ∓ cdot · cdotp · centerdot · ast ∗ star ⋆ circ ∘ bullet • cup ∪ cap ∩
    uplus ⊎ sqcup ⊔ sqcap ⊓ vee ∨ lor ∨ wedge ∧ land ∧ oplus ⊕ ominus ⊖ otimes ⊗ oslash ⊘ odot ⊙
    boxtimes ⊠ boxplus ⊞ boxminus ⊟ boxdot ⊡ setminus ∖ smallsetminus ∖ wr ≀ amalg ⨿ ltimes ⋉
    rtimes ⋊ leftthreetimes ⋋ rightthreetimes ⋌ curlywedge ⋏ curlyvee ⋎ circleddash ⊝ circledast ⊛
    circledcirc ⊚ intercal ⊺ dotplus ∔ Cap ⋒ doublecap ⋒ Cup ⋓ doublecup ⋓ barwedge ⊼ veebar ⊻
    doublebarwedge ⩞ divideontimes ⋇ diamond ⋄ bigcirc ◯ triangleleft ◁ triangleright ▷
    bigtriangleup △ bigtriangledown ▽ lhd ⊲ rhd ⊳ unlhd ⊴ unrhd ⊵";

const RELATIONS: &str = "
    le ≤ leq ≤ leqslant ≤ leqq ≤ ge ≥ geq ≥ geqslant ≥ geqq ≥ eqslantless ⪕ eqslantgtr ⪖ ll ≪ gg ≫
    lll ⋘ llless ⋘ ggg ⋙ gggtr ⋙ lt < gt > ne ≠ neq ≠ equiv ≡ simeq ≃ approx ≈ thickapprox ≈
    approxeq ≊ cong ≅ propto ∝ varpropto ∝ asymp ≍ doteq ≐ doteqdot ≑ Doteq ≑ risingdotseq ≓
    fallingdotseq ≒ triangleq ≜ eqcirc ≖ circeq ≗ bumpeq ≏ Bumpeq ≎ coloneqq ≔ coloneq ≔ eqqcolon ≕
    sim ~ thicksim ~ backsim ∽ backsimeq ⋍ lesssim ≲ la ≲ gtrsim ≳ ga ≳ lessapprox ⪅ gtrapprox ⪆
    lessdot ⋖ gtrdot ⋗ lessgtr ≶ gtrless ≷ lesseqgtr ⋚ gtreqless ⋛ lesseqqgtr ⪋ gtreqqless ⪌
    prec ≺ succ ≻ preceq ⪯ succeq ⪰ preccurlyeq ≼ succcurlyeq ≽ curlyeqprec ⋞ curlyeqsucc ⋟
    precsim ≾ succsim ≿ precapprox ⪷ succapprox ⪸ in ∈ ni ∋ owns ∋ backepsilon ϶ subset ⊂ supset ⊃
    subseteq ⊆ supseteq ⊇ subseteqq ⫅ supseteqq ⫆ Subset ⋐ Supset ⋑ sqsubset ⊏ sqsupset ⊐
    sqsubseteq ⊑ sqsupseteq ⊒ mid | shortmid ∣ parallel ∥ shortparallel ∥ perp ⊥ vdash ⊢ dashv ⊣
    models ⊨ vDash ⊨ Vdash ⊩ Vvdash ⊪ VDash ⊫ bowtie ⋈ Join ⋈ frown ⌢ smile ⌣ smallfrown ⌢
    smallsmile ⌣ between ≬ pitchfork ⋔ therefore ∴ because ∵ vartriangleleft ⊲ vartriangleright ⊳
    trianglelefteq ⊴ trianglerighteq ⊵ blacktriangleleft ◀ blacktriangleright ▶
    nless ≮ ngtr ≯ nleq ≰ nle ≰ ngeq ≱ nge ≱ nleqslant ≰ ngeqslant ≱ nleqq ≰ ngeqq ≱ lneq ⪇ gneq ⪈
    lneqq ≨ gneqq ≩ lvertneqq ≨ gvertneqq ≩ lnsim ⋦ gnsim ⋧ lnapprox ⪉ gnapprox ⪊ nprec ⊀ nsucc ⊁
    npreceq ⋠ nsucceq ⋡ precneqq ⪵ succneqq ⪶ precnsim ⋨ succnsim ⋩ precnapprox ⪹ succnapprox ⪺
    nsim ≁ nsimeq ≄ ncong ≇ napprox ≉ nequiv ≢ nasymp ≭ nmid ∤ nshortmid ∤ nparallel ∦
    nshortparallel ∦ nvdash ⊬ nvDash ⊭ nVdash ⊮ nVDash ⊯ ntriangleleft ⋪ ntriangleright ⋫
    ntrianglelefteq ⋬ ntrianglerighteq ⋭ notin ∉ nin ∉ notni ∌ nni ∌ nsubset ⊄ nsupset ⊅
    nsubseteq ⊈ nsupseteq ⊉ nsubseteqq ⊈ nsupseteqq ⊉ subsetneq ⊊ supsetneq ⊋ varsubsetneq ⊊
    varsupsetneq ⊋ subsetneqq ⫋ supsetneqq ⫌ varsubsetneqq ⫋ varsupsetneqq ⫌";

const ARROWS: &str = "
    to → rightarrow → longrightarrow → gets ← leftarrow ← longleftarrow ← leftrightarrow ↔
    longleftrightarrow ↔ Rightarrow ⇒ Longrightarrow ⇒ implies ⇒ Leftarrow ⇐ Longleftarrow ⇐
    impliedby ⇐ Leftrightarrow ⇔ Longleftrightarrow ⇔ iff ⇔ mapsto ↦ longmapsto ↦ hookrightarrow ↪
    hookleftarrow ↩ twoheadrightarrow ↠ twoheadleftarrow ↞ rightarrowtail ↣ leftarrowtail ↢
    looparrowright ↬ looparrowleft ↫ rightharpoonup ⇀ rightharpoondown ⇁ leftharpoonup ↼
    leftharpoondown ↽ rightleftharpoons ⇌ leftrightharpoons ⇋ leftrightarrows ⇆ rightleftarrows ⇄
    leftleftarrows ⇇ rightrightarrows ⇉ upuparrows ⇈ downdownarrows ⇊ Lleftarrow ⇚ Rrightarrow ⇛
    leadsto ⇝ rightsquigarrow ⇝ leftrightsquigarrow ↭ multimap ⊸ dashrightarrow ⇢ dasharrow ⇢
    dashleftarrow ⇠ nleftarrow ↚ nrightarrow ↛ nLeftarrow ⇍ nRightarrow ⇏ nleftrightarrow ↮
    nLeftrightarrow ⇎ uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ Updownarrow ⇕
    upharpoonleft ↿ upharpoonright ↾ restriction ↾ downharpoonleft ⇃ downharpoonright ⇂ nearrow ↗
    searrow ↘ swarrow ↙ nwarrow ↖ circlearrowleft ↺ circlearrowright ↻ curvearrowleft ↶
    curvearrowright ↷ Lsh ↰ Rsh ↱";

const WORDS: &str = "log ln lg exp max min sup inf lim argmax argmin arg sin cos tan cot sec csc
    arcsin arccos arctan sinh cosh tanh coth det dim ker rank tr gcd lcm hom deg Pr mod polylog poly
    sgn diag";

const SPACES: &str = "quad qquad space thinspace enspace newline linebreak par medspace thickspace
    bigskip medskip smallskip hfill hline nobreakspace enskip cr tab textvisiblespace";

const SILENT: &str =
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr
    bigm Bigm displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits xspace noindent
    centering protect boldmath unboldmath allowbreak nobreakdash nobreak bf it em rm sc sf tt sl cal
    bfseries itshape mdseries upshape scshape slshape rmfamily sffamily ttfamily normalfont tiny
    scriptsize footnotesize small normalsize large Large LARGE huge Huge null relax strut ensuremath
    negthinspace maketitle sloppy frenchspacing";

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

/// Combining mark of a text accent written with a letter or a word: `\v{s}`.
pub(super) fn letter_accent(name: &str) -> Option<char> {
    Some(match name {
        "u" => '\u{306}',
        "r" => '\u{30A}',
        "H" => '\u{30B}',
        "v" => '\u{30C}',
        "d" => '\u{323}',
        "c" => '\u{327}',
        "k" | "textogonekcentered" => '\u{328}',
        "b" => '\u{331}',
        // Both letters stand under one tie: `\t{oo}`.
        "t" => '\u{361}',
        // Vietnamese, Serbo-Croatian and Romanian letters.
        "h" => '\u{309}',
        "G" => '\u{30F}',
        "f" => '\u{311}',
        "textcommabelow" => '\u{326}',
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
        "bar" | "overline" | "widebar" => '\u{304}',
        "breve" => '\u{306}',
        "dot" => '\u{307}',
        "dddot" => '\u{20DB}',
        "ddot" => '\u{308}',
        "mathring" => '\u{30A}',
        "check" | "widecheck" => '\u{30C}',
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
