//! Quantiles and tail probabilities: by statrs where it is exact to about 1e-11, by asymptotic
//! formulas beyond. statrs 0.19.1 evaluates the incomplete beta function by at most 140 terms of a
//! continued fraction from differences of log-gammas, and inverts it by a search: its t quantile
//! at 97.5 % is 1.9998 for 10^6 degrees of freedom, 1.83 for 10^7 and does not return for 10^9; its
//! fair binomial's distribution function is -7.4 for half of 10^9 throws.

use statrs::{
    distribution::{Binomial, ChiSquared, ContinuousCDF, DiscreteCDF, Normal, StudentsT},
    function::factorial::ln_binomial,
};

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

/// From here on the degrees of freedom or throws are many: the formulas below are then exact to
/// rounding, and statrs' are not always.
const MANY: u64 = 1_000;

/// Beyond these throws the normal approximation is exact to about 1e-9, and a sum over the tail
/// would take seconds.
const SUMMED: u64 = 10_000_000_000;

/// P(X <= x) for X ~ Binomial(n, 1/2).
pub(crate) fn fair_binomial_cdf(x: u64, n: u64) -> Option<f64> {
    if n < MANY {
        return Binomial::new(0.5, n).ok().map(|coin| coin.cdf(x));
    }
    if x >= n {
        return Some(1.0);
    }
    if n - x - 1 < x {
        // Sum the shorter tail: P(X <= x) = 1 - P(X <= n - x - 1).
        return fair_binomial_cdf(n - x - 1, n).map(|rest| 1.0 - rest);
    }
    if n > SUMMED {
        // With the continuity correction; twice the distance from the middle keeps it exact.
        let twice = -((n - 2 * x) as f64) + 1.0;
        return Some(normal_cdf(twice / (n as f64).sqrt()));
    }
    // Each term over the one above it is i / (n - i + 1), which falls towards the tail.
    let (mut term, mut sum) = (1.0, 1.0);
    for i in (1..=x).rev() {
        term *= i as f64 / (n - i + 1) as f64;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    Some((log_fair_binomial(x, n) + f64::ln(sum)).exp().min(1.0))
}

/// ln P(X = x) for X ~ Binomial(n, 1/2), by the saddle-point form of Loader (2000), which does not
/// cancel; its series for ln n! needs arguments that are not small.
fn log_fair_binomial(x: u64, n: u64) -> f64 {
    if x < 16 || n - x < 16 {
        return ln_binomial(n, x) - n as f64 * std::f64::consts::LN_2;
    }
    // ln k! less Stirling's formula.
    let stirling = |k: f64| {
        let square = k * k;
        (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / 1680.0 / square) / square) / square) / k
    };
    let (size, low, high) = (n as f64, x as f64, (n - x) as f64);
    let gap = (high - low) / size;
    // The deviance from the middle, halved: 1/2 ((1 - gap) ln(1 - gap) + (1 + gap) ln(1 + gap)).
    let deviance = if gap.abs() < 0.1 {
        let square = gap * gap;
        let mut power = 1.0;
        (1..=10_i32).fold(0.0, |sum, k| {
            power *= square;
            sum + power / f64::from(2 * k * (2 * k - 1))
        })
    } else {
        ((1.0 - gap) * (-gap).ln_1p() + (1.0 + gap) * gap.ln_1p()) / 2.0
    };
    let scale = (size / (std::f64::consts::TAU * low * high)).sqrt();
    scale.ln() + stirling(size) - stirling(low) - stirling(high) - size * deviance
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
    let Some(quantile) = t_quantile(0.975, n - 1) else {
        return point;
    };
    let reach = quantile * error;
    let p_value = if tested { t_two_sided(value / error, n - 1) } else { None };
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
    if hits > of {
        return Estimate::point(Err(Undefined::MoreHitsThanSubjects), of);
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

/// Student's t quantile; `None` without degrees of freedom. For many of them by the
/// Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).
pub(crate) fn t_quantile(p: f64, freedom: u64) -> Option<f64> {
    if freedom < MANY {
        return StudentsT::new(0.0, 1.0, freedom as f64).ok().map(|t| t.inverse_cdf(p));
    }
    let (v, z) = (freedom as f64, normal_quantile(p));
    let s = z * z;
    let terms = [
        z * (s + 1.0) / 4.0,
        z * ((5.0 * s + 16.0) * s + 3.0) / 96.0,
        z * (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0,
        z * ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92_160.0,
    ];
    Some(z + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / v))
}

/// P(|T| >= |t|) for Student's t; `None` without degrees of freedom. For many of them by Hill's
/// (1970) normal transform, the Communications of the ACM's algorithm 395.
pub(crate) fn t_two_sided(t: f64, freedom: u64) -> Option<f64> {
    if freedom < MANY {
        let student = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
        return Some((2.0 * student.sf(t.abs())).min(1.0));
    }
    let v = freedom as f64;
    let a = v - 0.5;
    let b = 48.0 * a * a;
    let y = a * (t * t / v).ln_1p();
    let inner = (((-0.4 * y - 3.3) * y - 24.0) * y - 85.5) / (0.8 * y * y + 100.0 + b);
    Some(normal_two_sided(((inner + y + 3.0) / b + 1.0) * y.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.t.ppf(0.975, v)` and `2 * scipy.stats.t.sf(5, v)`, SciPy 1.12.0. Its quantile
    /// for 5 is 2.5705818366, where its own `sf` is 0.02499999997; ours is that of 0.025.
    #[test]
    fn students_t_equals_scipy_at_any_size() {
        let cases = [
            (5, 2.570_581_835_636_315, 4.104_715_980_053e-3),
            (999, 1.9623414611334487, 6.768361895801095e-07),
            (1_000, 1.962_339_080_826_407_4, 6.767_256_364_646_4e-7),
            (67_451, 1.959_999_155_450_434, 5.747_372_826_511_95e-7),
            (10_000_000, 1.959_964_221_767_205, 5.733_128_075_008_53e-7),
            (9_000_000_000_000_000, 1.959_963_984_540_054, 5.733_031_437_583_96e-7),
        ];
        for (freedom, quantile, tail) in cases {
            let ours = t_quantile(0.975, freedom).unwrap_or(f64::NAN);
            assert!((ours - quantile).abs() < 1e-11, "{freedom}: {ours}");
            let ours = t_two_sided(-5.0, freedom).unwrap_or(f64::NAN);
            assert!((ours / tail - 1.0).abs() < 1e-10, "{freedom}: {ours}");
        }
        assert_eq!(t_quantile(0.975, 0), None);
    }

    /// `scipy.stats.binom.cdf(x, n, 0.5)`, SciPy 1.12.0, up to 10^6 throws; beyond that the sum
    /// and the normal approximation have to meet.
    #[test]
    fn the_fair_binomial_equals_scipy_and_its_limit() {
        let cases = [
            (5, 20, 0.020_694_732_666_015_625),
            (480, 1_000, 0.10872414660207055),
            (12_000, 24_100, 0.2618300160721152),
            (33_000, 67_000, 5.68002338731421e-05),
            (34_000, 67_000, 0.9999449691639124),
            (100, 1_200, 8.133783503148813e-214),
            (499_000, 1_000_000, 0.022804149932689814),
        ];
        for (x, n, theirs) in cases {
            let ours = fair_binomial_cdf(x, n).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-10, "{x} of {n}: {ours} {theirs}");
        }
        let n = SUMMED;
        let (sum, limit) =
            (fair_binomial_cdf(n / 2 - 70_000, n), fair_binomial_cdf(n / 2 - 70_000, n + 1));
        let (sum, limit) = (sum.unwrap_or(f64::NAN), limit.unwrap_or(f64::NAN));
        assert!((sum / limit - 1.0).abs() < 1e-4, "{sum} {limit}");
        assert_eq!(fair_binomial_cdf(7, 7_000), Some(0.0));
        assert_eq!(fair_binomial_cdf(u64::MAX, u64::MAX), Some(1.0));
    }
}
