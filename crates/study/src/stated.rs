//! Estimates as the result files write them.

use clawsig_agreement::Estimate;
use clawsig_schema::estimate;

/// The estimate with its reasons in words.
pub fn stated(found: &Estimate) -> estimate::Estimate {
    let value = match found.value {
        Ok(value) => value,
        Err(why) => return estimate::Estimate::undefined(why.reason(), found.n),
    };
    let mut out = estimate::Estimate::point(value, found.n);
    if out.value.is_none() {
        return out;
    }
    if let (Some(interval), Some(method)) = (found.interval, found.method) {
        out = out.with_interval(interval.low, interval.high, method.as_str());
    }
    out.method = found.method.map(|method| method.as_str().to_owned());
    out.standard_error = found.standard_error.filter(|error| error.is_finite());
    out.p_value = found.p_value.filter(|p| p.is_finite());
    out.note = found.caution.map(|caution| caution.reason().to_owned());
    out.no_interval = found.no_interval.map(|why| why.reason().to_owned());
    out
}
