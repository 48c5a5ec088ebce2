//! The statistics of two raters, on a [`Table`] of their labels.
//!
//! For statistics of one category ([`jaccard`], [`specific_agreement`], ...) the category is a
//! parameter; [`PairStatistic`] asks them of category 0, the positive one of [`Table::binary`].
#![doc = include_str!("two_raters.md")]

use clawsig_stats::distribution;

use crate::{
    Caution, Estimate, Interval, Method, Outcome, Table, Undefined, Weights,
    chance::{self, Chance},
    outcome::t_estimate,
};

/// The share of subjects on which the raters agree (0 to 1).
pub fn observed_agreement(table: &Table) -> Outcome {
    let n = table.size()?;
    Ok((0..table.categories()).map(|i| table.count(i, i)).sum::<u64>() as f64 / n)
}

/// Specific agreement on one category, `2 n_cc / (n_c. + n_.c)` (Dice 1945; Cicchetti and
/// Feinstein 1990), 0 to 1. A category outside the table counts as unused.
pub fn specific_agreement(table: &Table, category: usize) -> Outcome {
    let (both, either) = category_counts(table, category)?;
    Ok(2.0 * both / either)
}

/// Jaccard overlap of the two sets of subjects given one category, `n_cc / (n_c. + n_.c - n_cc)`
/// (Jaccard 1901), 0 to 1.
pub fn jaccard(table: &Table, category: usize) -> Outcome {
    let (both, either) = category_counts(table, category)?;
    Ok(both / (either - both))
}

/// Cohen's kappa (Cohen 1960), -1 to 1. Exactly 0 with one constant rater, where
/// [`PairStatistic::caution`] says so; undefined where both are constant on one category.
pub fn cohen_kappa(table: &Table) -> Outcome {
    chance_corrected(table, &Weights::identity(table.categories()), Chance::Cohen)
}

/// Weighted kappa (Cohen 1968).
pub fn weighted_kappa(table: &Table, weights: &Weights) -> Outcome {
    chance_corrected(table, weights, Chance::Cohen)
}

/// Scott's pi (Scott 1955), -1 to 1.
pub fn scott_pi(table: &Table) -> Outcome {
    chance_corrected(table, &Weights::identity(table.categories()), Chance::Scott)
}

/// The Brennan-Prediger coefficient (1981), `-1 / (q - 1)` to 1; with two categories it is PABAK.
pub fn brennan_prediger(table: &Table) -> Outcome {
    chance_corrected(table, &Weights::identity(table.categories()), Chance::BrennanPrediger)
}

/// The prevalence- and bias-adjusted kappa of two categories, `2 po - 1` (Byrt, Bishop and Carlin
/// 1993), -1 to 1.
pub fn pabak(table: &Table) -> Outcome {
    binary(table)?;
    Ok(2.0 * observed_agreement(table)? - 1.0)
}

/// Gwet's AC1 (2008), -1 to 1.
pub fn gwet_ac1(table: &Table) -> Outcome {
    chance_corrected(table, &Weights::identity(table.categories()), Chance::Gwet)
}

/// Gwet's AC2: AC1 with weights.
pub fn gwet_ac2(table: &Table, weights: &Weights) -> Outcome {
    chance_corrected(table, weights, Chance::Gwet)
}

/// Krippendorff's alpha for two raters without gaps and nominal labels (1970).
pub fn krippendorff_alpha(table: &Table) -> Outcome {
    chance_corrected(table, &Weights::identity(table.categories()), Chance::Krippendorff)
}

/// Any chance model with any weights.
pub fn chance_corrected(table: &Table, weights: &Weights, model: Chance) -> Outcome {
    chance::coefficient(table, weights, model)
}

/// As [`chance_corrected`], with the analytic standard error, t interval and p-value.
pub fn chance_corrected_estimate(table: &Table, weights: &Weights, model: Chance) -> Estimate {
    let value = chance_corrected(table, weights, model);
    let slopes = chance::gradient(table, weights, model);
    let caution =
        (value.is_ok() && chance::is_zero(table, model)).then_some(Caution::ConstantRater);
    Estimate { caution, ..delta_estimate(table, value, slopes, (-1.0, 1.0), true) }
}

/// The correlation of two categorical variables: phi for two categories, Gorodkin's (2004)
/// extension (the multi-class Matthews coefficient) for more, -1 to 1.
pub fn phi(table: &Table) -> Outcome {
    let n = table.size()?;
    if table.has_constant_rater() {
        return Err(Undefined::ConstantRater);
    }
    let (mut agree, mut product, mut rows, mut columns) = (0.0, 0.0, 0.0, 0.0);
    for i in 0..table.categories() {
        let (row, column) = (table.row_total(i) as f64, table.column_total(i) as f64);
        agree += table.count(i, i) as f64;
        product += row * column;
        rows += row * row;
        columns += column * column;
    }
    Ok((agree * n - product) / ((n * n - rows) * (n * n - columns)).sqrt())
}

/// Yule's Q of two categories, `(ad - bc) / (ad + bc)` (Yule 1900), -1 to 1.
pub fn yule_q(table: &Table) -> Outcome {
    let [a, b, c, d] = binary(table)?;
    table.size()?;
    let sum = a * d + b * c;
    if sum == 0.0 { Err(Undefined::ZeroCell) } else { Ok((a * d - b * c) / sum) }
}

/// The odds ratio of two categories, `ad / bc`, 0 and up.
pub fn odds_ratio(table: &Table) -> Outcome {
    let [a, b, c, d] = binary(table)?;
    table.size()?;
    if b * c == 0.0 { Err(Undefined::ZeroCell) } else { Ok(a * d / (b * c)) }
}

/// The largest kappa that these marginals allow (Cohen 1960), 0 to 1.
pub fn max_kappa(table: &Table) -> Outcome {
    let n = table.size()?;
    cohen_kappa(table)?;
    let (mut most, mut expected) = (0.0, 0.0);
    for i in 0..table.categories() {
        let (row, column) = (table.row_total(i) as f64 / n, table.column_total(i) as f64 / n);
        most += row.min(column);
        expected += row * column;
    }
    Ok((most - expected) / (1.0 - expected))
}

/// The prevalence index of two categories, `(a - d) / n` (Byrt et al. 1993), -1 to 1: negative
/// where the positive category is the rarer one.
pub fn prevalence_index(table: &Table) -> Outcome {
    let [a, _, _, d] = binary(table)?;
    Ok((a - d) / table.size()?)
}

/// The bias index of two categories, `(b - c) / n` (Byrt et al. 1993), -1 to 1: positive where the
/// first rater says the positive category more often.
pub fn bias_index(table: &Table) -> Outcome {
    let [_, b, c, _] = binary(table)?;
    Ok((b - c) / table.size()?)
}

fn binary(table: &Table) -> Result<[f64; 4], Undefined> {
    match *table.counts() {
        [a, b, c, d] => Ok([a as f64, b as f64, c as f64, d as f64]),
        _ => Err(Undefined::NotBinary),
    }
}

fn category_counts(table: &Table, category: usize) -> Result<(f64, f64), Undefined> {
    table.size()?;
    if category >= table.categories() {
        return Err(Undefined::CategoryUnused);
    }
    let either = table.row_total(category) + table.column_total(category);
    if either == 0 {
        return Err(Undefined::CategoryUnused);
    }
    Ok((table.count(category, category) as f64, either as f64))
}

/// Every statistic of two raters that has no parameter, for tables, resampling and files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairStatistic {
    /// [`observed_agreement`].
    ObservedAgreement,
    /// [`specific_agreement`] on category 0.
    PositiveAgreement,
    /// [`specific_agreement`] on category 1.
    NegativeAgreement,
    /// [`jaccard`] on category 0.
    Jaccard,
    /// The Dice overlap of category 0: the same number as the positive agreement.
    Dice,
    /// [`cohen_kappa`].
    CohenKappa,
    /// [`scott_pi`].
    ScottPi,
    /// [`krippendorff_alpha`].
    KrippendorffAlpha,
    /// [`brennan_prediger`].
    BrennanPrediger,
    /// [`pabak`].
    Pabak,
    /// [`gwet_ac1`].
    GwetAc1,
    /// [`phi`].
    Phi,
    /// [`yule_q`].
    YuleQ,
    /// [`odds_ratio`].
    OddsRatio,
    /// [`max_kappa`].
    MaxKappa,
    /// [`prevalence_index`].
    PrevalenceIndex,
    /// [`bias_index`].
    BiasIndex,
}

impl PairStatistic {
    /// Every statistic, in the order of files.
    pub const ALL: &'static [PairStatistic] = &[
        PairStatistic::ObservedAgreement,
        PairStatistic::PositiveAgreement,
        PairStatistic::NegativeAgreement,
        PairStatistic::Jaccard,
        PairStatistic::Dice,
        PairStatistic::CohenKappa,
        PairStatistic::ScottPi,
        PairStatistic::KrippendorffAlpha,
        PairStatistic::BrennanPrediger,
        PairStatistic::Pabak,
        PairStatistic::GwetAc1,
        PairStatistic::Phi,
        PairStatistic::YuleQ,
        PairStatistic::OddsRatio,
        PairStatistic::MaxKappa,
        PairStatistic::PrevalenceIndex,
        PairStatistic::BiasIndex,
    ];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            PairStatistic::ObservedAgreement => "observed_agreement",
            PairStatistic::PositiveAgreement => "positive_agreement",
            PairStatistic::NegativeAgreement => "negative_agreement",
            PairStatistic::Jaccard => "jaccard",
            PairStatistic::Dice => "dice",
            PairStatistic::CohenKappa => "cohen_kappa",
            PairStatistic::ScottPi => "scott_pi",
            PairStatistic::KrippendorffAlpha => "krippendorff_alpha",
            PairStatistic::BrennanPrediger => "brennan_prediger",
            PairStatistic::Pabak => "pabak",
            PairStatistic::GwetAc1 => "gwet_ac1",
            PairStatistic::Phi => "phi",
            PairStatistic::YuleQ => "yule_q",
            PairStatistic::OddsRatio => "odds_ratio",
            PairStatistic::MaxKappa => "max_kappa",
            PairStatistic::PrevalenceIndex => "prevalence_index",
            PairStatistic::BiasIndex => "bias_index",
        }
    }

    /// The least and the greatest value the statistic can take; intervals are cut to it.
    pub const fn range(self) -> (f64, f64) {
        match self {
            PairStatistic::ObservedAgreement
            | PairStatistic::PositiveAgreement
            | PairStatistic::NegativeAgreement
            | PairStatistic::Jaccard
            | PairStatistic::Dice
            | PairStatistic::MaxKappa => (0.0, 1.0),
            PairStatistic::OddsRatio => (0.0, f64::INFINITY),
            _ => (-1.0, 1.0),
        }
    }

    /// The value on a table.
    pub fn value(self, table: &Table) -> Outcome {
        match self {
            PairStatistic::ObservedAgreement => observed_agreement(table),
            PairStatistic::PositiveAgreement | PairStatistic::Dice => specific_agreement(table, 0),
            PairStatistic::NegativeAgreement => specific_agreement(table, 1),
            PairStatistic::Jaccard => jaccard(table, 0),
            PairStatistic::CohenKappa => cohen_kappa(table),
            PairStatistic::ScottPi => scott_pi(table),
            PairStatistic::KrippendorffAlpha => krippendorff_alpha(table),
            PairStatistic::BrennanPrediger => brennan_prediger(table),
            PairStatistic::Pabak => pabak(table),
            PairStatistic::GwetAc1 => gwet_ac1(table),
            PairStatistic::Phi => phi(table),
            PairStatistic::YuleQ => yule_q(table),
            PairStatistic::OddsRatio => odds_ratio(table),
            PairStatistic::MaxKappa => max_kappa(table),
            PairStatistic::PrevalenceIndex => prevalence_index(table),
            PairStatistic::BiasIndex => bias_index(table),
        }
    }

    /// The value with its analytic standard error, 95 % interval and p-value against zero.
    ///
    /// The variance is the multinomial delta method's, `(sum p g^2 - (sum p g)^2) / n`, which is
    /// that of Fleiss, Cohen and Everitt (1969) for kappa and of Gwet (2014) for the other
    /// coefficients; intervals use Student's t with `n - 1` degrees of freedom, as irrCAC does. The
    /// odds ratio's interval is that of its logarithm and its p-value is against 1. The maximum
    /// kappa, and phi of more than two categories, have no analytic standard error.
    pub fn estimate(self, table: &Table) -> Estimate {
        let value = self.value(table);
        if self == PairStatistic::OddsRatio {
            return odds_estimate(table, value);
        }
        let tested = matches!(
            self,
            PairStatistic::CohenKappa
                | PairStatistic::ScottPi
                | PairStatistic::KrippendorffAlpha
                | PairStatistic::BrennanPrediger
                | PairStatistic::Pabak
                | PairStatistic::GwetAc1
                | PairStatistic::Phi
                | PairStatistic::YuleQ
        );
        Estimate {
            caution: self.caution(table),
            ..delta_estimate(table, value, self.gradient(table), self.range(), tested)
        }
    }

    /// Why the value on this table, if it has one, is arithmetic rather than a finding:
    /// [`cohen_kappa`] and [`max_kappa`] with one constant rater are 0, [`yule_q`] and
    /// [`odds_ratio`] with an empty cell are at the end of their range.
    pub fn caution(self, table: &Table) -> Option<Caution> {
        self.value(table).ok()?;
        match self {
            PairStatistic::CohenKappa | PairStatistic::MaxKappa => {
                table.has_constant_rater().then_some(Caution::ConstantRater)
            }
            PairStatistic::YuleQ | PairStatistic::OddsRatio => {
                table.counts().contains(&0).then_some(Caution::ZeroCell)
            }
            _ => None,
        }
    }

    /// The derivative by each cell's proportion, where the statistic has a smooth one; the reason
    /// for its absence is never shown.
    fn gradient(self, table: &Table) -> Result<Vec<f64>, Undefined> {
        let q = table.categories();
        let identity = Weights::identity(q);
        let n = table.size()?;
        let slopes = |slope: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
            (0..q * q).map(|cell| slope(cell / q, cell % q)).collect()
        };
        match self {
            PairStatistic::ObservedAgreement => Ok(slopes(&|i, j| f64::from(u8::from(i == j)))),
            PairStatistic::PositiveAgreement
            | PairStatistic::Dice
            | PairStatistic::NegativeAgreement => {
                let category = usize::from(self == PairStatistic::NegativeAgreement);
                let (both, either) = category_counts(table, category)?;
                Ok(slopes(&|i, j| {
                    let hits = u8::from(i == category) + u8::from(j == category);
                    let (hits, hit) = (f64::from(hits), f64::from(u8::from(hits == 2)));
                    2.0 * n * (hit * either - both * hits) / (either * either)
                }))
            }
            PairStatistic::Jaccard => {
                let (both, either) = category_counts(table, 0)?;
                let union = either - both;
                Ok(slopes(&|i, j| {
                    let (any, hit) = (u8::from(i == 0 || j == 0), u8::from(i == 0 && j == 0));
                    n * (f64::from(hit) * union - both * f64::from(any)) / (union * union)
                }))
            }
            PairStatistic::CohenKappa => chance::gradient(table, &identity, Chance::Cohen),
            PairStatistic::ScottPi | PairStatistic::KrippendorffAlpha => {
                chance::gradient(table, &identity, Chance::Scott)
            }
            PairStatistic::BrennanPrediger | PairStatistic::Pabak => {
                chance::gradient(table, &identity, Chance::BrennanPrediger)
            }
            PairStatistic::GwetAc1 => chance::gradient(table, &identity, Chance::Gwet),
            PairStatistic::Phi => {
                let [a, b, c, d] = binary(table)?.map(|count| count / n);
                let value = phi(table)?;
                let (r0, r1, c0, c1) = (a + b, c + d, a + c, b + d);
                let scale = (r0 * r1 * c0 * c1).sqrt();
                Ok(vec![
                    d / scale - value / 2.0 * (1.0 / r0 + 1.0 / c0),
                    -c / scale - value / 2.0 * (1.0 / r0 + 1.0 / c1),
                    -b / scale - value / 2.0 * (1.0 / r1 + 1.0 / c0),
                    a / scale - value / 2.0 * (1.0 / r1 + 1.0 / c1),
                ])
            }
            PairStatistic::YuleQ => {
                yule_q(table)?;
                let [a, b, c, d] = binary(table)?.map(|count| count / n);
                let scale = 2.0 / (a * d + b * c).powi(2);
                Ok([d * b * c, -c * a * d, -b * a * d, a * b * c].map(|x| scale * x).to_vec())
            }
            PairStatistic::PrevalenceIndex => {
                binary(table)?;
                Ok(vec![1.0, 0.0, 0.0, -1.0])
            }
            PairStatistic::BiasIndex => {
                binary(table)?;
                Ok(vec![0.0, 1.0, -1.0, 0.0])
            }
            PairStatistic::OddsRatio | PairStatistic::MaxKappa => Err(Undefined::Singular),
        }
    }
}

/// Value, delta-method standard error, t interval cut to the range, and p-value if `tested`.
fn delta_estimate(
    table: &Table,
    value: Outcome,
    slopes: Result<Vec<f64>, Undefined>,
    range: (f64, f64),
    tested: bool,
) -> Estimate {
    let n = table.total();
    let (Ok(centre), Ok(slopes)) = (value, slopes) else {
        return Estimate::point(value, n);
    };
    let size = n as f64;
    let shares = || table.counts().iter().map(|&count| count as f64 / size).zip(&slopes);
    let mean: f64 = shares().map(|(p, g)| p * g).sum();
    let variance: f64 = shares().map(|(p, g)| p * (g - mean).powi(2)).sum::<f64>() / size;
    t_estimate(centre, variance.sqrt(), n, range, tested)
}

fn odds_estimate(table: &Table, value: Outcome) -> Estimate {
    let caution = PairStatistic::OddsRatio.caution(table);
    let point = Estimate { caution, ..Estimate::point(value, table.total()) };
    let (Ok(ratio), Ok(cells)) = (value, binary(table)) else {
        return point;
    };
    if cells.contains(&0.0) {
        return point;
    }
    let log_error = cells.iter().map(|cell| 1.0 / cell).sum::<f64>().sqrt();
    let reach = distribution::normal_quantile(0.975) * log_error;
    Estimate {
        standard_error: Some(ratio * log_error),
        interval: Some(Interval {
            low: (ratio.ln() - reach).exp(),
            high: (ratio.ln() + reach).exp(),
        }),
        method: Some(Method::LogNormal),
        p_value: Some(distribution::normal_two_sided(ratio.ln() / log_error)),
        ..point
    }
}
