//! Two raters' labels counted into a square table.

use crate::{Error, MOST_SUBJECTS, Undefined};

/// The labels raters choose from, in a fixed order. A category that nobody uses keeps its place.
///
/// ```
/// use clawsig_agreement::Categories;
/// let verdicts = Categories::new(vec!["clean", "suspicious", "malicious"])?;
/// assert_eq!(verdicts.index_of(&"malicious"), Some(2));
/// # Ok::<(), clawsig_agreement::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories<L> {
    labels: Vec<L>,
}

impl<L: PartialEq> Categories<L> {
    /// The list; an empty one or a repeated label is an error.
    pub fn new(labels: Vec<L>) -> Result<Categories<L>, Error> {
        let repeated = labels.iter().enumerate().any(|(i, l)| labels[..i].contains(l));
        if labels.is_empty() || repeated {
            return Err(Error::BadCategories);
        }
        Ok(Categories { labels })
    }

    /// The label's place. Linear in the number of categories, which is small.
    pub fn index_of(&self, label: &L) -> Option<usize> {
        self.labels.iter().position(|known| known == label)
    }

    /// The labels in order.
    pub fn labels(&self) -> &[L] {
        &self.labels
    }

    /// The number of categories.
    pub fn count(&self) -> usize {
        self.labels.len()
    }
}

/// The sum, or the largest number where it is larger.
pub(crate) fn sum<'c>(counts: impl IntoIterator<Item = &'c u64>) -> u64 {
    counts.into_iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// How often the first rater said category `i` (row) and the second category `j` (column).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    categories: usize,
    counts: Vec<u64>,
}

impl Table {
    /// Counts in row-major order.
    pub fn from_counts(categories: usize, counts: Vec<u64>) -> Result<Table, Error> {
        if categories == 0 || categories.checked_mul(categories) != Some(counts.len()) {
            return Err(Error::NotSquare { cells: counts.len(), categories });
        }
        Ok(Table { categories, counts })
    }

    /// Counts that are known to fill the table.
    pub(crate) fn sized(categories: usize, counts: Vec<u64>) -> Table {
        Table { categories, counts }
    }

    /// A table of two categories, the first of which is the positive one.
    pub fn binary(both: u64, only_a: u64, only_b: u64, neither: u64) -> Table {
        Table { categories: 2, counts: vec![both, only_a, only_b, neither] }
    }

    /// Counts two raters' labels; every label must be in the list.
    ///
    /// ```
    /// use clawsig_agreement::{Categories, Table};
    /// let answers = Categories::new(vec!['y', 'n'])?;
    /// let table = Table::from_labels(&answers, &['y', 'y', 'n'], &['y', 'n', 'n'])?;
    /// assert_eq!(table, Table::binary(1, 1, 0, 1));
    /// # Ok::<(), clawsig_agreement::Error>(())
    /// ```
    pub fn from_labels<L: PartialEq>(
        categories: &Categories<L>,
        a: &[L],
        b: &[L],
    ) -> Result<Table, Error> {
        if a.len() != b.len() {
            return Err(Error::LengthMismatch { a: a.len(), b: b.len() });
        }
        Table::from_pairs(categories, a.iter().zip(b))
    }

    /// Counts pairs of labels from an iterator.
    pub fn from_pairs<'l, L: PartialEq + 'l>(
        categories: &Categories<L>,
        pairs: impl IntoIterator<Item = (&'l L, &'l L)>,
    ) -> Result<Table, Error> {
        let k = categories.count();
        let mut counts = vec![0; k * k];
        for (subject, (a, b)) in pairs.into_iter().enumerate() {
            let place =
                |label| categories.index_of(label).ok_or(Error::UnknownCategory { subject });
            counts[place(a)? * k + place(b)?] += 1;
        }
        Ok(Table { categories: k, counts })
    }

    /// The number of categories.
    pub fn categories(&self) -> usize {
        self.categories
    }

    /// One count; `None` outside the table.
    pub fn count(&self, row: usize, column: usize) -> Option<u64> {
        let inside = row < self.categories && column < self.categories;
        inside.then(|| self.counts[row * self.categories + column])
    }

    /// All counts in row-major order.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Replaces the counts in place, for resampling without allocation; another number of them is
    /// an error and changes nothing.
    pub fn set_counts(&mut self, counts: &[u64]) -> Result<(), Error> {
        if counts.len() != self.counts.len() {
            return Err(Error::CountsLength { found: counts.len(), expected: self.counts.len() });
        }
        self.counts.copy_from_slice(counts);
        Ok(())
    }

    /// Subjects; `u64::MAX` where there are more.
    pub fn total(&self) -> u64 {
        sum(&self.counts)
    }

    /// The subjects as a divisor: at least one and at most [`MOST_SUBJECTS`], so that no sum of
    /// counts below it overflows or is rounded.
    pub(crate) fn size(&self) -> Result<u64, Undefined> {
        match self.total() {
            0 => Err(Undefined::NoSubjects),
            n if n > MOST_SUBJECTS => Err(Undefined::TooManySubjects),
            n => Ok(n),
        }
    }

    /// How often the first and the second rater used each category; `u64::MAX` where it was more
    /// often.
    pub fn margins(&self) -> (Vec<u64>, Vec<u64>) {
        let rows = self.counts.chunks(self.categories).map(sum).collect();
        let column = |column| sum(self.counts.iter().skip(column).step_by(self.categories));
        (rows, (0..self.categories).map(column).collect())
    }

    /// Subjects on which the raters agree.
    pub(crate) fn agreed(&self) -> u64 {
        sum(self.counts.iter().step_by(self.categories + 1))
    }

    /// The table with the raters exchanged.
    #[must_use]
    pub fn transposed(&self) -> Table {
        let k = self.categories;
        let counts = (0..k * k).map(|cell| self.counts[cell % k * k + cell / k]).collect();
        Table { categories: k, counts }
    }

    /// Whether the first or the second rater uses fewer than two categories.
    pub fn has_constant_rater(&self) -> bool {
        let (rows, columns) = self.margins();
        [rows, columns].iter().any(|totals| totals.iter().filter(|total| **total > 0).count() < 2)
    }
}
