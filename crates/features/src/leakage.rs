//! What may never be a feature.
//!
//! One reading passes this list by, and only where it is asked for: the flag rule `any-output` is
//! the seed tutorial's, and says whether `clawscan_context` holds a scanner's output at all. The
//! flag tells that the scanner ran and left something, nothing of what the judge made of it.

use clawsig_schema::Target;

/// Why a column of the dataset may not be a feature for a target; `None` where it may.
///
/// This is the one list. Every column of the matrix is made from dataset columns that passed it.
pub fn barred(target: Target, column: &str) -> Option<&'static str> {
    match column {
        "clawscan_verdict" => Some("it is the registry's verdict, a label"),
        "clawscan_confidence" | "clawscan_model" | "clawscan_summary" | "clawscan_context" => {
            Some("it is written by the judge that gives the verdict")
        }
        "id" | "skill_slug" | "skill_version" | "split" => {
            Some("it names the row instead of describing the skill")
        }
        _ if target == Target::Severity && column.starts_with("skillspector_") => {
            Some("the severity is derived from SkillSpector's own output")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::column::COLUMNS;

    use super::*;

    #[test]
    fn each_target_bars_its_columns() {
        let always = [
            "id",
            "skill_slug",
            "skill_version",
            "clawscan_verdict",
            "clawscan_confidence",
            "clawscan_model",
            "clawscan_summary",
            "clawscan_context",
            "split",
        ];
        for &target in Target::ALL {
            let found: Vec<&str> = COLUMNS
                .iter()
                .map(|column| column.name)
                .filter(|name| barred(target, name).is_some())
                .filter(|name| target != Target::Severity || !name.starts_with("skillspector_"))
                .collect();
            assert_eq!(found, always, "{target}");
        }
        let skillspector = COLUMNS.iter().filter(|column| column.name.starts_with("skillspector_"));
        assert_eq!(skillspector.filter(|c| barred(Target::Severity, c.name).is_some()).count(), 6);
    }
}
