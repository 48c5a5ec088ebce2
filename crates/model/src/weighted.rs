//! Every metric under row weights, so that a bootstrap replicate is the same computation with
//! other weights. What does not depend on the weights is computed once.

use std::collections::BTreeMap;

use clawsig_schema::evaluation::metric;

use crate::{metrics::LOG_FLOOR, scored::Scored};

/// A value, or why there is none.
pub(crate) type Value = Result<f64, &'static str>;

const NO_ROWS: &str = "no rows";
const NO_SUPPORT: &str = "the class has no rows";
const NO_OTHERS: &str = "every row is of the class";
const NOT_PREDICTED: &str = "the class is never predicted";

/// The false-positive rates at which recall is told.
const RATES: [(&str, f64); 4] = [
    (metric::RECALL_AT_FPR_0_1, 0.001),
    (metric::RECALL_AT_FPR_0_5, 0.005),
    (metric::RECALL_AT_FPR_1, 0.01),
    (metric::RECALL_AT_FPR_5, 0.05),
];

fn share(hits: f64, n: f64, why: &'static str) -> Value {
    if n > 0.0 { Ok(hits / n) } else { Err(why) }
}

/// A bin's rows, sum of probabilities, and hits, all weighted.
pub(crate) type Bin = (f64, f64, f64);

/// Ten bins of equal width, 0 in the first and each border in the lower of its two.
pub(crate) fn bin_of(p: f64) -> usize {
    ((p * 10.0).ceil() as usize).clamp(1, 10) - 1
}

/// Adds a row to its bin.
pub(crate) fn add_to_bin(bin: &mut Bin, p: f64, hit: bool, w: f64) {
    bin.0 += w;
    bin.1 += w * p;
    bin.2 += if hit { w } else { 0.0 };
}

/// Expected calibration error: the bins' gaps between mean probability and share of hits,
/// weighted by their rows.
fn ece(bins: &[Bin; 10]) -> Value {
    let n: f64 = bins.iter().map(|bin| bin.0).sum();
    let gap: f64 = bins.iter().map(|bin| (bin.1 - bin.2).abs()).sum();
    share(gap, n, NO_ROWS)
}

/// Rows by falling probability of a class.
pub(crate) struct Ranking {
    /// The row, whether it is of the class, and whether the next row has another probability.
    steps: Vec<(u32, bool, bool)>,
}

impl Ranking {
    /// The ranking of one class.
    pub(crate) fn new(scored: &Scored, class: usize) -> Ranking {
        let order = scored.ranking(class);
        let p = |row: usize| scored.probabilities[row][class];
        let steps = order
            .iter()
            .enumerate()
            .map(|(at, &row)| {
                let last = order.get(at + 1).is_none_or(|&next| p(next) != p(row));
                (row as u32, scored.labels[row] == class, last)
            })
            .collect();
        Ranking { steps }
    }

    /// Calls after each run of equal probabilities, highest first, with the weights of the true
    /// and false positives so far and a row of the run.
    pub(crate) fn walk(&self, w: &[f64], mut visit: impl FnMut(f64, f64, usize)) {
        let (mut tp, mut fp) = (0.0, 0.0);
        for &(row, positive, last) in &self.steps {
            let row = row as usize;
            if positive {
                tp += w[row];
            } else {
                fp += w[row];
            }
            if last {
                visit(tp, fp, row);
            }
        }
    }
}

/// What one class's ranking gives under some weights.
struct Ranked {
    roc_auc: f64,
    average_precision: f64,
    recall_at: [f64; RATES.len()],
}

/// What a metric is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One class.
    Class(usize),
    /// The plain mean over the averaged classes.
    Macro,
    /// Their mean weighted by their rows.
    Weighted,
    /// All rows at once.
    Overall,
}

/// One metric of one scope.
pub(crate) struct MetricLine {
    /// The scope.
    pub(crate) scope: Scope,
    /// The metric's name.
    pub(crate) name: &'static str,
    /// Its value.
    pub(crate) value: Value,
    /// The weight of the rows it rests on.
    pub(crate) n: f64,
    /// The hits, if it is a proportion.
    pub(crate) hits: Option<f64>,
}

/// Predictions with all that does not depend on the rows' weights.
pub(crate) struct Prepared<'s> {
    scored: &'s Scored,
    /// The classes over which means are taken. Weights that leave one of them without rows have no
    /// mean: it would be another statistic.
    averaged: Vec<usize>,
    rankings: Vec<Ranking>,
    /// Of every row and class: the squared error and the bin of its probability.
    squares: Vec<f64>,
    bins: Vec<u8>,
    /// Of every row: the log-loss, the sum of the squared errors, the bin of its highest.
    losses: Vec<f64>,
    square_sums: Vec<f64>,
    top_bins: Vec<u8>,
}

/// The sums over rows that one set of weights gives.
struct Sums {
    counts: Vec<Vec<f64>>,
    squares: Vec<f64>,
    bins: Vec<[Bin; 10]>,
    loss: f64,
    square_sum: f64,
    top_bins: [Bin; 10],
}

impl<'s> Prepared<'s> {
    /// Ranks the rows and computes their own parts of every sum.
    pub(crate) fn new(scored: &'s Scored, averaged: Option<&[usize]>) -> Prepared<'s> {
        let k = scored.classes.len();
        let (mut squares, mut bins) = (Vec::new(), Vec::new());
        let (mut losses, mut square_sums) = (Vec::new(), Vec::new());
        let mut top_bins = Vec::new();
        for row in 0..scored.len() {
            let (p, label) = (&scored.probabilities[row], scored.labels[row]);
            let own = p.iter().enumerate().map(|(c, p)| {
                let hit = if label == c { 1.0 } else { 0.0 };
                (p - hit).powi(2)
            });
            squares.extend(own);
            square_sums.push(squares[row * k..].iter().sum());
            bins.extend(p.iter().map(|&p| bin_of(p) as u8));
            top_bins.push(bin_of(p[scored.predicted[row]]) as u8);
            losses.push(-p[label].clamp(LOG_FLOOR, 1.0 - LOG_FLOOR).ln());
        }
        let rankings = (0..k).map(|class| Ranking::new(scored, class)).collect();
        let support = scored.support();
        let present = || (0..k).filter(|&class| support[class] > 0).collect();
        let averaged = averaged.map_or_else(present, <[usize]>::to_vec);
        Prepared { scored, averaged, rankings, squares, bins, losses, square_sums, top_bins }
    }

    /// The classes over which means are taken.
    pub(crate) fn averaged(&self) -> &[usize] {
        &self.averaged
    }

    fn sums(&self, w: &[f64]) -> Sums {
        let s = self.scored;
        let k = s.classes.len();
        let mut sums = Sums {
            counts: vec![vec![0.0; k]; k],
            squares: vec![0.0; k],
            bins: vec![[(0.0, 0.0, 0.0); 10]; k],
            loss: 0.0,
            square_sum: 0.0,
            top_bins: [(0.0, 0.0, 0.0); 10],
        };
        for (row, &w) in w.iter().enumerate() {
            // More than a third of a replicate's rows are not drawn.
            if w == 0.0 {
                continue;
            }
            let (label, predicted) = (s.labels[row], s.predicted[row]);
            let p = &s.probabilities[row];
            sums.counts[label][predicted] += w;
            for (c, &p) in p.iter().enumerate() {
                sums.squares[c] += w * self.squares[row * k + c];
                let bin = &mut sums.bins[c][usize::from(self.bins[row * k + c])];
                add_to_bin(bin, p, label == c, w);
            }
            sums.loss += w * self.losses[row];
            sums.square_sum += w * self.square_sums[row];
            let bin = &mut sums.top_bins[usize::from(self.top_bins[row])];
            add_to_bin(bin, p[predicted], label == predicted, w);
        }
        sums
    }

    fn ranked(&self, class: usize, w: &[f64], support: f64, negatives: f64) -> Ranked {
        let mut ranked = Ranked { roc_auc: 0.0, average_precision: 0.0, recall_at: [0.0; 4] };
        let (mut area, mut precisions, mut before) = (0.0, 0.0, (0.0, 0.0));
        self.rankings[class].walk(w, |tp, fp, _| {
            area += (fp - before.1) * (tp + before.0) / 2.0;
            // Each term is at most its whole number of rows, so that no sum passes the support.
            if tp > before.0 {
                precisions += (tp - before.0) * (tp / (tp + fp));
            }
            for (recall, (_, limit)) in ranked.recall_at.iter_mut().zip(RATES) {
                // Both sums only grow, so the last step within the limit is the best.
                if fp <= limit * negatives {
                    *recall = tp / support;
                }
            }
            before = (tp, fp);
        });
        ranked.roc_auc = area / (support * negatives);
        ranked.average_precision = precisions / support;
        ranked
    }

    /// Every metric under row weights `w`.
    pub(crate) fn lines(&self, w: &[f64]) -> Vec<MetricLine> {
        let k = self.scored.classes.len();
        let Sums { counts, squares, bins, loss, square_sum, top_bins } = self.sums(w);
        let n: f64 = w.iter().sum();
        let support: Vec<f64> = counts.iter().map(|row| row.iter().sum()).collect();
        let called: Vec<f64> = (0..k).map(|c| counts.iter().map(|row| row[c]).sum()).collect();
        let hits: f64 = (0..k).map(|c| counts[c][c]).sum();
        let mut out: Vec<MetricLine> = Vec::new();
        let mut by_metric: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        for c in 0..k {
            let tp = counts[c][c];
            let negatives = n - support[c];
            let value = Ok(support[c]);
            out.push(MetricLine {
                scope: Scope::Class(c),
                name: metric::SUPPORT,
                value,
                n,
                hits: None,
            });
            let mut push = |name, value: Value, n, hits| {
                by_metric.entry(name).or_default().push(value);
                out.push(MetricLine { scope: Scope::Class(c), name, value, n, hits });
            };
            push(metric::PRECISION, share(tp, called[c], NOT_PREDICTED), called[c], Some(tp));
            push(metric::RECALL, share(tp, support[c], NO_SUPPORT), support[c], Some(tp));
            let fp = called[c] - tp;
            push(metric::FALSE_POSITIVE_RATE, share(fp, negatives, NO_OTHERS), negatives, Some(fp));
            let none = "the class has no rows and is never predicted";
            push(metric::F1, share(2.0 * tp, support[c] + called[c], none), support[c], None);
            push(metric::BRIER, share(squares[c], n, NO_ROWS), n, None);
            push(metric::ECE, ece(&bins[c]), n, None);
            let ranked = if support[c] <= 0.0 {
                Err(NO_SUPPORT)
            } else if negatives <= 0.0 {
                Err(NO_OTHERS)
            } else {
                Ok(self.ranked(c, w, support[c], negatives))
            };
            let of = |pick: fn(&Ranked) -> f64| ranked.as_ref().map(pick).map_err(|why| *why);
            push(metric::ROC_AUC, of(|r| r.roc_auc), n, None);
            // Where every row is of the class, whatever is called is right.
            let precision = if support[c] > 0.0 && negatives <= 0.0 {
                Ok(1.0)
            } else {
                of(|r| r.average_precision)
            };
            push(metric::PR_AUC, precision, n, None);
            for (at, (name, _)) in RATES.into_iter().enumerate() {
                let value = ranked.as_ref().map(|r| r.recall_at[at]).map_err(|why| *why);
                push(name, value, support[c], None);
            }
        }
        self.means(&by_metric, &support, n, &mut out);
        let mut push = |name, value: Value, hits| {
            out.push(MetricLine { scope: Scope::Overall, name, value, n, hits });
        };
        push(metric::ACCURACY, share(hits, n, NO_ROWS), Some(hits));
        let recalls = self.averaged.iter().map(|&c| share(counts[c][c], support[c], NO_SUPPORT));
        push(metric::BALANCED_ACCURACY, mean(recalls.collect()), None);
        let expected: f64 = (0..k).map(|c| support[c] * called[c]).sum::<f64>();
        let kappa = if n <= 0.0 {
            Err(NO_ROWS)
        } else {
            let same = "labels and predictions are one and the same class";
            share(hits * n - expected, n * n - expected, same)
        };
        push(metric::KAPPA, kappa, None);
        let spread = |v: &[f64]| n * n - v.iter().map(|v| v * v).sum::<f64>();
        let one = "labels or predictions have one class only";
        let scale = (spread(&support) * spread(&called)).sqrt();
        // The root rounds, by which a nearly perfect value could pass its range.
        let mcc = share(hits * n - expected, scale, one).map(|mcc| mcc.clamp(-1.0, 1.0));
        push(metric::MCC, mcc, None);
        push(metric::LOG_LOSS, share(loss, n, NO_ROWS), None);
        push(metric::BRIER, share(square_sum, n, NO_ROWS), None);
        push(metric::ECE, ece(&top_bins), None);
        out
    }

    /// The means over the averaged classes, plain and weighted by their rows.
    fn means(
        &self,
        by_metric: &BTreeMap<&'static str, Vec<Value>>,
        support: &[f64],
        n: f64,
        out: &mut Vec<MetricLine>,
    ) {
        for (&name, values) in by_metric {
            let of_averaged = || self.averaged.iter().map(|&c| (values[c], support[c]));
            let all: Result<Vec<f64>, _> = of_averaged()
                .map(|(value, rows)| if rows > 0.0 { value } else { Err(NO_SUPPORT) })
                .collect();
            let weighted: Result<f64, _> = of_averaged()
                .filter(|(_, rows)| *rows > 0.0)
                .map(|(v, rows)| v.map(|v| v * rows))
                .sum();
            out.push(MetricLine { scope: Scope::Macro, name, value: mean(all), n, hits: None });
            let value = weighted.and_then(|sum| share(sum, n, NO_ROWS));
            out.push(MetricLine { scope: Scope::Weighted, name, value, n, hits: None });
        }
    }
}

/// The mean of values that are all defined.
fn mean(values: Result<Vec<f64>, &'static str>) -> Value {
    values.and_then(|values| share(values.iter().sum(), values.len() as f64, NO_ROWS))
}
