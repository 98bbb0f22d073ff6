//! `PubMed`'s records, in its XML. Pure.

use super::super::dates;
use super::super::identifiers::{Identifiers, excerpt};
use super::super::xml::{self, Element};
use super::super::{Unreadable, charset};
use crate::paper::Paper;
use crate::text::{clean_line, clean_text};

/// Reads a set of records: articles and chapters of books. The error says what
/// the bytes are instead.
pub fn read(
    bytes: &[u8],
    content_type: Option<&str>,
    place: &str,
) -> Result<Vec<Result<Paper, Unreadable>>, String> {
    let text = charset::decode(bytes, content_type);
    let document = xml::read(&text, &["PubmedArticle", "PubmedBookArticle"]);
    let mut roots = document.top.elements();
    let root = roots
        .find(|root| !root.name().is_empty())
        .ok_or_else(|| format!("{place} answers with no XML"))?;
    if !root.name().eq_ignore_ascii_case("PubmedArticleSet") {
        let mut errors = Vec::new();
        document.top.find(
            &|element| element.name().eq_ignore_ascii_case("ERROR"),
            &mut errors,
        );
        let said = errors
            .first()
            .map_or_else(|| format!("<{}>", root.name()), |error| error.text());
        return Err(format!("{place} answers {said:?}"));
    }
    let mut entries = Vec::new();
    document.top.find(
        &|element| matches!(element.name(), "PubmedArticle" | "PubmedBookArticle"),
        &mut entries,
    );
    let whole = document.is_whole;
    let read = entries.iter().enumerate().map(|(at, entry)| {
        let read = if entry.is_broken {
            Err("it has no end".to_owned())
        } else {
            paper(entry)
        };
        read.map_err(|reason| Unreadable {
            place: format!("{place} record {}", at + 1),
            reason,
            record: excerpt(&text[entry.place.clone()]),
        })
    });
    let read: Vec<_> = read.collect();
    if read.is_empty() && !whole {
        return Err(format!("{place} answers with XML that breaks off"));
    }
    if let Some(error) = root.text_at("ERROR").filter(|_| read.is_empty()) {
        return Err(format!("{place} answers {error:?}"));
    }
    Ok(read)
}

fn paper(entry: &Element) -> Result<Paper, String> {
    let article = entry
        .at("MedlineCitation/Article")
        .or(entry.at("BookDocument"))
        .ok_or("no article in it")?;
    let citation = entry
        .at("MedlineCitation")
        .or(entry.at("BookDocument"))
        .ok_or("no citation in it")?;
    let data = entry.at("PubmedData").or(entry.at("PubmedBookData"));
    let pmid = citation
        .text_at("PMID")
        .filter(|pmid| pmid.bytes().all(|byte| byte.is_ascii_digit()));
    let pmid = pmid.ok_or("no PMID in it")?;
    let id_of = |kind: &str| {
        let ids = data
            .and_then(|data| data.at("ArticleIdList"))
            .into_iter()
            .flat_map(|list| list.all("ArticleId"));
        let mut ids = ids
            .filter(|id| id.attribute("IdType") == Some(kind))
            .map(Element::text);
        ids.find(|id| !id.is_empty())
    };
    let mut locations = article
        .all("ELocationID")
        .filter(|id| id.attribute("EIdType") == Some("doi"));
    let doi = id_of("doi").or(locations.next().map(Element::text));
    // Titles translated into English are in brackets, with the original beside them.
    let title = article
        .at("ArticleTitle")
        .or(article.at("BookTitle"))
        .map(Element::markup)
        .unwrap_or_default();
    let title = if is_missing(&title) {
        article
            .at("VernacularTitle")
            .map(Element::markup)
            .unwrap_or_default()
    } else {
        title
    };
    let named = Identifiers {
        doi: doi.clone(),
        ..Identifiers::default()
    };
    let own = Identifiers {
        own: Some(format!("pmid:{pmid}")),
        ..Identifiers::default()
    };
    let paper = own.paper(&title)?;
    let mut same_as = Vec::new();
    let doi = named.paper(&title).ok().and_then(|by_doi| {
        // arXiv's papers are in it too, by arXiv's DOI.
        if by_doi.id.is_arxiv() {
            same_as.push(by_doi.id);
            return None;
        }
        by_doi.doi
    });
    same_as.extend(id_of("pmc").and_then(|pmc| format!("pmc:{pmc}").parse().ok()));
    let kinds: Vec<String> = article
        .at("PublicationTypeList")
        .into_iter()
        .flat_map(|list| list.all("PublicationType"))
        .map(Element::text)
        .collect();
    let history = data
        .and_then(|data| data.at("History"))
        .into_iter()
        .flat_map(|history| history.all("PubMedPubDate"));
    let entered = history
        .filter(|date| date.attribute("PubStatus") == Some("entrez"))
        .find_map(date);
    let published = article.at("ArticleDate").and_then(date).or_else(|| {
        let issue = article.at("Journal/JournalIssue/PubDate")?;
        date(issue).or_else(|| {
            dates::day(
                &issue
                    .text_at("MedlineDate")?
                    .chars()
                    .take(8)
                    .collect::<String>(),
            )
        })
    });
    let published = published
        .or(entered)
        .map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    Ok(Paper {
        url: Some(format!("https://pubmed.ncbi.nlm.nih.gov/{pmid}/")),
        abstract_text: abstract_of(article)
            .or_else(|| abstract_of(citation))
            .unwrap_or_default(),
        authors: article
            .all("AuthorList")
            .find(|list| list.attribute("Type") != Some("editors"))
            .map(authors)
            .unwrap_or_default(),
        announced: entered,
        published,
        doi,
        same_as,
        journal: journal(article),
        withdrawn: kinds.iter().any(|kind| kind == "Retracted Publication"),
        ..paper
    })
}

/// Paragraphs, each with its heading: `BACKGROUND: …`
/// Whether there is no title in English: NLM's description of MEDLINE elements says that
/// `[Not Available].` stands for it.
fn is_missing(title: &str) -> bool {
    let title = clean_line(title).to_lowercase();
    let words = title.trim_matches(|c: char| !c.is_alphanumeric());
    matches!(
        words,
        "" | "not available" | "no title available" | "title not available"
    )
}

fn abstract_of(article: &Element) -> Option<String> {
    let abstracts = article.at("Abstract").or(article.at("OtherAbstract"))?;
    let paragraphs = abstracts.all("AbstractText").map(|part| {
        let text = clean_text(&part.markup());
        match part
            .attribute("Label")
            .filter(|label| !label.eq_ignore_ascii_case("UNLABELLED"))
        {
            Some(label) if !text.is_empty() => format!("{}: {text}", clean_line(label)),
            _ => text,
        }
    });
    let paragraphs: Vec<String> = paragraphs
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    Some(paragraphs.join("\n\n")).filter(|text| !text.is_empty())
}

fn authors(list: &Element) -> Vec<String> {
    let names = list.all("Author").map(|author| {
        let part = |name: &str| author.at(name).map(Element::markup).unwrap_or_default();
        let given = [part("ForeName"), part("Initials")]
            .into_iter()
            .find(|given| !given.is_empty())
            .unwrap_or_default();
        let name = clean_line(&format!("{given} {} {}", part("LastName"), part("Suffix")));
        if name.is_empty() {
            clean_line(&part("CollectiveName"))
        } else {
            name
        }
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn journal(article: &Element) -> Option<String> {
    let name = article
        .text_at("Journal/Title")
        .or(article.text_at("Journal/ISOAbbreviation"));
    let name = clean_line(&name.or(article.text_at("Book/BookTitle"))?);
    let issue = article.at("Journal/JournalIssue");
    let volume = issue.and_then(|issue| issue.text_at("Volume"));
    let pages = article.text_at("Pagination/MedlinePgn");
    Some(
        [Some(name), volume, pages]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", "),
    )
}

fn date(element: &Element) -> Option<chrono::NaiveDate> {
    let year = element.text_at("Year")?;
    let parts = [Some(year), element.text_at("Month"), element.text_at("Day")];
    let parts: Vec<String> = parts.into_iter().map_while(|part| part).collect();
    let separator = if parts
        .get(1)
        .is_some_and(|month| month.parse::<u32>().is_err())
    {
        " "
    } else {
        "-"
    };
    dates::day(&parts.join(separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = "<?xml version=\"1.0\" ?><!DOCTYPE PubmedArticleSet PUBLIC \"-//NLM//DTD\" \"x.dtd\">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version=\"1\">101</PMID><Article>
<Journal><JournalIssue><Volume>7</Volume><PubDate><Year>2026</Year><Month>Aug</Month></PubDate></JournalIssue>
<Title>A journal</Title></Journal><ArticleTitle>On <sup>99m</sup>Tc &amp; p&lt;0.05.</ArticleTitle>
<Pagination><MedlinePgn>1-9</MedlinePgn></Pagination>
<Abstract><AbstractText Label=\"AIM\">To <i>see</i>.</AbstractText><AbstractText Label=\"RESULT\">Seen.</AbstractText></Abstract>
<AuthorList><Author><LastName>Doe</LastName><ForeName>Jane A</ForeName></Author>
<Author><CollectiveName>The Group</CollectiveName></Author></AuthorList></Article></MedlineCitation>
<PubmedData><ArticleIdList><ArticleId IdType=\"doi\">10.1000/ABC</ArticleId><ArticleId IdType=\"pmc\">PMC5</ArticleId>
</ArticleIdList></PubmedData></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>102</PMID><Article><ArticleTitle></ArticleTitle></Article></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>103</PMID><Article><ArticleTitle>0</ArticleTitle></Article></MedlineCitation></PubmedArticle>
</PubmedArticleSet>";

    #[test]
    fn a_record_is_read_with_its_structured_abstract() {
        let records = read(SET.as_bytes(), None, "p").unwrap();
        insta::assert_snapshot!(
            serde_json::to_string_pretty(records[0].as_ref().unwrap()).unwrap()
        );
        assert_eq!(records[1].as_ref().unwrap_err().reason, "no title in it");
        assert_eq!(records[2].as_ref().unwrap().title, "0");
    }

    #[test]
    fn an_error_in_the_place_of_a_set_is_said() {
        for text in [
            "<eFetchResult><ERROR>Empty id list</ERROR></eFetchResult>",
            "",
            "Rate exceeded",
            "<html></html>",
        ] {
            assert!(read(text.as_bytes(), None, "p").is_err(), "{text}");
        }
        assert_eq!(
            read(b"<PubmedArticleSet></PubmedArticleSet>", None, "p"),
            Ok(Vec::new())
        );
    }

    proptest::proptest! {
        #[test]
        fn no_damage_makes_it_fail(at in 0..SET.len(), byte: u8, end in 0..SET.len()) {
            let mut bytes = SET.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = read(&bytes, None, "x");
            let _ = read(&bytes[..end], None, "x");
        }
    }
}
