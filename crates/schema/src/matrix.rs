//! The feature matrix: what features hands to training and evaluation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Severity, Split, VerdictLabel, hostile};

/// A compressed-sparse-row matrix of `f64`, as SciPy lays it out.
///
/// Row `r` holds the entries `indptr[r]..indptr[r + 1]` of `indices` (columns, strictly
/// ascending within a row) and `values` (finite). [`Csr::new`] checks all of it, so that whoever
/// holds a `Csr` may rely on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Csr {
    cols: usize,
    indptr: Vec<u64>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// Why some arrays are no matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CsrError {
    /// `indptr` is empty, does not begin with 0, decreases, or ends elsewhere than the entries.
    Indptr {
        /// The place in `indptr`.
        at: usize,
    },
    /// `indices` and `values` differ in length.
    Lengths {
        /// The number of indices.
        indices: usize,
        /// The number of values.
        values: usize,
    },
    /// A column is out of range or not above the one before it in its row.
    Column {
        /// The row.
        row: usize,
        /// The column.
        column: u32,
    },
    /// A value is NaN or infinite.
    Value {
        /// The row.
        row: usize,
        /// The column.
        column: u32,
    },
    /// More columns than `u32` can number.
    TooWide {
        /// The number of columns asked for.
        cols: usize,
    },
}

impl fmt::Display for CsrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CsrError::Indptr { at } => write!(f, "row pointers are not in order at {at}"),
            CsrError::Lengths { indices, values } => {
                write!(f, "{indices} column numbers but {values} values")
            }
            CsrError::Column { row, column } => {
                write!(f, "row {row}: column {column} is out of range or out of order")
            }
            CsrError::Value { row, column } => {
                write!(f, "row {row}, column {column}: the value is not finite")
            }
            CsrError::TooWide { cols } => write!(f, "{cols} columns do not fit 32 bits"),
        }
    }
}

impl std::error::Error for CsrError {}

impl Csr {
    /// Checks and takes the three arrays.
    pub fn new(
        cols: usize,
        indptr: Vec<u64>,
        indices: Vec<u32>,
        values: Vec<f64>,
    ) -> Result<Csr, CsrError> {
        if u32::try_from(cols).is_err() {
            return Err(CsrError::TooWide { cols });
        }
        if indices.len() != values.len() {
            return Err(CsrError::Lengths { indices: indices.len(), values: values.len() });
        }
        if indptr.first() != Some(&0) {
            return Err(CsrError::Indptr { at: 0 });
        }
        if indptr.last() != Some(&(indices.len() as u64)) {
            return Err(CsrError::Indptr { at: indptr.len() - 1 });
        }
        if let Some(at) = indptr.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(CsrError::Indptr { at });
        }
        let csr = Csr { cols, indptr, indices, values };
        for row in 0..csr.rows() {
            let (columns, values) = csr.row(row);
            // Without a branch an entry, which a whole matrix has too many of.
            let ascending =
                columns.windows(2).fold(true, |so_far, pair| so_far & (pair[0] < pair[1]));
            let finite = values.iter().fold(true, |so_far, value| so_far & value.is_finite());
            if ascending && finite && columns.last().is_none_or(|&last| (last as usize) < cols) {
                continue;
            }
            let mut previous = None;
            for (&column, value) in columns.iter().zip(values) {
                if column as usize >= cols || previous.is_some_and(|p| p >= column) {
                    return Err(CsrError::Column { row, column });
                }
                if !value.is_finite() {
                    return Err(CsrError::Value { row, column });
                }
                previous = Some(column);
            }
        }
        Ok(csr)
    }

    /// A matrix of `cols` columns without rows.
    pub fn empty(cols: usize) -> Result<Csr, CsrError> {
        Csr::new(cols, vec![0], Vec::new(), Vec::new())
    }

    /// A matrix from its rows, each the columns (strictly ascending) and values of its entries.
    pub fn from_rows<'a>(
        cols: usize,
        rows: impl IntoIterator<Item = (&'a [u32], &'a [f64])>,
    ) -> Result<Csr, CsrError> {
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        for (columns, entries) in rows {
            if columns.len() != entries.len() {
                let (indices, values) = (columns.len(), entries.len());
                return Err(CsrError::Lengths { indices, values });
            }
            indices.extend_from_slice(columns);
            values.extend_from_slice(entries);
            indptr.push(indices.len() as u64);
        }
        Csr::new(cols, indptr, indices, values)
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Number of stored entries.
    pub fn entries(&self) -> usize {
        self.values.len()
    }

    /// Row pointers, `rows + 1` of them.
    pub fn indptr(&self) -> &[u64] {
        &self.indptr
    }

    /// Column numbers of all entries.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Values of all entries.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The columns and values of one row.
    ///
    /// # Panics
    /// If `row` is not below [`Csr::rows`], as for a slice.
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        (&self.indices[range.clone()], &self.values[range])
    }

    /// The given rows, in the given order (a row may be named more than once).
    ///
    /// # Panics
    /// If a row is not below [`Csr::rows`].
    #[must_use]
    pub fn select_rows(&self, rows: &[usize]) -> Csr {
        let mut picked = Csr {
            cols: self.cols,
            indptr: Vec::with_capacity(rows.len() + 1),
            indices: Vec::new(),
            values: Vec::new(),
        };
        picked.indptr.push(0);
        for &row in rows {
            let (columns, values) = self.row(row);
            picked.indices.extend_from_slice(columns);
            picked.values.extend_from_slice(values);
            picked.indptr.push(picked.indices.len() as u64);
        }
        picked
    }

    /// The columns for which `keep` holds, renumbered in order.
    #[must_use]
    pub fn select_columns(&self, keep: impl Fn(usize) -> bool) -> Csr {
        let mut next = 0_u32;
        let renumbered: Vec<Option<u32>> = (0..self.cols)
            .map(|column| {
                keep(column).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let mut picked = Csr {
            cols: next as usize,
            indptr: Vec::with_capacity(self.indptr.len()),
            indices: Vec::new(),
            values: Vec::new(),
        };
        picked.indptr.push(0);
        for row in 0..self.rows() {
            let (columns, values) = self.row(row);
            for (&column, &value) in columns.iter().zip(values) {
                if let Some(column) = renumbered[column as usize] {
                    picked.indices.push(column);
                    picked.values.push(value);
                }
            }
            picked.indptr.push(picked.indices.len() as u64);
        }
        picked
    }
}

/// A group of columns that a profile switches as one; the groups stand in the matrix in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnGroup {
    /// TF-IDF of the SKILL.md text.
    Text,
    /// A second TF-IDF of the same text, of other units.
    Chars,
    /// One 0/1 flag a scanner.
    Flags,
    /// Scores and counts of the scanners.
    Numeric,
    /// Reason codes, issue codes and issue categories as indicators.
    Codes,
    /// The shape of the document and its bundle.
    Shape,
}

impl ColumnGroup {
    /// Whether the group's columns are terms of the text, so that their names are its words.
    pub const fn is_of_terms(self) -> bool {
        matches!(self, ColumnGroup::Text | ColumnGroup::Chars)
    }

    /// Whether the group comes from the scanners, so that a skill which no scanner saw lacks it.
    pub const fn needs_scanners(self) -> bool {
        matches!(self, ColumnGroup::Flags | ColumnGroup::Numeric | ColumnGroup::Codes)
    }
}

crate::choices!(ColumnGroup, "column group",
    Text => "text", Chars => "chars", Flags => "flags", Numeric => "numeric", Codes => "codes", Shape => "shape");

/// One line of `columns.csv`: a column of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// The column's number, from 0.
    pub column: u32,
    /// Its group.
    pub group: ColumnGroup,
    /// Its name: the term, or for example `skillspector_score`.
    #[serde(with = "hostile::cell")]
    pub name: String,
    /// The dataset columns that it is made from, with blanks between them.
    pub reads: String,
}

/// One line of `rows_<split>.csv`: the skill of a row of the matrix, and what evaluation asks of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowInfo {
    /// The skill's id.
    #[serde(with = "hostile::cell")]
    pub id: String,
    /// `owner/slug`.
    #[serde(with = "hostile::optional_cell")]
    pub slug: Option<String>,
    /// The part of the slug before `/`.
    #[serde(with = "hostile::optional_cell")]
    pub owner: Option<String>,
    /// The dataset's partition.
    pub split: Split,
    /// The registry's verdict, one of the three or another.
    #[serde(with = "verdict_cell")]
    pub verdict: VerdictLabel,
    /// SkillSpector's severity band.
    pub severity: Option<Severity>,
    /// The static scanner's flag under the run's rule, before the missing policy.
    pub flag_static: Option<bool>,
    /// VirusTotal's flag.
    pub flag_virustotal: Option<bool>,
    /// SkillSpector's flag.
    pub flag_skillspector: Option<bool>,
    /// The near-duplicate group: the number of its first row over all splits; a row without a
    /// near-duplicate is a group of its own.
    pub duplicate_group: u32,
    /// Near-duplicates of this row among the training rows, itself not counted.
    pub copies_in_train: u32,
}

impl Default for RowInfo {
    /// A training row without an id, of which nothing else is known.
    fn default() -> RowInfo {
        RowInfo {
            id: String::new(),
            slug: None,
            owner: None,
            split: Split::Train,
            verdict: VerdictLabel::Absent,
            severity: None,
            flag_static: None,
            flag_virustotal: None,
            flag_skillspector: None,
            duplicate_group: 0,
            copies_in_train: 0,
        }
    }
}

/// For serde's `with`: a verdict as a cell that is safe to open in a spreadsheet, empty where there is none.
mod verdict_cell {
    use serde::{Deserializer, Serializer};

    use crate::{VerdictLabel, hostile::optional_cell};

    pub(super) fn serialize<S: Serializer>(
        verdict: &VerdictLabel,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        optional_cell::serialize(&verdict.text().map(str::to_owned), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<VerdictLabel, D::Error> {
        let text = optional_cell::deserialize(deserializer)?;
        Ok(text.map_or(VerdictLabel::Absent, VerdictLabel::of_text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Csr {
        Csr::new(4, vec![0, 2, 2, 3], vec![0, 3, 1], vec![1.0, 2.0, 3.0]).unwrap()
    }

    #[test]
    fn what_is_no_matrix_is_told_with_its_place() {
        let told = |cols, indptr: &[u64], indices: &[u32], values: &[f64]| {
            Csr::new(cols, indptr.to_vec(), indices.to_vec(), values.to_vec())
                .unwrap_err()
                .to_string()
        };
        assert!(told(4, &[0, 2, 1], &[0], &[1.0]).starts_with("row pointers are not in order at"));
        assert_eq!(told(4, &[0, 1], &[0], &[]), "1 column numbers but 0 values");
        assert_eq!(
            told(4, &[0, 0, 1], &[4], &[1.0]),
            "row 1: column 4 is out of range or out of order"
        );
        let nan = told(4, &[0, 1], &[2], &[f64::NAN]);
        assert_eq!(nan, "row 0, column 2: the value is not finite");
        let terms = ColumnGroup::ALL.iter().filter(|group| group.is_of_terms());
        assert!(terms.eq(&[ColumnGroup::Text, ColumnGroup::Chars]));
        let scanners = ColumnGroup::ALL.iter().filter(|group| group.needs_scanners());
        assert!(scanners.eq(&[ColumnGroup::Flags, ColumnGroup::Numeric, ColumnGroup::Codes]));
    }

    #[test]
    fn rows_and_columns_can_be_picked() {
        let csr = sample();
        assert_eq!((csr.rows(), csr.cols(), csr.entries()), (3, 4, 3));
        assert_eq!(csr.row(0), (&[0, 3][..], &[1.0, 2.0][..]));
        assert_eq!(csr.values(), [1.0, 2.0, 3.0]);
        let rows = csr.select_rows(&[2, 0]);
        assert_eq!(rows.indptr(), &[0, 1, 3]);
        let columns = csr.select_columns(|c| c != 0);
        assert_eq!(columns.indices(), &[2, 0]);
        assert_eq!(columns.cols(), 3);
    }

    #[test]
    fn a_matrix_comes_from_its_rows() {
        let rows: [(&[u32], &[f64]); 3] = [(&[0, 3], &[1.0, 2.0]), (&[], &[]), (&[1], &[3.0])];
        assert_eq!(Csr::from_rows(4, rows), Ok(sample()));
        // Together the two rows have as many columns as values.
        let crossed: [(&[u32], &[f64]); 2] = [(&[0, 1], &[1.0]), (&[0], &[1.0, 2.0])];
        let lengths = CsrError::Lengths { indices: 2, values: 1 };
        assert_eq!(Csr::from_rows(4, crossed), Err(lengths));
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        let build = |indptr: &[u64], indices: &[u32], values: &[f64]| {
            Csr::new(3, indptr.to_vec(), indices.to_vec(), values.to_vec()).unwrap_err()
        };
        assert_eq!(build(&[], &[], &[]), CsrError::Indptr { at: 0 });
        assert_eq!(build(&[0, 2], &[0], &[1.0]), CsrError::Indptr { at: 1 });
        assert_eq!(build(&[0, 2, 1, 2], &[0, 1], &[1.0; 2]), CsrError::Indptr { at: 1 });
        assert_eq!(build(&[0, 1], &[3], &[1.0]), CsrError::Column { row: 0, column: 3 });
        assert_eq!(build(&[0, 2], &[1, 1], &[1.0; 2]), CsrError::Column { row: 0, column: 1 });
        assert_eq!(build(&[0, 1], &[1], &[f64::NAN]), CsrError::Value { row: 0, column: 1 });
        assert_eq!(build(&[0, 1], &[1], &[]), CsrError::Lengths { indices: 1, values: 0 });
    }
}
