//! The numbers behind a figure, as CSV that no spreadsheet takes for formulas.

use clawsig_schema::{
    estimate::Estimate,
    evaluation::number_cell,
    hostile::{printable, spreadsheet_cell},
};

use crate::error::ReportError;

/// The most characters of a text cell.
const CELL_LIMIT: usize = 400;

/// A table of numbers and texts.
pub(crate) struct Sheet {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// A text cell.
pub(crate) fn text(text: &str) -> String {
    spreadsheet_cell(&printable(text, CELL_LIMIT)).into_owned()
}

/// A number's cell; empty where there is none or it is not finite.
pub(crate) fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(number_cell).unwrap_or_default()
}

impl Sheet {
    /// The columns every estimate fills, in the order of [`estimate_cells`].
    pub(crate) const ESTIMATE: [&str; 6] = ["value", "low", "high", "n", "undefined", "note"];

    /// A sheet with these columns.
    pub(crate) fn new(header: &[&str]) -> Sheet {
        Sheet { header: header.iter().map(|name| text(name)).collect(), rows: Vec::new() }
    }

    /// A sheet with these columns and an estimate's behind them.
    pub(crate) fn with_estimate(header: &[&str]) -> Sheet {
        Sheet::new(&[header, &Sheet::ESTIMATE].concat())
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// The bytes.
    pub(crate) fn csv(&self, name: &str) -> Result<String, ReportError> {
        let failed = |source| ReportError::Csv { name: name.to_owned(), source };
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        writer.write_record(&self.header).map_err(failed)?;
        for row in &self.rows {
            writer.write_record(row).map_err(failed)?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.into_error().into()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// An estimate's cells.
pub(crate) fn estimate_cells(estimate: &Estimate) -> [String; 6] {
    [
        number(estimate.value),
        number(estimate.low),
        number(estimate.high),
        estimate.n.to_string(),
        text(estimate.undefined.as_deref().unwrap_or_default()),
        text(&estimate.remark().unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_defused_and_numbers_are_not() {
        let mut sheet = Sheet::with_estimate(&["name"]);
        let mut row = vec![text("=cmd()|' /C calc'!A0\n\u{202e}")];
        let no_interval = Some("no variation".to_owned());
        row.extend(estimate_cells(&Estimate { no_interval, ..Estimate::point(-0.5, 3) }));
        sheet.push(row);
        let written = sheet.csv("x").unwrap_or_default();
        assert_eq!(
            written,
            "name,value,low,high,n,undefined,note\n\
             '=cmd()|' /C calc'!A0\\n\\u{202e},-0.5,,,3,,no interval: no variation\n"
        );
    }
}
