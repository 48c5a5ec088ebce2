//! The reliability figure: observed shares above, the rows behind each of them below.

use super::{TEXT, WIDTH, tick};
use crate::canvas::{Anchor, Axis, Drawing, GRID, INK, MUTED, SERIES, draw};

/// One class's bins.
pub(crate) struct Calibration {
    /// What it is, as the legend says it.
    pub(crate) label: String,
    /// The bins that hold rows.
    pub(crate) bins: Vec<CalibrationBin>,
}

/// One bin that holds rows.
pub(crate) struct CalibrationBin {
    /// Its edges.
    pub(crate) edges: (f64, f64),
    /// The mean probability of its rows.
    pub(crate) mean: f64,
    /// The observed share, with its interval's ends where there are some.
    pub(crate) observed: (f64, Option<(f64, f64)>),
    /// How many rows.
    pub(crate) rows: u64,
}

/// Dots with intervals over a strip of the rows of each bin on a logarithmic axis, one colour a class.
pub(crate) fn reliability(series: &[Calibration]) -> Result<Drawing, String> {
    const LEFT: f64 = 48.0;
    const BOTTOM: f64 = 290.0;
    const STRIP: (f64, f64) = (414.0, 334.0);
    let shown = &series[..series.len().min(SERIES.len())];
    let across = Axis::linear((0.0, 1.0), (LEFT, WIDTH - 16.0), 6);
    let up = Axis::linear((0.0, 1.0), (BOTTOM, 12.0), 6);
    let most = shown.iter().flat_map(|one| &one.bins).map(|bin| bin.rows).max().unwrap_or(1);
    let counts = Axis::log(most as f64, STRIP);
    let height = STRIP.0 + 58.0 + 22.0 * shown.len() as f64;
    draw((WIDTH, height), |canvas| {
        for mark in across.marks() {
            let x = across.place(mark);
            canvas.path(&[(x, 12.0), (x, BOTTOM)], GRID, 0.75)?;
            canvas.path(&[(x, STRIP.1), (x, STRIP.0)], GRID, 0.75)?;
            canvas.text(&tick(mark), (x, STRIP.0 + 13.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        }
        for (axis, title, middle) in [(&up, "Observed share", 151.0), (&counts, "Rows", 374.0)] {
            for mark in axis.marks() {
                let y = axis.place(mark);
                canvas.path(&[(LEFT, y), (WIDTH - 16.0, y)], GRID, 0.75)?;
                canvas.text(&tick(mark), (LEFT - 7.0, y), TEXT - 1.5, Anchor::End, MUTED)?;
            }
            canvas.upward(title, (9.0, middle), TEXT - 1.0)?;
        }
        let middle = (LEFT + WIDTH - 16.0) / 2.0;
        let title = "Mean predicted probability";
        canvas.text(title, (middle, STRIP.0 + 33.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        let corner = |value| (across.place(value), up.place(value));
        canvas.dashes(corner(0.0), corner(1.0), MUTED)?;
        for (place, (one, colour)) in shown.iter().zip(SERIES).enumerate() {
            for bin in &one.bins {
                let x = across.place(bin.mean);
                let (observed, interval) = bin.observed;
                if let Some((low, high)) = interval {
                    canvas.path(&[(x, up.place(low)), (x, up.place(high))], colour, 1.25)?;
                }
                canvas.dot((x, up.place(observed)), 4.5, colour)?;
                // The classes stand side by side within the bin.
                let (low, high) = (across.place(bin.edges.0), across.place(bin.edges.1));
                let step = (high - low) / shown.len() as f64;
                let x = low + step * (place as f64 + 0.5);
                canvas.dot((x, counts.place(bin.rows as f64)), 3.0, colour)?;
            }
            let y = STRIP.0 + 58.0 + 22.0 * place as f64;
            canvas.dot((LEFT + 13.0, y), 4.5, colour)?;
            canvas.text(&one.label, (LEFT + 34.0, y), TEXT - 1.0, Anchor::Start, INK)?;
        }
        Ok(())
    })
}
