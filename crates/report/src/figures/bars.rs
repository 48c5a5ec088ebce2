//! Bars and dots: counts, rates and weights.

use super::{TEXT, WIDTH, tick};
use crate::canvas::{Anchor, Axis, BLUE, Drawing, GRID, INK, MUTED, draw};

/// One line of a bar or dot figure.
pub(crate) struct Bar {
    /// What it is.
    pub(crate) label: String,
    /// Its value; `None` is undefined.
    pub(crate) value: Option<f64>,
    /// The interval's ends.
    pub(crate) interval: Option<(f64, f64)>,
    /// The value in words.
    pub(crate) shown: String,
}

/// How the values are laid out.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum BarScale {
    /// Dots on a logarithmic axis of counts: it has no 0 for a bar to begin at.
    Counts,
    /// Bars from 0 to 1.
    Share,
    /// Bars from 0 to this.
    UpTo(f64),
    /// Dots with intervals between these ends.
    Dots(f64, f64),
}

/// About how wide a text is: figures have no fonts to measure.
fn width(text: &str, size: f64) -> f64 {
    0.56 * size * text.chars().count() as f64
}

/// Horizontal bars or dots, one a line, the label above its mark. The value stands at the label's
/// right, or below the labels where one of them leaves no room for it.
pub(crate) fn bars(rows: &[Bar], scale: BarScale, title: &str) -> Result<Drawing, String> {
    let pixels = (8.0, WIDTH - 20.0);
    let room = pixels.1 - pixels.0 - 16.0;
    let beside = |row: &Bar| width(&row.label, TEXT) + width(&row.shown, TEXT - 1.5) <= room;
    let below = if rows.iter().all(beside) { 0.0 } else { 15.0 };
    let step = 40.0 + below;
    let bottom = 12.0 + step * rows.len() as f64;
    let axis = match scale {
        BarScale::Counts => {
            let top = rows.iter().filter_map(|row| row.value).fold(1.0, f64::max);
            Axis::log(top, pixels)
        }
        BarScale::Share => Axis::linear((0.0, 1.0), pixels, 6),
        BarScale::UpTo(top) => Axis::linear((0.0, top), pixels, 6),
        BarScale::Dots(low, high) => Axis::linear((low, high), pixels, 6),
    };
    draw((WIDTH, bottom + 46.0), |canvas| {
        for mark in axis.marks() {
            let x = axis.place(mark);
            canvas.path(&[(x, 8.0), (x, bottom)], GRID, 0.75)?;
            let anchor = if x < 20.0 { Anchor::Start } else { Anchor::Middle };
            canvas.text(&tick(mark), (x, bottom + 12.0), TEXT - 1.0, anchor, MUTED)?;
        }
        canvas.text(title, (WIDTH / 2.0, bottom + 33.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        for (place, row) in rows.iter().enumerate() {
            let top = 14.0 + step * place as f64;
            canvas.text(&row.label, (pixels.0 + 2.0, top + 7.0), TEXT, Anchor::Start, INK)?;
            let line = top + 7.0 + below;
            canvas.text(&row.shown, (pixels.1, line), TEXT - 1.5, Anchor::End, MUTED)?;
            let Some(value) = row.value else { continue };
            let middle = top + 24.0 + below;
            if let BarScale::Dots(..) | BarScale::Counts = scale {
                if let Some((low, high)) = row.interval {
                    let ends = [(axis.place(low), middle), (axis.place(high), middle)];
                    canvas.path(&ends, BLUE, 2.0)?;
                }
                canvas.dot((axis.place(value), middle), 5.0, BLUE)?;
                continue;
            }
            let start = (pixels.0, middle - 6.0);
            canvas.rect(start, (axis.place(value).max(pixels.0 + 1.0), middle + 6.0), BLUE)?;
            if let Some((low, high)) = row.interval {
                let (low, high) = (axis.place(low), axis.place(high));
                canvas.path(&[(low, middle), (high, middle)], INK, 1.5)?;
                for end in [low, high] {
                    canvas.path(&[(end, middle - 4.0), (end, middle + 4.0)], INK, 1.5)?;
                }
            }
        }
        Ok(())
    })
}
