//! The joint law of verdict and scanner flags.
//!
//! The published marginals do not say how verdict and flags go together; many tables would fit
//! them. This is one, in whole rows of the snapshot's 67,453. It has exactly: the verdict counts,
//! SkillSpector positive for 19,209 suspicious and 14 malicious rows, VirusTotal positive for 150
//! malicious rows, 465 rows (0.69 %) flagged by all three, 81.9 % of flagged rows by exactly one
//! scanner, and no pair above 10.4 % overlap. It has nearly: SkillSpector positive for 49.0 % and
//! static for 6.54 % of all rows, as on the two published splits. Free choices, between those
//! limits: VirusTotal positive for 7,000 rows, and how the flags spread over clean and suspicious.

use clawsig_schema::{Scanner, Verdict};

use crate::draw::Draw;

/// Rows in the table.
pub(crate) const TOTAL: u32 = 67_453;

/// Rows by verdict (in the order of [`Verdict::ALL`]) and by flags: bit i of the position is the
/// flag of scanner i of [`Scanner::ALL`] (static, VirusTotal, SkillSpector).
const CELLS: [[u32; 8]; 3] = [
    [25_050, 587, 2_090, 187, 12_321, 535, 931, 42],
    [5_112, 375, 478, 330, 14_542, 1_875, 2_372, 420],
    [37, 13, 100, 42, 4, 2, 5, 3],
];

/// What the table fixes for a row: its verdict and which scanners flag it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) verdict: Verdict,
    flags: u8,
}

impl Cell {
    /// A cell whose verdict is found at `position` (below [`TOTAL`]) in the order clean,
    /// suspicious, malicious, and whose flags are drawn. A position beyond the table is the last.
    pub(crate) fn at(position: u32, draw: &mut Draw) -> Cell {
        let mut left = position;
        for (&verdict, cells) in Verdict::ALL.iter().zip(&CELLS) {
            let rows = cells.iter().sum();
            if left < rows {
                let mut left = draw.below(rows);
                let mut flags = 0;
                for (i, &rows) in cells.iter().enumerate() {
                    flags = i as u8;
                    if left < rows {
                        break;
                    }
                    left -= rows;
                }
                return Cell { verdict, flags };
            }
            left -= rows;
        }
        Cell { verdict: Verdict::Malicious, flags: 0 }
    }

    pub(crate) fn flag(self, scanner: Scanner) -> bool {
        self.flags >> scanner.index() & 1 == 1
    }
}

/// Rows that a scanner flags, in the table: what counts of codes and categories are shares of.
pub(crate) fn positives(scanner: Scanner) -> u32 {
    rows_where(|_, flags| flags >> scanner.index() & 1 == 1)
}

fn rows_where(test: impl Fn(Verdict, usize) -> bool) -> u32 {
    let mut rows = 0;
    for (&verdict, cells) in Verdict::ALL.iter().zip(&CELLS) {
        for (flags, &count) in cells.iter().enumerate() {
            if test(verdict, flags) {
                rows += count;
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(a: u32, b: u32) -> u32 {
        rows_where(|_, flags| flags as u32 & (a | b) == (a | b))
    }

    #[test]
    fn the_table_has_the_published_figures() {
        let of = |verdict| rows_where(|v, _| v == verdict);
        assert_eq!(of(Verdict::Clean), 41_743);
        assert_eq!(of(Verdict::Suspicious), 25_504);
        assert_eq!(of(Verdict::Malicious), 206);
        assert_eq!(rows_where(|_, _| true), TOTAL);
        let flagged = |verdict, bit| rows_where(|v, f| v == verdict && f & bit != 0);
        assert_eq!(flagged(Verdict::Suspicious, 4), 19_209);
        assert_eq!(flagged(Verdict::Malicious, 4), 14);
        assert_eq!(flagged(Verdict::Malicious, 2), 150);
        assert_eq!(rows_where(|_, f| f == 7), 465);
        let any = rows_where(|_, f| f != 0);
        let one = rows_where(|_, f| f.count_ones() == 1);
        assert_eq!((f64::from(one) / f64::from(any) * 1000.0).round(), 819.0);
        let share = |scanner| f64::from(positives(scanner)) / f64::from(TOTAL);
        assert!((share(Scanner::SkillSpector) - 0.490).abs() < 0.001);
        assert!((share(Scanner::Static) - 0.0654).abs() < 0.0005);
        let jaccard = |a: u32, b: u32| {
            let union = rows_where(|_, f| f as u32 & (a | b) != 0);
            f64::from(both(a, b)) / f64::from(union)
        };
        let overlaps = [jaccard(1, 2), jaccard(1, 4), jaccard(2, 4)];
        let largest = overlaps.into_iter().fold(0.0, f64::max);
        assert_eq!((largest * 1000.0).round(), 104.0, "{overlaps:?}");
    }
}
