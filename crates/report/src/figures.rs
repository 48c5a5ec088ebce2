//! The kinds of figures, each from a small input of its own.

mod bars;
mod boxes;
mod heat;
mod lines;
mod reliability;
mod strips;
mod upset;

pub(crate) use bars::{Bar, BarScale, bars};
pub(crate) use boxes::{BoxRow, FiveNumbers, boxes};
pub(crate) use heat::{HeatCell, heat};
pub(crate) use lines::{LinePlot, Series, lines};
pub(crate) use reliability::{Calibration, CalibrationBin, reliability};
pub(crate) use strips::{Mark, Strip, strips};
pub(crate) use upset::{Combination, upset};

use crate::{
    canvas::{Drawing, dark_rules},
    error::ReportError,
    sheet::Sheet,
};

/// The width of every figure: at 400 px of screen its text is still 11 px high.
const WIDTH: f64 = 420.0;
/// The height of a figure's text.
const TEXT: f64 = 13.0;

/// One figure of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The stem of its files: `figures/<name>.svg` and `figures/<name>.csv`.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it shows and how to read it, as the caption says it.
    pub caption: String,
    /// The caption and every drawn number in words, for those who can't see it.
    pub alt: String,
    /// A complete SVG file, readable on light and dark ground.
    pub svg: String,
    /// The numbers behind it.
    pub csv: String,
}

/// A figure as it stands in the page.
pub(crate) struct Inlined {
    pub(crate) figure: Figure,
    /// The SVG without a style of its own: the page's style sheet colours it.
    pub(crate) inline: String,
}

/// Puts a drawing and its numbers together; `said` holds the drawn numbers in words.
pub(crate) fn finish(
    name: &str,
    title: &str,
    caption: &str,
    said: &str,
    drawing: Result<Drawing, String>,
    sheet: &Sheet,
) -> Result<Inlined, ReportError> {
    let drawing =
        drawing.map_err(|reason| ReportError::Figure { name: name.to_owned(), reason })?;
    let alt = format!("{caption} {said}.");
    let style = format!("@media (prefers-color-scheme:dark){{{}}}", dark_rules("svg"));
    Ok(Inlined {
        inline: drawing.svg(name, title, &alt, ""),
        figure: Figure {
            name: name.to_owned(),
            title: title.to_owned(),
            caption: caption.to_owned(),
            svg: drawing.svg(name, title, &alt, &style),
            alt,
            csv: sheet.csv(name)?,
        },
    })
}

/// A tick's label: no more decimals than it needs.
fn tick(value: f64) -> String {
    if value.abs() >= 1_000_000.0 {
        format!("{}M", value / 1e6)
    } else if value.abs() >= 1_000.0 {
        format!("{}k", value / 1e3)
    } else {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
    }
}
