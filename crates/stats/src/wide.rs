//! Numbers of twice the precision, for differences that would lose all their digits.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// An unevaluated sum of two numbers (Dekker 1971), about 106 bits: sums, products and quotients
/// have a relative error below 1e-30.
///
/// ```
/// use clawsig_stats::Wide;
/// let third = Wide::from(1.0) / Wide::from(3.0);
/// assert!((third * Wide::from(3.0) - Wide::from(1.0)).value().abs() < 1e-31);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Wide {
    high: f64,
    low: f64,
}

impl Wide {
    /// 0.
    pub const ZERO: Wide = Wide { high: 0.0, low: 0.0 };

    /// The nearest `f64`.
    pub fn value(self) -> f64 {
        self.high
    }

    /// Whether it is a finite number.
    pub fn is_finite(self) -> bool {
        self.high.is_finite()
    }

    /// The sum of both, exactly.
    fn two_sum(a: f64, b: f64) -> Wide {
        let high = a + b;
        let part = high - a;
        Wide { high, low: (a - (high - part)) + (b - part) }
    }

    /// As [`Wide::two_sum`] for `a` no smaller than `b`.
    fn quick(a: f64, b: f64) -> Wide {
        let high = a + b;
        Wide { high, low: b - (high - a) }
    }

    /// The product of both, exactly.
    fn two_product(a: f64, b: f64) -> Wide {
        let high = a * b;
        Wide { high, low: a.mul_add(b, -high) }
    }

    /// The square root of a number that is not negative.
    #[must_use]
    pub fn sqrt(self) -> Wide {
        if self.high <= 0.0 {
            return Wide::ZERO;
        }
        let root = Wide::from(self.high.sqrt());
        root + (self - root * root) / (root + root)
    }
}

impl From<f64> for Wide {
    fn from(value: f64) -> Wide {
        Wide { high: value, low: 0.0 }
    }
}

impl From<u64> for Wide {
    fn from(value: u64) -> Wide {
        let high = value as f64;
        // Both are whole numbers up to 2^64, so that their difference is exact.
        Wide { high, low: (i128::from(value) - high as i128) as f64 }
    }
}

impl Add for Wide {
    type Output = Wide;
    fn add(self, other: Wide) -> Wide {
        let (high, low) =
            (Wide::two_sum(self.high, other.high), Wide::two_sum(self.low, other.low));
        let first = Wide::quick(high.high, high.low + low.high);
        Wide::quick(first.high, first.low + low.low)
    }
}

impl Neg for Wide {
    type Output = Wide;
    fn neg(self) -> Wide {
        Wide { high: -self.high, low: -self.low }
    }
}

impl Sub for Wide {
    type Output = Wide;
    fn sub(self, other: Wide) -> Wide {
        self + -other
    }
}

impl Mul for Wide {
    type Output = Wide;
    fn mul(self, other: Wide) -> Wide {
        let product = Wide::two_product(self.high, other.high);
        Wide::quick(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for Wide {
    type Output = Wide;
    fn div(self, other: Wide) -> Wide {
        let first = self.high / other.high;
        let rest = self - other * Wide::from(first);
        let second = rest.high / other.high;
        let rest = rest - other * Wide::from(second);
        Wide::quick(first, second) + Wide::from(rest.high / other.high)
    }
}

impl std::iter::Sum for Wide {
    fn sum<I: Iterator<Item = Wide>>(values: I) -> Wide {
        values.fold(Wide::ZERO, |sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(value: Wide) -> i128 {
        value.high as i128 + value.low as i128
    }

    proptest! {
        #[test]
        fn whole_numbers_are_exact(a in 0_u64..1 << 53, b in 0_u64..1 << 53, c: u64) {
            let [x, y, z] = [a, b, c].map(Wide::from);
            prop_assert_eq!(exact(z), i128::from(c));
            prop_assert_eq!(exact(x * y), i128::from(a) * i128::from(b));
            let (square, other) = (i128::from(a).pow(2), i128::from(b).pow(2));
            prop_assert!((exact(x * x - y * y) - (square - other)).abs() <= 2);
            prop_assert_eq!(exact(x + z), i128::from(a) + i128::from(c));
        }

        #[test]
        fn quotients_and_roots_give_back(a in 1e-9..1e9_f64, b in 1e-9..1e9_f64) {
            let (x, y) = (Wide::from(a), Wide::from(b));
            let apart = |found: Wide, wanted: Wide| ((found - wanted).value() / wanted.value()).abs();
            prop_assert!(apart(x / y * y, x) < 1e-30);
            prop_assert!(apart(x.sqrt() * x.sqrt(), x) < 1e-30);
        }
    }

    #[test]
    fn a_difference_keeps_its_digits() {
        let tiny = Wide::from(1.0) - Wide::from(1e-20);
        assert!(((Wide::from(1.0) - tiny).value() / 1e-20 - 1.0).abs() < 1e-10);
        assert_eq!([0.5, 0.25].map(Wide::from).into_iter().sum::<Wide>().value(), 0.75);
        assert_eq!(Wide::from(-4.0).sqrt(), Wide::ZERO);
        assert!(!Wide::from(f64::NAN).is_finite() && tiny.is_finite());
    }
}
