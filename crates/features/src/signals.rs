//! What the scanners say about a row, as numbers.

use clawsig_schema::{MissingPolicy, Scanner, SkillRow, flags, matrix::ColumnGroup};

use crate::{
    FeaturesError,
    leakage::barred,
    params::{FeatureParams, NumericColumns},
    shape::{SHAPE_COLUMNS, shape},
};

/// A score or count of the dataset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    /// The dataset's column.
    pub(crate) column: &'static str,
    read: fn(&SkillRow) -> Option<f64>,
    /// Whether the dataset may lack it.
    pub(crate) nullable: bool,
}

const fn number(
    column: &'static str,
    nullable: bool,
    read: fn(&SkillRow) -> Option<f64>,
) -> Number {
    Number { column, read, nullable }
}

/// Every number, the notebook's four first and in its order.
const NUMBERS: [Number; 7] = [
    number("skillspector_score", true, |row| row.skillspector.score),
    number("static_finding_count", false, |row| Some(row.static_scan.finding_count.into())),
    number("skillspector_issue_count", false, |row| Some(row.skillspector.issue_count.into())),
    number("virustotal_malicious_count", true, |row| row.virustotal.malicious.map(f64::from)),
    number("virustotal_suspicious_count", true, |row| row.virustotal.suspicious.map(f64::from)),
    number("virustotal_harmless_count", true, |row| row.virustotal.harmless.map(f64::from)),
    number("virustotal_undetected_count", true, |row| row.virustotal.undetected.map(f64::from)),
];

/// How many of [`NUMBERS`] the notebook uses.
const NOTEBOOK_NUMBERS: usize = 4;

/// A list of codes in the dataset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeList {
    column: &'static str,
    prefix: &'static str,
    read: fn(&SkillRow) -> &[String],
}

const CODE_LISTS: [CodeList; 3] = [
    CodeList {
        column: "static_reason_codes",
        prefix: "static_reason_code=",
        read: |row| &row.static_scan.reason_codes,
    },
    CodeList {
        column: "skillspector_issue_codes",
        prefix: "skillspector_issue_code=",
        read: |row| &row.skillspector.issue_codes,
    },
    CodeList {
        column: "skillspector_issue_categories",
        prefix: "skillspector_issue_category=",
        read: |row| &row.skillspector.issue_categories,
    },
];

const fn flag_column(scanner: Scanner) -> &'static str {
    match scanner {
        Scanner::Static => "static_status",
        Scanner::VirusTotal => "virustotal_status",
        Scanner::SkillSpector => "skillspector_status",
    }
}

/// Which dataset columns each group reads.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) text: bool,
    pub(crate) flags: Vec<Scanner>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) codes: Vec<CodeList>,
    pub(crate) shape: bool,
    pub(crate) left_out: Vec<(&'static str, &'static str)>,
}

impl Layout {
    pub(crate) fn new(params: &FeatureParams) -> Result<Layout, FeaturesError> {
        let target = params.target;
        let refuse = |column: &str, reason| {
            Err(FeaturesError::BarredColumn { column: column.to_owned(), target, reason })
        };
        let has = |group| params.groups.contains(&group);
        let mut used: Vec<&'static str> = Vec::new();
        if has(ColumnGroup::Flags) {
            used.extend(Scanner::ALL.iter().map(|&scanner| flag_column(scanner)));
        }
        let numbers = match params.numeric {
            NumericColumns::Full => &NUMBERS[..],
            NumericColumns::Notebook => &NUMBERS[..NOTEBOOK_NUMBERS],
        };
        if has(ColumnGroup::Numeric) {
            used.extend(numbers.iter().map(|number| number.column));
        }
        if has(ColumnGroup::Codes) {
            used.extend(CODE_LISTS.iter().map(|list| list.column));
        }
        for column in &params.columns {
            if let Some(reason) = barred(target, column) {
                return refuse(column, reason);
            }
            if !used.contains(&column.as_str()) {
                let column = column.clone();
                return Err(FeaturesError::UnknownColumn { column, expected: used.join(", ") });
            }
        }
        let wanted = |column: &str| {
            params.columns.is_empty() || params.columns.iter().any(|name| name == column)
        };
        // The notebook's four are asked for one by one, so none is left out in silence.
        if has(ColumnGroup::Numeric) && params.numeric == NumericColumns::Notebook {
            for number in numbers.iter().filter(|number| wanted(number.column)) {
                if let Some(reason) = barred(target, number.column) {
                    return refuse(number.column, reason);
                }
            }
        }
        let keep = |group, column| has(group) && wanted(column) && barred(target, column).is_none();
        let text_allowed = barred(target, "skill_md_content").is_none();
        let shape_allowed = text_allowed && barred(target, "skill_bundle_content").is_none();
        Ok(Layout {
            text: has(ColumnGroup::Text) && text_allowed,
            flags: Scanner::ALL
                .iter()
                .copied()
                .filter(|&scanner| keep(ColumnGroup::Flags, flag_column(scanner)))
                .collect(),
            numbers: numbers
                .iter()
                .copied()
                .filter(|number| keep(ColumnGroup::Numeric, number.column))
                .collect(),
            codes: CODE_LISTS
                .iter()
                .copied()
                .filter(|list| keep(ColumnGroup::Codes, list.column))
                .collect(),
            shape: has(ColumnGroup::Shape) && shape_allowed,
            left_out: used
                .into_iter()
                .filter(|&column| wanted(column))
                .filter_map(|column| barred(target, column).map(|reason| (column, reason)))
                .collect(),
        })
    }

    /// The names of the flag columns.
    pub(crate) fn flag_names(&self, missing: MissingPolicy) -> Vec<String> {
        let mut names: Vec<String> = self.flags.iter().map(|s| format!("flag_{s}")).collect();
        if missing == MissingPolicy::Exclude {
            names.extend(self.flags.iter().map(|s| format!("flag_{s}_missing")));
        }
        names
    }

    /// Whether the name of an indicator is one that these groups can give.
    pub(crate) fn gives_code(&self, name: &str) -> bool {
        self.codes.iter().any(|list| name.starts_with(list.prefix))
    }

    /// What a row says, except for its text.
    pub(crate) fn read(&self, row: &SkillRow, params: &FeatureParams) -> Signals {
        let flags = self.flags.iter().map(|&s| flags::flag(row, s, params.flag_rule)).collect();
        let mut codes: Vec<String> = self
            .codes
            .iter()
            .flat_map(|list| (list.read)(row).iter().map(|code| format!("{}{code}", list.prefix)))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        Signals {
            flags,
            numbers: self.numbers.iter().map(|number| (number.read)(row)).collect(),
            codes,
            shape: self.shape.then(|| shape(row.text.as_deref(), &row.bundle)),
        }
    }
}

/// What a row says, except for its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signals {
    pub(crate) flags: Vec<Option<bool>>,
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) codes: Vec<String>,
    pub(crate) shape: Option<[f64; SHAPE_COLUMNS.len()]>,
}
