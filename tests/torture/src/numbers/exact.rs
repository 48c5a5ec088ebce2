//! Exact arithmetic and what a number has to hold against it.

use clawsig_agreement::{Estimate, Outcome, Weights};
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use crate::rng::CaseRng;

/// A relative error of values beyond this one is a violation.
const TOLERANCE: f64 = 1e-12;

/// How many numbers were held against exact ones, and how many failed, by kind.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) values: u64,
    pub(super) intervals: u64,
    pub(super) broken: Vec<String>,
}

pub(super) fn whole(count: u64) -> BigRational {
    BigRational::from_integer(count.into())
}

/// The number that an `f64` is; 0 for one that is not finite.
pub(super) fn of(value: f64) -> BigRational {
    BigRational::from_float(value).unwrap_or_else(BigRational::zero)
}

impl Tally {
    /// Whether the value is the exact one, or both are undefined.
    pub(super) fn value(
        &mut self,
        name: &str,
        case: &str,
        ours: Outcome,
        exact: Option<&BigRational>,
    ) {
        self.values += 1;
        let holds = match (ours, exact) {
            (Err(_), None) => true,
            (Ok(ours), Some(exact)) => near(ours, exact, TOLERANCE),
            _ => false,
        };
        if !holds {
            self.broken.push(format!("value of {name}, {case}: {ours:?}, exactly {exact:?}"));
        }
    }

    /// As [`Tally::value`] for a number whose square is rational.
    pub(super) fn root(
        &mut self,
        name: &str,
        case: &str,
        ours: Outcome,
        square: Option<&BigRational>,
    ) {
        self.values += 1;
        let holds = match (ours, square) {
            (Err(_), None) => true,
            (Ok(ours), Some(square)) => {
                let own = of(ours) * of(ours);
                let gap = (own - square).abs();
                gap <= of(2.0 * TOLERANCE) * square.abs() || gap <= of(1e-56)
            }
            _ => false,
        };
        if !holds {
            self.broken.push(format!("value of {name}, {case}: {ours:?}, its square {square:?}"));
        }
    }

    /// Whether the value is in its range, and an interval contains it and is in the range too; a
    /// value without one has a reason.
    pub(super) fn interval(&mut self, name: &str, case: &str, found: &Estimate, range: (f64, f64)) {
        let Ok(value) = found.value else { return };
        let inside = |x: f64| x >= range.0 && x <= range.1;
        let mut holds = value.is_finite() && inside(value);
        match found.interval {
            Some(ends) => {
                self.intervals += 1;
                holds &= ends.contains(value) && inside(ends.low) && inside(ends.high);
                holds &= ends.low < ends.high;
            }
            None => holds &= found.no_interval.is_some(),
        }
        holds &= found.p_value.is_none_or(|p| p > 0.0 && p <= 1.0);
        if !holds {
            self.broken.push(format!("interval of {name}, {case}: {found:?} of {range:?}"));
        }
    }
}

fn near(ours: f64, exact: &BigRational, tolerance: f64) -> bool {
    let gap = (of(ours) - exact).abs();
    ours.is_finite() && (gap <= of(tolerance) * exact.abs() || gap <= of(1e-28))
}

/// A count of any size that keeps the sum of `cells` such counts below 2^53.
pub(super) fn count(rng: &mut CaseRng, cells: usize) -> u64 {
    let most = (1_u64 << 53) / cells as u64;
    let few = match rng.below(6) {
        0 => return 0,
        1 | 2 => 4,
        3 => 100,
        4 => 1 << (3 + rng.below(40)),
        _ => most,
    };
    rng.next() % few.min(most)
}

/// Weights of every kind, with one less each of them exactly.
pub(super) fn weights(rng: &mut CaseRng, q: usize) -> (Weights, Vec<BigRational>) {
    let ranks = |distance: &dyn Fn(u64) -> BigRational| {
        let most = distance(q as u64 - 1);
        let apart = |cell: usize| distance((cell / q).abs_diff(cell % q) as u64) / &most;
        (0..q * q).map(apart).collect::<Vec<_>>()
    };
    let own = |weights: Vec<f64>| {
        let exact = weights.iter().map(|weight| whole(1) - of(*weight)).collect();
        Weights::from_matrix(q, &weights).map(|found| (found, exact))
    };
    match rng.below(5) {
        0 => (Weights::linear(q), ranks(&whole)),
        1 => (Weights::quadratic(q), ranks(&|steps| whole(steps * steps))),
        2 => (Weights::ordinal(q), ranks(&|steps| whole(steps * (steps + 1)))),
        kind => {
            let mut values = vec![1.0; q * q];
            for i in 0..q {
                for j in 0..i {
                    let apart = rng.share() * if kind == 3 { 1.0 } else { 1e-9 };
                    values[i * q + j] = 1.0 - apart;
                    values[j * q + i] = 1.0 - apart;
                }
            }
            own(values).unwrap_or_else(|_| identity(q))
        }
    }
}

pub(super) fn identity(q: usize) -> (Weights, Vec<BigRational>) {
    let exact = (0..q * q).map(|cell| whole(u64::from(cell / q != cell % q))).collect();
    (Weights::identity(q), exact)
}

/// `sum_ij v_ij a_i b_j`.
pub(super) fn product(apart: &[BigRational], a: &[BigRational], b: &[BigRational]) -> BigRational {
    let mut sum = BigRational::zero();
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate().filter(|(j, _)| *j != i) {
            sum += &apart[i * b.len() + j] * x * y;
        }
    }
    sum
}

/// Gwet's expected disagreement of these shares.
pub(super) fn gwet(apart: &[BigRational], shares: &[BigRational]) -> BigRational {
    let q = whole(shares.len() as u64);
    let total: BigRational = apart.iter().sum();
    let spread: BigRational = shares.iter().map(|p| p * (whole(1) - p)).sum();
    whole(1) - (&q * &q - total) * spread / (&q * (&q - whole(1)))
}

/// One less the ratio, if there is any expected disagreement.
pub(super) fn coefficient(observed: &BigRational, expected: &BigRational) -> Option<BigRational> {
    expected.is_positive().then(|| whole(1) - observed / expected)
}
