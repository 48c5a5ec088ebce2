//! The strata of skills: where a verdict is in doubt, and a share of everything else.

use clawsig_schema::Verdict;

/// What is known of a skill before anyone reviews it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// The registry's verdict, if it is one of the three.
    pub verdict: Option<Verdict>,
    /// Whether each scanner flags it; `None` where it says nothing.
    pub flags: Vec<Option<bool>>,
    /// Whether the model calls it other than clean, where it was asked.
    pub model: Option<bool>,
    /// Whether its bundle holds code.
    pub code: bool,
}

/// The strata with their meanings. A skill is in the first whose description fits.
pub const STRATA: [(&str, &str); 7] = [
    ("malicious_without_scanner", "the verdict is malicious and no scanner flags it"),
    ("clean_but_advised", "the verdict is clean and a scanner flags it"),
    ("model_against_verdict", "the model and the verdict differ on clean or not"),
    ("single_scanner", "one scanner alone flags it"),
    ("conflict", "scanners differ, and more than one flags it"),
    ("code_bearing", "its bundle holds code"),
    ("rest", "everything else"),
];

/// The place of a skill's stratum in [`STRATA`].
pub fn stratum_of(signs: &Signs) -> usize {
    let flagged = signs.flags.iter().filter(|flag| **flag == Some(true)).count();
    let cleared = signs.flags.contains(&Some(false));
    let doubtful = signs.verdict.map(|verdict| verdict != Verdict::Clean);
    if signs.verdict == Some(Verdict::Malicious) && flagged == 0 {
        0
    } else if doubtful == Some(false) && flagged > 0 {
        1
    } else if signs.model.zip(doubtful).is_some_and(|(model, verdict)| model != verdict) {
        2
    } else if flagged == 1 {
        3
    } else if flagged > 1 && cleared {
        4
    } else if signs.code {
        5
    } else {
        6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_description_that_fits_decides() {
        let signs = |verdict, flags: [Option<bool>; 3], model, code| {
            STRATA[stratum_of(&Signs { verdict, flags: flags.to_vec(), model, code })].0
        };
        let (yes, no) = (Some(true), Some(false));
        let none = [no, no, None];
        assert_eq!(signs(Some(Verdict::Malicious), none, None, true), "malicious_without_scanner");
        assert_eq!(signs(Some(Verdict::Clean), [yes, no, None], yes, true), "clean_but_advised");
        assert_eq!(signs(Some(Verdict::Clean), none, yes, true), "model_against_verdict");
        assert_eq!(signs(Some(Verdict::Suspicious), [yes, no, None], yes, true), "single_scanner");
        assert_eq!(signs(Some(Verdict::Suspicious), [yes, yes, no], yes, false), "conflict");
        assert_eq!(signs(Some(Verdict::Suspicious), [yes, yes, yes], yes, true), "code_bearing");
        assert_eq!(signs(Some(Verdict::Clean), none, no, false), "rest");
        assert_eq!(signs(None, none, yes, false), "rest");
    }
}
