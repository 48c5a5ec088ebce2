//! Quantiles and tail probabilities, by statrs.

use statrs::distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

use crate::{Estimate, Interval, Method, Outcome, Undefined};

/// The 97.5 % quantile of the standard normal distribution.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// P(Z <= z) for a standard normal Z.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The standard normal quantile; infinite at 0 and 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// P(|Z| >= |z|).
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    (2.0 * Normal::standard().sf(z.abs())).min(1.0)
}

/// P(X >= x) for a chi-squared X.
pub(crate) fn chi_squared_tail(x: f64, freedom: f64) -> Option<f64> {
    ChiSquared::new(freedom).ok().map(|chi| chi.sf(x))
}

/// P(X <= x) for X ~ Binomial(n, 1/2).
pub(crate) fn fair_binomial_cdf(x: u64, n: u64) -> Option<f64> {
    Binomial::new(0.5, n).ok().map(|coin| coin.cdf(x))
}

/// A standard error below this is rounding: the statistic is at the edge of its range.
const NO_SPREAD: f64 = 1e-12;

/// An estimate with Student's t on `n - 1` degrees of freedom. With fewer than two subjects there
/// is no spread; with a standard error of 0 (raters that never differ) no interval and no test.
pub(crate) fn t_estimate(
    value: f64,
    error: f64,
    n: u64,
    range: (f64, f64),
    tested: bool,
) -> Estimate {
    let point = Estimate::point(Ok(value), n);
    if n < 2 || !error.is_finite() {
        return point;
    }
    if error < NO_SPREAD {
        return Estimate { standard_error: Some(0.0), ..point };
    }
    let Ok(student) = StudentsT::new(0.0, 1.0, (n - 1) as f64) else {
        return point;
    };
    let reach = student.inverse_cdf(0.975) * error;
    let p_value =
        (tested && error > 0.0).then(|| (2.0 * student.sf((value / error).abs())).min(1.0));
    Estimate {
        standard_error: Some(error),
        interval: Some(Interval {
            low: (value - reach).max(range.0),
            high: (value + reach).min(range.1),
        }),
        method: Some(Method::Analytic),
        p_value,
        ..point
    }
}

/// A share with Wilson's score interval at 95 % (Wilson 1927).
pub fn proportion(hits: u64, of: u64) -> Estimate {
    if of == 0 {
        return Estimate::point(Err(Undefined::NoSubjects), 0);
    }
    let n = of as f64;
    let share = hits as f64 / n;
    let z2 = Z95 * Z95;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let reach = Z95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    let value: Outcome = Ok(share);
    Estimate {
        standard_error: Some((share * (1.0 - share) / n).sqrt()),
        interval: Some(Interval {
            low: if hits == 0 { 0.0 } else { centre - reach },
            high: if hits == of { 1.0 } else { centre + reach },
        }),
        method: Some(Method::Wilson),
        ..Estimate::point(value, of)
    }
}

/// Student's t quantile; `None` without degrees of freedom.
pub(crate) fn t_quantile(p: f64, freedom: u64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom as f64).ok().map(|t| t.inverse_cdf(p))
}
