//! The data of many raters' statistics as sums over subjects, from which a subject
//! can be taken in the time that its own ratings take, so that leaving out each is linear.

use clawsig_stats::Wide;

use crate::{Ratings, Undefined, Weights};

/// One pattern's part in the sums, for one subject.
pub(super) struct SubjectPart {
    /// The ratings in each category that the subject has.
    pub(super) uses: Vec<(usize, u64)>,
    /// The category that each rater gave.
    pub(super) given_by: Vec<(usize, usize)>,
    /// Ratings.
    pub(super) given: u64,
}

impl SubjectPart {
    pub(super) fn new(pattern: &[Option<usize>]) -> SubjectPart {
        let given_by: Vec<(usize, usize)> = (pattern.iter().enumerate())
            .filter_map(|(rater, rating)| rating.map(|category| (rater, category)))
            .collect();
        let mut uses: Vec<(usize, u64)> = Vec::new();
        for &(_, category) in &given_by {
            match uses.iter_mut().find(|(known, _)| *known == category) {
                Some((_, times)) => *times += 1,
                None => uses.push((category, 1)),
            }
        }
        let given = given_by.len() as u64;
        SubjectPart { uses, given_by, given }
    }

    /// The disagreement of the subject's pairs of ratings: `sum_kl r_k r_l v_kl`, over pairs once
    /// in either order.
    pub(super) fn apart(&self, weights: &Weights) -> Wide {
        let mut sum = Wide::ZERO;
        for (place, &(k, times)) in self.uses.iter().enumerate() {
            for &(l, others) in &self.uses[..place] {
                sum = sum + weights.apart(k, l) * Wide::from(2 * times * others);
            }
        }
        sum
    }

    /// The subject's mean of a value of each category.
    pub(super) fn mean(&self, of: &[Wide]) -> Wide {
        let sum: Wide = self.uses.iter().map(|&(k, times)| of[k] * Wide::from(times)).sum();
        sum / Wide::from(self.given)
    }
}

/// The parts of all patterns, in their order.
pub(super) fn parts(ratings: &Ratings) -> Vec<SubjectPart> {
    ratings.patterns().map(|(pattern, _)| SubjectPart::new(pattern)).collect()
}

/// Sums over subjects.
#[derive(Clone)]
pub(super) struct Sums {
    q: usize,
    raters: usize,
    unknown_raters: bool,
    /// Subjects with one rating or more.
    pub(super) rated: u64,
    /// Subjects with two ratings or more.
    pub(super) paired: u64,
    /// Per category the sum of its shares of the subjects' ratings.
    shares: Vec<Wide>,
    /// Per category the ratings of paired subjects.
    totals: Vec<u64>,
    /// Pairs of ratings in two categories over all pairs of the subject; k below l at `l * q + k`.
    pairs: Vec<Wide>,
    /// The same, each subject's pairs over its ratings less one: the coincidences.
    coincidences: Vec<Wide>,
    /// Per rater and category the ratings.
    by_rater: Vec<u64>,
    /// Per pair of raters their table, where wanted.
    tables: Vec<u64>,
}

impl Sums {
    pub(super) fn empty(ratings: &Ratings, with_tables: bool) -> Sums {
        let (q, raters) = (ratings.categories(), ratings.raters());
        let pairs = raters * raters.saturating_sub(1) / 2;
        Sums {
            q,
            raters,
            unknown_raters: ratings.raters_are_unknown(),
            rated: 0,
            paired: 0,
            shares: vec![Wide::ZERO; q],
            totals: vec![0; q],
            pairs: vec![Wide::ZERO; q * q],
            coincidences: vec![Wide::ZERO; q * q],
            by_rater: vec![0; raters * q],
            tables: vec![0; if with_tables { pairs * q * q } else { 0 }],
        }
    }

    /// The sums over all patterns with these counts.
    pub(super) fn of(mut self, parts: &[SubjectPart], counts: &[u64]) -> Sums {
        for (part, &count) in parts.iter().zip(counts).filter(|(_, count)| **count > 0) {
            self.change(part, count, true);
        }
        self
    }

    /// Adds so many subjects, or takes them away.
    pub(super) fn change(&mut self, part: &SubjectPart, count: u64, add: bool) {
        if part.given == 0 {
            return;
        }
        let whole = |sum: &mut u64, by: u64| {
            *sum = if add { sum.saturating_add(by) } else { sum.saturating_sub(by) };
        };
        let subjects = if add { Wide::from(count) } else { -Wide::from(count) };
        whole(&mut self.rated, count);
        let given = Wide::from(part.given);
        for &(k, times) in &part.uses {
            self.shares[k] = self.shares[k] + subjects * Wide::from(times) / given;
        }
        for &(rater, category) in &part.given_by {
            whole(&mut self.by_rater[rater * self.q + category], count);
        }
        if part.given < 2 {
            return;
        }
        whole(&mut self.paired, count);
        let share = subjects / Wide::from(part.given - 1);
        for (place, &(k, times)) in part.uses.iter().enumerate() {
            whole(&mut self.totals[k], count.saturating_mul(times));
            for &(l, others) in &part.uses[..place] {
                let cell = k.max(l) * self.q + k.min(l);
                let both = share * Wide::from(2 * times * others);
                self.coincidences[cell] = self.coincidences[cell] + both;
                self.pairs[cell] = self.pairs[cell] + both / given;
            }
        }
        if !self.tables.is_empty() {
            for (place, &(a, x)) in part.given_by.iter().enumerate() {
                for &(b, y) in &part.given_by[place + 1..] {
                    let table = self.table_place(a, b);
                    whole(&mut self.tables[table + x * self.q + y], count);
                }
            }
        }
    }

    /// Where the table of two raters begins, the first of them below the second.
    fn table_place(&self, a: usize, b: usize) -> usize {
        (a * (2 * self.raters - a - 1) / 2 + b - a - 1) * self.q * self.q
    }

    pub(super) fn table(&self, a: usize, b: usize) -> &[u64] {
        let place = self.table_place(a, b);
        &self.tables[place..place + self.q * self.q]
    }

    /// Each category's share: the mean over rated subjects of its share of their ratings.
    pub(super) fn shares(&self) -> Vec<Wide> {
        let rated = Wide::from(self.rated);
        self.shares.iter().map(|share| *share / rated).collect()
    }

    /// Ratings of paired subjects in each category.
    pub(super) fn totals(&self) -> Vec<Wide> {
        self.totals.iter().map(|&total| Wide::from(total)).collect()
    }

    /// Each rater's ratings, and their shares by category.
    pub(super) fn raters(&self) -> Result<Vec<(Wide, Vec<Wide>)>, Undefined> {
        if self.unknown_raters {
            return Err(Undefined::UnknownRaters);
        }
        let one = |own: &[u64]| {
            let given: u64 = own.iter().fold(0, |sum, times| sum.saturating_add(*times));
            if given == 0 {
                return Err(Undefined::UnratedRater);
            }
            let given = Wide::from(given);
            Ok((given, own.iter().map(|&times| Wide::from(times) / given).collect()))
        };
        self.by_rater.chunks(self.q.max(1)).map(one).collect()
    }

    /// Whether two ratings or more were given by anybody, and to more than one category's list.
    pub(super) fn sound(&self, subjects: u64) -> Result<(), Undefined> {
        if self.raters < 2 {
            Err(Undefined::TooFewRaters)
        } else if subjects > crate::MOST_SUBJECTS {
            Err(Undefined::TooManySubjects)
        } else if self.paired == 0 {
            Err(Undefined::NoSubjects)
        } else if self.q < 2 {
            Err(Undefined::TooFewCategories)
        } else {
            Ok(())
        }
    }

    fn weighted(&self, cells: &[Wide], apart: impl Fn(usize, usize) -> Wide) -> Wide {
        let mut sum = Wide::ZERO;
        for l in 0..self.q {
            for k in 0..l {
                let cell = cells[l * self.q + k];
                if cell != Wide::ZERO {
                    sum = sum + cell * apart(k, l);
                }
            }
        }
        sum
    }

    /// The largest distance between categories that were given at all.
    pub(super) fn most_apart(&self, weights: &Weights) -> f64 {
        weights.most_apart(|category| self.shares[category] > Wide::ZERO)
    }

    /// Observed disagreement: the mean over paired subjects.
    pub(super) fn observed(&self, weights: &Weights) -> Wide {
        self.weighted(&self.pairs, |k, l| weights.apart(k, l)) / Wide::from(self.paired)
    }

    /// Alpha's observed and expected disagreement times the same number, for these distances.
    pub(super) fn alpha(&self, apart: impl Fn(usize, usize) -> Wide) -> (Wide, Wide) {
        let totals = self.totals();
        let all: Wide = totals.iter().copied().sum();
        let observed = (all - Wide::from(1.0)) * self.weighted(&self.coincidences, &apart);
        let mut expected = Wide::ZERO;
        for l in (0..self.q).filter(|&l| self.totals[l] > 0) {
            for k in (0..l).filter(|&k| self.totals[k] > 0) {
                expected = expected + totals[k] * totals[l] * apart(k, l);
            }
        }
        (observed, expected + expected)
    }

    /// The ordinal distance: the ratings between two categories, half of their own included,
    /// squared.
    pub(super) fn ordinal(&self) -> impl Fn(usize, usize) -> Wide {
        let mut up_to = Wide::ZERO;
        // The ratings below each category and half of its own.
        let middles: Vec<Wide> = self
            .totals
            .iter()
            .map(|&total| {
                let half = Wide::from(total) * Wide::from(0.5);
                let middle = up_to + half;
                up_to = middle + half;
                middle
            })
            .collect();
        move |k, l| {
            let between = middles[l] - middles[k];
            between * between
        }
    }

    /// The categories.
    pub(super) fn categories(&self) -> usize {
        self.q
    }

    /// The mean over paired subjects of their coincidences' distance.
    pub(super) fn mean_coincidence(&self, weights: &Weights) -> Wide {
        self.weighted(&self.coincidences, |k, l| weights.apart(k, l)) / Wide::from(self.paired)
    }

    /// The slopes by which ordinal distances, which rest on each category's mean ratings, move alpha's
    /// observed disagreement less `ratio` times its expected one.
    pub(super) fn ordinal_slopes(&self, ratio: Wide, means: &[Wide]) -> Vec<Wide> {
        let (paired, two) = (Wide::from(self.paired), Wide::from(2.0));
        let distance = self.ordinal();
        let mut slopes = vec![Wide::ZERO; self.q];
        for l in 0..self.q {
            for k in 0..l {
                let coincidences = self.coincidences[l * self.q + k] / paired;
                let excess = coincidences - ratio * two * means[k] * means[l];
                // The distance is the square of the ratings between the two.
                let slope = excess * two * distance(k, l).sqrt() * paired;
                for (g, sum) in (k..).zip(&mut slopes[k..=l]) {
                    let share = if g == k || g == l { Wide::from(0.5) } else { Wide::from(1.0) };
                    *sum = *sum + slope * share;
                }
            }
        }
        slopes
    }
}
