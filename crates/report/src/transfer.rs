//! The figure of a table train x test.

use clawsig_schema::{estimate::Estimate, hostile::printable};

use crate::{
    Figure, ReportError,
    figures::{Bar, BarScale, bars, finish},
    sheet::{self, Sheet},
    words,
};

/// One line of a table train x test.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    /// How the rows were split.
    pub split: String,
    /// The corpus that trained.
    pub train: String,
    /// The corpus or source that tested.
    pub test: String,
    /// Macro F1 on the rows that tested.
    pub macro_f1: Estimate,
}

impl TransferRow {
    fn label(&self) -> String {
        let [train, test] = [&self.train, &self.test].map(|text| printable(text, 24));
        match train == test {
            true => format!("{train}, {}", self.split),
            false => format!("{train} → {test}, {}", self.split),
        }
    }
}

/// Macro F1 of every line, with its interval.
///
/// # Errors
/// If the figure can't be drawn.
pub fn transfer_figure(rows: &[TransferRow]) -> Result<Figure, ReportError> {
    let mut numbers = Sheet::with_estimate(&["split", "train", "test"]);
    let mut drawn = Vec::new();
    let mut said = Vec::new();
    for row in rows {
        let found = &row.macro_f1;
        let mut cells = [&row.split, &row.train, &row.test].map(|text| sheet::text(text)).to_vec();
        cells.extend(sheet::estimate_cells(found));
        numbers.push(cells);
        said.push(format!("{} {}", row.label(), words::estimate(found)));
        drawn.push(Bar {
            label: row.label(),
            value: found.value,
            interval: found.low.zip(found.high),
            shown: found
                .value
                .map_or_else(|| "undefined".to_owned(), |value| format!("{value:.3}")),
        });
    }
    let caption = "Macro F1 with 95 % intervals of models of the text, by the rows that train and the \
                   rows that test.";
    let drawing = bars(&drawn, BarScale::Dots(0.0, 1.0), "Macro F1");
    let title = "Macro F1 by what trains and what tests";
    Ok(finish("transfer", title, caption, &said.join("; "), drawing, &numbers)?.figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_figure_is_drawn_as_undefined_and_names_are_text() {
        let row = |train: &str, macro_f1| TransferRow {
            split: "random".to_owned(),
            train: train.to_owned(),
            test: "b".to_owned(),
            macro_f1,
        };
        let rows = [
            row("<script>\u{202e}", Estimate::point(0.5, 10).with_interval(0.4, 0.6, "x")),
            row("b", Estimate::undefined("no rows", 0)),
        ];
        let figure = transfer_figure(&rows).unwrap();
        assert!(figure.svg.contains("0.500") && figure.svg.contains("undefined"));
        assert!(!figure.svg.contains("<script>") && !figure.svg.contains('\u{202e}'));
        assert_eq!(figure.csv.lines().count(), 3);
        assert!(transfer_figure(&[]).is_ok());
    }
}
