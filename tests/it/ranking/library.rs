//! Libraries that people bring along: every real one that is here, and hostile ones.

use crate::harness::environment::shared;
use crate::operation::cli::Place;
use paperboy::profile::library::{Library, LibraryError, LibraryFormat, read_library};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folders of real libraries.
fn real_libraries() -> Option<PathBuf> {
    shared("sources/biblio_zotero_bbt").and_then(|folder| folder.parent().map(Path::to_owned))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> Result<Library, LibraryError> {
    read_library(&std::fs::read(path).unwrap())
}

/// Counted by other programs: lines that begin an entry, and Python's `json`.
const COUNTED: [(&str, LibraryFormat, usize); 11] = [
    (
        "export/Bulk performance test.bib",
        LibraryFormat::Bibtex,
        1241,
    ),
    (
        "export/Bulk performance test.json",
        LibraryFormat::Zotero,
        1241,
    ),
    (
        "import/BBT does not import groups from JabRef 5.1 #1641.bib",
        LibraryFormat::Bibtex,
        20,
    ),
    (
        "import/Import error with character '+' in BibTeX field name #2660.bib",
        LibraryFormat::Bibtex,
        283,
    ),
    (
        "import/Maintain the JabRef group and subgroup structure when importing a BibTeX db #97.bib",
        LibraryFormat::Bibtex,
        911,
    ),
    (
        "import/Some bibtex entries quietly discarded on import from bib file #873.bib",
        LibraryFormat::Bibtex,
        988,
    ),
    (
        "import/Some bibtex entries quietly discarded on import from bib file #873.json",
        LibraryFormat::Zotero,
        989,
    ),
    (
        "import/Unabbreviate on import #1436-1.bib",
        LibraryFormat::Bibtex,
        506,
    ),
    (
        "import/Unabbreviate on import #1436-3.bib",
        LibraryFormat::Bibtex,
        7166,
    ),
    (
        "import/web_page and other mendeley idiocy.bib",
        LibraryFormat::Bibtex,
        512,
    ),
    (
        "import/web_page and other mendeley idiocy.json",
        LibraryFormat::Zotero,
        512,
    ),
];

#[test]
fn every_real_library_is_read_and_nothing_in_it_is_lost() {
    let Some(folder) = real_libraries() else {
        return;
    };
    let mut paths = Vec::new();
    for name in [
        "biblio_zotero_bbt",
        "biblio_zotero_bbt_csl",
        "biblio_jabref",
        "biblio_hayagriva",
    ] {
        files(&folder.join(name), &mut paths);
    }
    let (mut libraries, mut works) = (0, 0);
    for path in &paths {
        let Ok(library) = read(path) else { continue };
        libraries += 1;
        works += library.works.len();
        assert_eq!(
            library.read,
            library.works.len() + library.skipped.len(),
            "{}",
            path.display()
        );
        for work in &library.works {
            let all = [&work.title, &work.abstract_text]
                .into_iter()
                .chain(&work.authors);
            let is_clean =
                |text: &String| !text.contains(char::is_control) || text.contains("\n\n");
            assert!(all.clone().all(is_clean), "{}: {work:?}", path.display());
        }
    }
    assert!(
        libraries > 150 && works > 12_000,
        "{libraries} libraries with {works} works"
    );
    for (name, form, count) in COUNTED {
        let library = read(&folder.join("biblio_zotero_bbt").join(name)).unwrap();
        assert_eq!(
            (library.form, library.read),
            (form, count),
            "{name}: {:?}",
            library.skipped.last()
        );
    }
}

#[test]
fn the_largest_library_is_read_in_about_a_second() {
    let Some(folder) = real_libraries() else {
        return;
    };
    let bytes =
        std::fs::read(folder.join("biblio_zotero_bbt/import/Unabbreviate on import #1436-3.bib"))
            .unwrap();
    let start = Instant::now();
    let library = read_library(&bytes).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    // A debug build on a busy machine is some twenty times slower than a release.
    assert!(seconds < 30.0, "{seconds}");
    let refused: Vec<_> = library
        .skipped
        .iter()
        .filter(|aside| !aside.reason.starts_with("the same work"))
        .collect();
    assert!(refused.len() < 20, "{refused:?}");
    // TeX has become text. Some hundred titles write `\{112\}`, planes of crystals: those braces
    // stay.
    let braces = library
        .works
        .iter()
        .filter(|work| work.title.contains(['{', '}', '\\']))
        .count();
    assert!(
        braces * 200 < library.works.len(),
        "{braces} titles hold TeX"
    );
    let names = library.works.iter().flat_map(|work| &work.authors);
    for name in ["Fabián Vásquez-Sancho", "Hadis Morkoç"] {
        let alike: Vec<_> = names
            .clone()
            .filter(|other| {
                other.contains(
                    name.split(' ')
                        .next_back()
                        .unwrap()
                        .get(..4)
                        .unwrap_or("Morko"),
                )
            })
            .take(3)
            .collect();
        assert!(
            names.clone().any(|other| other == name),
            "{name}: {alike:?}"
        );
    }
    let with_arxiv = library
        .works
        .iter()
        .filter(|work| work.ids.iter().any(|id| id.as_str() == "1807.00144"))
        .count();
    assert_eq!(with_arxiv, 1);
}

#[test]
fn encodings_of_real_files_are_recognised() {
    let Some(folder) = real_libraries() else {
        return;
    };
    let folder = folder.join("biblio_jabref/org/jabref/logic/importer/fileformat");
    for name in [
        "encoding-utf-16BE-without-header.bib",
        "encoding-utf-16BE-with-header.bib",
        "encoding-windows-1252-without-header.bib",
        "encoding-windows-1252-with-header.bib",
        "encoding-windows-1252-but-utf-8-declared--decoding-fails.bib",
    ] {
        let library = read(&folder.join(name)).unwrap();
        let said = format!("{:?}", library.works);
        // Some of them hold an entry without a title, which is set aside.
        assert!(
            library.read > 0 && !said.contains('\u{FFFD}'),
            "{name}: {said}"
        );
        assert!(
            library
                .skipped
                .iter()
                .all(|aside| aside.reason == "it has no title"),
            "{name}: {:?}",
            library.skipped
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_reader_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = read_library(&bytes);
    }

    #[test]
    fn no_text_like_an_entry_makes_a_reader_fail(text in "(@[a-z]{1,4}|[{}(),=\"#\n@\\\\é ]|TY  - |AU  - |arXiv:|doi|10\\.1|[0-9]{4}\\.[0-9]{5}|title){0,60}") {
        if let Ok(library) = read_library(text.as_bytes()) {
            proptest::prop_assert_eq!(library.read, library.works.len() + library.skipped.len());
        }
    }
}

const PAPERS: &str = concat!(
    r#"{"id":"2608.00001","title":"Rings of integers","abstract":"We study rings. They are noetherian.","authors":["Emmy Noether"],"categories":["math.NT"],"announced":"2026-08-04"}"#,
    "\n",
    r#"{"id":"2608.00002","title":"Sorting in linear time","abstract":"We sort integers. It is fast.","authors":["Ada Lovelace"],"categories":["cs.DS"],"announced":"2026-08-04","doi":"10.1000/SORT"}"#,
    "\n",
    r#"{"id":"2608.00003","title":"Glaciers of the Alps","abstract":"We measure the ice of glaciers and how glaciers flow.","authors":["Horace Saussure"],"categories":["physics.geo-ph"],"announced":"2026-08-04"}"#,
    "\n",
);

const BIB: &str = "@article{a, title = {On something else}, doi = {10.1000/sort}}\n\
    @article{b, title = {{Rings} of Integers.}, author = {Noether, E.}}\n\
    @article{c, title = {Rings of integers}, author = {Somebody Else}}\n\
    @article{d, title = {Ice cores of glaciers}, author = {Agassiz, Louis}, abstract = {Glaciers flow; the ice is old.}}\n\
    @article{d2, title = {Ice Cores of Glaciers}, author = {Louis Agassiz}}\n\
    @article{e, year = 2000}\n\
    @article{f, title = {Broken\n";

#[test]
fn a_library_is_resolved_learned_from_and_taken_in_once() {
    let place = Place::new();
    place.write("papers.jsonl", PAPERS);
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&["subscribers", "add", "a@example.org", "--min-score", "0"]);
    place.write("mine.txt", BIB);
    let taken = place.json(&["interests", "import", "a@example.org", "mine.txt"]);
    let counts = ["read", "known", "learned", "new"].map(|key| taken[key].as_u64().unwrap());
    assert_eq!(counts, [7, 2, 2, 4], "{taken}");
    let skipped = taken["skipped"].as_array().unwrap();
    let lines: Vec<u64> = skipped
        .iter()
        .map(|aside| aside["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [5, 6, 7], "{taken}");
    let again = place.json(&["interests", "import", "a@example.org", "mine.txt"]);
    assert_eq!((&again["new"], &again["known"]), (&0.into(), &2.into()));
    let interests = place.json(&["interests", "list", "a@example.org"]);
    assert_eq!(interests[0]["name"], "My library");
    assert_eq!(
        interests[0]["liked"],
        serde_json::json!(["2608.00002", "2608.00001"])
    );

    // What is not known here is learned from by its text.
    place.said(&["subscribers", "add", "b@example.org", "--min-score", "0"]);
    place.write(
        "ice.bib",
        BIB.split_once("@article{d,")
            .map(|(_, rest)| format!("@article{{d,{rest}"))
            .unwrap()
            .as_str(),
    );
    place.said(&[
        "interests",
        "import",
        "b@example.org",
        "ice.bib",
        "--interest",
        "Ice",
    ]);
    let picks = place.json(&["preview", "b@example.org", "--date", "2026-08-04"])["picks"].clone();
    assert_eq!(
        (&picks[0]["id"], &picks[0]["section"]),
        (&"2608.00003".into(), &"Ice".into()),
        "{picks}"
    );
    // The works go along with a new name, and go with the interest.
    place.said(&[
        "interests",
        "set",
        "b@example.org",
        "Ice",
        "--rename",
        "Glaciology",
    ]);
    let picks = place.json(&["preview", "b@example.org", "--date", "2026-08-04"])["picks"].clone();
    assert_eq!(
        (&picks[0]["id"], &picks[0]["section"]),
        (&"2608.00003".into(), &"Glaciology".into()),
        "{picks}"
    );
}

#[test]
fn a_list_of_ids_is_liked_and_unknown_ids_are_reported() {
    let place = Place::new();
    place.write("papers.jsonl", PAPERS);
    place.said(&["papers", "import", "papers.jsonl"]);
    place.said(&["subscribers", "add", "a@example.org"]);
    place.write("ids", "arXiv:2608.00003v2\n2608.99999\n");
    let taken = place.json(&["interests", "import", "a@example.org", "ids"]);
    assert_eq!(
        (
            &taken["known"],
            &taken["learned"],
            taken["skipped"].as_array().unwrap().len()
        ),
        (&1.into(), &0.into(), 1)
    );
    place.write("letter.txt", "Dear all,\nplease find attached\n");
    let (code, error) =
        place.refused(&["interests", "import", "a@example.org", "ids", "letter.txt"]);
    assert!(
        code == 1 && error.contains("letter.txt") && error.contains("neither BibTeX"),
        "{error}"
    );
}
