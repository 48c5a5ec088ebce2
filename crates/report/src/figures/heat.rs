//! Heat maps of pairs and of confusions.

use super::{TEXT, WIDTH};
use crate::canvas::{
    Anchor, Drawing, HEAT, HEAT_NEGATIVE, HEAT_UNDEFINED, INK, MUTED, ON_DEEP, ON_PALE, draw,
};

/// One cell.
pub(crate) struct HeatCell {
    /// What colours it, from 0 to 1; `None` is undefined.
    pub(crate) value: Option<f64>,
    /// What stands in it.
    pub(crate) shown: String,
    /// A second, smaller line.
    pub(crate) note: String,
}

/// A heat map; `cells` holds one list a row.
pub(crate) fn heat(
    rows: &[String],
    columns: &[String],
    cells: &[Vec<HeatCell>],
    titles: (&str, &str),
) -> Result<Drawing, String> {
    const LEFT: f64 = 88.0;
    const STEP: f64 = 50.0;
    let wide = (WIDTH - LEFT - 6.0) / columns.len().max(1) as f64;
    let bottom = 50.0 + STEP * rows.len() as f64;
    draw((WIDTH, bottom + 8.0), |canvas| {
        canvas.text(
            titles.1,
            (LEFT + (WIDTH - LEFT) / 2.0, 12.0),
            TEXT - 1.0,
            Anchor::Middle,
            MUTED,
        )?;
        canvas.text(titles.0, (4.0, 34.0), TEXT - 1.0, Anchor::Start, MUTED)?;
        for (place, name) in columns.iter().enumerate() {
            let x = LEFT + wide * (place as f64 + 0.5);
            canvas.text(name, (x, 34.0), TEXT - 1.5, Anchor::Middle, INK)?;
        }
        for (place, name) in rows.iter().enumerate() {
            let y = 48.0 + STEP * place as f64;
            canvas.text(name, (LEFT - 8.0, y + STEP / 2.0), TEXT - 1.5, Anchor::End, INK)?;
            for (column, cell) in cells[place].iter().enumerate() {
                let x = LEFT + wide * column as f64;
                let (fill, ink) = match cell.value {
                    None => (HEAT_UNDEFINED, ON_PALE),
                    Some(value) if value < 0.0 => (HEAT_NEGATIVE, ON_PALE),
                    Some(value) => {
                        let step = ((value * HEAT.len() as f64) as usize).min(HEAT.len() - 1);
                        (HEAT[step], if step >= 5 { ON_DEEP } else { ON_PALE })
                    }
                };
                canvas.rect((x + 1.0, y + 1.0), (x + wide - 1.0, y + STEP - 1.0), fill)?;
                let centre = x + wide / 2.0;
                let noted = !cell.note.is_empty();
                let line = y + if noted { STEP / 2.0 - 9.0 } else { STEP / 2.0 };
                // A word in place of a number is wider than one.
                let size = if cell.value.is_some() { TEXT + 1.0 } else { TEXT - 1.0 };
                canvas.text(&cell.shown, (centre, line), size, Anchor::Middle, ink)?;
                if noted {
                    let below = (centre, y + STEP / 2.0 + 10.0);
                    canvas.text(&cell.note, below, TEXT - 2.0, Anchor::Middle, ink)?;
                }
            }
        }
        Ok(())
    })
}
