//! Papers to measure with: the archive that `PAPERBOY_PAPERS` names (files of
//! JSON lines, separated by `:`), or made-up ones.

use paperboy::paper::Paper;
use paperboy::source::Record;
use paperboy::source::jsonl::Reader;
use std::path::Path;

/// At most `most` papers.
pub(crate) fn papers(most: usize) -> Vec<Paper> {
    let Ok(files) = std::env::var("PAPERBOY_PAPERS") else {
        return made_up(most);
    };
    let mut papers = Vec::new();
    for file in files.split(':') {
        let mut reader =
            Reader::open(Path::new(file)).expect("PAPERBOY_PAPERS names files of papers");
        while let Some(record) = reader.next_record().expect("the file can be read") {
            if let Record::Paper(paper) = record {
                papers.push(*paper);
            }
            if papers.len() == most {
                return papers;
            }
        }
    }
    papers
}

/// Papers of 120 words out of 20,000, few of which are common.
fn made_up(count: usize) -> Vec<Paper> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40
    };
    let mut word = move |subject: u64| {
        let rare = next() % 20_000;
        let place = if next() % 3 == 0 {
            subject * 300 + next() % 300
        } else {
            rare * rare / 20_000
        };
        format!("w{}x", u64::min(place, 19_999))
    };
    (0..count)
        .map(|at| {
            let subject = at as u64 % 60;
            let mut text = |words: usize| {
                (0..words)
                    .map(|_| word(subject))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let mut paper = Paper::new(format!("made-up.{at}").parse().expect("an id"), text(9));
            paper.abstract_text = text(110);
            paper.authors = vec![
                format!("A. Writer{}", at % 9_973),
                format!("B. Other{}", at % 7_919),
            ];
            paper.categories = vec![format!("cs.{}", ["LG", "CL", "CV", "RO"][at % 4])];
            paper
        })
        .collect()
}
