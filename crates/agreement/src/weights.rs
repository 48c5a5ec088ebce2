//! How much two categories agree: 1 on the diagonal, less the further apart they are.

use clawsig_stats::Wide;

use crate::Error;

/// A symmetric matrix of agreement weights in 0..=1 with 1 on the diagonal.
///
/// The named schemes follow Gwet, Handbook of Inter-Rater Reliability (4th ed. 2014, chapter 3);
/// they take the categories to be the ranks 1, 2, ..., q unless scores are given. Every scheme is a
/// distance divided by the largest one, so that scale and origin of scores do not matter where the
/// scheme itself does not depend on them.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    categories: usize,
    /// One less each weight, kept as it is: a weight close to 1 would lose its digits.
    apart: Vec<Wide>,
}

impl Weights {
    /// Distances over the largest one; that of a category to itself is 0.
    fn scaled(categories: usize, distance: impl Fn(usize, usize) -> Wide) -> Weights {
        let mut weights = Weights::of_distances(categories, distance);
        let most = weights.apart.iter().fold(Wide::ZERO, |m, &v| if v > m { v } else { m });
        if most > Wide::ZERO {
            for distance in &mut weights.apart {
                *distance = *distance / most;
            }
        }
        weights
    }

    /// Distances as they are, which need not be below 1.
    pub(crate) fn of_distances(
        categories: usize,
        distance: impl Fn(usize, usize) -> Wide,
    ) -> Weights {
        let mut apart = vec![Wide::ZERO; categories * categories];
        for l in 0..categories {
            for k in 0..l {
                apart[l * categories + k] = distance(k, l);
                apart[k * categories + l] = apart[l * categories + k];
            }
        }
        Weights { categories, apart }
    }

    /// Distances between ranks.
    fn of_ranks(categories: usize, distance: impl Fn(u64) -> Wide) -> Weights {
        Weights::scaled(categories, |i, j| distance(i.abs_diff(j) as u64))
    }

    /// 1 for the same category, else 0: the unweighted statistics.
    pub fn identity(categories: usize) -> Weights {
        Weights::of_ranks(categories, |_| Wide::from(1.0))
    }

    /// `1 - |i - j| / (q - 1)`.
    pub fn linear(categories: usize) -> Weights {
        Weights::of_ranks(categories, Wide::from)
    }

    /// `1 - (i - j)^2 / (q - 1)^2`.
    pub fn quadratic(categories: usize) -> Weights {
        Weights::of_ranks(categories, |steps| Wide::from(steps) * Wide::from(steps))
    }

    /// `1 - sqrt|i - j| / sqrt(q - 1)`.
    pub fn radical(categories: usize) -> Weights {
        Weights::of_ranks(categories, |steps| Wide::from(steps).sqrt())
    }

    /// Gwet's ordinal weights: `1 - C(|i - j| + 1, 2) / C(q, 2)`.
    pub fn ordinal(categories: usize) -> Weights {
        Weights::of_ranks(categories, |steps| Wide::from(steps) * Wide::from(steps + 1))
    }

    /// Ranks on a circle of q steps: `1 - sin^2(pi (i - j) / q)` over the largest sine, so that the
    /// last rank is the first one's neighbour.
    pub fn circular(categories: usize) -> Weights {
        let around = categories as u64;
        Weights::of_ranks(categories, |steps| {
            // Either way around: the sine of the longer one rounds to another number.
            let steps = steps.min(around - steps) as f64;
            let sine = (std::f64::consts::PI * steps / around as f64).sin();
            Wide::from(sine) * Wide::from(sine)
        })
    }

    /// `1 - (x_i - x_j)^2 / (max - min)^2` for the categories' scores.
    pub fn interval(scores: &[f64]) -> Result<Weights, Error> {
        Weights::of_scores(
            scores,
            |_| true,
            "finite numbers, not all equal",
            |x, y, _| (x - y) * (x - y),
        )
    }

    /// `((x_i - x_j) / (x_i + x_j))^2`, over its largest value, for scores with a true zero.
    pub fn ratio(scores: &[f64]) -> Result<Weights, Error> {
        let range = "finite numbers from 0, not all equal, 0 at most once";
        let sound = |scores: &[f64]| {
            scores.iter().all(|score| *score >= 0.0)
                && scores.iter().filter(|score| **score == 0.0).count() < 2
        };
        Weights::of_scores(scores, sound, range, |x, y, _| {
            let share = (x - y) / (x + y);
            share * share
        })
    }

    /// `(x_i - x_j)^2 / ((x_i + x_j - 2 min) (2 max - x_i - x_j))`, over its largest value, for
    /// scores between two poles: a difference weighs more near a pole.
    pub fn bipolar(scores: &[f64]) -> Result<Weights, Error> {
        let range = "finite numbers, neither all equal nor an end of them twice";
        let (low, high) = ends(scores);
        let sound = |scores: &[f64]| {
            [low, high].iter().all(|end| scores.iter().filter(|score| *score == end).count() == 1)
        };
        Weights::of_scores(scores, sound, range, |x, y, (low, high)| {
            let sum = x + y;
            (x - y) * (x - y) / ((sum - (low + low)) * (high + high - sum))
        })
    }

    fn of_scores(
        scores: &[f64],
        sound: impl Fn(&[f64]) -> bool,
        range: &'static str,
        distance: impl Fn(Wide, Wide, (Wide, Wide)) -> Wide,
    ) -> Result<Weights, Error> {
        let (low, high) = ends(scores);
        // NaN fails the first comparison of `all`, an infinite score or span the second.
        let finite = scores.iter().all(|score| score.is_finite()) && (high - low).is_finite();
        let wrong = || Error::Parameter { name: "scores", value: format!("{scores:?}"), range };
        if !(finite && high > low && sound(scores)) {
            return Err(wrong());
        }
        let scale = unit_scale(low.abs().max(high.abs()));
        let at = |score: f64| Wide::from(score * scale);
        let weights = Weights::scaled(scores.len(), |i, j| {
            distance(at(scores[i]), at(scores[j]), (at(low), at(high)))
        });
        if weights.apart.iter().all(|apart| apart.is_finite()) { Ok(weights) } else { Err(wrong()) }
    }

    /// Distances of one's own in row-major order: finite, symmetric, not negative, 0 on the
    /// diagonal, not all 0. The weights are one less the distance over the largest one.
    pub fn from_distances(categories: usize, distances: &[f64]) -> Result<Weights, Error> {
        let at = |i: usize, j: usize| distances[i * categories + j];
        let sound = square(categories, distances)
            && distances.iter().all(|distance| distance.is_finite() && *distance >= 0.0)
            && distances.iter().any(|distance| *distance > 0.0)
            && (0..categories).all(|i| at(i, i) == 0.0 && (0..i).all(|j| at(i, j) == at(j, i)));
        if sound {
            Ok(Weights::scaled(categories, |i, j| Wide::from(at(i, j))))
        } else {
            Err(Error::BadDistances { categories })
        }
    }

    /// An own matrix in row-major order.
    pub fn from_matrix(categories: usize, values: &[f64]) -> Result<Weights, Error> {
        let at = |i: usize, j: usize| values[i * categories + j];
        let sound = square(categories, values)
            && values.iter().all(|weight| (0.0..=1.0).contains(weight))
            && (0..categories).all(|i| at(i, i) == 1.0 && (0..i).all(|j| at(i, j) == at(j, i)));
        if !sound {
            return Err(Error::BadWeights { categories });
        }
        let apart = values.iter().map(|&weight| Wide::from(1.0) - Wide::from(weight)).collect();
        Ok(Weights { categories, apart })
    }

    /// The weight of two categories; `None` of a category outside the matrix.
    pub fn get(&self, i: usize, j: usize) -> Option<f64> {
        let inside = i < self.categories && j < self.categories;
        inside.then(|| (Wide::from(1.0) - self.apart(i, j)).value())
    }

    /// One less the weight of two categories that exist.
    pub(crate) fn apart(&self, i: usize, j: usize) -> Wide {
        self.apart[i * self.categories + j]
    }

    /// The categories that are not the given one, with one less their weight.
    pub(crate) fn row(&self, i: usize) -> &[Wide] {
        &self.apart[i * self.categories..(i + 1) * self.categories]
    }

    /// The sum of one less every weight.
    pub(crate) fn total_apart(&self) -> Wide {
        self.apart.iter().copied().sum()
    }

    /// One less the smallest weight between these categories.
    pub(crate) fn most_apart(&self, among: impl Fn(usize) -> bool) -> f64 {
        let cells =
            (0..self.apart.len()).map(|cell| (cell / self.categories, cell % self.categories));
        cells
            .filter(|&(i, j)| among(i) && among(j))
            .map(|(i, j)| self.apart(i, j).value())
            .fold(0.0, f64::max)
    }

    /// Whether every weight off the diagonal is 0.
    pub(crate) fn is_identity(&self) -> bool {
        let one = Wide::from(1.0);
        (0..self.categories).all(|i| (0..i).all(|j| self.apart(i, j) == one))
    }

    /// The number of categories.
    pub fn categories(&self) -> usize {
        self.categories
    }
}

/// The power of two by which numbers up to this one are multiplied to have squares that neither
/// overflow nor vanish, exactly.
pub(crate) fn unit_scale(most: f64) -> f64 {
    if most > 0.0 {
        2_f64.powi((-most.log2().floor()).clamp(-1_000.0, 1_000.0) as i32)
    } else {
        1.0
    }
}

fn square(categories: usize, values: &[f64]) -> bool {
    categories > 0 && categories.checked_mul(categories) == Some(values.len())
}

fn ends(scores: &[f64]) -> (f64, f64) {
    let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
    (low, scores.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
