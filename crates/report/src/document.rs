//! A page on something else than a whole run: the same style, template and escaping.

use clawsig_schema::estimate::Estimate;

use crate::{
    PAGE_LIMIT,
    error::ReportError,
    figures::{HeatCell, Inlined, finish, heat},
    page::{self, Block, Heading, PageTable, Section},
    sheet::{Sheet, estimate_cells, text},
    words::{self, shown},
};

/// A page to be made. Every text in it may be an attacker's: it is made printable, cut and escaped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What kind of page it is, in a few words.
    pub kind: String,
    /// The title.
    pub title: String,
    /// How the page is to be read, in a sentence or two.
    pub intro: String,
    /// The figures that stand at the top: name, value, note.
    pub lead: Vec<(String, String, String)>,
    /// What to know before a figure is used.
    pub warnings: Vec<String>,
    /// The sections.
    pub chapters: Vec<Chapter>,
}

/// A section under its own heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chapter {
    /// The heading.
    pub title: String,
    /// Sentences below it.
    pub texts: Vec<String>,
    /// A square of estimates in colours, one row and column a name.
    pub heat: Option<Heat>,
    /// Tables.
    pub tables: Vec<Grid>,
}

/// A square of estimates between things of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// The stem of the figure's files.
    pub name: &'static str,
    /// The title.
    pub title: String,
    /// What is compared.
    pub names: Vec<String>,
    /// One row of cells a name; `None` on the diagonal and where nothing was compared.
    pub cells: Vec<Vec<Option<Estimate>>>,
}

/// A table of texts. The first cell of a row is its heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// What it holds.
    pub caption: String,
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// The file that holds all rows, where the page shows the first.
    pub file: &'static str,
    /// Folded until it is asked for.
    pub folded: bool,
}

/// The most names that a square has room for.
const HEAT_LIMIT: usize = 8;

/// A text from the data as the page shows it.
pub fn shown_text(text: &str) -> String {
    shown(text)
}

/// An estimate with its interval, or why it is undefined, as the page shows it.
pub fn estimate_text(estimate: &Estimate) -> String {
    words::estimate(estimate)
}

/// An estimate of a share, in percent, as the page shows it.
pub fn share_text(estimate: &Estimate) -> String {
    words::rate(estimate)
}

/// A statistic's name in snake case, in words.
pub fn statistic_text(name: &str) -> String {
    words::plain(name)
}

/// Makes the page: the same bytes for the same document.
///
/// # Errors
/// If a figure can't be drawn, or the page would be larger than [`PAGE_LIMIT`].
pub fn document(document: &Document) -> Result<String, ReportError> {
    let mut sections = Vec::new();
    for (number, chapter) in document.chapters.iter().enumerate() {
        let mut blocks: Vec<Block> =
            chapter.texts.iter().map(|text| Block::Text(long(text))).collect();
        if let Some(square) = &chapter.heat {
            blocks.push(Block::Figures(vec![drawn(square)?]));
        }
        for grid in &chapter.tables {
            let cells = |row: &Vec<String>| row.iter().map(|cell| shown(cell)).collect();
            let columns: Vec<String> = grid.columns.iter().map(|name| shown(name)).collect();
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let rows = grid.rows.iter().map(cells).collect();
            let table = PageTable::new(&shown(&grid.caption), &columns, rows).rest_in(grid.file);
            blocks.push(if grid.folded { table.folded() } else { table }.block());
        }
        sections.push(Section {
            id: format!("part-{}", number + 1),
            title: shown(&chapter.title),
            blocks,
        });
    }
    let lead = document.lead.iter().map(|(a, b, c)| (shown(a), shown(b), shown(c))).collect();
    let warnings = document.warnings.iter().map(|warning| long(warning)).collect();
    let heading = Heading {
        kind: shown(&document.kind),
        title: shown(&document.title),
        intro: long(&document.intro),
        synthetic: false,
        files: false,
    };
    let html = page::assemble(heading, lead, warnings, &sections)?;
    if html.len() > PAGE_LIMIT {
        return Err(ReportError::TooLarge { bytes: html.len(), limit: PAGE_LIMIT });
    }
    Ok(html)
}

/// A sentence of ours, in which others' names may stand.
fn long(text: &str) -> String {
    clawsig_schema::hostile::printable(text, 1_000)
}

fn drawn(square: &Heat) -> Result<Inlined, ReportError> {
    let mut sheet = Sheet::with_estimate(&["a", "b"]);
    let names: Vec<String> = square.names.iter().take(HEAT_LIMIT).map(|name| short(name)).collect();
    let mut cells = Vec::new();
    let mut said = Vec::new();
    for (name, row) in square.names.iter().zip(&square.cells).take(HEAT_LIMIT) {
        let mut line = Vec::new();
        for (other, cell) in square.names.iter().zip(row).take(HEAT_LIMIT) {
            let Some(found) = cell else {
                line.push(HeatCell { value: None, shown: "–".to_owned(), note: String::new() });
                continue;
            };
            let mut values = vec![text(name), text(other)];
            values.extend(estimate_cells(found));
            sheet.push(values);
            said.push(format!("{}, {}: {}", shown(name), shown(other), words::estimate(found)));
            line.push(HeatCell {
                value: found.value,
                shown: found.value.map_or("undefined".to_owned(), |value| format!("{value:.2}")),
                note: String::new(),
            });
        }
        cells.push(line);
    }
    let drawing = heat(&names, &names, &cells, ("", ""));
    let more = square.names.len().saturating_sub(HEAT_LIMIT);
    let caption = match more {
        0 => "The table below has the intervals.".to_owned(),
        more => format!("The first {HEAT_LIMIT}; {more} more are in the table below."),
    };
    finish(square.name, &shown(&square.title), &caption, &said.join(", "), drawing, &sheet)
}

/// A name that fits a cell's width.
fn short(name: &str) -> String {
    clawsig_schema::hostile::printable(name, 11)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_escapes_whatever_stands_in_it() {
        let evil = "<script>alert(1)</script>\u{202e}";
        let grid = Grid {
            caption: evil.to_owned(),
            columns: vec![evil.to_owned(), evil.to_owned()],
            rows: vec![vec![evil.to_owned(), evil.to_owned()]],
            file: "all.csv",
            folded: true,
        };
        let square = Heat {
            name: "kappa",
            title: evil.to_owned(),
            names: vec![evil.to_owned(), "b".to_owned()],
            cells: vec![
                vec![None, Some(Estimate::point(0.5, 9))],
                vec![Some(Estimate::undefined(evil, 9)), None],
            ],
        };
        let page = document(&Document {
            kind: evil.to_owned(),
            title: evil.to_owned(),
            intro: evil.to_owned(),
            lead: vec![(evil.to_owned(), evil.to_owned(), evil.to_owned())],
            warnings: vec![evil.to_owned()],
            chapters: vec![Chapter {
                title: evil.to_owned(),
                texts: vec![evil.to_owned()],
                heat: Some(square),
                tables: vec![grid],
            }],
        })
        .unwrap();
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(!page.contains("figures/"), "no link to files that are not there");
    }
}
