//! A number that says how well it is known, or why it is not known at all.

use serde::{Deserialize, Serialize};

/// A statistic as every result file writes it.
///
/// Either `value` is a finite number, or `undefined` says why there is none; never both, never
/// neither, never NaN. `standard_error`, `low` and `high` are absent where no interval was asked
/// for or none can be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The statistic.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<f64>,
    /// Its standard error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard_error: Option<f64>,
    /// The lower end of the 95 % interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub low: Option<f64>,
    /// The upper end of the 95 % interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub high: Option<f64>,
    /// The number of rows it rests on.
    pub n: u64,
    /// How the interval was made, or by what none could be, for example `analytic`, `wilson`,
    /// `bootstrap-bca`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// The p-value against zero, two-sided, where the literature defines one. 1e-300 stands for
    /// anything below.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p_value: Option<f64>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undefined: Option<String>,
    /// Why the value, though its formula has one, is arithmetic rather than a finding: kappa with
    /// a constant rater is 0 whatever the other rater does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// Why there is no interval, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub no_interval: Option<String>,
}

impl Estimate {
    /// A value without an interval. A value that is not finite becomes undefined: a computation
    /// that ends in NaN has no business in a result.
    pub fn point(value: f64, n: u64) -> Estimate {
        if !value.is_finite() {
            return Estimate::undefined("the computation has no finite result", n);
        }
        Estimate {
            value: Some(value),
            standard_error: None,
            low: None,
            high: None,
            n,
            method: None,
            p_value: None,
            undefined: None,
            note: None,
            no_interval: None,
        }
    }

    /// No value, and the reason.
    pub fn undefined(reason: impl Into<String>, n: u64) -> Estimate {
        Estimate {
            value: None,
            standard_error: None,
            low: None,
            high: None,
            n,
            method: None,
            p_value: None,
            undefined: Some(reason.into()),
            note: None,
            no_interval: None,
        }
    }

    /// The note, and why there is no interval, as tables show them in one cell.
    pub fn remark(&self) -> Option<String> {
        let reason = self.no_interval.as_ref().map(|why| format!("no interval: {why}"));
        let parts: Vec<String> = self.note.clone().into_iter().chain(reason).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// The same estimate with a 95 % interval, which is dropped unless both ends are finite.
    #[must_use]
    pub fn with_interval(mut self, low: f64, high: f64, method: &str) -> Estimate {
        if self.value.is_some() && low.is_finite() && high.is_finite() {
            self.low = Some(low);
            self.high = Some(high);
            self.method = Some(method.to_owned());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_tells_the_note_and_the_reason() {
        let plain = Estimate::point(1.0, 3);
        assert_eq!(plain.remark(), None);
        let told = Estimate { no_interval: Some("no variation".to_owned()), ..plain };
        assert_eq!(told.remark().as_deref(), Some("no interval: no variation"));
        let both = Estimate { note: Some("constant".to_owned()), ..told };
        assert_eq!(both.remark().as_deref(), Some("constant; no interval: no variation"));
    }

    #[test]
    fn a_value_is_never_nan() {
        let estimate = Estimate::point(f64::NAN, 3).with_interval(0.0, 1.0, "wilson");
        assert_eq!(estimate.value, None);
        assert_eq!(estimate.low, None);
        assert!(estimate.undefined.is_some());
    }
}
