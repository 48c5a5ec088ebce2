//! Expectation and maximisation, with steps that look ahead.

use clawsig_stats::{below, generator};

use super::{Doubt, LatentClasses, LatentParams, LatentSolution, Rows};

/// Prevalence, then the raters' confusion, row by row.
#[derive(Clone, Debug)]
struct Theta {
    raters: usize,
    q: usize,
    values: Vec<f64>,
}

impl Theta {
    fn hidden(&self) -> &[f64] {
        &self.values[..self.q]
    }

    fn place(&self, rater: usize, hidden: usize) -> usize {
        self.q + (rater * self.q + hidden) * self.q
    }

    /// Every distribution in it, each of `q` shares.
    fn distributions(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.values.chunks_mut(self.q)
    }

    fn confusion(&self) -> Vec<Vec<Vec<f64>>> {
        let row = |rater, hidden| {
            let place = self.place(rater, hidden);
            self.values[place..place + self.q].to_vec()
        };
        (0..self.raters).map(|r| (0..self.q).map(|hidden| row(r, hidden)).collect()).collect()
    }

    fn apart(&self, other: &Theta) -> f64 {
        self.values.iter().zip(&other.values).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
    }

    /// The hidden categories renamed: `order[new]` is the old one.
    fn renamed(&self, order: &[usize]) -> Theta {
        let mut out = self.clone();
        for (new, &old) in order.iter().enumerate() {
            out.values[new] = self.values[old];
            for rater in 0..self.raters {
                let (to, from) = (self.place(rater, new), self.place(rater, old));
                out.values[to..to + self.q].copy_from_slice(&self.values[from..from + self.q]);
            }
        }
        out
    }

    /// The hidden categories named so that raters are right most often, weighed by prevalence:
    /// exchanges of two names until none helps.
    fn named(mut self) -> Theta {
        loop {
            let right = |theta: &Theta| -> f64 {
                let hits = |hidden: usize| -> f64 {
                    (0..theta.raters).map(|r| theta.values[theta.place(r, hidden) + hidden]).sum()
                };
                (0..theta.q).map(|hidden| theta.values[hidden] * hits(hidden)).sum()
            };
            let now = right(&self);
            let swapped = (0..self.q).flat_map(|a| (0..a).map(move |b| (a, b))).map(|(a, b)| {
                let mut order: Vec<usize> = (0..self.q).collect();
                order.swap(a, b);
                self.renamed(&order)
            });
            let better = swapped.max_by(|x, y| right(x).total_cmp(&right(y)));
            match better.filter(|better| right(better) > now + 1e-12) {
                Some(better) => self = better,
                None => return self,
            }
        }
    }
}

/// Each row's logarithm of its likelihood with its distribution over hidden categories.
fn posterior(row: &[Option<usize>], theta: &Theta, logs: &[f64], out: &mut [f64]) -> f64 {
    for (hidden, slot) in out.iter_mut().enumerate() {
        // A sum of logarithms: the product of thousands of probabilities is too small for a number.
        *slot = logs[hidden];
        for (rater, rating) in row.iter().enumerate() {
            if let Some(category) = rating {
                *slot += logs[theta.place(rater, hidden) + category];
            }
        }
    }
    let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return most;
    }
    let sum: f64 = out.iter().map(|log| (log - most).exp()).sum();
    for slot in out.iter_mut() {
        *slot = (*slot - most).exp() / sum;
    }
    most + sum.ln()
}

fn logs(theta: &Theta) -> Vec<f64> {
    theta.values.iter().map(|share| share.ln()).collect()
}

/// One row's distribution over hidden categories.
pub(super) fn posterior_of(
    row: &[Option<usize>],
    prevalence: &[f64],
    confusion: &[Vec<Vec<f64>>],
) -> Option<Vec<f64>> {
    let q = prevalence.len();
    if row.len() != confusion.len() || row.iter().flatten().any(|&category| category >= q) {
        return None;
    }
    let mut values = prevalence.to_vec();
    values.extend(confusion.iter().flatten().flatten());
    let theta = Theta { raters: confusion.len(), q, values };
    let mut shares = vec![0.0; q];
    posterior(row, &theta, &logs(&theta), &mut shares).is_finite().then_some(shares)
}

/// The log-likelihood of the rows.
pub(super) fn log_likelihood(
    rows: &Rows<'_>,
    prevalence: &[f64],
    confusion: &[Vec<Vec<f64>>],
) -> f64 {
    let q = prevalence.len();
    let mut values = prevalence.to_vec();
    values.extend(confusion.iter().flatten().flatten());
    likelihood(rows, &Theta { raters: confusion.len(), q, values })
}

fn likelihood(rows: &Rows<'_>, theta: &Theta) -> f64 {
    let (logs, mut shares) = (logs(theta), vec![0.0; theta.q]);
    rows.iter().map(|(row, count)| count * posterior(row, theta, &logs, &mut shares)).sum()
}

/// The parameters from each row's distribution over hidden categories.
fn maximised(
    rows: &Rows<'_>,
    raters: usize,
    q: usize,
    mut belief: impl FnMut(usize, &mut [f64]),
) -> Theta {
    let mut theta = Theta { raters, q, values: vec![0.0; q + raters * q * q] };
    let mut shares = vec![0.0; q];
    for (number, (row, count)) in rows.iter().enumerate() {
        belief(number, &mut shares);
        for (hidden, share) in shares.iter().enumerate() {
            theta.values[hidden] += count * share;
            for (rater, rating) in row.iter().enumerate() {
                if let Some(category) = rating {
                    let place = theta.place(rater, hidden) + category;
                    theta.values[place] += count * share;
                }
            }
        }
    }
    for distribution in theta.distributions() {
        normalise(distribution);
    }
    theta
}

/// Shares that add up to 1. A hidden category that nobody is in says nothing about the rater.
fn normalise(distribution: &mut [f64]) {
    let sum: f64 = distribution.iter().sum();
    let equal = 1.0 / distribution.len() as f64;
    for share in distribution {
        *share = if sum > 0.0 { (*share / sum).min(1.0) } else { equal };
    }
}

/// One step of EM, and the likelihood before it.
fn step(rows: &Rows<'_>, theta: &Theta) -> (Theta, f64) {
    let logs = logs(theta);
    let mut sum = 0.0;
    let next = maximised(rows, theta.raters, theta.q, |number, shares| {
        let (row, count) = rows[number];
        let log = posterior(row, theta, &logs, shares);
        if log == f64::NEG_INFINITY {
            shares.copy_from_slice(theta.hidden());
        }
        sum += count * log;
    });
    (next, sum)
}

struct ClimbResult {
    theta: Theta,
    likelihood: f64,
    iterations: u32,
    converged: bool,
}

/// EM with squared extrapolation (Varadhan and Roland 2008, SQUAREM, scheme 3): two steps show
/// where the parameters are heading. It stops where the distance still to go, by the rate at which
/// the steps shrink, is below the tolerance.
fn climb(rows: &Rows<'_>, start: Theta, params: &LatentParams) -> ClimbResult {
    let mut theta = start;
    let mut iterations = 0;
    while iterations < params.max_iterations {
        let (first, _) = step(rows, &theta);
        let (second, before) = step(rows, &first);
        iterations += 2;
        let (one, two) = (theta.apart(&first), first.apart(&second));
        let rate = if one > 0.0 { (two / one).min(1.0 - 1e-12) } else { 0.0 };
        if two / (1.0 - rate) < params.tolerance {
            let likelihood = likelihood(rows, &second);
            return ClimbResult { theta: second, likelihood, iterations, converged: true };
        }
        let norm = |of: &dyn Fn(usize) -> f64| -> f64 {
            (0..theta.values.len()).map(|place| of(place).powi(2)).sum::<f64>().sqrt()
        };
        let r = |place: usize| first.values[place] - theta.values[place];
        let v = |place: usize| second.values[place] - first.values[place] - r(place);
        let bend = norm(&v);
        let ahead = if bend > 0.0 { (norm(&r) / bend).clamp(1.0, 1e6) } else { 1.0 };
        let mut leap = theta.clone();
        for (place, value) in leap.values.iter_mut().enumerate() {
            *value = (*value + 2.0 * ahead * r(place) + ahead * ahead * v(place)).max(0.0);
        }
        leap.distributions().for_each(normalise);
        let (landed, reached) = step(rows, &leap);
        iterations += 1;
        // `before` is the likelihood after one step only, so that a leap is kept if it is no worse.
        theta = if reached.is_finite() && reached >= before { landed } else { second };
    }
    let likelihood = likelihood(rows, &theta);
    ClimbResult { theta, likelihood, iterations, converged: false }
}

/// The best of several climbs: from the share of votes as each subject's hidden category, so that
/// hidden categories carry the raters' labels, and from confusions drawn at random.
pub(super) fn fit(
    rows: &Rows<'_>,
    raters: usize,
    q: usize,
    params: &LatentParams,
) -> LatentClasses {
    let votes = maximised(rows, raters, q, |number, shares| {
        shares.fill(0.0);
        let given = rows[number].0.iter().flatten();
        given.for_each(|&category| shares[category] += 1.0);
        normalise(shares);
    });
    let random = (0..params.starts).map(|start| {
        let mut draws = generator(0, u64::from(start));
        let mut theta = votes.clone();
        for value in &mut theta.values {
            *value = 0.5 * *value + below(&mut draws, 1 << 20) as f64 / f64::from(1 << 20);
        }
        theta.distributions().for_each(normalise);
        theta
    });
    let random: Vec<Theta> = random.collect();
    let mut best = climb(rows, votes, params);
    let mut rivals = Vec::new();
    for start in random {
        let found = climb(rows, start, params);
        // Two climbs to one summit differ by rounding.
        let better =
            found.likelihood > best.likelihood + 1e-7 * (1.0 + best.likelihood.abs() * 1e-6);
        let other = if better { std::mem::replace(&mut best, found) } else { found };
        rivals.push(other);
    }
    let theta = best.theta.named();
    let mut doubts = Vec::new();
    if !best.converged {
        doubts.push(Doubt::NotConverged);
    }
    let near = 1e-6 * (1.0 + best.likelihood.abs() * 1e-6);
    let elsewhere = |rival: ClimbResult| {
        rival.converged
            && (best.likelihood - rival.likelihood).abs() < near
            && rival.theta.named().apart(&theta) > 1e-3
    };
    if rivals.into_iter().any(elsewhere) {
        doubts.push(Doubt::NotIdentified);
    }
    LatentClasses {
        prevalence: theta.hidden().to_vec(),
        confusion: theta.confusion(),
        log_likelihood: best.likelihood,
        iterations: best.iterations,
        converged: best.converged,
        degrees_of_freedom: 0,
        solution: LatentSolution::Em,
        fit_p_value: None,
        doubts,
    }
}
