//! The least and the greatest Jaccard and kappa over everything that missing flags could have been.
//!
//! Moving a row from a disagreement to an agreement by changing one rater's flag never lowers kappa:
//! with the cells a, b, c, d as shares, its derivative has the sign of d(a + b) + c(c + d). So each row
//! that one rater did not rate lies at a corner, and of a row that neither rated only the split between
//! two cells is open. Along it the observed agreement is constant and the expected one is a parabola
//! whose turning point is known.

use clawsig_agreement::{Outcome, Table, two_raters};

/// Rows by the two flags: 0 flagged, 1 not flagged, 2 missing.
pub(crate) type Cells = [[u64; 3]; 3];

/// A statistic's value with missing as not flagged, and its least and greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) value: Option<f64>,
    pub(crate) lowest: Option<f64>,
    pub(crate) highest: Option<f64>,
}

/// The category of a flag.
const FLAGGED: usize = 0;

fn table([a, b, c, d]: [u64; 4]) -> Table {
    Table::binary(a, b, c, d)
}

/// The table with every missing flag against an agreement, rows of which both flags are missing left out.
fn apart(n: &Cells) -> [u64; 4] {
    [n[0][0], n[0][1] + n[0][2] + n[2][1], n[1][0] + n[1][2] + n[2][0], n[1][1]]
}

/// The table with every missing flag for an agreement, likewise.
fn together(n: &Cells) -> [u64; 4] {
    [n[0][0] + n[0][2] + n[2][0], n[0][1], n[1][0], n[1][1] + n[1][2] + n[2][1]]
}

fn as_negative(n: &Cells) -> [u64; 4] {
    [n[0][0], n[0][1] + n[0][2], n[1][0] + n[2][0], n[1][1] + n[1][2] + n[2][1] + n[2][2]]
}

pub(crate) fn jaccard(n: &Cells) -> Bounds {
    let of = |cells| two_raters::jaccard(&table(cells), FLAGGED).ok();
    let (mut low, mut high) = (apart(n), together(n));
    low[1] += n[2][2];
    high[0] += n[2][2];
    Bounds { value: of(as_negative(n)), lowest: of(low), highest: of(high) }
}

pub(crate) fn cohen_kappa(n: &Cells) -> Bounds {
    let of = |cells| two_raters::cohen_kappa(&table(cells));
    let open = n[2][2];
    let total: u64 = n.iter().flatten().sum();
    // Two times the turning point, so that it stays whole.
    let low = apart(n);
    let twice_low = i128::from(low[2]) - i128::from(low[1]) + i128::from(open);
    let high = together(n);
    let margins = 2 * i128::from(high[0]) + i128::from(high[1]) + i128::from(high[2]);
    let twice_high = i128::from(total) - margins;
    let each = |twice: i128, cells: &dyn Fn(u64) -> [u64; 4]| -> Vec<f64> {
        // Both whole numbers beside a half are as far from it.
        let turning = twice.div_euclid(2).clamp(0, i128::from(open)) as u64;
        let values = [0, open, turning].into_iter().map(|at| of(cells(at)));
        values.filter_map(Outcome::ok).collect()
    };
    let lows = each(twice_low, &|at| [low[0], low[1] + at, low[2] + open - at, low[3]]);
    let highs = each(twice_high, &|at| [high[0] + at, high[1], high[2], high[3] + open - at]);
    Bounds {
        value: of(as_negative(n)).ok(),
        lowest: lows.into_iter().min_by(f64::total_cmp),
        highest: highs.into_iter().max_by(f64::total_cmp),
    }
}

/// The bounds where only the number of missing flags of each rater is known: each of them is now among
/// the rows that the rater does not flag.
///
/// The lowest value takes them from rows that neither flags; `None` where there are fewer of those. The
/// highest takes them from rows that the other flags, as far as there are any: a flag there makes an
/// agreement of a disagreement, while one in a row that neither flags does the reverse, and two in one
/// row leave the disagreements as they are.
pub(crate) fn from_margins(
    [both, only_a, only_b, neither]: [u64; 4],
    missing: [u64; 2],
    bounds: fn(&Cells) -> Bounds,
) -> Bounds {
    let value = bounds(&[[both, only_a, 0], [only_b, neither, 0], [0, 0, 0]]);
    let least = || {
        let left = neither.checked_sub(missing[0])?.checked_sub(missing[1])?;
        bounds(&[[both, only_a, 0], [only_b, left, missing[1]], [0, missing[0], 0]]).lowest
    };
    let (of_a, of_b) = (missing[0].min(only_b), missing[1].min(only_a));
    let most = bounds(&[[both, only_a - of_b, of_b], [only_b - of_a, neither, 0], [of_a, 0, 0]]);
    Bounds { lowest: least(), highest: most.highest, ..value }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every filling of the missing flags, one by one.
    fn by_hand(n: &Cells, of: &dyn Fn([u64; 4]) -> Option<f64>) -> (Option<f64>, Option<f64>) {
        let (mut low, mut high): (Option<f64>, Option<f64>) = (None, None);
        let open = n[2][2];
        for x in 0..=n[0][2] {
            for y in 0..=n[1][2] {
                for z in 0..=n[2][0] {
                    for w in 0..=n[2][1] {
                        for p in 0..=open {
                            for q in 0..=open - p {
                                for r in 0..=open - p - q {
                                    let s = open - p - q - r;
                                    let cells = [
                                        n[0][0] + x + z + p,
                                        n[0][1] + (n[0][2] - x) + w + q,
                                        n[1][0] + y + (n[2][0] - z) + r,
                                        n[1][1] + (n[1][2] - y) + (n[2][1] - w) + s,
                                    ];
                                    let Some(value) = of(cells) else { continue };
                                    low = Some(low.map_or(value, |low| low.min(value)));
                                    high = Some(high.map_or(value, |high| high.max(value)));
                                }
                            }
                        }
                    }
                }
            }
        }
        (low, high)
    }

    #[test]
    fn the_bounds_are_those_of_trying_every_filling() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..400 {
            let mut n: Cells = [[0; 3]; 3];
            for (i, row) in n.iter_mut().enumerate() {
                for (j, cell) in row.iter_mut().enumerate() {
                    *cell = next(if i == 2 || j == 2 { 4 } else { 9 });
                }
            }
            n[0][0] += 1;
            n[1][1] += 1;
            let jaccard_of = |c| two_raters::jaccard(&table(c), FLAGGED).ok();
            let kappa_of = |c| two_raters::cohen_kappa(&table(c)).ok();
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-12,
                (a, b) => a == b,
            };
            for (found, tried) in
                [(jaccard(&n), by_hand(&n, &jaccard_of)), (cohen_kappa(&n), by_hand(&n, &kappa_of))]
            {
                assert!(close(found.lowest, tried.0), "{n:?}: {found:?} {tried:?}");
                assert!(close(found.highest, tried.1), "{n:?}: {found:?} {tried:?}");
            }
        }
    }

    /// Every way in which the known numbers of missing flags can lie among the rows.
    #[test]
    fn bounds_from_margins_hold_every_joint_distribution() {
        for ([both, only_a, only_b, neither], [of_a, of_b]) in [
            ([3, 6, 7, 9], [2, 3]),
            ([3, 2, 7, 12], [2, 5]),
            ([3, 1, 2, 12], [4, 5]),
            ([1, 9, 1, 8], [3, 0]),
        ] {
            for bounds in [jaccard, cohen_kappa] {
                let found = from_margins([both, only_a, only_b, neither], [of_a, of_b], bounds);
                let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
                // Missing of both (k), of a among rows that b flags (i), of b likewise (j).
                for k in 0..=of_a.min(of_b) {
                    for i in 0..=(of_a - k).min(only_b) {
                        for j in 0..=(of_b - k).min(only_a) {
                            let (rest_a, rest_b) = (of_a - k - i, of_b - k - j);
                            let Some(left) = neither.checked_sub(k + rest_a + rest_b) else {
                                continue;
                            };
                            let n =
                                [[both, only_a - j, j], [only_b - i, left, rest_b], [i, rest_a, k]];
                            let one = bounds(&n);
                            low = low.min(one.lowest.unwrap());
                            high = high.max(one.highest.unwrap());
                        }
                    }
                }
                assert!((found.lowest.unwrap() - low).abs() < 1e-12, "{found:?} {low}");
                assert!((found.highest.unwrap() - high).abs() < 1e-12, "{found:?} {high}");
            }
        }
        assert_eq!(from_margins([3, 6, 7, 9], [0, 0], jaccard).highest, Some(3.0 / 16.0));
        assert_eq!(
            from_margins([3, 6, 7, 9], [10, 0], jaccard).lowest,
            None,
            "more than rows to take"
        );
    }
}
