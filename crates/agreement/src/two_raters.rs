//! The statistics of two raters, on a [`Table`] of their labels.
//!
//! For statistics of one category ([`jaccard`], [`specific_agreement`], ...) the category is a
//! parameter; [`PairStatistic`] asks them of category 0, the positive one of [`Table::binary`].
#![doc = include_str!("two_raters.md")]

use clawsig_stats::{Spread, Wide, distribution};

use crate::{
    Caution, Estimate, Interval, Method, NoInterval, Outcome, Precision, Table, Undefined, Weights,
    chance::{self, Chance},
};

/// The share of subjects on which the raters agree (0 to 1).
pub fn observed_agreement(table: &Table) -> Outcome {
    let n = table.size()?;
    Ok(table.agreed() as f64 / n as f64)
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
    chance::unweighted(table, Chance::Cohen)
}

/// Weighted kappa (Cohen 1968), at most 1; [`Chance::range`] has the lower end.
pub fn weighted_kappa(table: &Table, weights: &Weights) -> Outcome {
    chance_corrected(table, weights, Chance::Cohen)
}

/// Scott's pi (Scott 1955), -1 to 1.
pub fn scott_pi(table: &Table) -> Outcome {
    chance::unweighted(table, Chance::Scott)
}

/// The Brennan-Prediger coefficient (1981), `-1 / (q - 1)` to 1; with two categories it is PABAK.
pub fn brennan_prediger(table: &Table) -> Outcome {
    chance::unweighted(table, Chance::BrennanPrediger)
}

/// The prevalence- and bias-adjusted kappa of two categories, `2 po - 1` (Byrt, Bishop and Carlin
/// 1993), -1 to 1.
pub fn pabak(table: &Table) -> Outcome {
    binary(table)?;
    Ok(2.0 * observed_agreement(table)? - 1.0)
}

/// Gwet's AC1 (2008), `-1 / (q - 1)` to 1.
pub fn gwet_ac1(table: &Table) -> Outcome {
    chance::unweighted(table, Chance::Gwet)
}

/// Gwet's AC2: AC1 with weights; [`Chance::range`] has the lower end.
pub fn gwet_ac2(table: &Table, weights: &Weights) -> Outcome {
    chance_corrected(table, weights, Chance::Gwet)
}

/// Krippendorff's alpha for two raters without gaps and nominal labels (1970).
pub fn krippendorff_alpha(table: &Table) -> Outcome {
    chance::unweighted(table, Chance::Krippendorff)
}

/// Any chance model with any weights.
pub fn chance_corrected(table: &Table, weights: &Weights, model: Chance) -> Outcome {
    chance::coefficient(table, weights, model)
}

/// As [`chance_corrected`], with the analytic standard error, t interval and p-value.
pub fn chance_corrected_estimate(
    table: &Table,
    weights: &Weights,
    model: Chance,
    precision: &Precision,
) -> Estimate {
    let value = chance_corrected(table, weights, model);
    let slopes = chance::gradient(table, weights, model);
    let caution =
        (value.is_ok() && chance::is_zero(table, model)).then_some(Caution::ConstantRater);
    let found = delta_estimate(table, value, slopes, model.range(weights), true, precision);
    Estimate { caution, ..found }
}

/// Cohen's kappa, weighted or not, tested against independent answers: the standard error is the
/// one under that hypothesis (Fleiss, Cohen and Everitt 1969), the p-value that of the normal
/// distribution. No interval, for which the hypothesis can't be taken to hold.
///
/// ```
/// use clawsig_agreement::{Table, Weights, two_raters::cohen_kappa_test};
/// let found = cohen_kappa_test(&Table::binary(20, 5, 10, 15), &Weights::identity(2));
/// assert!((found.standard_error.unwrap() - 0.1385641).abs() < 1e-7);
/// ```
pub fn cohen_kappa_test(table: &Table, weights: &Weights) -> Estimate {
    let value = chance_corrected(table, weights, Chance::Cohen);
    let point = Estimate::point(value, table.total());
    let (Ok(kappa), Ok(variance)) = (value, chance::null_variance(table, weights)) else {
        return point;
    };
    let error = (variance / Wide::from(table.total())).sqrt().value();
    let spread = Spread { standard_error: Some(error), interval: Err(NoInterval::NoMethod) };
    let p_value = (error > 0.0).then(|| distribution::normal_two_sided(kappa / error));
    Estimate { p_value, ..point.with_spread(spread, Method::Independence) }
}

/// The correlation of two categorical variables: phi for two categories, Gorodkin's (2004)
/// extension (the multi-class Matthews coefficient) for more, -1 to 1.
pub fn phi(table: &Table) -> Outcome {
    let n = i128::from(table.size()?);
    if table.has_constant_rater() {
        return Err(Undefined::ConstantRater);
    }
    let (rows, columns) = table.margins();
    let spread = |totals: &[u64]| -> i128 {
        totals.iter().map(|&total| i128::from(total) * (n - i128::from(total))).sum()
    };
    let (by_row, by_column) = (spread(&rows), spread(&columns));
    let together: i128 =
        rows.iter().zip(&columns).map(|(&r, &c)| i128::from(r) * i128::from(c)).sum();
    let covariance = i128::from(table.agreed()) * n - together;
    // A root of equal spreads would not always give them back, and phi of -1 or 1 has equal ones.
    let scale = if by_row == by_column {
        by_row as f64
    } else {
        (by_row as f64).sqrt() * (by_column as f64).sqrt()
    };
    Ok((covariance as f64 / scale).clamp(-1.0, 1.0))
}

/// Yule's Q of two categories, `(ad - bc) / (ad + bc)` (Yule 1900), -1 to 1.
pub fn yule_q(table: &Table) -> Outcome {
    let (with, against) = diagonals(table)?;
    match with + against {
        0 => Err(Undefined::ZeroCell),
        sum => Ok((with - against) as f64 / sum as f64),
    }
}

/// The odds ratio of two categories, `ad / bc`, 0 and up.
pub fn odds_ratio(table: &Table) -> Outcome {
    let (with, against) = diagonals(table)?;
    if against == 0 { Err(Undefined::ZeroCell) } else { Ok(with as f64 / against as f64) }
}

/// `ad` and `bc` of two categories.
fn diagonals(table: &Table) -> Result<(i128, i128), Undefined> {
    let [a, b, c, d] = binary(table)?.map(i128::from);
    table.size()?;
    Ok((a * d, b * c))
}

/// The largest kappa that these marginals allow (Cohen 1960), 0 to 1.
pub fn max_kappa(table: &Table) -> Outcome {
    let n = table.size()?;
    cohen_kappa(table)?;
    let (rows, columns) = table.margins();
    let most: u64 = rows.iter().zip(&columns).map(|(r, c)| r.min(c)).sum();
    let pairs = rows.iter().zip(&columns);
    // n^2 less the subjects expected to agree, times n.
    let expected: i128 = pairs.map(|(&r, &c)| i128::from(r) * i128::from(n - c)).sum();
    let observed = i128::from(n) * i128::from(n - most);
    Ok((expected - observed) as f64 / expected as f64)
}

/// The prevalence index of two categories, `(a - d) / n` (Byrt et al. 1993), -1 to 1: negative
/// where the positive category is the rarer one.
pub fn prevalence_index(table: &Table) -> Outcome {
    let [a, _, _, d] = binary(table)?;
    Ok((a as f64 - d as f64) / table.size()? as f64)
}

/// The bias index of two categories, `(b - c) / n` (Byrt et al. 1993), -1 to 1: positive where the
/// first rater says the positive category more often.
pub fn bias_index(table: &Table) -> Outcome {
    let [_, b, c, _] = binary(table)?;
    Ok((b as f64 - c as f64) / table.size()? as f64)
}

fn binary(table: &Table) -> Result<[u64; 4], Undefined> {
    match *table.counts() {
        [a, b, c, d] => Ok([a, b, c, d]),
        _ => Err(Undefined::NotBinary),
    }
}

fn category_counts(table: &Table, category: usize) -> Result<(f64, f64), Undefined> {
    table.size()?;
    let both = table.count(category, category).ok_or(Undefined::CategoryUnused)?;
    let (rows, columns) = table.margins();
    match rows[category] + columns[category] {
        0 => Err(Undefined::CategoryUnused),
        either => Ok((both as f64, either as f64)),
    }
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
    /// The variance is the multinomial delta method's, `sum p (g - mean g)^2 / n`, which is that of
    /// Fleiss, Cohen and Everitt (1969) for kappa and of Gwet (2014) for the other coefficients;
    /// intervals use Student's t with `n - 1` degrees of freedom, as irrCAC does. The odds ratio's
    /// interval is that of its logarithm and its p-value is against 1. The maximum kappa, and phi of
    /// more than two categories, have no analytic standard error.
    pub fn estimate(self, table: &Table) -> Estimate {
        self.estimate_with(table, &Precision::default())
    }

    /// As [`PairStatistic::estimate`], at another level or of a finite population.
    pub fn estimate_with(self, table: &Table, precision: &Precision) -> Estimate {
        let value = self.value(table);
        if self == PairStatistic::OddsRatio {
            return odds_estimate(table, value, precision);
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
        let range = match self.chance() {
            Some(model) => model.range(&Weights::identity(table.categories())),
            None => self.range(),
        };
        let found = delta_estimate(table, value, self.gradient(table), range, tested, precision);
        Estimate { caution: self.caution(table), ..found }
    }

    /// The model of chance behind the statistic, where it has one.
    fn chance(self) -> Option<Chance> {
        match self {
            PairStatistic::CohenKappa => Some(Chance::Cohen),
            PairStatistic::ScottPi => Some(Chance::Scott),
            PairStatistic::KrippendorffAlpha => Some(Chance::Krippendorff),
            PairStatistic::BrennanPrediger | PairStatistic::Pabak => Some(Chance::BrennanPrediger),
            PairStatistic::GwetAc1 => Some(Chance::Gwet),
            _ => None,
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

    /// The derivative by each cell's share, less any constant, where the statistic has a smooth one;
    /// the reason for its absence is never shown.
    fn gradient(self, table: &Table) -> Result<Vec<Wide>, Undefined> {
        let q = table.categories();
        if let Some(model) = self.chance() {
            return chance::gradient(table, &Weights::identity(q), model);
        }
        let n = table.size()?;
        let plain = |slopes: &[f64]| slopes.iter().map(|&slope| Wide::from(slope)).collect();
        let slopes = |slope: &dyn Fn(bool, bool) -> f64, category: usize| -> Vec<f64> {
            (0..q * q).map(|cell| slope(cell / q == category, cell % q == category)).collect()
        };
        match self {
            PairStatistic::ObservedAgreement => {
                Ok((0..q * q).map(|cell| Wide::from(u64::from(cell / q == cell % q))).collect())
            }
            PairStatistic::PositiveAgreement
            | PairStatistic::Dice
            | PairStatistic::NegativeAgreement => {
                let category = usize::from(self == PairStatistic::NegativeAgreement);
                let (both, either) = category_counts(table, category)?;
                // By one more subject in the cell, times the subjects.
                let scale = n as f64 * 2.0 / either / either;
                let apart = either - 2.0 * both;
                Ok(plain(&slopes(
                    &|first, second| match (first, second) {
                        (true, true) => scale * apart,
                        (false, false) => 0.0,
                        _ => -scale * both,
                    },
                    category,
                )))
            }
            PairStatistic::Jaccard => {
                let (both, either) = category_counts(table, 0)?;
                let union = either - both;
                let scale = n as f64 / union / union;
                Ok(plain(&slopes(
                    &|first, second| match (first, second) {
                        (true, true) => scale * (union - both),
                        (false, false) => 0.0,
                        _ => -scale * both,
                    },
                    0,
                )))
            }
            PairStatistic::Phi => {
                phi(table)?;
                let size = Wide::from(n);
                let [a, b, c, d] = binary(table)?.map(|count| Wide::from(count) / size);
                let (r0, r1, c0, c1) = (a + b, c + d, a + c, b + d);
                let scale = (r0 * r1 * c0 * c1).sqrt();
                let half = (a * d - b * c) / (scale + scale);
                let one = Wide::from(1.0);
                let by = |share: Wide, row: Wide, column: Wide| {
                    share / scale - half * (one / row + one / column)
                };
                Ok(vec![by(d, r0, c0), by(-c, r0, c1), by(-b, r1, c0), by(a, r1, c1)])
            }
            PairStatistic::YuleQ => {
                yule_q(table)?;
                let [a, b, c, d] = binary(table)?.map(Wide::from);
                let (size, with, against) = (Wide::from(n), a * d, b * c);
                let scale = (size + size) / ((with + against) * (with + against));
                let cells = [d * against, -(c * with), -(b * with), a * against];
                Ok(cells.map(|cell| scale * cell).to_vec())
            }
            PairStatistic::PrevalenceIndex => {
                binary(table)?;
                Ok(plain(&[1.0, 0.0, 0.0, -1.0]))
            }
            PairStatistic::BiasIndex => {
                binary(table)?;
                Ok(plain(&[0.0, 1.0, -1.0, 0.0]))
            }
            _ => Err(Undefined::Singular),
        }
    }
}

/// Value, delta-method standard error, t interval cut to the range, and p-value if `tested`.
fn delta_estimate(
    table: &Table,
    value: Outcome,
    slopes: Result<Vec<Wide>, Undefined>,
    range: (f64, f64),
    tested: bool,
    precision: &Precision,
) -> Estimate {
    let n = table.total();
    let point = Estimate::point(value, n);
    let Ok(slopes) = slopes else {
        return point.with_spread(Spread::none(NoInterval::NoMethod), Method::Analytic);
    };
    let size = Wide::from(n);
    let shares = || table.counts().iter().map(|&count| Wide::from(count) / size).zip(&slopes);
    let mean: Wide = shares().map(|(p, g)| p * *g).sum();
    let square: Wide = shares().map(|(p, g)| p * (*g - mean) * (*g - mean)).sum();
    // Of cells whose categories are used: an unused one may be arbitrarily far.
    let (rows, columns) = table.margins();
    let used = |category: usize| rows[category] > 0 || columns[category] > 0;
    let q = table.categories();
    let largest = slopes.iter().enumerate().filter(|(cell, _)| used(cell / q) && used(cell % q));
    let largest = largest.map(|(_, slope)| slope.value().abs()).fold(0.0, f64::max);
    precision.estimate(point, square / size, largest, n, range, tested)
}

fn odds_estimate(table: &Table, value: Outcome, precision: &Precision) -> Estimate {
    let caution = PairStatistic::OddsRatio.caution(table);
    let point = Estimate { caution, ..Estimate::point(value, table.total()) };
    let (Ok(ratio), Ok(cells)) = (value, binary(table)) else {
        return point;
    };
    if cells.contains(&0) {
        return point.with_spread(Spread::none(NoInterval::AtLimit), Method::LogNormal);
    }
    let log_error = cells.iter().map(|&cell| 1.0 / cell as f64).sum::<f64>().sqrt();
    let reach = distribution::normal_quantile(0.5 + precision.level() / 2.0) * log_error;
    let interval = Interval { low: (ratio.ln() - reach).exp(), high: (ratio.ln() + reach).exp() };
    let spread = Spread { standard_error: Some(ratio * log_error), interval: Ok(interval) };
    let p_value = Some(distribution::normal_two_sided(ratio.ln() / log_error));
    Estimate { p_value, ..point.with_spread(spread, Method::LogNormal) }
}
