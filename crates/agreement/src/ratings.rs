//! Any number of raters, with gaps: ratings counted by their distinct patterns.

use std::collections::BTreeMap;

use crate::{Categories, Error, Table, table::sum};

/// The most raters and the most categories: beyond them no sum over pairs would fit into memory.
const MOST: usize = 1 << 16;

fn limited(name: &'static str, found: usize) -> Result<(), Error> {
    if found <= MOST {
        return Ok(());
    }
    Err(Error::Parameter { name, value: found.to_string(), range: "up to 65536" })
}

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
    /// Whether it is unknown which rater gave which rating.
    exchangeable: bool,
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
    /// the pattern's position. At most 65,536 raters and as many categories.
    pub fn from_patterns(
        raters: usize,
        categories: usize,
        patterns: impl IntoIterator<Item = (Vec<Option<usize>>, u64)>,
    ) -> Result<Ratings, Error> {
        limited("raters", raters)?;
        limited("categories", categories)?;
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
        Ok(Ratings { raters, categories, patterns, counts, exchangeable: false })
    }

    /// For each subject how many raters put it into each category, where it is unknown who they
    /// were. Statistics that tell raters apart (Conger, Light, pairs) are undefined for them.
    pub fn from_category_counts<R: AsRef<[u32]>>(
        categories: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Ratings, Error> {
        let mut found = Vec::new();
        for (subject, row) in rows.into_iter().enumerate() {
            let row = row.as_ref();
            if row.len() != categories {
                return Err(Error::CategoryCount {
                    subject,
                    found: row.len(),
                    expected: categories,
                });
            }
            let times: u64 = row.iter().map(|&times| u64::from(times)).sum();
            limited("raters", usize::try_from(times).unwrap_or(usize::MAX))?;
            let given = row
                .iter()
                .enumerate()
                .flat_map(|(category, &times)| std::iter::repeat_n(Some(category), times as usize));
            found.push(given.collect::<Vec<_>>());
        }
        let raters = found.iter().map(Vec::len).max().unwrap_or(0);
        let patterns = found.into_iter().map(|mut pattern| {
            pattern.resize(raters, None);
            (pattern, 1)
        });
        let ratings = Ratings::from_patterns(raters, categories, patterns)?;
        Ok(Ratings { exchangeable: true, ..ratings })
    }

    /// Whether it is unknown which rater gave which rating.
    pub fn raters_are_unknown(&self) -> bool {
        self.exchangeable
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

    /// Replaces the counts in place, for resampling; another number of them is an error and changes
    /// nothing.
    pub fn set_counts(&mut self, counts: &[u64]) -> Result<(), Error> {
        if counts.len() != self.counts.len() {
            return Err(Error::CountsLength { found: counts.len(), expected: self.counts.len() });
        }
        self.counts.copy_from_slice(counts);
        Ok(())
    }

    /// The same ratings with one category against all others: category 0 is the given one, 1 any
    /// other. Fleiss' kappa of it is the category's own (Fleiss 1971).
    ///
    /// ```
    /// use clawsig_agreement::{Ratings, Weights, multi::fleiss_kappa};
    /// let ratings = Ratings::from_category_counts(3, [[3, 0, 0], [0, 2, 1], [1, 0, 2]])?;
    /// let own = fleiss_kappa(&ratings.one_against_rest(0)?, &Weights::identity(2));
    /// assert!((own.value? - 0.55).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn one_against_rest(&self, category: usize) -> Result<Ratings, Error> {
        if category >= self.categories {
            return Err(Error::NoSuchCategory { category, categories: self.categories });
        }
        let patterns = self.patterns().map(|(pattern, count)| {
            let binary =
                |rating: &Option<usize>| rating.map(|given| usize::from(given != category));
            (pattern.iter().map(binary).collect(), count)
        });
        let ratings = Ratings::from_patterns(self.raters, 2, patterns)?;
        Ok(Ratings { exchangeable: self.exchangeable, ..ratings })
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
