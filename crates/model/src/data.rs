//! The rows that train and test, as features hands them over.

use std::collections::BTreeMap;

use clawsig_schema::{
    Split, Target, Verdict,
    matrix::{ColumnInfo, Csr, RowInfo},
    profile::count_name,
    wording::counted,
};

use crate::{
    error::{ModelError, Result},
    solver::PickedRows,
};

/// One split's matrix and the skills of its rows.
#[derive(Clone, Copy, Debug)]
pub struct SplitData<'a> {
    /// The split.
    pub split: Split,
    /// Its matrix.
    pub x: &'a Csr,
    /// Its rows, one a row of the matrix.
    pub rows: &'a [RowInfo],
}

/// All splits and the columns they share.
#[derive(Clone, Copy, Debug)]
pub struct TrainData<'a> {
    /// The splits; one that is missing counts as empty.
    pub splits: &'a [SplitData<'a>],
    /// The columns.
    pub columns: &'a [ColumnInfo],
}

/// The rows of one split that have a label for the target.
#[derive(Clone, Debug)]
pub struct LabelledRows<'a> {
    /// The split.
    pub split: Split,
    /// Their matrix.
    pub x: PickedRows<'a>,
    /// The rows.
    pub rows: Vec<&'a RowInfo>,
    /// Their classes, as positions in the target's list.
    pub labels: Vec<usize>,
    /// Rows without a label, left out, by the name that [`Target::left_out_as`] gives them.
    pub left_out: BTreeMap<String, u64>,
}

/// Verdicts that are named one by one.
pub(crate) const NAMES: usize = 20;

impl LabelledRows<'_> {
    /// Rows without a label.
    pub fn unlabelled(&self) -> u64 {
        self.left_out.values().sum()
    }
}

/// A warning for each verdict that is none of the three: such rows are of no class of any target of verdicts.
pub(crate) fn unknown_verdicts(splits: &[LabelledRows<'_>]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    for (name, rows) in splits.iter().flat_map(|split| &split.left_out) {
        if !Verdict::NAMES.contains(&name.as_str()) && name != "null" {
            count_name(&mut counts, name, *rows, NAMES);
        }
    }
    let told = |(name, rows): (String, u64)| {
        format!(
            "{} with the verdict `{name}`, of which the target has no class: no model is trained or evaluated on \
             them",
            counted(rows, "row")
        )
    };
    counts.into_iter().map(told).collect()
}

impl<'a> TrainData<'a> {
    /// The labelled rows of every split, in the order of [`Split::ALL`].
    ///
    /// # Errors
    /// If a split's matrix and rows differ in length, or its columns are not the list's.
    pub fn labelled(&self, target: Target) -> Result<Vec<LabelledRows<'a>>> {
        for data in self.splits {
            if data.rows.len() != data.x.rows() {
                return Err(ModelError::Shape {
                    what: "a split's list of rows",
                    found: data.rows.len(),
                    expected: data.x.rows(),
                });
            }
            if data.x.cols() != self.columns.len() {
                return Err(ModelError::Shape {
                    what: "the list of columns",
                    found: self.columns.len(),
                    expected: data.x.cols(),
                });
            }
        }
        Split::ALL.iter().map(|&split| self.labelled_of(split, target)).collect()
    }

    fn labelled_of(&self, split: Split, target: Target) -> Result<LabelledRows<'a>> {
        let mut found = LabelledRows {
            split,
            x: PickedRows::new(self.columns.len()),
            rows: Vec::new(),
            labels: Vec::new(),
            left_out: BTreeMap::new(),
        };
        for data in self.splits.iter().filter(|data| data.split == split) {
            for (at, row) in data.rows.iter().enumerate() {
                match target.label_of(row) {
                    Some(label) => {
                        found.x.push(data.x, at)?;
                        found.rows.push(row);
                        found.labels.push(label);
                    }
                    None => {
                        count_name(&mut found.left_out, &target.left_out_as(row), 1, NAMES);
                    }
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use clawsig_schema::{VerdictLabel, matrix::ColumnGroup};

    use super::*;

    #[test]
    fn rows_without_a_label_are_counted_and_left_out() {
        let x = Csr::new(1, vec![0, 1, 1, 2], vec![0, 0], vec![1.0, 3.0]).unwrap();
        let of = |verdict: &str| {
            let verdict = VerdictLabel::of_text(verdict.to_owned());
            RowInfo { verdict, ..RowInfo::default() }
        };
        let rows = [of("clean"), of("review"), of("malicious")];
        let columns = [ColumnInfo {
            column: 0,
            group: ColumnGroup::Text,
            name: "a".to_owned(),
            reads: String::new(),
        }];
        let splits = [SplitData { split: Split::Test, x: &x, rows: &rows }];
        let data = TrainData { splits: &splits, columns: &columns };
        let found = data.labelled(Target::Verdict).unwrap();
        assert_eq!(found.len(), 4);
        let test = &found[Split::Test.index()];
        assert_eq!((test.labels.as_slice(), test.unlabelled()), (&[0, 2][..], 1));
        assert_eq!(test.x.row(1), (&[0][..], &[3.0][..]));
        assert_eq!(test.left_out, BTreeMap::from([("review".to_owned(), 1)]));
        let told = unknown_verdicts(&found);
        assert!(
            told.len() == 1 && told[0].starts_with("1 row with the verdict `review`"),
            "{told:?}"
        );
        // A row that the target leaves out by its definition is none to warn of.
        let rows = [of("clean"), of("suspicious"), of("malicious")];
        let splits = [SplitData { split: Split::Test, x: &x, rows: &rows }];
        let data = TrainData { splits: &splits, columns: &columns };
        let found = data.labelled(Target::VerdictBinary).unwrap();
        assert_eq!(
            found[Split::Test.index()].left_out,
            BTreeMap::from([("suspicious".to_owned(), 1)])
        );
        assert!(unknown_verdicts(&found).is_empty());
        assert_eq!((found[0].split, found[0].rows.len()), (Split::Train, 0));

        let short = [SplitData { split: Split::Test, x: &x, rows: &rows[..2] }];
        assert!(TrainData { splits: &short, columns: &columns }.labelled(Target::Verdict).is_err());
        assert!(TrainData { splits: &splits, columns: &[] }.labelled(Target::Verdict).is_err());
    }
}
