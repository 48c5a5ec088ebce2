//! Label models: what the raters' answers say about a truth that nobody has recorded.
//!
//! Dawid and Skene's model takes raters to err independently given the hidden label. The other model
//! here lets two raters share errors: given the hidden label the two answers have a joint
//! distribution of their own. Neither is truth; both are baselines beside a classifier.

use clawsig_agreement::{
    Ratings,
    latent::{LatentClasses, LatentParams, dawid_skene},
};
use clawsig_stats::{below, distribution::chi_squared_tail, generator};
use serde::Serialize;

use crate::RatingTable;

/// The most labels and pairs of raters for which models are fitted.
const MOST_LABELS: usize = 8;
const MOST_RATERS: usize = 12;
/// Starts besides that of the votes, and steps at most from each.
const STARTS: u64 = 6;
const STEPS: usize = 3_000;

/// One fitted model, or why it was not fitted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelModel {
    /// `independent`, or `shared` with the raters that share errors.
    pub model: String,
    /// The raters that share errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<[String; 2]>,
    /// Why there is no fit, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
    /// The fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
}

/// A fitted label model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The share of each hidden label, in the labels' order.
    pub prevalence: Vec<f64>,
    /// For each rater and hidden label, how often the rater gives that label.
    pub hit_rates: Vec<Vec<f64>>,
    /// The log-likelihood.
    pub log_likelihood: f64,
    /// Free parameters.
    pub parameters: u64,
    /// The Bayesian information criterion; the smaller, the better.
    pub bic: f64,
    /// The p-value of the likelihood-ratio test against the patterns as they are; absent with gaps or
    /// without degrees of freedom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_p_value: Option<f64>,
    /// The p-value of the likelihood-ratio test against raters that err independently.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against_independence: Option<f64>,
    /// What speaks against reading the parameters as they stand.
    pub doubts: Vec<String>,
}

/// All models with what they say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelModels {
    /// The models, independence first.
    pub models: Vec<LabelModel>,
    /// The place of the best model by BIC among those that are identified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<usize>,
    /// What the comparison says, in sentences.
    pub reading: Vec<String>,
}

/// What fills `posteriors.csv`: for each item and fitted model a distribution over labels.
pub(crate) struct Posteriors {
    pub(crate) independent: Option<LatentClasses>,
    pub(crate) shared: Option<Joint>,
}

/// Fits the models. `None` where labels are scores.
pub(crate) fn label_models(table: &RatingTable) -> (LabelModels, Posteriors) {
    let (q, r) = (table.labels.len(), table.raters.len());
    let mut posteriors = Posteriors { independent: None, shared: None };
    let nothing = |why: String| LabelModels { models: Vec::new(), best: None, reading: vec![why] };
    if q > MOST_LABELS || r > MOST_RATERS {
        let why = format!(
            "no label model: they are fitted for at most {MOST_LABELS} labels and {MOST_RATERS} raters"
        );
        return (nothing(why), posteriors);
    }
    let ratings = table.patterns();
    let rows: Vec<Row<'_>> = ratings
        .patterns()
        .filter(|(pattern, count)| *count > 0 && pattern.iter().any(Option::is_some))
        .map(|(pattern, count)| (pattern, count as f64))
        .collect();
    let independent = match LatentParams::default()
        .check()
        .map(|params| dawid_skene(ratings, &params))
    {
        Ok(Ok(model)) => model,
        Ok(Err(why)) => {
            let why = format!(
                "no label model: {why}; two raters never identify one, three of two labels just do"
            );
            return (nothing(why), posteriors);
        }
        Err(e) => return (nothing(e.to_string()), posteriors),
    };
    let mut models = vec![stated(&independent, ratings)];
    let mut joints = vec![None];
    for (a, b) in (0..r).flat_map(|a| (a + 1..r).map(move |b| (a, b))) {
        let (model, joint) = shared(table, &rows, (a, b), independent.log_likelihood);
        models.push(model);
        joints.push(joint);
    }
    let usable = |at: &usize| {
        let fit = models[*at].fit.as_ref()?;
        (!fit.doubts.iter().any(|doubt| doubt == ELSEWHERE)).then_some((*at, fit.bic))
    };
    let best = (0..models.len())
        .filter_map(|at| usable(&at))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(at, _)| at);
    let reading = read(&models, best);
    posteriors.shared = best.and_then(|at| joints.swap_remove(at));
    posteriors.independent = Some(independent);
    (LabelModels { models, best, reading }, posteriors)
}

fn stated(model: &LatentClasses, ratings: &Ratings) -> LabelModel {
    let (q, r) = (ratings.categories() as u64, ratings.raters() as u64);
    let parameters = (q - 1) + r * q * (q - 1);
    let hit = |confusion: &Vec<Vec<f64>>| {
        confusion.iter().enumerate().map(|(label, row)| row[label]).collect()
    };
    LabelModel {
        model: "independent".to_owned(),
        shared: None,
        undefined: None,
        fit: Some(Fit {
            prevalence: model.prevalence.clone(),
            hit_rates: model.confusion.iter().map(hit).collect(),
            log_likelihood: model.log_likelihood,
            parameters,
            bic: bic(model.log_likelihood, parameters, ratings.subjects()),
            fit_p_value: model.fit_p_value,
            against_independence: None,
            doubts: model.doubts.iter().map(|doubt| doubt.reason().to_owned()).collect(),
        }),
    }
}

fn bic(log_likelihood: f64, parameters: u64, subjects: u64) -> f64 {
    parameters as f64 * (subjects as f64).ln() - 2.0 * log_likelihood
}

/// The doubt that other parameters fit as well, as the independent model words it too.
const ELSEWHERE: &str = clawsig_agreement::latent::Doubt::NotIdentified.reason();

fn shared(
    table: &RatingTable,
    rows: &[Row<'_>],
    pair: (usize, usize),
    independent: f64,
) -> (LabelModel, Option<Joint>) {
    let (q, r) = (table.labels.len() as u64, table.raters.len() as u64);
    let name = |rater: usize| table.raters[rater].clone();
    let out = |undefined, fit| LabelModel {
        model: "shared".to_owned(),
        shared: Some([name(pair.0), name(pair.1)]),
        undefined,
        fit,
    };
    let parameters = (q - 1) + (r - 2) * q * (q - 1) + q * (q * q - 1);
    let cells = u32::try_from(r).ok().and_then(|r| q.checked_pow(r)).unwrap_or(u64::MAX) - 1;
    if parameters > cells {
        let why = format!(
            "{parameters} free parameters and {cells} independent counts: the data can't tell a shared \
             error from a shared truth"
        );
        return (out(Some(why), None), None);
    }
    let (joint, log_likelihood, converged, elsewhere) =
        Joint::fit(rows, r as usize, q as usize, pair);
    let mut doubts = Vec::new();
    if !converged {
        doubts.push("the fit had not come to rest".to_owned());
    }
    if elsewhere {
        doubts.push(ELSEWHERE.to_owned());
    }
    let subjects = table.patterns().subjects();
    let complete = rows.iter().all(|(row, _)| row.iter().all(Option::is_some));
    let total: f64 = rows.iter().map(|(_, count)| count).sum();
    let saturated: f64 = rows.iter().map(|(_, count)| count * (count / total).ln()).sum();
    let freedom = (cells - parameters) as f64;
    let fit_p_value = (complete && freedom > 0.0)
        .then(|| chi_squared_tail((2.0 * (saturated - log_likelihood)).max(0.0), freedom))
        .flatten();
    if fit_p_value.is_some_and(|p| p < 0.01) {
        doubts.push("the model does not fit the data".to_owned());
    }
    let extra = (q * (q - 1) * (q - 1)) as f64;
    let gain = (2.0 * (log_likelihood - independent)).max(0.0);
    let fit = Fit {
        prevalence: joint.prevalence.clone(),
        hit_rates: (0..r as usize).map(|rater| joint.hit_rates(rater)).collect(),
        log_likelihood,
        parameters,
        bic: bic(log_likelihood, parameters, subjects),
        fit_p_value,
        against_independence: chi_squared_tail(gain, extra),
        doubts,
    };
    (out(None, Some(fit)), Some(joint))
}

/// The comparison in sentences.
fn read(models: &[LabelModel], best: Option<usize>) -> Vec<String> {
    let name = |model: &LabelModel| match &model.shared {
        Some([a, b]) => format!("errors shared by {a} and {b}"),
        None => "independent errors".to_owned(),
    };
    let unfitted = models.iter().filter(|model| model.fit.is_none()).count();
    let mut told = Vec::new();
    if unfitted > 0 {
        told.push(format!(
            "{unfitted} models with shared errors have more parameters than the data have independent \
             counts: with these raters a shared error can't be told from a shared truth"
        ));
    }
    let Some((at, best)) = best.and_then(|at| Some((at, models[at].fit.as_ref()?))) else {
        told.push(
            "the data can't tell any model's parameters apart from others that fit as well"
                .to_owned(),
        );
        return told;
    };
    // Two models within 2 of each other by BIC are as good as each other (Kass and Raftery 1995).
    let rivals: Vec<String> = models
        .iter()
        .enumerate()
        .filter(|(other, model)| {
            *other != at && model.fit.as_ref().is_some_and(|fit| fit.bic < best.bic + 2.0)
        })
        .map(|(_, model)| name(model))
        .collect();
    told.push(format!("by BIC the data speak for {}", name(&models[at])));
    if !rivals.is_empty() {
        told.push(format!("the data can't tell it from: {}", rivals.join("; ")));
    }
    if !best.doubts.is_empty() {
        told.push(format!("even so: {}", best.doubts.join("; ")));
    }
    told.push(
        "a label model is a baseline: raters that all err alike make it err, and it does not say so".to_owned(),
    );
    told
}

type Row<'r> = (&'r [Option<usize>], f64);

/// A model in which two raters' answers are joint given the hidden label.
#[derive(Clone, Debug)]
pub(crate) struct Joint {
    q: usize,
    pair: (usize, usize),
    prevalence: Vec<f64>,
    /// For each rater outside the pair, hidden label and answer; empty lists for the pair.
    single: Vec<Vec<Vec<f64>>>,
    /// For each hidden label the pair's answers, `a * q + b`.
    both: Vec<Vec<f64>>,
}

impl Joint {
    fn empty(q: usize, raters: usize, pair: (usize, usize)) -> Joint {
        let own = |rater| {
            if rater == pair.0 || rater == pair.1 { Vec::new() } else { vec![vec![0.0; q]; q] }
        };
        Joint {
            q,
            pair,
            prevalence: vec![0.0; q],
            single: (0..raters).map(own).collect(),
            both: vec![vec![0.0; q * q]; q],
        }
    }

    /// The pair's cells that fit what a row says of the two.
    fn cells(&self, row: &[Option<usize>]) -> Vec<usize> {
        let (a, b) = (row[self.pair.0], row[self.pair.1]);
        if a.is_none() && b.is_none() {
            return Vec::new();
        }
        let fits = |cell: &usize| {
            a.is_none_or(|a| cell / self.q == a) && b.is_none_or(|b| cell % self.q == b)
        };
        (0..self.q * self.q).filter(fits).collect()
    }

    /// A row's distribution over hidden labels into `out`, and the logarithm of its likelihood.
    fn weigh(&self, row: &[Option<usize>], cells: &[usize], out: &mut [f64]) -> f64 {
        for (hidden, slot) in out.iter_mut().enumerate() {
            let mut log = self.prevalence[hidden].ln();
            for (rater, rating) in row.iter().enumerate() {
                if let (Some(answer), Some(own)) = (rating, self.single[rater].get(hidden)) {
                    log += own[*answer].ln();
                }
            }
            if !cells.is_empty() {
                log += cells.iter().map(|cell| self.both[hidden][*cell]).sum::<f64>().ln();
            }
            *slot = log;
        }
        let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY {
            out.fill(1.0 / self.q as f64);
            return most;
        }
        let sum: f64 = out.iter().map(|log| (log - most).exp()).sum();
        out.iter_mut().for_each(|slot| *slot = (*slot - most).exp() / sum);
        most + sum.ln()
    }

    /// The probability of each label given one item's ratings.
    pub(crate) fn posterior(&self, row: &[Option<usize>]) -> Option<Vec<f64>> {
        let mut out = vec![0.0; self.q];
        self.weigh(row, &self.cells(row), &mut out).is_finite().then_some(out)
    }

    /// The parameters that rows with given beliefs make likeliest.
    fn maximised(&self, rows: &[Row<'_>], cells: &[Vec<usize>], beliefs: &[Vec<f64>]) -> Joint {
        let mut next = Joint::empty(self.q, self.single.len(), self.pair);
        for (((row, count), cells), belief) in rows.iter().zip(cells).zip(beliefs) {
            for (hidden, belief) in belief.iter().enumerate() {
                let share = count * belief;
                next.prevalence[hidden] += share;
                for (rater, rating) in row.iter().enumerate() {
                    if let (Some(answer), Some(own)) = (rating, next.single[rater].get_mut(hidden))
                    {
                        own[*answer] += share;
                    }
                }
                let whole: f64 = cells.iter().map(|cell| self.both[hidden][*cell]).sum();
                for cell in cells {
                    let part = if whole > 0.0 {
                        self.both[hidden][*cell] / whole
                    } else {
                        1.0 / cells.len() as f64
                    };
                    next.both[hidden][*cell] += share * part;
                }
            }
        }
        next.normalised()
    }

    fn normalised(mut self) -> Joint {
        let all = std::iter::once(&mut self.prevalence)
            .chain(self.single.iter_mut().flatten())
            .chain(&mut self.both);
        for shares in all {
            let sum: f64 = shares.iter().sum();
            let equal = 1.0 / shares.len() as f64;
            shares
                .iter_mut()
                .for_each(|share| *share = if sum > 0.0 { *share / sum } else { equal });
        }
        self
    }

    fn climb(mut self, rows: &[Row<'_>], cells: &[Vec<usize>]) -> (Joint, f64, bool) {
        let mut beliefs = vec![vec![0.0; self.q]; rows.len()];
        let mut before = f64::NEG_INFINITY;
        for _ in 0..STEPS {
            let mut log_likelihood = 0.0;
            for (((row, count), cells), belief) in rows.iter().zip(cells).zip(&mut beliefs) {
                log_likelihood += count * self.weigh(row, cells, belief);
            }
            if (log_likelihood - before).abs() <= 1e-10 * (1.0 + log_likelihood.abs()) {
                return (self, log_likelihood, true);
            }
            before = log_likelihood;
            self = self.maximised(rows, cells, &beliefs);
        }
        (self, before, false)
    }

    /// The best of several climbs; whether it came to rest, and whether another, far away, is as good.
    fn fit(
        rows: &[Row<'_>],
        raters: usize,
        q: usize,
        pair: (usize, usize),
    ) -> (Joint, f64, bool, bool) {
        let flat = Joint::empty(q, raters, pair).normalised();
        let cells: Vec<Vec<usize>> = rows.iter().map(|(row, _)| flat.cells(row)).collect();
        let votes: Vec<Vec<f64>> = rows
            .iter()
            .map(|(row, _)| {
                let mut shares = vec![0.0; q];
                row.iter().flatten().for_each(|answer| shares[*answer] += 1.0);
                let sum: f64 = shares.iter().sum();
                shares.iter().map(|share| share / sum).collect()
            })
            .collect();
        let mut found = vec![flat.maximised(rows, &cells, &votes).climb(rows, &cells)];
        for start in 0..STARTS {
            let mut draws = generator(0, start);
            let mut drawn = || below(&mut draws, 1 << 20) as f64 / f64::from(1 << 20);
            let beliefs: Vec<Vec<f64>> = votes
                .iter()
                .map(|vote| {
                    let mixed: Vec<f64> =
                        vote.iter().map(|share| 0.5 * share + drawn() + 1e-6).collect();
                    let sum: f64 = mixed.iter().sum();
                    mixed.iter().map(|share| share / sum).collect()
                })
                .collect();
            found.push(flat.maximised(rows, &cells, &beliefs).climb(rows, &cells));
        }
        let mut found: Vec<(Joint, f64, bool)> =
            found.into_iter().map(|(joint, log, rest)| (joint.named(), log, rest)).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (best, log, rest) = found.swap_remove(0);
        let near = 1e-5 * (1.0 + log.abs() * 1e-4);
        let elsewhere =
            found.iter().any(|(other, value, _)| log - value < near && best.apart(other) > 0.02);
        (best, log, rest, elsewhere)
    }

    /// How often a rater gives each hidden label's own name.
    fn hit_rates(&self, rater: usize) -> Vec<f64> {
        let q = self.q;
        let own = |hidden: usize| match self.single[rater].get(hidden) {
            Some(own) => own[hidden],
            None if rater == self.pair.0 => (0..q).map(|b| self.both[hidden][hidden * q + b]).sum(),
            None => (0..q).map(|a| self.both[hidden][a * q + hidden]).sum(),
        };
        (0..q).map(own).collect()
    }

    fn renamed(&self, order: &[usize]) -> Joint {
        let moved =
            |rows: &Vec<Vec<f64>>| order.iter().filter_map(|&old| rows.get(old).cloned()).collect();
        Joint {
            prevalence: order.iter().map(|&old| self.prevalence[old]).collect(),
            single: self.single.iter().map(moved).collect(),
            both: moved(&self.both),
            ..self.clone()
        }
    }

    /// The hidden labels named so that raters are right most often: exchanges of two until none helps.
    fn named(mut self) -> Joint {
        let right = |joint: &Joint| -> f64 {
            let hits = |rater| -> f64 {
                joint
                    .hit_rates(rater)
                    .iter()
                    .zip(&joint.prevalence)
                    .map(|(hit, share)| hit * share)
                    .sum()
            };
            (0..joint.single.len()).map(hits).sum()
        };
        loop {
            let now = right(&self);
            let swaps = (0..self.q).flat_map(|a| (0..a).map(move |b| (a, b)));
            let better = swaps
                .map(|(a, b)| {
                    let mut order: Vec<usize> = (0..self.q).collect();
                    order.swap(a, b);
                    self.renamed(&order)
                })
                .find(|other| right(other) > now + 1e-12);
            match better {
                Some(better) => self = better,
                None => return self,
            }
        }
    }

    fn apart(&self, other: &Joint) -> f64 {
        let all = |joint: &Joint| -> Vec<f64> {
            let rest = joint.single.iter().flatten().chain(&joint.both).flatten();
            joint.prevalence.iter().chain(rest).copied().collect()
        };
        all(self).iter().zip(all(other)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabelScale, Layout, RatingFile, Records};

    /// Up to five raters of a hidden class of 30 %; the first two take each other's word half of the time.
    fn table(shared: bool, raters: usize, items: usize) -> RatingTable {
        let mut text = "item,rater,rating\n".to_owned();
        let mut draws = generator(7, 0);
        let mut chance =
            |share: f64| (below(&mut draws, 1 << 20) as f64) < share * f64::from(1 << 20);
        for item in 0..items {
            let truth = chance(0.3);
            let copied = shared && chance(0.5);
            let mut first = truth;
            for rater in 0..raters {
                let mut says = truth == chance([0.85, 0.8, 0.9, 0.75, 0.8][rater]);
                if rater == 0 {
                    first = says;
                } else if rater == 1 && copied {
                    says = first;
                }
                text.push_str(&format!("{item},r{rater},{}\n", u8::from(says)));
            }
        }
        let mut found = Records::default();
        found
            .add(&RatingFile::csv("x", text.as_bytes(), b',').unwrap(), &Layout::default())
            .unwrap();
        RatingTable::new(&found, LabelScale::Nominal, &[]).unwrap()
    }

    #[test]
    fn a_shared_error_is_found_where_there_is_one() {
        let (found, posteriors) = label_models(&table(true, 5, 4_000));
        let best = &found.models[found.best.unwrap()];
        assert_eq!(best.shared, Some(["r0".to_owned(), "r1".to_owned()]));
        let fit = best.fit.as_ref().unwrap();
        assert!((fit.prevalence[0] - 0.3).abs() < 0.04, "{fit:?}");
        assert!(fit.against_independence.unwrap() < 1e-6);
        let sure = posteriors.shared.unwrap().posterior(&[Some(0); 5]).unwrap();
        assert!(sure[0] > 0.9, "{sure:?}");
    }

    #[test]
    fn independent_errors_are_left_alone_and_three_raters_say_that_they_cannot_tell() {
        let (found, _) = label_models(&table(false, 4, 4_000));
        assert_eq!(found.best, Some(0), "{:?}", found.reading);
        let (four, _) = label_models(&table(true, 4, 4_000));
        assert!(four.reading.iter().any(|told| told.contains("can't tell it from")));
        let (three, _) = label_models(&table(true, 3, 1_000));
        assert!(three.models[1].undefined.as_ref().unwrap().contains("can't tell"));
        assert!(three.reading[0].contains("can't be told"));
        let (two, none) = label_models(&table(true, 2, 50));
        assert!(two.models.is_empty() && none.independent.is_none());
    }
}
