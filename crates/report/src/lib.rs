#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod answers;
mod canvas;
mod cards;
mod document;
mod error;
mod figures;
mod page;
mod sections;
mod sheet;
mod study;
mod transfer;
mod words;
mod yaml;

pub use answers::{Answer, answers};
pub use document::{
    Chapter, Document, Grid, Heat, document, estimate_text, share_text, shown_text, statistic_text,
};
pub use error::ReportError;
pub use figures::Figure;
pub use study::{DuplicateSummary, Part, RunInfo, StudyResults};
pub use transfer::{TransferRow, transfer_figure};

use page::{Block, Heading};

/// The largest page that [`render`] returns, in bytes.
pub const PAGE_LIMIT: usize = 2_000_000;

/// How the page of a run is to be read.
const SILVER: &str = "The labels are silver: the registry’s own verdict, written by a judge that was shown findings of the scanners. Read every score as concordance with that verdict, not as a rate of detecting malware.";

/// A report, not yet written anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// `report.html`: one self-contained page, which links to `figures/<name>.svg` and `.csv`.
    pub html: String,
    /// The figures, in the order of the page.
    pub figures: Vec<Figure>,
    /// `MODEL_CARD.md` in the Hub's format.
    pub model_card: String,
    /// A card of the data that was read.
    pub data_card: String,
}

/// Makes the page, the figures and the cards of a study: the same bytes for the same results.
///
/// A part that is absent and a figure that is undefined are shown with their reason.
///
/// # Errors
/// If a figure can't be drawn, or the page would be larger than [`PAGE_LIMIT`].
pub fn render(study: &StudyResults) -> Result<Rendered, ReportError> {
    let sections = sections::all(study)?;
    let heading = Heading {
        kind: "clawsig study report".to_owned(),
        title: format!("ClawHub Security Signals: {}", words::shown(&study.run.name)),
        intro: SILVER.to_owned(),
        synthetic: study.run.synthetic,
        files: true,
    };
    let html =
        page::assemble(heading, sections::lead(study), sections::warnings(study), &sections)?;
    if html.len() > PAGE_LIMIT {
        return Err(ReportError::TooLarge { bytes: html.len(), limit: PAGE_LIMIT });
    }
    let figures = sections
        .into_iter()
        .flat_map(|section| section.blocks)
        .flat_map(|block| match block {
            Block::Figures(figures) => figures,
            _ => Vec::new(),
        })
        .map(|inlined| inlined.figure)
        .collect();
    Ok(Rendered {
        html,
        figures,
        model_card: cards::model_card(study),
        data_card: cards::data_card(study),
    })
}

#[cfg(test)]
mod tests;
