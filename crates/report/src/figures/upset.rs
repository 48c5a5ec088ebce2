//! The UpSet figure of scanner patterns.

use super::{TEXT, WIDTH};
use crate::{
    canvas::{Anchor, BLUE, Drawing, GRID, INK, MUTED, draw},
    words::count,
};

/// The rows with one exclusive combination of sets.
pub(crate) struct Combination {
    /// Which sets hold them.
    pub(crate) sets: Vec<bool>,
    /// How many.
    pub(crate) rows: u64,
    /// Their share in words.
    pub(crate) share: String,
}

/// An UpSet figure: a bar a combination, the dots below it say which sets; the bar without a
/// filled dot is the rows in no set, in grey.
pub(crate) fn upset(sets: &[String], combinations: &[Combination]) -> Result<Drawing, String> {
    const LEFT: f64 = 92.0;
    const BASE: f64 = 230.0;
    let wide = (WIDTH - LEFT - 2.0) / combinations.len().max(1) as f64;
    let largest = combinations.iter().map(|one| one.rows).max().unwrap_or(0).max(1) as f64;
    let height = BASE + 24.0 + 30.0 * sets.len() as f64;
    draw((WIDTH, height), |canvas| {
        canvas.text("Skills", (LEFT - 8.0, BASE - 8.0), TEXT - 1.0, Anchor::End, MUTED)?;
        canvas.path(&[(LEFT, BASE), (WIDTH - 2.0, BASE)], INK, 1.0)?;
        for (line, name) in sets.iter().enumerate() {
            let y = BASE + 26.0 + 30.0 * line as f64;
            canvas.text(name, (LEFT - 8.0, y), TEXT - 1.0, Anchor::End, INK)?;
        }
        for (place, one) in combinations.iter().enumerate() {
            let x = LEFT + wide * (place as f64 + 0.5);
            let tall = (BASE - 52.0) * one.rows as f64 / largest;
            if one.rows > 0 {
                let half = (wide * 0.32).min(24.0);
                let colour = if one.sets.contains(&true) { BLUE } else { MUTED };
                canvas.rect((x - half, BASE - tall.max(1.0)), (x + half, BASE), colour)?;
            }
            canvas.text(&count(one.rows), (x, BASE - tall - 24.0), 11.0, Anchor::Middle, INK)?;
            canvas.text(&one.share, (x, BASE - tall - 10.0), 10.0, Anchor::Middle, MUTED)?;
            let filled: Vec<f64> = (0..sets.len())
                .filter(|&set| one.sets.get(set) == Some(&true))
                .map(|set| BASE + 26.0 + 30.0 * set as f64)
                .collect();
            if let (Some(&first), Some(&last)) = (filled.first(), filled.last()) {
                canvas.path(&[(x, first), (x, last)], INK, 2.5)?;
            }
            for set in 0..sets.len() {
                let y = BASE + 26.0 + 30.0 * set as f64;
                let member = one.sets.get(set) == Some(&true);
                canvas.dot((x, y), 7.0, if member { INK } else { GRID })?;
            }
        }
        Ok(())
    })
}
