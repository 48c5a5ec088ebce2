//! The scanners' output on a row, as numbers.

use std::collections::BTreeSet;

use clawsig_schema::{
    FlagRule, MissingPolicy, Scanner, SkillRow, Target, flags, matrix::ColumnGroup,
};

use crate::{
    FeaturesError,
    leakage::{CONTEXT, barred, flag_allowed, flag_reads, visible},
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

/// Which dataset columns each group reads.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) text: bool,
    pub(crate) chars: bool,
    pub(crate) flags: Vec<Scanner>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) codes: Vec<CodeList>,
    pub(crate) shape: bool,
    pub(crate) left_out: Vec<(&'static str, &'static str)>,
    target: Target,
    rule: FlagRule,
}

impl Layout {
    pub(crate) fn new(params: &FeatureParams) -> Result<Layout, FeaturesError> {
        let (target, rule) = (params.target, params.flags.rule);
        let refuse = |column: &str, reason| {
            Err(FeaturesError::BarredColumn { column: column.to_owned(), target, reason })
        };
        let has = |group| params.groups.contains(&group);
        let mut used: Vec<&'static str> = Vec::new();
        if has(ColumnGroup::Flags) {
            used.extend(Scanner::ALL.iter().flat_map(|&scanner| flag_reads(scanner, rule)));
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
        let mut seen = BTreeSet::new();
        used.retain(|&column| seen.insert(column));
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
            chars: has(ColumnGroup::Chars) && text_allowed,
            flags: Scanner::ALL
                .iter()
                .copied()
                .filter(|_| has(ColumnGroup::Flags))
                .filter(|&scanner| flag_reads(scanner, rule).iter().all(|column| wanted(column)))
                .filter(|&scanner| flag_allowed(target, scanner, rule))
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
                // Under `any-output` it is read all the same, and its columns say so.
                .filter(|&column| column != CONTEXT)
                .filter_map(|column| barred(target, column).map(|reason| (column, reason)))
                .collect(),
            target,
            rule,
        })
    }

    /// The names of the flag columns, and what each reads.
    pub(crate) fn flag_columns(&self, missing: MissingPolicy) -> Vec<(String, String)> {
        let ends = match missing {
            MissingPolicy::Negative => &[""][..],
            MissingPolicy::Exclude => &["", "_missing"],
        };
        let flags = |end| self.flags.iter().map(move |&scanner| (scanner, end));
        ends.iter()
            .flat_map(flags)
            .map(|(scanner, end)| {
                (format!("flag_{scanner}{end}"), flag_reads(scanner, self.rule).join(" "))
            })
            .collect()
    }

    /// The dataset column that an indicator of a code comes from.
    pub(crate) fn code_column(&self, name: &str) -> &'static str {
        let list = self.codes.iter().find(|list| name.starts_with(list.prefix));
        list.map_or("", |list| list.column)
    }

    /// Whether the name of an indicator is one that these groups can give.
    pub(crate) fn gives_code(&self, name: &str) -> bool {
        self.codes.iter().any(|list| name.starts_with(list.prefix))
    }

    /// The row's signals.
    pub(crate) fn read(&self, row: &SkillRow) -> Signals {
        let seen = &visible(row, self.target, self.rule);
        let flags = self.flags.iter().map(|&s| flags::flag(seen, s, self.rule)).collect();
        let mut codes: Vec<String> = self
            .codes
            .iter()
            .flat_map(|list| (list.read)(seen).iter().map(|code| format!("{}{code}", list.prefix)))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        Signals {
            flags,
            numbers: self.numbers.iter().map(|number| (number.read)(seen)).collect(),
            codes,
            shape: self.shape.then(|| shape(row.text.as_deref(), &row.bundle)),
        }
    }
}

/// The values of a row from which its columns are made, except for those of its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signals {
    pub(crate) flags: Vec<Option<bool>>,
    pub(crate) numbers: Vec<Option<f64>>,
    pub(crate) codes: Vec<String>,
    pub(crate) shape: Option<[f64; SHAPE_COLUMNS.len()]>,
}
