//! Three raters of two categories: as many moments as parameters.

use clawsig_stats::Wide;

use super::{LatentClasses, LatentSolution, Rows, em};

/// The parameters that reproduce the eight patterns exactly, if there are such: the maximum of the
/// likelihood. Where a share lies beyond 0 or 1, the maximum is at the end of its range: `None`, or
/// with `beyond` the moments' parameters, with the share cut. With `a` a rater's share of positive answers among positives and `b` among
/// negatives, `d = a - b` and prevalence `p`, the raters' covariances are `p (1 - p) d_j d_k` and
/// their third central moment `p (1 - p) (1 - 2 p) d_1 d_2 d_3` (Lazarsfeld and Henry 1968). `None`
/// where the covariances belong to no such parameters.
pub(super) fn fit(rows: &Rows<'_>, beyond: bool) -> Option<LatentClasses> {
    let total: Wide = rows.iter().map(|(_, count)| Wide::from(*count)).sum();
    let says = |pattern: &[Option<usize>], rater: usize| pattern[rater] == Some(1);
    let mean_of = |of: &dyn Fn(&[Option<usize>]) -> Wide| -> Wide {
        let sum: Wide = rows.iter().map(|(row, count)| of(row) * Wide::from(*count)).sum();
        sum / total
    };
    let one = Wide::from(1.0);
    let means: Vec<Wide> = (0..3)
        .map(|rater| mean_of(&|row| if says(row, rater) { one } else { Wide::ZERO }))
        .collect();
    let gap = |row: &[Option<usize>], rater: usize| {
        if says(row, rater) { one - means[rater] } else { -means[rater] }
    };
    let pair = |j: usize, k: usize| mean_of(&|row| gap(row, j) * gap(row, k));
    let pairs = [pair(1, 2), pair(0, 2), pair(0, 1)];
    let third = mean_of(&|row| gap(row, 0) * gap(row, 1) * gap(row, 2));
    let product = pairs[0] * pairs[1] * pairs[2];
    if product <= Wide::ZERO {
        return None;
    }
    // (1 - 2 p)^2 / (p (1 - p)); the root's sign is the third moment's, once raters are taken to be
    // right more often than wrong.
    let skew = third * third / product;
    let side = (skew / (Wide::from(4.0) + skew)).sqrt();
    let variance = one / (Wide::from(4.0) + skew);
    // d_j^2 = c_jk c_jl / (c_kl p (1 - p)) and d_j d_k has the sign of c_jk: at most one rater is
    // on the other side of the two that agree.
    let mut slopes: Vec<Wide> =
        pairs.iter().map(|own| (product / (*own * *own) / variance).sqrt()).collect();
    for (rater, own) in pairs.iter().enumerate() {
        // The pair without this rater agrees and both its own pairs disagree.
        if *own > Wide::ZERO && pairs.iter().filter(|other| **other < Wide::ZERO).count() == 2 {
            slopes[rater] = -slopes[rater];
        }
    }
    let sign = slopes.iter().filter(|slope| **slope < Wide::ZERO).count() % 2 == 1;
    let skewed = if sign { -third } else { third };
    let half = Wide::from(0.5);
    let prevalence = if skewed > Wide::ZERO { half - half * side } else { half + half * side };
    let positive: Vec<Wide> =
        means.iter().zip(&slopes).map(|(m, d)| *m + (one - prevalence) * *d).collect();
    let negative: Vec<Wide> =
        means.iter().zip(&slopes).map(|(m, d)| *m - prevalence * *d).collect();
    let inside = |share: &Wide| (0.0..=1.0).contains(&share.value());
    if !(beyond || positive.iter().chain(&negative).all(inside)) {
        return None;
    }
    let split = |share: Wide| {
        let share = share.value().clamp(0.0, 1.0);
        vec![1.0 - share, share]
    };
    let mut model = LatentClasses {
        prevalence: split(prevalence),
        confusion: positive
            .iter()
            .zip(&negative)
            .map(|(a, b)| vec![split(*b), split(*a)])
            .collect(),
        log_likelihood: 0.0,
        iterations: 0,
        converged: true,
        degrees_of_freedom: 0,
        solution: LatentSolution::ClosedForm,
        fit_p_value: None,
        doubts: Vec::new(),
    };
    model.log_likelihood = em::log_likelihood(rows, &model.prevalence, &model.confusion);
    Some(model)
}
