//! Curves over a continuous axis.

use super::{TEXT, WIDTH, tick};
use crate::canvas::{Anchor, Axis, Drawing, GRID, INK, MUTED, SERIES, draw};

/// One line.
pub(crate) struct Series {
    /// What it is, as the legend says it.
    pub(crate) label: String,
    /// Its points.
    pub(crate) points: Vec<(f64, f64)>,
    /// A dashed horizontal reference of the same colour.
    pub(crate) reference: Option<f64>,
    /// Whether each point gets a mark.
    pub(crate) dots: bool,
}

/// The frame of a line figure.
pub(crate) struct LinePlot<'a> {
    /// Ends of the horizontal axis.
    pub(crate) x: (f64, f64),
    /// Ends of the vertical axis.
    pub(crate) y: (f64, f64),
    /// What the axes measure.
    pub(crate) titles: (&'a str, &'a str),
    /// Whether a dashed line joins the corners.
    pub(crate) diagonal: bool,
}

/// Lines over two numeric axes, the legend below, at most six.
pub(crate) fn lines(plot: &LinePlot<'_>, series: &[Series]) -> Result<Drawing, String> {
    const BOTTOM: f64 = 300.0;
    let shown = &series[..series.len().min(SERIES.len())];
    // The axis's title stands left of its longest number.
    let widest = Axis::linear(plot.y, (BOTTOM, 12.0), 6).marks().into_iter();
    let widest = widest.map(|mark| tick(mark).chars().count()).max().unwrap_or_default();
    let left = (26.0 + 7.4 * widest as f64).max(48.0);
    let horizontal = Axis::linear(plot.x, (left, WIDTH - 16.0), 6);
    let vertical = Axis::linear(plot.y, (BOTTOM, 12.0), 6);
    let height = BOTTOM + 56.0 + 22.0 * shown.len() as f64;
    draw((WIDTH, height), |canvas| {
        for mark in horizontal.marks() {
            let x = horizontal.place(mark);
            canvas.path(&[(x, 12.0), (x, BOTTOM)], GRID, 0.75)?;
            canvas.text(&tick(mark), (x, BOTTOM + 13.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        }
        for mark in vertical.marks() {
            let y = vertical.place(mark);
            canvas.path(&[(left, y), (WIDTH - 16.0, y)], GRID, 0.75)?;
            canvas.text(&tick(mark), (left - 7.0, y), TEXT - 1.0, Anchor::End, MUTED)?;
        }
        let middle = (left + WIDTH - 16.0) / 2.0;
        canvas.text(plot.titles.0, (middle, BOTTOM + 34.0), TEXT - 1.0, Anchor::Middle, MUTED)?;
        canvas.upward(plot.titles.1, (9.0, BOTTOM / 2.0), TEXT - 1.0)?;
        let finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        if !shown.iter().any(|line| line.points.iter().any(finite)) {
            let centre = (middle, (BOTTOM + 12.0) / 2.0);
            canvas.text("undefined at every point", centre, TEXT, Anchor::Middle, MUTED)?;
        }
        if plot.diagonal {
            let ends = [plot.x.0.max(plot.y.0), plot.x.1.min(plot.y.1)];
            let corner = |value| (horizontal.place(value), vertical.place(value));
            canvas.dashes(corner(ends[0]), corner(ends[1]), MUTED)?;
        }
        for (place, (line, colour)) in shown.iter().zip(SERIES).enumerate() {
            let points: Vec<(f64, f64)> = line
                .points
                .iter()
                .filter(|point| finite(point))
                .map(|&(x, y)| (horizontal.place(x), vertical.place(y)))
                .collect();
            if let Some(level) = line.reference.filter(|level| level.is_finite()) {
                let y = vertical.place(level);
                canvas.dashes((left, y), (WIDTH - 16.0, y), colour)?;
            }
            if points.len() > 1 {
                canvas.path(&points, colour, 2.25)?;
            }
            if line.dots || points.len() == 1 {
                for &point in &points {
                    canvas.dot(point, 4.0, colour)?;
                }
            }
            let y = BOTTOM + 58.0 + 22.0 * place as f64;
            canvas.path(&[(left, y), (left + 26.0, y)], colour, 3.0)?;
            canvas.text(&line.label, (left + 34.0, y), TEXT - 1.0, Anchor::Start, INK)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_without_a_point_say_so() {
        let plot =
            LinePlot { x: (0.0, 1.0), y: (0.0, 1.0), titles: ("score", "kappa"), diagonal: false };
        let drawn = |points: Vec<(f64, f64)>| {
            let one = Series { label: "one".to_owned(), points, reference: None, dots: false };
            lines(&plot, &[one]).unwrap().svg("name", "title", "alt", "")
        };
        let said = "undefined at every point";
        assert!(drawn(Vec::new()).contains(said));
        assert!(drawn(vec![(0.5, f64::NAN)]).contains(said));
        assert!(!drawn(vec![(0.5, f64::NAN), (0.2, 0.3)]).contains(said));
    }
}
