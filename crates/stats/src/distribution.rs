//! Quantiles and tail probabilities: by statrs where it is exact to about 1e-11, by asymptotic
//! formulas beyond. statrs 0.19.1's t quantile at 97.5 % is 1.9998 for 10^6 degrees of freedom, 1.83
//! for 10^7 and does not return for 10^9.
//!
//! The p-value of a test is never 0: below [`LEAST_P`] it is that bound, and [`p_value_text`] says so.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};

use crate::beta::incomplete_beta;

/// The least p-value that is told apart: it stands for itself and anything below.
pub const LEAST_P: f64 = 1e-300;

/// A p-value in two significant digits, a bound where it is [`LEAST_P`] or below.
///
/// ```
/// assert_eq!(clawsig_stats::p_value_text(0.03389), "p = 0.034");
/// assert_eq!(clawsig_stats::p_value_text(2.5e-9), "p = 2.5e-9");
/// assert_eq!(clawsig_stats::p_value_text(0.0), "p < 1e-300");
/// ```
pub fn p_value_text(p: f64) -> String {
    if p <= LEAST_P {
        return format!("p < {LEAST_P:e}");
    }
    let shown = format!("{p:.1e}");
    match shown.split_once('e').and_then(|(_, power)| power.parse::<i32>().ok()) {
        // The exponent after rounding, so that 0.0995 is 0.10 and not 0.100.
        Some(power @ -4..=0) => format!("p = {p:.*}", 1 + power.unsigned_abs() as usize),
        _ => format!("p = {shown}"),
    }
}

/// A tail probability, or its bound.
pub(crate) fn bounded(p: f64) -> f64 {
    p.max(LEAST_P)
}

/// P(Z <= z) for a standard normal Z.
pub fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The standard normal quantile; infinite at 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

/// P(|Z| >= |z|) for a standard normal Z; [`LEAST_P`] stands for it and anything below.
pub fn normal_two_sided(z: f64) -> f64 {
    bounded((2.0 * Normal::standard().sf(z.abs())).min(1.0))
}

/// P(X >= x) for a chi-squared X; `None` without degrees of freedom or for NaN. [`LEAST_P`] stands
/// for it and anything below.
pub fn chi_squared_tail(x: f64, freedom: f64) -> Option<f64> {
    if x.is_nan() {
        return None;
    }
    ChiSquared::new(freedom).ok().map(|chi| bounded(chi.sf(x)))
}

/// From here on the degrees of freedom are many: the formulas below are then exact to rounding, and
/// statrs' are not always.
const MANY: u64 = 1_000;

/// Beyond these throws the normal approximation is exact to about 1e-9, and the incomplete beta
/// function would take seconds.
const SUMMED: u64 = 10_000_000_000;

/// P(X <= x) for X ~ Binomial(n, 1/2); it can be too small to be told from 0.
pub fn fair_binomial_cdf(x: u64, n: u64) -> Option<f64> {
    if x >= n {
        return Some(1.0);
    }
    if n > SUMMED {
        // With the continuity correction; twice the distance from the middle keeps it exact.
        let twice = (2 * i128::from(x) + 1 - i128::from(n)) as f64;
        return Some(normal_cdf(twice / (n as f64).sqrt()));
    }
    incomplete_beta((n - x) as f64, x as f64 + 1.0, 0.5)
}

/// P(X >= x) for X that is F distributed with these degrees of freedom; `None` where one of them is
/// not positive or `x` is NaN. [`LEAST_P`] stands for it and anything below.
pub fn f_tail(x: f64, above: f64, below: f64) -> Option<f64> {
    if x.is_nan() || !(above > 0.0 && below > 0.0) {
        return None;
    }
    let scaled = above * x.max(0.0);
    if scaled.is_infinite() {
        return Some(LEAST_P);
    }
    incomplete_beta(below / 2.0, above / 2.0, below / (below + scaled)).map(bounded)
}

/// The F quantile, by bisection; `None` as for [`f_tail`], or for a `p` that is not between 0 and 1.
pub fn f_quantile(p: f64, above: f64, below: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0 && above > 0.0 && below > 0.0) {
        return None;
    }
    // F = below / above * (1 - x) / x, with x beta distributed; 1 - p is the mass below x.
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let x = f64::midpoint(low, high);
        if x <= low || x >= high {
            return Some(below / above * (1.0 - x) / x);
        }
        let mass = incomplete_beta(below / 2.0, above / 2.0, x)?;
        if mass < 1.0 - p { low = x } else { high = x }
    }
}

/// Student's t quantile; `None` without degrees of freedom. For many of them by the
/// Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).
pub fn t_quantile(p: f64, freedom: u64) -> Option<f64> {
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

/// P(|T| >= |t|) for Student's t; `None` without degrees of freedom or for NaN, and [`LEAST_P`] for
/// anything below. For many of them by Hill's
/// (1970) normal transform, the Communications of the ACM's algorithm 395.
pub fn t_two_sided(t: f64, freedom: u64) -> Option<f64> {
    if t.is_nan() {
        return None;
    }
    if freedom < MANY {
        let student = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
        return Some(bounded((2.0 * student.sf(t.abs())).min(1.0)));
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

    /// `scipy.stats.t.ppf(p, v)`, and `2 * scipy.stats.t.sf(t, v)` far out, SciPy 1.12.0.
    #[test]
    fn students_t_of_many_degrees_of_freedom_equals_scipy_elsewhere() {
        for (p, freedom, theirs) in [
            (0.6, 1_000, 0.253_414_515_839_498_64),
            (0.9999, 1_500, 3.728_229_690_563_607_4),
            (0.01, 2_000, -2.328_213_841_939_773),
        ] {
            let ours = t_quantile(p, freedom).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-12, "{p} {freedom}: {ours}");
        }
        for (t, freedom, theirs) in [
            (0.5, 1_000, 0.617_185_080_833_875),
            (12.0, 1_000, 4.324_057_386_774_58e-31),
            (1.0, 1_000_000, 0.317_310_749_833_578_1),
        ] {
            let ours = t_two_sided(t, freedom).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{t} {freedom}: {ours}");
        }
    }

    /// `scipy.stats.f.sf(x, above, below)` and `scipy.stats.f.ppf(p, above, below)`, SciPy 1.12.0.
    #[test]
    fn f_equals_scipy() {
        for (x, above, below, theirs) in [
            (0.5, 1.0, 1.0, 0.608_173_447_969_392_9),
            (2.5, 3.0, 7.0, 0.143_509_456_278_939_27),
            (4.0, 10.5, 2.25, 0.192_985_342_985_281_47),
            (1.0, 40.0, 60.0, 0.492_299_800_342_352_1),
            (30.0, 2.0, 5.0, 0.001_641_124_840_903_045),
            (1e-3, 5.0, 9.0, 0.999_999_864_878_390_9),
            (250.0, 1.0, 4.0, 9.349_274_639_994_456e-5),
            (0.0, 3.0, 7.0, 1.0),
            (-1.0, 3.0, 7.0, 1.0),
        ] {
            let ours = f_tail(x, above, below).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-11, "{x} {above} {below}: {ours}");
        }
        for (p, above, below, theirs) in [
            (0.5, 1.0, 1.0, 1.0),
            (0.95, 3.0, 7.0, 4.346_831_399_907_815),
            (0.025, 10.5, 2.25, 0.194_127_756_386_752_8),
            (0.999, 40.0, 60.0, 2.408_567_093_973_793),
            (0.975, 1000.0, 3.0, 13.907_512_854_649_914),
        ] {
            let ours = f_quantile(p, above, below).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-10, "{p} {above} {below}: {ours}");
        }
        for (above, below) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0)] {
            assert_eq!((f_tail(1.0, above, below), f_quantile(0.5, above, below)), (None, None));
        }
        assert_eq!(f_tail(f64::NAN, 1.0, 1.0), None);
        assert_eq!(f_tail(f64::INFINITY, 1.0, 1.0), Some(LEAST_P));
        assert_eq!([0.0, 1.0, f64::NAN].map(|p| f_quantile(p, 1.0, 1.0)), [None; 3]);
    }

    /// `scipy.stats.chi2.sf(x, v)`, SciPy 1.12.0.
    #[test]
    fn chi_squared_equals_scipy() {
        for (x, freedom, theirs) in [
            (3.84, 1.0, 0.050_043_521_248_705_19),
            (0.5, 10.0, 0.999_993_388_289_439),
            (100.0, 3.0, 1.554_159_431_389_602_6e-21),
        ] {
            let ours = chi_squared_tail(x, freedom).unwrap_or(f64::NAN);
            assert!((ours / theirs - 1.0).abs() < 1e-10, "{x} {freedom}: {ours}");
        }
        assert_eq!((chi_squared_tail(1.0, 0.0), chi_squared_tail(f64::NAN, 1.0)), (None, None));
    }

    #[test]
    fn a_p_value_is_told_in_two_digits_or_as_a_bound() {
        let cases = [
            (1.0, "p = 1.0"),
            (0.996, "p = 1.0"),
            (0.25, "p = 0.25"),
            (0.0995, "p = 0.10"),
            (0.0123, "p = 0.012"),
            (1.04e-4, "p = 0.00010"),
            (9.96e-5, "p = 0.00010"),
            (9.9e-5, "p = 9.9e-5"),
            (1.1e-300, "p = 1.1e-300"),
            (LEAST_P, "p < 1e-300"),
            (5e-324, "p < 1e-300"),
        ];
        for (p, text) in cases {
            assert_eq!(p_value_text(p), text, "{p:e}");
        }
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
        let half = fair_binomial_cdf(0, 1).unwrap_or(f64::NAN);
        assert!((half - 0.5).abs() < 1e-14, "{half}");
        assert_eq!(fair_binomial_cdf(1, 1), Some(1.0));
        assert_eq!(fair_binomial_cdf(u64::MAX, u64::MAX), Some(1.0));
    }
}
