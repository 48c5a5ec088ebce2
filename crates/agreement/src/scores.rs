//! Agreement of scores on a scale: intraclass correlation and concordance of ranks.

use clawsig_stats::{
    Interval, NoInterval, Spread, Test, Wide,
    distribution::{f_quantile, f_tail},
};

use crate::{Error, Estimate, Method, Outcome, Undefined, weights::unit_scale};

/// Scores of several raters on several subjects, without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    raters: usize,
    rows: Vec<Vec<f64>>,
}

/// The raters' part in a study (Shrout and Fleiss 1979).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Design {
    /// Every subject has raters of its own: ICC(1).
    OneWay,
    /// The same raters, drawn from many, whose levels may differ: ICC(2), absolute agreement.
    TwoWayRandom,
    /// The same raters, and no others are meant: ICC(3), consistency.
    TwoWayMixed,
}

/// Whose reliability is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// One rater's score.
    Single,
    /// The mean of all raters' scores.
    Mean,
}

/// Mean squares of the two-way analysis of variance.
struct Squares {
    n: f64,
    k: f64,
    subjects: f64,
    raters: f64,
    residual: f64,
    /// Within subjects.
    within: f64,
}

impl Scores {
    /// One row a subject, one finite score a rater.
    pub fn new<R: AsRef<[f64]>>(rows: impl IntoIterator<Item = R>) -> Result<Scores, Error> {
        let rows: Vec<Vec<f64>> = rows.into_iter().map(|row| row.as_ref().to_vec()).collect();
        let raters = rows.first().map_or(0, Vec::len);
        for (subject, row) in rows.iter().enumerate() {
            if row.len() != raters {
                return Err(Error::RaterCount { subject, found: row.len(), expected: raters });
            }
            if let Some(rater) = row.iter().position(|score| !score.is_finite()) {
                return Err(Error::BadScore { subject, rater, value: row[rater] });
            }
        }
        Ok(Scores { raters, rows })
    }

    fn sound(&self) -> Result<(), Undefined> {
        if self.raters < 2 {
            Err(Undefined::TooFewRaters)
        } else if self.rows.len() < 2 {
            Err(Undefined::TooFewSubjects)
        } else {
            Ok(())
        }
    }

    fn squares(&self) -> Result<Squares, Undefined> {
        self.sound()?;
        let (n, k) = (Wide::from(self.rows.len() as u64), Wide::from(self.raters as u64));
        let one = Wide::from(1.0);
        // Mean squares count beside one another alone.
        let most = self.rows.iter().flatten().fold(0.0, |most: f64, score| most.max(score.abs()));
        let scale = unit_scale(most);
        let at = |score: f64| Wide::from(score * scale);
        let sum = |values: &mut dyn Iterator<Item = f64>| values.map(at).sum::<Wide>();
        let by_subject: Vec<Wide> =
            self.rows.iter().map(|row| sum(&mut row.iter().copied()) / k).collect();
        let by_rater: Vec<Wide> =
            (0..self.raters).map(|r| sum(&mut self.rows.iter().map(|row| row[r])) / n).collect();
        let mean = by_subject.iter().copied().sum::<Wide>() / n;
        let square =
            |means: &[Wide]| -> Wide { means.iter().map(|m| (*m - mean) * (*m - mean)).sum() };
        let mut residual = Wide::ZERO;
        for (row, own) in self.rows.iter().zip(&by_subject) {
            for (score, level) in row.iter().zip(&by_rater) {
                let left = at(*score) - *own - *level + mean;
                residual = residual + left * left;
            }
        }
        let (subjects, raters) = (k * square(&by_subject), n * square(&by_rater));
        if (subjects + residual + raters) == Wide::ZERO {
            return Err(Undefined::NoVariation);
        }
        Ok(Squares {
            n: n.value(),
            k: k.value(),
            subjects: (subjects / (n - one)).value(),
            raters: (raters / (k - one)).value(),
            residual: (residual / ((n - one) * (k - one))).value(),
            within: ((raters + residual) / (n * (k - one))).value(),
        })
    }

    /// The intraclass correlation (Shrout and Fleiss 1979) with the intervals of McGraw and Wong
    /// (1996) at a level of 0.5 to 0.999 and the p-value of its F test against 0; at most 1, and below
    /// 0 where subjects differ less than their scores do.
    ///
    /// ```
    /// use clawsig_agreement::scores::{Design, Scores, Unit};
    /// // The example of Shrout and Fleiss.
    /// let scores = Scores::new([
    ///     [9.0, 2.0, 5.0, 8.0], [6.0, 1.0, 3.0, 2.0], [8.0, 4.0, 6.0, 8.0],
    ///     [7.0, 1.0, 2.0, 6.0], [10.0, 5.0, 6.0, 9.0], [6.0, 2.0, 4.0, 7.0],
    /// ])?;
    /// let found = scores.intraclass(Design::TwoWayRandom, Unit::Single, 0.95);
    /// assert_eq!(format!("{:.2}", found.value?), "0.29");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn intraclass(&self, design: Design, unit: Unit, level: f64) -> Estimate {
        let subjects = self.rows.len() as u64;
        let s = match self.squares() {
            Ok(squares) => squares,
            Err(why) => return Estimate::point(Err(why), subjects),
        };
        let error = if design == Design::OneWay { s.within } else { s.residual };
        // The raters' levels add this to the variance of a score, for absolute agreement.
        let levels = (s.raters - s.residual) / s.n;
        let gap = s.subjects - error;
        let below = match (design, unit) {
            (Design::TwoWayRandom, Unit::Single) => s.subjects + (s.k - 1.0) * error + s.k * levels,
            (Design::TwoWayRandom, Unit::Mean) => s.subjects + levels,
            (_, Unit::Single) => s.subjects + (s.k - 1.0) * error,
            (_, Unit::Mean) => s.subjects,
        };
        let value: Outcome = if below > 0.0 { Ok(gap / below) } else { Err(Undefined::NoVariance) };
        let point = Estimate::point(value, subjects);
        let Ok(value) = value else { return point };
        // Scores that never differ, or subjects whose means never do.
        if error <= 0.0 || s.subjects <= 0.0 {
            return point.with_spread(Spread::none(NoInterval::AtLimit), Method::Analytic);
        }
        if !(0.5..=0.999).contains(&level) {
            return point.with_spread(Spread::none(NoInterval::NoMethod), Method::Analytic);
        }
        let freedom = (s.n - 1.0, (s.n - 1.0) * (s.k - 1.0));
        let freedom =
            if design == Design::OneWay { (freedom.0, s.n * (s.k - 1.0)) } else { freedom };
        let ratio = s.subjects / error;
        let p_value = f_tail(ratio, freedom.0, freedom.1);
        let ends = if design == Design::TwoWayRandom {
            absolute_ends(&s, unit, level)
        } else {
            let tail = 0.5 + level / 2.0;
            let low = f_quantile(tail, freedom.0, freedom.1).map(|f| ratio / f);
            let high = f_quantile(tail, freedom.1, freedom.0).map(|f| ratio * f);
            let end = |f: f64| match unit {
                Unit::Single => (f - 1.0) / (f + s.k - 1.0),
                Unit::Mean => 1.0 - 1.0 / f,
            };
            low.zip(high).map(|(low, high)| Interval { low: end(low), high: end(high) })
        };
        let ends = ends.filter(|ends| ends.contains(value)).ok_or(NoInterval::LeavesOutValue);
        let spread = Spread { standard_error: None, interval: ends };
        Estimate { p_value, ..point.with_spread(spread, Method::Analytic) }
    }

    /// Kendall's (1939) coefficient of concordance W of the raters' ranks, corrected for ties, 0 to 1,
    /// with Friedman's chi-squared test `r (n - 1) W` on `n - 1` degrees of freedom.
    ///
    /// ```
    /// use clawsig_agreement::scores::Scores;
    /// let scores = Scores::new([[1.0, 2.0, 1.0], [2.0, 1.0, 2.0], [3.0, 3.0, 3.0]])?;
    /// let (w, test) = scores.kendall_w()?;
    /// assert!((w - 7.0 / 9.0).abs() < 1e-12 && test.freedom == Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kendall_w(&self) -> Result<(f64, Test), Undefined> {
        self.sound()?;
        let subjects = self.rows.len();
        let n = Wide::from(subjects as u64);
        let m = Wide::from(self.raters as u64);
        let mut sums = vec![Wide::ZERO; subjects];
        let mut ties = Wide::ZERO;
        for rater in 0..self.raters {
            let mut order: Vec<usize> = (0..subjects).collect();
            order.sort_by(|&a, &b| self.rows[a][rater].total_cmp(&self.rows[b][rater]));
            let mut rank = 1_u64;
            for tied in order.chunk_by(|&a, &b| self.rows[a][rater] == self.rows[b][rater]) {
                let t = tied.len() as u64;
                let middle = Wide::from(2 * rank + t - 1) * Wide::from(0.5);
                for &subject in tied {
                    sums[subject] = sums[subject] + middle;
                }
                let size = Wide::from(t);
                ties = ties + size * (size * size - Wide::from(1.0));
                rank += t;
            }
        }
        let middle = m * (n + Wide::from(1.0)) * Wide::from(0.5);
        let square: Wide = sums.iter().map(|sum| (*sum - middle) * (*sum - middle)).sum();
        let most = m * (m * n * (n * n - Wide::from(1.0)) - ties);
        if most <= Wide::ZERO {
            return Err(Undefined::NoVariation);
        }
        let w = (Wide::from(12.0) * square / most).value().clamp(0.0, 1.0);
        let statistic = self.raters as f64 * (subjects - 1) as f64 * w;
        let test = Test::chi_squared(statistic, subjects as u64 - 1);
        test.map(|test| (w, test)).ok_or(Undefined::TooFewSubjects)
    }
}

/// McGraw and Wong's (1996) interval of absolute agreement, by Satterthwaite's degrees of freedom.
fn absolute_ends(s: &Squares, unit: Unit, level: f64) -> Option<Interval> {
    let (n, k) = (s.n, s.k);
    let single = (s.subjects - s.residual)
        / (s.subjects + (k - 1.0) * s.residual + k * (s.raters - s.residual) / n);
    let levels = k * single * s.raters / s.residual;
    let rest = n * (1.0 + (k - 1.0) * single) - k * single;
    let freedom = (n - 1.0) * (k - 1.0) * (levels + rest).powi(2)
        / ((n - 1.0) * levels * levels + rest * rest);
    let tail = 0.5 + level / 2.0;
    let (above, below) = (f_quantile(tail, n - 1.0, freedom)?, f_quantile(tail, freedom, n - 1.0)?);
    let noise = k * s.raters + (k * n - k - n) * s.residual;
    let low = n * (s.subjects - above * s.residual) / (above * noise + n * s.subjects);
    let high = n * (below * s.subjects - s.residual) / (noise + n * below * s.subjects);
    let end = |of_one: f64| match unit {
        Unit::Single => of_one,
        Unit::Mean => of_one * k / (1.0 + of_one * (k - 1.0)),
    };
    Some(Interval { low: end(low), high: end(high) })
}
