//! The study of a rating table: raters, pairs, all together, combinations, disagreements.

use std::collections::BTreeMap;

use clawsig_agreement::{
    Estimate, Outcome, PairStatistic, Precision, RatingStatistic, Ratings, Table, Undefined,
    homogeneity, proportion,
    resampling::{Resampling, Units, resample, resample_rating_units},
    scores::{Design, Scores, Unit},
    two_raters,
};
use clawsig_schema::estimate;
use clawsig_stats::Test;
use clawsig_study::stated;
use serde::Serialize;

use crate::{
    LabelModels, LabelScale, RatingTable, RatingsError, Retest,
    label_model::{Posteriors, label_models},
    retest::retests,
};

/// The most pairs of raters that are studied one by one.
const MOST_PAIRS: usize = 200;
/// The most raters for which Light's kappa, a mean over pairs, is computed.
const MOST_LIGHT: usize = 12;

/// Everything the study found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Findings {
    /// `nominal`, `ordinal` or `interval`.
    pub scale: &'static str,
    /// Items, and how many like items they stand for.
    pub items: u64,
    /// The sum of the items' weights.
    pub subjects: u64,
    /// Clusters, where there are any: intervals then resample whole clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<u64>,
    /// Ratings that were used.
    pub ratings: u64,
    /// The labels in order; of two the first is the positive one.
    pub labels: Vec<String>,
    /// Each rater's own numbers.
    pub raters: Vec<RaterFindings>,
    /// Each pair of raters.
    pub pairs: Vec<PairFindings>,
    /// Coefficients of all raters together.
    pub coefficients: Vec<Named>,
    /// Tests that all raters give the same shares.
    pub tests: Vec<NamedTest>,
    /// The combinations of ratings, the commonest first.
    pub patterns: Vec<Pattern>,
    /// Items that raters disagree on, the most disputed first.
    pub disagreements: Vec<ItemDisagreement>,
    /// The same raters on the same items again.
    pub retests: Vec<Retest>,
    /// Label models; a baseline, never a truth.
    pub label_models: LabelModels,
    /// What was dropped, merged, left out or looks like a slip.
    pub remarks: Vec<String>,
    #[serde(skip)]
    posteriors: Vec<Vec<Posterior>>,
    #[serde(skip)]
    item_names: Vec<String>,
}

/// One rater.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RaterFindings {
    /// The name.
    pub rater: String,
    /// Subjects rated.
    pub rated: u64,
    /// How often each label was given, and its share.
    pub labels: Vec<LabelShare>,
}

/// One label of one rater.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelShare {
    /// The label.
    pub label: String,
    /// Subjects.
    pub count: u64,
    /// Their share of the subjects that the rater rated.
    pub share: estimate::Estimate,
}

/// One pair of raters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairFindings {
    /// The first rater.
    pub a: String,
    /// The second rater.
    pub b: String,
    /// Subjects that both rated.
    pub n: u64,
    /// The table of the pair, row by row: the first rater's label, then the second's.
    pub table: Vec<Vec<u64>>,
    /// The statistics.
    pub statistics: Vec<Named>,
    /// Tests that both give the same shares.
    pub tests: Vec<NamedTest>,
}

/// A statistic with its name in snake case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    /// The name.
    pub statistic: String,
    /// The value.
    #[serde(flatten)]
    pub estimate: estimate::Estimate,
}

/// A test with its name in snake case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedTest {
    /// The name.
    pub test: String,
    /// The statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// Degrees of freedom, where the test has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freedom: Option<u64>,
    /// The p-value; 1e-300 stands for it and anything below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// One combination of ratings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pattern {
    /// One label a rater, or none.
    pub ratings: Vec<Option<String>>,
    /// Subjects.
    pub count: u64,
    /// Their share of all.
    pub share: f64,
}

/// One item that raters disagree on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemDisagreement {
    /// The item.
    pub item: String,
    /// The mean disagreement of its pairs of ratings, 0 to 1.
    pub disagreement: f64,
    /// One label a rater, or none.
    pub ratings: Vec<Option<String>>,
}

/// Studies a table. `progress` is told what is done of all.
///
/// # Errors
/// None of a table that could be made; a resampling whose units can't be formed.
pub fn study(
    table: &RatingTable,
    resampling: &Resampling,
    progress: &dyn Fn(u64, u64),
) -> Result<Findings, RatingsError> {
    let patterns = table.patterns();
    let units = table.units();
    let mut remarks = table.remarks.clone();
    progress(0, 4);
    let pairs = pairs(table, &units, resampling, &mut remarks);
    progress(1, 4);
    let coefficients = coefficients(table, &units, resampling, &mut remarks);
    progress(2, 4);
    let (label_models, posteriors) = if table.scale == LabelScale::Interval {
        let reading = vec!["no label model: scores are no classes".to_owned()];
        let none = Posteriors { independent: None, shared: None };
        (LabelModels { models: Vec::new(), best: None, reading }, none)
    } else {
        label_models(table)
    };
    progress(3, 4);
    let q = table.labels.len();
    let tests = if q == 2 {
        vec![tested("cochran_q", homogeneity::cochran_q(patterns))]
    } else {
        Vec::new()
    };
    let findings = Findings {
        scale: match table.scale {
            LabelScale::Nominal => "nominal",
            LabelScale::Ordinal => "ordinal",
            LabelScale::Interval => "interval",
        },
        items: table.items.len() as u64,
        subjects: patterns.subjects(),
        clusters: table.clusters.as_ref().map(|_| units.count()),
        ratings: table.ratings.iter().flatten().flatten().count() as u64,
        labels: table.labels.clone(),
        raters: raters(table),
        pairs,
        coefficients,
        tests,
        patterns: combinations(table),
        disagreements: disagreements(table),
        retests: retests(table, resampling),
        posteriors: each_posterior(table, &posteriors),
        item_names: table.items.clone(),
        label_models,
        remarks,
    };
    progress(4, 4);
    Ok(findings)
}

/// A label model's name with one probability a label; `None` where the model can't have produced
/// the item's ratings.
pub type Posterior = (String, Option<Vec<f64>>);

impl Findings {
    /// The label models' probabilities: for each item the model's name and one probability a label,
    /// in the labels' order; `None` where the model can't have produced the item's ratings.
    pub fn posteriors(&self) -> impl Iterator<Item = (&str, &[Posterior])> {
        self.item_names.iter().map(String::as_str).zip(self.posteriors.iter().map(Vec::as_slice))
    }
}

fn each_posterior(table: &RatingTable, found: &Posteriors) -> Vec<Vec<Posterior>> {
    let of = |row: &Vec<Option<usize>>| {
        let mut models = Vec::new();
        if row.iter().all(Option::is_none) {
            return models;
        }
        if let Some(model) = &found.independent {
            models.push(("independent".to_owned(), model.posterior(row)));
        }
        if let Some(model) = &found.shared {
            models.push(("shared".to_owned(), model.posterior(row)));
        }
        models
    };
    table.ratings.iter().map(of).collect()
}

fn raters(table: &RatingTable) -> Vec<RaterFindings> {
    let q = table.labels.len();
    let of = |(rater, name): (usize, &String)| {
        let mut counts = vec![0_u64; q];
        for (row, weight) in table.ratings.iter().zip(&table.weights) {
            if let Some(label) = row[rater] {
                counts[label] = counts[label].saturating_add(*weight);
            }
        }
        let rated = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let labels = counts.iter().zip(&table.labels).map(|(&count, label)| LabelShare {
            label: label.clone(),
            count,
            share: stated(&proportion(count, rated)),
        });
        RaterFindings { rater: name.clone(), rated, labels: labels.collect() }
    };
    table.raters.iter().enumerate().map(of).collect()
}

fn named(statistic: &str, estimate: &Estimate) -> Named {
    Named { statistic: statistic.to_owned(), estimate: stated(estimate) }
}

fn tested(test: &str, found: Result<Test, Undefined>) -> NamedTest {
    let (statistic, freedom, p_value, undefined) = match found {
        Ok(found) => (Some(found.statistic), found.freedom, Some(found.p_value), None),
        Err(why) => (None, None, None, Some(why.reason().to_owned())),
    };
    NamedTest { test: test.to_owned(), statistic, freedom, p_value, undefined }
}

/// A statistic of a pair's table.
enum Measure {
    Plain(PairStatistic),
    /// Cohen's kappa by the scale's weights.
    Weighted,
    /// Gwet's AC2 by the scale's weights.
    Graded,
}

impl Measure {
    /// The measures that make sense of so many labels on that scale.
    fn of(table: &RatingTable) -> Vec<Measure> {
        use PairStatistic as P;
        let mut all = vec![P::ObservedAgreement, P::CohenKappa, P::ScottPi, P::KrippendorffAlpha];
        all.extend([P::BrennanPrediger, P::GwetAc1]);
        if table.labels.len() == 2 {
            all.extend([
                P::PositiveAgreement,
                P::NegativeAgreement,
                P::Jaccard,
                P::Phi,
                P::YuleQ,
                P::OddsRatio,
            ]);
            all.extend([P::MaxKappa, P::PrevalenceIndex, P::BiasIndex]);
        }
        let mut all: Vec<Measure> = all.into_iter().map(Measure::Plain).collect();
        if table.scale != LabelScale::Nominal {
            all.extend([Measure::Weighted, Measure::Graded]);
        }
        all
    }

    fn name(&self) -> &'static str {
        match self {
            Measure::Plain(statistic) => statistic.name(),
            Measure::Weighted => "weighted_kappa",
            Measure::Graded => "gwet_ac2",
        }
    }

    fn range(&self) -> (f64, f64) {
        match self {
            Measure::Plain(statistic) => statistic.range(),
            _ => (f64::NEG_INFINITY, 1.0),
        }
    }

    fn value(&self, table: &RatingTable, counts: &Table) -> Outcome {
        match self {
            Measure::Plain(statistic) => statistic.value(counts),
            Measure::Weighted => two_raters::weighted_kappa(counts, &table.agreement_weights()),
            Measure::Graded => two_raters::gwet_ac2(counts, &table.agreement_weights()),
        }
    }

    fn analytic(&self, table: &RatingTable, counts: &Table) -> Estimate {
        use clawsig_agreement::Chance;
        let by = |chance| {
            two_raters::chance_corrected_estimate(
                counts,
                &table.agreement_weights(),
                chance,
                &Precision::default(),
            )
        };
        match self {
            Measure::Plain(statistic) => statistic.estimate(counts),
            Measure::Weighted => by(Chance::Cohen),
            Measure::Graded => by(Chance::Gwet),
        }
    }
}

fn pairs(
    table: &RatingTable,
    units: &Units,
    resampling: &Resampling,
    remarks: &mut Vec<String>,
) -> Vec<PairFindings> {
    let (patterns, q) = (table.patterns(), table.labels.len());
    let r = table.raters.len();
    let mut all: Vec<(usize, usize)> =
        (0..r).flat_map(|a| (a + 1..r).map(move |b| (a, b))).collect();
    if all.len() > MOST_PAIRS {
        let shared = |pair: &(usize, usize)| patterns.table(pair.0, pair.1).total();
        let mut sized: Vec<(u64, (usize, usize))> =
            all.iter().map(|pair| (shared(pair), *pair)).collect();
        sized.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        remarks.push(format!(
            "of {} pairs of raters the {MOST_PAIRS} with most items in common are studied one by one",
            all.len()
        ));
        all = sized.into_iter().take(MOST_PAIRS).map(|(_, pair)| pair).collect();
    }
    let measures = Measure::of(table);
    let resampled = units.are_clusters().then(|| {
        let ranges: Vec<(f64, f64)> =
            all.iter().flat_map(|_| measures.iter().map(Measure::range)).collect();
        let kinds: Vec<&[Option<usize>]> =
            patterns.patterns().map(|(pattern, _)| pattern).collect();
        resample(units, resampling, &ranges, |counts, out| {
            let tables = tables(&all, q, &kinds, counts);
            let values = tables.iter().flat_map(|one| measures.iter().map(|m| m.value(table, one)));
            for (slot, value) in out.iter_mut().zip(values) {
                *slot = value;
            }
        })
    });
    let of = |(at, &(a, b)): (usize, &(usize, usize))| {
        let counts = patterns.table(a, b);
        let statistics = measures.iter().enumerate().map(|(place, measure)| {
            let estimate = match &resampled {
                Some(found) => found.bca(at * measures.len() + place),
                None => measure.analytic(table, &counts),
            };
            named(measure.name(), &Estimate { n: counts.total(), ..estimate })
        });
        let tests = if q == 2 {
            vec![tested("mcnemar_exact", homogeneity::mcnemar_exact(&counts))]
        } else {
            vec![
                tested("stuart_maxwell", homogeneity::stuart_maxwell(&counts)),
                tested("bowker", homogeneity::bowker(&counts)),
            ]
        };
        PairFindings {
            a: table.raters[a].clone(),
            b: table.raters[b].clone(),
            n: counts.total(),
            table: counts.counts().chunks(q).map(<[u64]>::to_vec).collect(),
            statistics: statistics.collect(),
            tests,
        }
    };
    all.iter().enumerate().map(of).collect()
}

/// The table of each pair from the counts of each pattern.
fn tables(
    pairs: &[(usize, usize)],
    q: usize,
    kinds: &[&[Option<usize>]],
    counts: &[u64],
) -> Vec<Table> {
    let mut cells = vec![vec![0_u64; q * q]; pairs.len()];
    for (pattern, &count) in kinds.iter().zip(counts).filter(|(_, count)| **count > 0) {
        for (cell, &(a, b)) in cells.iter_mut().zip(pairs) {
            if let (Some(x), Some(y)) = (pattern[a], pattern[b]) {
                cell[x * q + y] = cell[x * q + y].saturating_add(count);
            }
        }
    }
    cells.into_iter().filter_map(|cell| Table::from_counts(q, cell).ok()).collect()
}

fn coefficients(
    table: &RatingTable,
    units: &Units,
    resampling: &Resampling,
    remarks: &mut Vec<String>,
) -> Vec<Named> {
    let weights = table.agreement_weights();
    let graded = table.scale != LabelScale::Nominal;
    let mut all = vec![
        ("percent_agreement", RatingStatistic::PercentAgreement(weights.clone())),
        ("fleiss_kappa", RatingStatistic::Fleiss(weights.clone())),
        ("conger_kappa", RatingStatistic::Conger(weights.clone())),
        ("brennan_prediger", RatingStatistic::BrennanPrediger(weights.clone())),
        (if graded { "gwet_ac2" } else { "gwet_ac1" }, RatingStatistic::Gwet(weights.clone())),
        ("krippendorff_alpha", RatingStatistic::Krippendorff(table.metric())),
    ];
    if table.raters.len() <= MOST_LIGHT {
        all.push(("light_kappa", RatingStatistic::Light(weights)));
    }
    let patterns = table.patterns();
    let statistics: Vec<RatingStatistic> =
        all.iter().map(|(_, statistic)| statistic.clone()).collect();
    let resampled = resample_rating_units(patterns, units, resampling, &statistics);
    let mut found = Vec::new();
    for (place, (name, statistic)) in all.iter().enumerate() {
        let analytic = statistic.estimate(patterns, &Precision::default());
        let whole = !units.are_clusters() && analytic.interval.is_some();
        let estimate =
            if whole { analytic } else { Estimate { n: analytic.n, ..resampled.bca(place) } };
        found.push(named(name, &estimate));
    }
    if table.scale == LabelScale::Interval {
        found.extend(of_scores(table, patterns, remarks));
    }
    found
}

/// What takes scores as numbers: items that every rater rated.
fn of_scores(table: &RatingTable, patterns: &Ratings, remarks: &mut Vec<String>) -> Vec<Named> {
    let scores = table.scores();
    let mut rows = Vec::new();
    for row in &table.ratings {
        let row: Option<Vec<f64>> =
            row.iter().map(|label| label.and_then(|label| scores.get(label).copied())).collect();
        rows.extend(row);
    }
    if table.weights.iter().any(|&weight| weight != 1) {
        remarks.push(
            "the intraclass correlations count each item once, whatever its weight".to_owned(),
        );
    }
    let complete = rows.len() as u64;
    if complete < patterns.subjects() {
        remarks.push(format!(
            "intraclass correlations rest on the {complete} items that every rater rated"
        ));
    }
    let designs = [
        ("icc_1", Design::OneWay),
        ("icc_2", Design::TwoWayRandom),
        ("icc_3", Design::TwoWayMixed),
    ];
    match Scores::new(rows) {
        Ok(scores) => designs
            .map(|(name, design)| named(name, &scores.intraclass(design, Unit::Single, 0.95)))
            .to_vec(),
        Err(e) => {
            remarks.push(format!("no intraclass correlations: {e}"));
            Vec::new()
        }
    }
}

fn label_names(table: &RatingTable, row: &[Option<usize>]) -> Vec<Option<String>> {
    row.iter().map(|label| label.map(|label| table.labels[label].clone())).collect()
}

fn combinations(table: &RatingTable) -> Vec<Pattern> {
    let all = table.patterns().subjects() as f64;
    let mut found: Vec<Pattern> = table
        .patterns()
        .patterns()
        .map(|(pattern, count)| Pattern {
            ratings: label_names(table, pattern),
            count,
            share: count as f64 / all,
        })
        .collect();
    found.sort_by_key(|combination| std::cmp::Reverse(combination.count));
    found
}

fn disagreements(table: &RatingTable) -> Vec<ItemDisagreement> {
    let weights = table.agreement_weights();
    let apart = |a, b| 1.0 - weights.get(a, b).unwrap_or(1.0);
    let mut known = BTreeMap::new();
    let mut found = Vec::new();
    for (item, row) in table.items.iter().zip(&table.ratings) {
        let disagreement = *known.entry(row).or_insert_with(|| {
            let given: Vec<usize> = row.iter().copied().flatten().collect();
            let pairs = given.len() * given.len().saturating_sub(1) / 2;
            let sum: f64 = (0..given.len())
                .flat_map(|a| (0..a).map(move |b| (a, b)))
                .map(|(a, b)| apart(given[a], given[b]))
                .sum();
            if pairs == 0 { 0.0 } else { sum / pairs as f64 }
        });
        if disagreement > 0.0 {
            found.push(ItemDisagreement {
                item: item.clone(),
                disagreement,
                ratings: label_names(table, row),
            });
        }
    }
    // Stable: items in order where they are disputed alike.
    found.sort_by(|a, b| b.disagreement.total_cmp(&a.disagreement));
    found
}
