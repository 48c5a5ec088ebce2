//! Any number of raters, with gaps: ratings counted by their distinct patterns.

use std::collections::BTreeMap;

use crate::{Categories, Error, Table, table::sum};

/// How many subjects have each combination of ratings. A rating is a category's place in the
/// list, or `None` where that rater did not rate the subject.
///
/// ```
/// use clawsig_agreement::{Categories, Ratings};
/// let labels = Categories::new(vec!["no", "yes"])?;
/// let rows = [[Some("no"), Some("no"), None], [Some("yes"), Some("no"), Some("yes")]];
/// let ratings = Ratings::from_rows(&labels, 3, rows)?;
/// assert_eq!(ratings.subjects(), 2);
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ratings {
    raters: usize,
    categories: usize,
    patterns: Vec<Vec<Option<usize>>>,
    counts: Vec<u64>,
}

impl Ratings {
    /// Counts rows of labels, one optional label a rater.
    pub fn from_rows<L: PartialEq, R: AsRef<[Option<L>]>>(
        categories: &Categories<L>,
        raters: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Ratings, Error> {
        let mut found = BTreeMap::<Vec<Option<usize>>, u64>::new();
        for (subject, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            if row.len() != raters {
                return Err(Error::RaterCount { subject, found: row.len(), expected: raters });
            }
            let mut pattern = Vec::with_capacity(raters);
            for label in row {
                pattern.push(match label {
                    None => None,
                    Some(label) => {
                        Some(categories.index_of(label).ok_or(Error::UnknownCategory { subject })?)
                    }
                });
            }
            *found.entry(pattern).or_default() += 1;
        }
        Ratings::from_patterns(raters, categories.count(), found)
    }

    /// Patterns with their counts; a pattern given twice is added up. The `subject` of an error is
    /// the pattern's position.
    pub fn from_patterns(
        raters: usize,
        categories: usize,
        patterns: impl IntoIterator<Item = (Vec<Option<usize>>, u64)>,
    ) -> Result<Ratings, Error> {
        let mut sorted = BTreeMap::<Vec<Option<usize>>, u64>::new();
        for (subject, (pattern, count)) in patterns.into_iter().enumerate() {
            if pattern.len() != raters {
                return Err(Error::RaterCount { subject, found: pattern.len(), expected: raters });
            }
            if pattern.iter().flatten().any(|&category| category >= categories) {
                return Err(Error::UnknownCategory { subject });
            }
            let sum = sorted.entry(pattern).or_default();
            *sum = sum.saturating_add(count);
        }
        let (patterns, counts) = sorted.into_iter().unzip();
        Ok(Ratings { raters, categories, patterns, counts })
    }

    /// The raters.
    pub fn raters(&self) -> usize {
        self.raters
    }

    /// The categories.
    pub fn categories(&self) -> usize {
        self.categories
    }

    /// The distinct patterns, sorted, with their counts.
    pub fn patterns(&self) -> impl Iterator<Item = (&[Option<usize>], u64)> {
        self.patterns.iter().map(Vec::as_slice).zip(self.counts.iter().copied())
    }

    /// The patterns' counts, as [`resampling`](crate::resampling) takes them.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Replaces the counts in place, for resampling; surplus values are ignored.
    pub fn set_counts(&mut self, counts: &[u64]) {
        for (cell, &count) in self.counts.iter_mut().zip(counts) {
            *cell = count;
        }
    }

    /// Subjects, those without any rating included; `u64::MAX` where there are more.
    pub fn subjects(&self) -> u64 {
        sum(&self.counts)
    }

    /// The table of two raters over the subjects that both rated. A rater that does not exist has
    /// rated nothing.
    pub fn table(&self, a: usize, b: usize) -> Table {
        let k = self.categories;
        let mut counts = vec![0_u64; k * k];
        for (pattern, count) in self.patterns() {
            if let (Some(Some(x)), Some(Some(y))) = (pattern.get(a), pattern.get(b)) {
                let cell = &mut counts[x * k + y];
                *cell = cell.saturating_add(count);
            }
        }
        Table::sized(k, counts)
    }
}
