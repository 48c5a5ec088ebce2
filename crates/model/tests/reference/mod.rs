//! Small random problems whose optimum is found another way: dense Newton steps on the joint
//! problem, its columns centred, with an L1 part by descent over all coordinates; then proven to
//! 1e-12 by evaluating the objective and Fenchel's dual of it as the textbook has them.

use clawsig_model::solver::{Coefficients, Compact, Problem, Solver, Stop};
use clawsig_schema::matrix::Csr;

/// The share of the objective to which the reference is proven, and that rounding may add.
const PROVEN: f64 = 1e-12;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, p: f64) -> bool {
        self.uniform(0.0, 1.0) < p
    }
}

/// A problem as dense numbers.
#[derive(Debug)]
struct Case {
    x: Vec<Vec<f64>>,
    y: Vec<u32>,
    classes: usize,
    weights: Vec<f64>,
    l1: f64,
    l2: f64,
    intercept: bool,
    compact: bool,
}

/// What became of a number of problems.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Problems whose optimum was proven, and so compared.
    pub(crate) problems: u64,
    /// Problems drawn.
    pub(crate) drawn: u64,
    /// Solutions compared.
    pub(crate) solutions: u64,
    /// Solutions that did not converge in 1,000 iterations to 1e-6.
    pub(crate) unconverged: Vec<String>,
    /// What contradicts a report.
    pub(crate) violations: Vec<String>,
}

fn draw(seed: u64) -> Case {
    let mut random = Random(seed);
    let r = &mut random;
    let (rows, cols, classes) = (4 + r.below(37), 1 + r.below(5), 2 + r.below(3));
    let compact = r.chance(0.3);
    let columns: Vec<(f64, f64, f64, bool)> = (0..cols)
        .map(|_| {
            let spread = 10_f64.powf(r.uniform(-2.0, 2.0));
            let top = if compact { 2.0 } else { 5.0 };
            let mean = if r.chance(0.5) { spread * 10_f64.powf(r.uniform(0.0, top)) } else { 0.0 };
            (mean, spread, if r.chance(0.4) { r.uniform(0.1, 0.9) } else { 1.0 }, r.chance(0.08))
        })
        .collect();
    let rare = r.chance(0.3);
    let mut y: Vec<u32> = (0..rows)
        .map(|_| if rare && r.chance(0.9) { 0 } else { r.below(classes) as u32 })
        .collect();
    (0..classes).for_each(|class| y[class] = class as u32);
    let signal = r.uniform(0.0, 3.0);
    let mut value = |label: u32, (mean, spread, filled, constant): (f64, f64, f64, bool)| {
        let noise = r.uniform(-1.0, 1.0) + r.uniform(-1.0, 1.0) + signal * f64::from(label);
        let value = if constant { mean + spread } else { mean + spread * noise };
        let kept = if r.chance(filled) { value } else { 0.0 };
        if compact { f64::from(kept as f32) } else { kept }
    };
    let x = y.iter().map(|&y| columns.iter().map(|&column| value(y, column)).collect()).collect();
    let weights = match r.below(3) {
        0 => vec![1.0; rows],
        1 => {
            let count = |label: u32| y.iter().filter(|&&y| y == label).count();
            y.iter().map(|&y| rows as f64 / (classes * count(y)) as f64).collect()
        }
        _ => (0..rows)
            .map(|row| if row >= classes && r.chance(0.1) { 0.0 } else { r.uniform(0.1, 9.0) })
            .collect(),
    };
    let penalty = 10_f64.powf(r.uniform(-8.0, 8.0));
    let ratio = [0.0, 0.0, 0.0, 1.0, 0.5, 0.1][r.below(6)];
    let intercept = r.chance(0.9);
    let (l1, l2) = (ratio * penalty, (1.0 - ratio) * penalty);
    Case { x, y, classes, weights, l1, l2, intercept, compact }
}

/// `a * b + sum` and what its rounding left over (Dekker 1971, Knuth 1969).
fn accumulate(sum: &mut f64, rest: &mut f64, a: f64, b: f64) {
    let product = a * b;
    *rest += a.mul_add(b, -product);
    let next = *sum + product;
    let part = next - *sum;
    *rest += (*sum - (next - part)) + (product - part);
    *sum = next;
}

impl Case {
    fn outputs(&self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    fn cols(&self) -> usize {
        self.x[0].len()
    }

    /// Class scores from outputs.
    fn spread(&self, outputs: &[f64]) -> Vec<f64> {
        if self.classes == 2 { vec![0.0, outputs[0]] } else { outputs.to_vec() }
    }

    /// Loss of one row and its probabilities.
    fn row(&self, row: usize, scores: &[f64]) -> (f64, Vec<f64>) {
        let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let parts: Vec<f64> = scores.iter().map(|s| (s - top).exp()).collect();
        let sum: f64 = parts.iter().sum();
        let own = self.y[row] as usize;
        let others: f64 = (0..parts.len()).filter(|&k| k != own).map(|k| parts[k]).sum();
        // The logarithm of 1 + others / own keeps its digits where the row is nearly certain.
        let loss = if others < parts[own] {
            (others / parts[own]).ln_1p()
        } else {
            sum.ln() + top - scores[own]
        };
        (loss, parts.iter().map(|p| p / sum).collect())
    }

    fn penalty(&self, w: &[f64]) -> f64 {
        w.iter().map(|w| self.l1 * w.abs() + 0.5 * self.l2 * w * w).sum()
    }

    /// The objective at a solver's coefficients, scores summed in twice the precision.
    fn objective(&self, at: &Coefficients) -> f64 {
        let mut loss = 0.0;
        for row in 0..self.x.len() {
            let outputs: Vec<f64> = (0..self.outputs())
                .map(|o| {
                    let (mut sum, mut rest) = (at.intercepts[o], 0.0);
                    for (column, value) in self.x[row].iter().enumerate() {
                        accumulate(&mut sum, &mut rest, *value, at.column(column)[o]);
                    }
                    sum + rest
                })
                .collect();
            loss += self.weights[row] * self.row(row, &self.spread(&outputs)).0;
        }
        loss + self.penalty(&at.weights)
    }
}

/// The joint problem in centred columns, the intercept a last column of ones.
struct Dense<'a> {
    case: &'a Case,
    x: Vec<Vec<f64>>,
    /// Columns times outputs, column by column.
    v: Vec<f64>,
}

struct Derivatives {
    objective: f64,
    gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
    p: Vec<Vec<f64>>,
}

impl<'a> Dense<'a> {
    fn new(case: &'a Case) -> Dense<'a> {
        let mut x = case.x.clone();
        if case.intercept {
            for column in 0..case.cols() {
                let mean = x.iter().map(|row| row[column]).sum::<f64>() / x.len() as f64;
                // Any shift near the mean does; one of few digits leaves differences that are
                // exact, so that the optimum is that of the case itself.
                let shift = f64::from(mean as f32);
                x.iter_mut().for_each(|row| row[column] -= shift);
            }
            x.iter_mut().for_each(|row| row.push(1.0));
        }
        let size = x[0].len() * case.outputs();
        Dense { case, x, v: vec![0.0; size] }
    }

    fn penalised(&self) -> usize {
        self.case.cols() * self.case.outputs()
    }

    /// Whether a coordinate may move: of the intercepts of several classes all but the last.
    fn free(&self, at: usize) -> bool {
        self.case.outputs() == 1 || at + 1 < self.v.len() || !self.case.intercept
    }

    fn scores(&self, row: usize, v: &[f64]) -> Vec<f64> {
        let o = self.case.outputs();
        let output = |n: usize| self.x[row].iter().enumerate().map(|(c, x)| x * v[c * o + n]).sum();
        self.case.spread(&(0..o).map(output).collect::<Vec<f64>>())
    }

    fn value(&self, v: &[f64]) -> f64 {
        let loss = |row| self.case.weights[row] * self.case.row(row, &self.scores(row, v)).0;
        (0..self.x.len()).map(loss).sum::<f64>() + self.case.penalty(&v[..self.penalised()])
    }

    /// Objective, and the derivatives of its smooth part.
    fn derivatives(&self) -> Derivatives {
        let (case, o, size) = (self.case, self.case.outputs(), self.v.len());
        let first = case.classes - o;
        let mut gradient = vec![0.0; size];
        let mut hessian = vec![vec![0.0; size]; size];
        let mut p = Vec::new();
        for row in 0..self.x.len() {
            let (_, probabilities) = case.row(row, &self.scores(row, &self.v));
            let (x, weight) = (&self.x[row], case.weights[row]);
            for (c, x_c) in x.iter().enumerate() {
                for n in 0..o {
                    let hit = f64::from(u8::from(case.y[row] as usize == n + first));
                    gradient[c * o + n] += weight * x_c * (probabilities[n + first] - hit);
                    for (d, x_d) in x.iter().enumerate() {
                        for m in 0..o {
                            let (p, q) = (probabilities[n + first], probabilities[m + first]);
                            let own = if n == m { p * (1.0 - p) } else { -p * q };
                            hessian[c * o + n][d * o + m] += weight * own * x_c * x_d;
                        }
                    }
                }
            }
            p.push(probabilities);
        }
        for at in 0..self.penalised() {
            gradient[at] += case.l2 * self.v[at];
            hessian[at][at] += case.l2;
        }
        Derivatives { objective: self.value(&self.v), gradient, hessian, p }
    }

    /// A step to the optimum of the quadratic model, by descent over all coordinates.
    fn descent(&self, at: &Derivatives) -> Vec<f64> {
        let size = self.v.len();
        let mut d = vec![0.0; size];
        let mut slope = at.gradient.clone();
        for _ in 0..3_000 {
            let mut largest = 0.0_f64;
            for n in (0..size).filter(|&n| self.free(n) && at.hessian[n][n] > 0.0) {
                let h = at.hessian[n][n];
                let l1 = if n < self.penalised() { self.case.l1 } else { 0.0 };
                let to = self.v[n] + d[n] - slope[n] / h;
                let to = to.signum() * (to.abs() - l1 / h).max(0.0);
                let change = to - self.v[n] - d[n];
                d[n] += change;
                (0..size).for_each(|m| slope[m] += at.hessian[m][n] * change);
                largest = largest.max(h * change * change);
            }
            if largest <= 1e-26 * at.objective {
                break;
            }
        }
        d
    }

    /// A Newton step in the coordinates that are not 0, their signs kept.
    fn newton(&self, at: &Derivatives) -> Vec<f64> {
        let penalised = self.penalised();
        let l1 = self.case.l1;
        let moves = |&n: &usize| self.free(n) && (n >= penalised || l1 == 0.0 || self.v[n] != 0.0);
        let set: Vec<usize> = (0..self.v.len()).filter(moves).collect();
        let mut a: Vec<Vec<f64>> = set
            .iter()
            .map(|&n| {
                let sign = if n < penalised && l1 > 0.0 { l1 * self.v[n].signum() } else { 0.0 };
                let mut row: Vec<f64> = set.iter().map(|&m| at.hessian[n][m]).collect();
                row.push(-(at.gradient[n] + sign));
                row
            })
            .collect();
        // Gaussian elimination with pivots from the diagonal of a symmetric matrix, scaled.
        let k = set.len();
        for n in 0..k {
            let pivot =
                (n..k).max_by(|&i, &j| a[i][n].abs().total_cmp(&a[j][n].abs())).unwrap_or(n);
            a.swap(n, pivot);
            if a[n][n] == 0.0 {
                return vec![0.0; self.v.len()];
            }
            for i in n + 1..k {
                let factor = a[i][n] / a[n][n];
                let pivot = a[n].clone();
                let rest = a[i].iter_mut().zip(&pivot).skip(n).take(k + 1 - n);
                rest.for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
        let mut d = vec![0.0; self.v.len()];
        for n in (0..k).rev() {
            let rest: f64 = (n + 1..k).map(|m| a[n][m] * d[set[m]]).sum();
            d[set[n]] = (a[n][k] - rest) / a[n][n];
        }
        d
    }

    /// The objective less Fenchel's dual, at probabilities whose class masses are the labels'.
    fn gap(&self, at: &Derivatives) -> f64 {
        let Case { classes, l1, l2, .. } = *self.case;
        let o = self.case.outputs();
        let (case, first) = (self.case, classes - o);
        let mut q = at.p.clone();
        if case.intercept {
            // Mixed with one distribution for all rows, as far as the masses ask for.
            let total: f64 = case.weights.iter().sum();
            let mass = |of: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
                let sum = |k| (0..q.len()).map(|row| case.weights[row] * of(row, k)).sum();
                (0..classes).map(sum).collect()
            };
            let found = mass(&|row, k| at.p[row][k]);
            let right = mass(&|row, k| f64::from(u8::from(case.y[row] as usize == k)));
            let short = (0..classes).map(|k| 1.0 - right[k] / found[k]).fold(0.0, f64::max);
            let mix = (2.0 * short).min(1.0);
            if mix > 0.0 {
                for row in &mut q {
                    for k in 0..classes {
                        let u = (right[k] - (1.0 - mix) * found[k]) / (mix * total);
                        row[k] = (1.0 - mix) * row[k] + mix * u;
                    }
                }
            }
        }
        let pull = |q: &[Vec<f64>]| -> Vec<f64> {
            let mut u = vec![0.0; self.penalised()];
            for (row, q) in q.iter().enumerate() {
                for (c, x) in self.x[row][..case.cols()].iter().enumerate() {
                    for n in 0..o {
                        let hit = f64::from(u8::from(case.y[row] as usize == n + first));
                        u[c * o + n] -= case.weights[row] * x * (q[n + first] - hit);
                    }
                }
            }
            u
        };
        let dual = |t: f64| -> f64 {
            let mut q = q.clone();
            for (row, q) in q.iter_mut().enumerate() {
                for (k, q) in q.iter_mut().enumerate() {
                    *q = t * *q + (1.0 - t) * f64::from(u8::from(case.y[row] as usize == k));
                }
            }
            let entropy =
                |q: &[f64]| q.iter().filter(|q| **q > 0.0).map(|q| -q * q.ln()).sum::<f64>();
            let entropies: f64 = q.iter().zip(&case.weights).map(|(q, c)| c * entropy(q)).sum();
            let conjugate = |u: f64| {
                let over = (u.abs() - l1).max(0.0);
                if over == 0.0 { 0.0 } else { over * over / (2.0 * l2) }
            };
            entropies - pull(&q).into_iter().map(conjugate).sum::<f64>()
        };
        let largest = pull(&q).into_iter().fold(0.0, |top: f64, u| top.max(u.abs()));
        let t = if l1 > 0.0 { (l1 * (1.0 - 1e-15) / largest).min(1.0) } else { 1.0 };
        at.objective - dual(t).max(if l2 > 0.0 { dual(1.0) } else { f64::NEG_INFINITY })
    }

    /// The optimum, if it is proven.
    fn optimum(mut self) -> Option<f64> {
        for round in 0..400 {
            let at = self.derivatives();
            if self.gap(&at) <= PROVEN * at.objective {
                return Some(at.objective);
            }
            let d = if self.case.l1 > 0.0 && round % 4 != 3 {
                self.descent(&at)
            } else {
                self.newton(&at)
            };
            let mut t = 1.0;
            for _ in 0..50 {
                let mut v: Vec<f64> = self.v.iter().zip(&d).map(|(v, d)| v + t * d).collect();
                if self.case.l1 > 0.0 && round % 4 == 3 {
                    // A weight that would change its sign stops at 0.
                    let penalised = v.iter_mut().zip(&self.v).take(self.penalised());
                    penalised
                        .filter(|(new, old)| **new * **old < 0.0)
                        .for_each(|(new, _)| *new = 0.0);
                }
                if self.value(&v) <= at.objective * (1.0 + 1e-15) {
                    self.v = v;
                    break;
                }
                t *= 0.5;
            }
        }
        None
    }
}

/// Draws problems from `seed` on until `wanted` are compared.
pub(crate) fn compare(seed: u64, wanted: u64) -> Tally {
    let mut tally = Tally::default();
    while tally.problems < wanted {
        let case = draw(seed + tally.drawn);
        tally.drawn += 1;
        let Some(optimum) = Dense::new(&case).optimum() else { continue };
        tally.problems += 1;
        check(&case, optimum, seed + tally.drawn - 1, &mut tally);
    }
    tally
}

fn check(case: &Case, optimum: f64, seed: u64, tally: &mut Tally) {
    let columns: Vec<u32> = (0..case.cols() as u32).collect();
    let rows = case.x.iter().map(|row| (&columns[..], &row[..]));
    let mut fail = |what: String| tally.violations.push(format!("seed {seed}: {what}"));
    let Ok(x) = Csr::from_rows(columns.len(), rows) else { return fail("no matrix".to_owned()) };
    let Ok(compact) = Compact::of(&x) else { return fail("no compact matrix".to_owned()) };
    let problem = if case.compact {
        Problem::new(&compact, &case.y, case.classes, case.l2)
    } else {
        Problem::new(&x, &case.y, case.classes, case.l2)
    };
    let problem = problem
        .and_then(|problem| problem.with_l1(case.l1))
        .and_then(|problem| problem.with_weights(case.weights.clone()));
    let Ok(mut problem) = problem else { return fail("no problem".to_owned()) };
    if !case.intercept {
        problem = problem.without_intercept();
    }
    let mut random = Random(seed ^ 0xA5A5);
    let mut start: Option<Coefficients> = None;
    for &solver in Solver::ALL.iter().filter(|&&solver| solver != Solver::Linfa) {
        if case.l1 > 0.0 && !matches!(solver, Solver::Auto | Solver::ProximalNewton) {
            continue;
        }
        let full = Stop { tolerance: 1e-6, max_iterations: 1_000 };
        let early = Stop { tolerance: 1e-9, max_iterations: 1 + random.below(3) };
        let rough = Stop { tolerance: 10_f64.powf(random.uniform(-8.0, -0.5)), ..full };
        for (stop, warm) in [(full, false), (early, false), (early, true), (rough, true)] {
            let from = start.as_ref().filter(|_| warm);
            let found = match problem.solve(solver, from, stop, &|_, _| {}) {
                Ok(found) => found,
                Err(error) => {
                    tally.violations.push(format!("seed {seed}: {solver}: {error}"));
                    continue;
                }
            };
            let report = &found.report;
            let objective = case.objective(&found.coefficients);
            let above = objective - optimum;
            let slack = 3.0 * PROVEN * objective;
            let fail = |what: &str| {
                format!(
                    "seed {seed}: {solver}: {what}: {objective:e} is {above:e} above {optimum:e}, \
                     {report:?}"
                )
            };
            tally.solutions += 1;
            if above > report.relative_gap * objective + slack {
                tally.violations.push(fail("the gap is no bound"));
            }
            if above < -slack {
                tally.violations.push(fail("below the optimum"));
            }
            if (objective - report.objective).abs() > 1e-10 * objective {
                tally.violations.push(fail("another objective"));
            }
            if report.converged != (report.relative_gap <= stop.tolerance) {
                tally.violations.push(fail("converged contradicts the gap"));
            }
            if stop == full && !report.converged {
                tally.unconverged.push(fail("not converged"));
            }
            if !warm {
                let scale = 10_f64.powf(random.uniform(-1.0, 1.0));
                let mut next = found.coefficients;
                next.weights.iter_mut().for_each(|w| *w *= scale);
                start = Some(next);
            }
        }
    }
}
