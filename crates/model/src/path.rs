//! The regularization path: from solutions at some values of C to a start at another.

use std::borrow::Borrow;

use crate::solver::Coefficients;

/// How far apart two values of C are: equal ratios are equally far.
pub(crate) fn apart(a: f64, b: f64) -> f64 {
    (a.ln() - b.ln()).abs()
}

/// A start at `c`: the solution at the nearest C, moved on along the line from the solution behind it,
/// in proportion to the distances and by at most the distance of the two. `None` without solutions.
pub(crate) fn start_at<S: Borrow<Coefficients>>(
    c: f64,
    solved: &[(f64, S)],
) -> Option<Coefficients> {
    let mut near: Vec<(f64, &Coefficients)> =
        solved.iter().map(|(c, solution)| (*c, solution.borrow())).collect();
    near.sort_by(|a, b| apart(a.0, c).total_cmp(&apart(b.0, c)));
    let (nearest, solution) = *near.first()?;
    let mut start = solution.clone();
    let behind = near.iter().find(|(other, _)| (other - nearest) * (nearest - c) > 0.0);
    if let Some((other, before)) = behind {
        let share = (apart(c, nearest) / apart(nearest, *other)).min(1.0);
        let lists =
            [(&mut start.weights, &before.weights), (&mut start.intercepts, &before.intercepts)];
        for (list, before) in lists {
            list.iter_mut().zip(before).for_each(|(at, from)| *at += share * (*at - from));
        }
    }
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_goes_on_as_the_path_went() {
        let of = |weight: f64| Coefficients {
            weights: vec![weight, -weight],
            intercepts: vec![10.0 * weight],
            ..Coefficients::zeros(2, 2)
        };
        let (one, four, sixteen) = (of(1.0), of(3.0), of(4.0));
        let solved = [(1.0, &one), (16.0, &sixteen), (4.0, &four)];
        for (c, known, expected) in [
            (8.0, &solved[..0], None),
            (8.0, &solved[..1], Some(1.0)),
            // A solution at C itself, or on the other side alone, is taken as it is.
            (4.0, &solved, Some(3.0)),
            (9.0, &solved[..2], Some(4.0)),
            // On by the last step, by half of it, and not by more than it, in either direction.
            (64.0, &solved, Some(5.0)),
            (32.0, &solved, Some(4.5)),
            (1e6, &solved, Some(5.0)),
            (0.25, &solved, Some(-1.0)),
            (1e-6, &solved[..2], Some(-2.0)),
        ] {
            let start = start_at(c, known);
            let weight = start.as_ref().map(|start| start.weights[0]);
            assert_eq!(weight, expected, "{c}");
            assert_eq!(start, weight.map(of), "{c}");
        }
    }
}
