//! Numbers and texts as a reader sees them.

use clawsig_schema::{column::ColumnKind, estimate::Estimate, hostile::printable};

/// The most characters of a text from the data that are shown in one place.
pub(crate) const TEXT_LIMIT: usize = 120;

/// A text from the data, made harmless for a reader and cut.
pub(crate) fn shown(text: &str) -> String {
    printable(text, TEXT_LIMIT)
}

/// A count with thin groups of three digits.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number with three decimals, and a true minus sign.
pub(crate) fn decimal(value: f64) -> String {
    if !value.is_finite() {
        return "undefined: not a finite number".to_owned();
    }
    let text = format!("{value:.3}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().any(|c| c.is_ascii_digit() && c != '0') => format!("−{rest}"),
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// A share as a percentage: one decimal, two below one percent.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "undefined: not a finite number".to_owned();
    }
    let value = share * 100.0;
    let text = if value != 0.0 && value.abs() < 1.0 {
        format!("{value:.2} %")
    } else {
        format!("{value:.1} %")
    };
    text.replace('-', "−")
}

/// One count over another as a percentage.
pub(crate) fn share_of(part: u64, whole: u64) -> String {
    if whole == 0 { "undefined: no rows".to_owned() } else { percent(part as f64 / whole as f64) }
}

/// An estimate with its interval, or why it is undefined.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    written(estimate, decimal)
}

/// An estimate of a share, in percent.
pub(crate) fn rate(estimate: &Estimate) -> String {
    written(estimate, percent)
}

fn written(estimate: &Estimate, number: fn(f64) -> String) -> String {
    match (estimate.value, estimate.low, estimate.high) {
        (Some(value), Some(low), Some(high)) => {
            format!("{} ({} to {})", number(value), number(low), number(high))
        }
        (Some(value), _, _) => number(value),
        (None, _, _) => undefined(estimate),
    }
}

/// Why an estimate has no value.
pub(crate) fn undefined(estimate: &Estimate) -> String {
    let reason = estimate.undefined.as_deref().unwrap_or("no reason was given");
    format!("undefined: {}", shown(reason))
}

/// An estimate or why it was not computed.
pub(crate) fn optional(found: Option<&Estimate>) -> String {
    found.map_or_else(|| "undefined: not computed".to_owned(), estimate)
}

/// A column's type as the profile writes it.
pub(crate) fn kind(kind: ColumnKind) -> String {
    let written = serde_json::to_value(kind).unwrap_or_default();
    written.as_str().unwrap_or("undefined: no name").replace('_', " ")
}

/// A scanner's or rater's name as its maker writes it.
pub(crate) fn rater(name: &str) -> String {
    match name {
        "static" => "Static scanner".to_owned(),
        "virustotal" => "VirusTotal".to_owned(),
        "skillspector" => "SkillSpector".to_owned(),
        "verdict" => "Registry verdict".to_owned(),
        other => shown(other),
    }
}

/// A name in snake case as words.
pub(crate) fn plain(name: &str) -> String {
    match name {
        "cohen_kappa" => "Cohen’s kappa".to_owned(),
        "gwet_ac1" => "Gwet’s AC1".to_owned(),
        "jaccard" => "Jaccard".to_owned(),
        "f1" => "F1".to_owned(),
        "mcc" => "MCC".to_owned(),
        "ece" => "ECE".to_owned(),
        "roc_auc" => "ROC AUC".to_owned(),
        "pr_auc" => "PR AUC (average precision)".to_owned(),
        "brier" => "Brier score".to_owned(),
        other => shown(&other.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(67_453), "67,453");
        assert_eq!(count(1_081_476_464), "1,081,476,464");
        assert_eq!(decimal(-0.0001), "0.000");
        assert_eq!(decimal(-0.25), "−0.250");
        assert_eq!(percent(0.0069), "0.69 %");
        assert_eq!(percent(0.819), "81.9 %");
        assert_eq!(share_of(1, 0), "undefined: no rows");
    }

    #[test]
    fn an_undefined_estimate_says_why() {
        assert_eq!(estimate(&Estimate::undefined("no ratings", 0)), "undefined: no ratings");
        assert_eq!(optional(None), "undefined: not computed");
        let known = Estimate::point(0.5, 9).with_interval(0.4, 0.6, "wilson");
        assert_eq!(rate(&known), "50.0 % (40.0 % to 60.0 %)");
    }
}
