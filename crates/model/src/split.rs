//! Splits that are drawn anew.
//!
//! Whatever is learned from rows (vocabulary, document frequencies, scalings) has to be learned
//! from the training rows of such a split, so that it is drawn before the features are made.

use std::collections::BTreeMap;

use clawsig_schema::Split;
use clawsig_stats::{generator, shuffle};

/// Splits rows 70 to 30 into train and test, stratified by class, as the seed tutorial does; a row
/// without a label goes to train, where it is counted and left out.
///
/// The test split has ceil(0.3 n) of the n labelled rows, and each class its share of them by
/// largest remainders, so that the counts are those of scikit-learn's `train_test_split(test_size=0.3,
/// stratify=labels)`. Two things differ: of equal remainders the first class is rounded up, where
/// scikit-learn draws one, and the rows of a class come from another generator.
pub fn stratified_split(labels: &[Option<usize>], seed: u64) -> Vec<Split> {
    let mut classes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        if let Some(label) = label {
            classes.entry(*label).or_default().push(row);
        }
    }
    let counts: Vec<u64> = classes.values().map(|rows| rows.len() as u64).collect();
    let all: u64 = counts.iter().sum();
    let train = shares(&counts, all - (all * 3).div_ceil(10));
    let mut splits = vec![Split::Train; labels.len()];
    let mut generator = generator(seed, 0);
    for (rows, train) in classes.values_mut().zip(train) {
        shuffle(rows, &mut generator);
        rows.iter().skip(train as usize).for_each(|&row| splits[row] = Split::Test);
    }
    splits
}

/// Divides `draws` among classes in proportion to their counts, by largest remainders; of equal
/// remainders the first is rounded up.
fn shares(counts: &[u64], draws: u64) -> Vec<u64> {
    let all: u128 = counts.iter().map(|&count| u128::from(count)).sum::<u128>().max(1);
    let exact = counts.iter().map(|&count| u128::from(count) * u128::from(draws));
    let exact: Vec<u128> = exact.collect();
    let mut shares: Vec<u64> = exact.iter().map(|exact| (exact / all) as u64).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(exact[class] % all));
    let missing = draws.saturating_sub(shares.iter().sum());
    order.iter().take(missing as usize).for_each(|&class| shares[class] += 1);
    shares
}

/// Deals rows out to `folds` folds, numbered from 0, such that rows of one group stay together and
/// each fold has about its share of every class. `labels` are the rows' classes, `groups` their
/// groups by any numbers; with a group a row this is a stratified k-fold.
///
/// The largest groups go first, equal ones in random order, each to the fold that has least of its
/// classes by then. A fold is empty where there are fewer groups than folds.
pub fn group_folds(labels: &[usize], groups: &[usize], folds: usize, seed: u64) -> Vec<usize> {
    let classes = labels.iter().max().map_or(0, |&last| last + 1);
    let mut totals = vec![0.0_f64; classes];
    labels.iter().for_each(|&label| totals[label] += 1.0);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &group) in groups.iter().enumerate().take(labels.len()) {
        members.entry(group).or_default().push(row);
    }
    let mut order: Vec<Vec<usize>> = members.into_values().collect();
    shuffle(&mut order, &mut generator(seed, 0));
    order.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let mut taken = vec![vec![0.0_f64; classes]; folds.max(1)];
    let mut fold_of = vec![0; labels.len()];
    for rows in order {
        let mut own = vec![0.0_f64; classes];
        rows.iter().for_each(|&row| own[labels[row]] += 1.0);
        // The share of each class that the fold would share with the group.
        let load = |fold: &[f64]| -> f64 {
            let parts = fold.iter().zip(&own).zip(&totals);
            parts.map(|((taken, own), total)| taken * own / (total * total).max(1.0)).sum()
        };
        let size = |fold: &[f64]| fold.iter().sum::<f64>();
        let least = (0..taken.len()).min_by(|&a, &b| {
            let (a, b) = (&taken[a], &taken[b]);
            load(a).total_cmp(&load(b)).then(size(a).total_cmp(&size(b)))
        });
        let fold = least.unwrap_or(0);
        taken[fold].iter_mut().zip(&own).for_each(|(taken, own)| *taken += own);
        rows.iter().for_each(|&row| fold_of[row] = fold);
    }
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(counts: &[usize]) -> Vec<Option<usize>> {
        let classes = counts.iter().enumerate();
        classes.flat_map(|(class, &n)| std::iter::repeat_n(Some(class), n)).collect()
    }

    fn test_rows(labels: &[Option<usize>], splits: &[Split], class: Option<usize>) -> usize {
        let rows = labels.iter().zip(splits);
        rows.filter(|(label, split)| **label == class && **split == Split::Test).count()
    }

    /// scikit-learn 1.9.1, `np.bincount` of both sides of `train_test_split(y, test_size=0.3,
    /// stratify=y, random_state=42)`; the first two are the real rows with and without the hold-out.
    #[test]
    fn the_counts_of_a_stratified_split_are_those_of_scikit_learn() {
        for (counts, expected) in STRATIFIED {
            let labels = labels(counts);
            let splits = stratified_split(&labels, 42);
            let found: Vec<usize> =
                (0..counts.len()).map(|class| test_rows(&labels, &splits, Some(class))).collect();
            assert_eq!(found, *expected, "{counts:?}");
        }
    }

    const STRATIFIED: &[(&[usize], &[usize])] = &[(&[422, 4], &[127, 1]), (&[405, 4], &[122, 1])];

    #[test]
    fn folds_keep_groups_together_and_classes_apart_evenly() {
        let labels: Vec<usize> = (0..200).map(|row| usize::from(row % 5 == 0)).collect();
        let single: Vec<usize> = (0..200).collect();
        let groups: Vec<usize> = (0..200).map(|row| 1000 - row * row % 37).collect();
        for (groups, spread) in [(&single, 1), (&groups, 12)] {
            let found = group_folds(&labels, groups, 5, 1);
            for (a, b) in (0..200).flat_map(|a| (0..a).map(move |b| (a, b))) {
                assert!(groups[a] != groups[b] || found[a] == found[b]);
            }
            for class in 0..2 {
                let counts: Vec<usize> = (0..5)
                    .map(|fold| {
                        (0..200).filter(|&r| found[r] == fold && labels[r] == class).count()
                    })
                    .collect();
                let (low, high) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
                assert!(high - low <= spread, "{counts:?}");
            }
            assert_eq!(found, group_folds(&labels, groups, 5, 1));
            assert_ne!(found, group_folds(&labels, groups, 5, 2));
        }
        assert_eq!(group_folds(&[0, 1], &[7, 7], 5, 0), [0, 0]);
        assert!(group_folds(&[], &[], 5, 0).is_empty());
    }

    #[test]
    fn a_stratified_split_draws_every_row_alike_and_by_its_seed() {
        let mut labels = labels(&[40, 20]);
        labels.insert(0, None);
        let splits = stratified_split(&labels, 1);
        assert_eq!(splits[0], Split::Train);
        assert_eq!(test_rows(&labels, &splits, None), 0);
        assert_eq!(splits, stratified_split(&labels, 1));
        assert_ne!(splits, stratified_split(&labels, 2));
        let mut drawn = vec![0; labels.len()];
        for seed in 0..400 {
            let splits = stratified_split(&labels, seed);
            splits.iter().zip(&mut drawn).for_each(|(s, n)| *n += i32::from(*s == Split::Test));
        }
        // 120 are expected, with a standard deviation of 9.2.
        assert!(drawn[1..].iter().all(|n| (75..165).contains(n)), "{drawn:?}");
        assert!(stratified_split(&[], 1).is_empty());
    }
}
