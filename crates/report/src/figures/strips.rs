//! Strips: a line a row, with marks, spans and ticks on one common axis.

use super::{TEXT, WIDTH, tick};
use crate::canvas::{Anchor, Axis, Drawing, GRID, INK, MUTED, SERIES, draw};

/// One row of the figure.
pub(crate) struct Strip {
    /// What it is.
    pub(crate) label: String,
    /// The values in words, at the right of the label.
    pub(crate) shown: String,
    /// Values in the background, each a short stroke.
    pub(crate) ticks: Vec<f64>,
    /// Values in the foreground, below one another.
    pub(crate) marks: Vec<Mark>,
}

/// A dot with a span around it.
pub(crate) struct Mark {
    /// The dot; none where the value is undefined.
    pub(crate) value: Option<f64>,
    /// The ends of the line behind it.
    pub(crate) span: Option<(f64, f64)>,
    /// Its colour, by position in the legend.
    pub(crate) series: usize,
}

/// The least distance of two background strokes in pixels: strokes that would lie on one another are drawn once.
const TICK_STEP: f64 = 1.0;

/// Rows of marks between two ends, the legend below.
pub(crate) fn strips(
    rows: &[Strip],
    ends: (f64, f64),
    title: &str,
    legend: &[&str],
) -> Result<Drawing, String> {
    const LABEL: f64 = 22.0;
    const LANE: f64 = 11.0;
    let pixels = (8.0, WIDTH - 20.0);
    let tall = |row: &Strip| LABEL + LANE * row.marks.len().max(1) as f64 + 6.0;
    let bottom = 8.0 + rows.iter().map(tall).sum::<f64>();
    let axis = Axis::linear(ends, pixels, 6);
    let height = bottom + 46.0 + 22.0 * legend.len() as f64;
    draw((WIDTH, height), |canvas| {
        for mark in axis.marks() {
            let x = axis.place(mark);
            let colour = if mark == 0.0 { MUTED } else { GRID };
            canvas.path(&[(x, 6.0), (x, bottom)], colour, 0.75)?;
            let anchor = if x < 20.0 { Anchor::Start } else { Anchor::Middle };
            canvas.text(&tick(mark), (x, bottom + 12.0), TEXT - 1.0, anchor, MUTED)?;
        }
        canvas.text(title, (WIDTH / 2.0, bottom + 33.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        let mut top = 8.0;
        for row in rows {
            canvas.text(&row.label, (pixels.0 + 2.0, top + 9.0), TEXT - 1.0, Anchor::Start, INK)?;
            canvas.text(&row.shown, (pixels.1, top + 9.0), TEXT - 2.0, Anchor::End, MUTED)?;
            let lanes = LANE * row.marks.len().max(1) as f64;
            let mut last = f64::NEG_INFINITY;
            let mut places: Vec<f64> = row.ticks.iter().map(|&value| axis.place(value)).collect();
            places.sort_by(f64::total_cmp);
            for x in places {
                if x - last >= TICK_STEP {
                    canvas.path(
                        &[(x, top + LABEL - 2.0), (x, top + LABEL + lanes - 4.0)],
                        MUTED,
                        0.75,
                    )?;
                    last = x;
                }
            }
            for (lane, mark) in row.marks.iter().enumerate() {
                let y = top + LABEL + LANE * lane as f64 + 2.0;
                let colour = SERIES[mark.series % SERIES.len()];
                if let Some((low, high)) = mark.span {
                    canvas.path(&[(axis.place(low), y), (axis.place(high), y)], colour, 2.0)?;
                }
                if let Some(value) = mark.value {
                    canvas.dot((axis.place(value), y), 4.0, colour)?;
                }
            }
            top += tall(row);
        }
        for (place, name) in legend.iter().enumerate() {
            let y = bottom + 56.0 + 22.0 * place as f64;
            canvas.dot((pixels.0 + 8.0, y), 4.5, SERIES[place % SERIES.len()])?;
            canvas.text(name, (pixels.0 + 22.0, y), TEXT - 1.0, Anchor::Start, INK)?;
        }
        Ok(())
    })
}
