//! Numbers and texts as a reader sees them.

pub(crate) use clawsig_schema::wording::{counted, grouped as count};

use clawsig_schema::{
    agreement::NamedEstimate, column::ColumnKind, estimate::Estimate, hostile::printable,
};
use clawsig_stats::p_value_text;

/// The most characters of a text from the data that are shown in one place.
pub(crate) const TEXT_LIMIT: usize = 120;

/// A text from the data, made harmless for a reader and cut.
pub(crate) fn shown(text: &str) -> String {
    printable(text, TEXT_LIMIT)
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

/// A blank that no line breaks at.
const JOINED: char = '\u{a0}';

/// A share as a percentage: one decimal, two below one percent. No line breaks before the sign.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "undefined: not a finite number".to_owned();
    }
    let value = share * 100.0;
    let text = if value != 0.0 && value.abs() < 1.0 {
        format!("{value:.2}{JOINED}%")
    } else {
        format!("{value:.1}{JOINED}%")
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

/// The value, its interval and what speaks against either; a line breaks between them and not within
/// the interval.
fn written(estimate: &Estimate, number: fn(f64) -> String) -> String {
    let Some(value) = estimate.value else { return undefined(estimate) };
    let mut text = number(value);
    if let (Some(low), Some(high)) = (estimate.low, estimate.high) {
        let interval = format!("({} to {})", number(low), number(high));
        text.push(' ');
        text.push_str(&interval.replace(' ', &JOINED.to_string()));
    }
    if let Some(remark) = estimate.remark() {
        text.push_str(&format!(" ({})", shown(&remark)));
    }
    text
}

/// A test's p-value, or why there is none.
pub(crate) fn test(estimate: &Estimate) -> String {
    match estimate.p_value {
        Some(p) => p_value_text(p),
        None => undefined(estimate),
    }
}

/// A statistic by its value, or a test by its p-value: a test's statistic says nothing without its table of values.
pub(crate) fn statistic(named: &NamedEstimate) -> String {
    match named.is_test() {
        true => test(&named.estimate),
        false => estimate(&named.estimate),
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

/// A sentence of the program's with the scanners' own names for their identifiers, and no marks of code.
pub(crate) fn named(text: &str) -> String {
    let text = printable(text, 600);
    // A name as `static-flag` is one word.
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) { rest.find(|c| !is_word(c)) } else { Some(first.len_utf8()) };
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        match piece {
            "`" => {}
            "static" if after.starts_with(" scanner") => out.push_str(piece),
            "static" => out.push_str("the static scanner"),
            "virustotal" | "skillspector" => out.push_str(&rater(piece)),
            _ => out.push_str(piece),
        }
        rest = after;
    }
    out
}

/// [`named`] with a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut text = named(text);
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}

/// A name in snake case as words.
pub(crate) fn plain(name: &str) -> String {
    match name {
        "cohen_kappa" => "Cohen’s kappa".to_owned(),
        "fleiss_kappa" => "Fleiss’ kappa".to_owned(),
        "conger_kappa" => "Conger’s kappa".to_owned(),
        "light_kappa" => "Light’s kappa".to_owned(),
        "scott_pi" => "Scott’s pi".to_owned(),
        "brennan_prediger" => "Brennan and Prediger’s kappa".to_owned(),
        "krippendorff_alpha" => "Krippendorff’s alpha".to_owned(),
        "gwet_ac1" => "Gwet’s AC1".to_owned(),
        "gwet_ac2" => "Gwet’s AC2".to_owned(),
        "weighted_kappa" => "Cohen’s weighted kappa".to_owned(),
        "icc_1" => "Intraclass correlation, one way".to_owned(),
        "icc_2" => "Intraclass correlation, absolute".to_owned(),
        "icc_3" => "Intraclass correlation, consistency".to_owned(),
        "pabak" => "PABAK".to_owned(),
        "yule_q" => "Yule’s Q".to_owned(),
        "max_kappa" => "Largest possible kappa".to_owned(),
        "mcnemar_exact" => "McNemar’s test, exact".to_owned(),
        "mcnemar_corrected" => "McNemar’s test, corrected".to_owned(),
        "f1" => "F1".to_owned(),
        "mcc" => "MCC".to_owned(),
        "ece" => "ECE".to_owned(),
        "roc_auc" => "ROC AUC".to_owned(),
        "pr_auc" => "PR AUC (average precision)".to_owned(),
        "brier" => "Brier score".to_owned(),
        other if other.ends_with("-flag") => {
            format!("{}’s flag", rater(other.trim_end_matches("-flag")))
        }
        other => capital(&shown(&other.replace('_', " "))),
    }
}

/// The text with its first letter in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A rater's name in one word, for a figure.
pub(crate) fn rater_word(name: &str) -> String {
    match name {
        "static" => "Static".to_owned(),
        "verdict" => "Verdict".to_owned(),
        other => rater(other),
    }
}

/// With a capital first letter.
pub(crate) fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_the_scanners_own_names() {
        for (text, expected) in [
            (
                "static flags fewer than skillspector's",
                "the static scanner flags fewer than SkillSpector's",
            ),
            ("the static scanner, reads `slight`", "the static scanner, reads slight"),
            ("skillspector_score is non_static", "skillspector_score is non_static"),
            ("the rule `static-flag`", "the rule static-flag"),
            ("", ""),
        ] {
            assert_eq!(named(text), expected);
        }
        assert_eq!(sentence("virustotal rated no row"), "VirusTotal rated no row.");
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(67_453), "67,453");
        assert_eq!(count(1_081_476_464), "1,081,476,464");
        assert_eq!(decimal(-0.0001), "0.000");
        assert_eq!(decimal(-0.25), "−0.250");
        assert_eq!(percent(0.0069), "0.69\u{a0}%");
        assert_eq!(percent(0.819), "81.9\u{a0}%");
        assert_eq!(share_of(1, 0), "undefined: no rows");
    }

    #[test]
    fn an_undefined_estimate_says_why() {
        assert_eq!(estimate(&Estimate::undefined("no ratings", 0)), "undefined: no ratings");
        assert_eq!(optional(None), "undefined: not computed");
        let known = Estimate::point(0.5, 9).with_interval(0.4, 0.6, "wilson");
        assert_eq!(
            rate(&known).replace('\u{a0}', "_"),
            "50.0_% (40.0_%_to_60.0_%)",
            "only the blank before the interval breaks"
        );
        assert_eq!(plain("false_positive_rate"), "False positive rate");
        let no_interval = Some("the data show no variation".to_owned());
        let edge = Estimate { no_interval, ..Estimate::point(1.0, 9) };
        assert_eq!(estimate(&edge), "1.000 (no interval: the data show no variation)");
        let note = Some("a rater is constant".to_owned());
        let noted = Estimate { note: note.clone(), ..known };
        assert_eq!(
            estimate(&noted).replace('\u{a0}', "_"),
            "0.500 (0.400_to_0.600) (a rater is constant)"
        );
        assert_eq!(
            estimate(&Estimate { note, ..edge }),
            "1.000 (a rater is constant; no interval: the data show no variation)"
        );
    }

    #[test]
    fn a_test_says_its_p_value() {
        let found = |p_value| test(&Estimate { p_value, ..Estimate::point(235.0, 9) });
        assert_eq!([Some(0.0002), Some(0.25)].map(found), ["p = 0.00020", "p = 0.25"]);
    }
}
