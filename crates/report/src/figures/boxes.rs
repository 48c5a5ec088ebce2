//! Box plots and intervals.

use super::{TEXT, WIDTH, tick};
use clawsig_schema::profile::Quantiles;

use crate::canvas::{Anchor, Axis, BLUE, Drawing, GRID, INK, MUTED, VERMILION, draw};

/// The numbers of a box plot.
#[derive(Clone, Copy)]
pub(crate) struct FiveNumbers {
    min: f64,
    p25: f64,
    /// The middle line.
    pub(crate) median: f64,
    p75: f64,
    max: f64,
}

impl FiveNumbers {
    /// The five numbers, where the distribution has them all.
    pub(crate) fn of(found: &Quantiles) -> Option<FiveNumbers> {
        let numbers = [found.min?, found.p25?, found.p50?, found.p75?, found.max?];
        let [min, p25, median, p75, max] = numbers;
        numbers.iter().all(|number| number.is_finite()).then_some(FiveNumbers {
            min,
            p25,
            median,
            p75,
            max,
        })
    }
}

/// One box.
pub(crate) struct BoxRow {
    /// What it is.
    pub(crate) label: String,
    /// The numbers; `None` draws no box.
    pub(crate) numbers: Option<FiveNumbers>,
    /// What stands at the right of the label.
    pub(crate) shown: String,
}

/// Horizontal box plots; whiskers reach the smallest and the largest value.
pub(crate) fn boxes(rows: &[BoxRow], top: f64, log: bool, title: &str) -> Result<Drawing, String> {
    const STEP: f64 = 46.0;
    let bottom = 12.0 + STEP * rows.len() as f64;
    let pixels = (12.0, WIDTH - 20.0);
    let axis = if log { Axis::log(top, pixels) } else { Axis::linear((0.0, top), pixels, 6) };
    draw((WIDTH, bottom + 46.0), |canvas| {
        for mark in axis.marks() {
            let x = axis.place(mark);
            canvas.path(&[(x, 8.0), (x, bottom)], GRID, 0.75)?;
            canvas.text(&tick(mark), (x, bottom + 12.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        }
        canvas.text(title, (WIDTH / 2.0, bottom + 33.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        for (place, row) in rows.iter().enumerate() {
            let y = 14.0 + STEP * place as f64;
            canvas.text(&row.label, (pixels.0, y + 7.0), TEXT, Anchor::Start, INK)?;
            canvas.text(&row.shown, (pixels.1, y + 7.0), TEXT - 1.5, Anchor::End, MUTED)?;
            let Some(numbers) = row.numbers else { continue };
            let middle = y + 27.0;
            let x = |value: f64| axis.place(value);
            canvas.path(&[(x(numbers.min), middle), (x(numbers.p25), middle)], INK, 1.5)?;
            canvas.path(&[(x(numbers.p75), middle), (x(numbers.max), middle)], INK, 1.5)?;
            for end in [numbers.min, numbers.max] {
                canvas.path(&[(x(end), middle - 5.0), (x(end), middle + 5.0)], INK, 1.5)?;
            }
            canvas.frame(
                (x(numbers.p25), middle - 9.0),
                (x(numbers.p75), middle + 9.0),
                BLUE,
                2.0,
            )?;
            let median = x(numbers.median);
            canvas.path(&[(median, middle - 10.0), (median, middle + 10.0)], VERMILION, 3.0)?;
        }
        Ok(())
    })
}
