//! The page as data, and the template that escapes all of it.

use askama::Template;

use crate::{
    answers::Answer, canvas::dark_rules, error::ReportError, figures::Inlined, words::count,
};

/// The most rows of a table in the page; the files beside it hold the rest.
const ROW_LIMIT: usize = 60;

/// What stands above everything else.
pub(crate) struct Heading {
    /// What kind of page it is.
    pub(crate) kind: String,
    pub(crate) title: String,
    /// How the page is to be read.
    pub(crate) intro: String,
    /// Whether the rows behind it are generated.
    pub(crate) synthetic: bool,
    /// Whether the figures stand as files beside the page.
    pub(crate) files: bool,
}

/// One section under its own heading.
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

/// What a section holds.
pub(crate) enum Block {
    Heading(String),
    Text(String),
    Note(String),
    /// Sentences, each a point of a list.
    List(Vec<String>),
    /// Sentences, each with a link to the section that has its figures.
    Answers(Vec<Answer>),
    Code(String),
    Table(PageTable),
    Figures(Vec<Inlined>),
}

/// A table; the first cell of each row is its header.
pub(crate) struct PageTable {
    pub(crate) caption: String,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Folded until it is asked for.
    pub(crate) folded: bool,
    /// Rows that were left out.
    pub(crate) left_out: usize,
    /// Where all rows are.
    pub(crate) file: &'static str,
    /// A column of hashes, set in a fixed width.
    pub(crate) hashes: Option<usize>,
}

impl PageTable {
    /// A table; what is over the limit is left out and counted.
    pub(crate) fn new(caption: &str, columns: &[&str], rows: Vec<Vec<String>>) -> PageTable {
        let table = PageTable {
            caption: caption.to_owned(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows,
            folded: false,
            left_out: 0,
            file: "the run’s files",
            hashes: None,
        };
        table.first(ROW_LIMIT)
    }

    /// The same table with its first rows only; what is left out is counted.
    pub(crate) fn first(mut self, limit: usize) -> PageTable {
        self.left_out += self.rows.len().saturating_sub(limit);
        self.rows.truncate(limit);
        self
    }

    /// The same table, which says that all its rows are in this file of the run.
    pub(crate) fn rest_in(mut self, file: &'static str) -> PageTable {
        self.file = file;
        self
    }

    /// The same table with hashes in this column.
    pub(crate) fn hashes(mut self, column: usize) -> PageTable {
        self.hashes = Some(column);
        self
    }

    fn is_hash(&self, column: &usize) -> bool {
        self.hashes == Some(*column)
    }

    /// The same table, folded.
    pub(crate) fn folded(mut self) -> PageTable {
        self.folded = true;
        self
    }

    /// The table as a block, or a note where it has no rows.
    pub(crate) fn block(self) -> Block {
        if self.rows.is_empty() {
            Block::Note(format!("{}: none.", self.caption))
        } else {
            Block::Table(self)
        }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct PageTemplate<'a> {
    heading: Heading,
    style: String,
    lead: Vec<(String, String, String)>,
    warnings: Vec<String>,
    sections: &'a [Section],
}

/// The whole page.
pub(crate) fn assemble(
    heading: Heading,
    lead: Vec<(String, String, String)>,
    warnings: Vec<String>,
    sections: &[Section],
) -> Result<String, ReportError> {
    let dark = dark_rules("svg.figure");
    let style = format!(
        "{}@media screen and (prefers-color-scheme:dark){{{dark}}}",
        include_str!("../templates/report.css")
    );
    let left = warnings.len().saturating_sub(ROW_LIMIT);
    let mut warnings: Vec<String> = warnings.into_iter().take(ROW_LIMIT).collect();
    if left > 0 {
        warnings.push(format!("{} more warnings are in the run's files.", count(left as u64)));
    }
    let page = PageTemplate { heading, style, lead, warnings, sections };
    Ok(page.render()?)
}
