//! Ratings put together: items, raters, labels, and each rater's latest word on each item.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_agreement::{Ratings, Weights, multi::Metric};
use clawsig_schema::hostile::printable;
use clawsig_stats::Units;

use crate::{Place, RatingsError, Record, Records, record::Time};

/// What labels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelScale {
    /// Names without an order.
    #[default]
    Nominal,
    /// Names with an order.
    Ordinal,
    /// Numbers whose differences mean something.
    Interval,
}

/// The most different labels, by scale.
const MOST_LABELS: usize = 200;
const MOST_SCORES: usize = 1_000;
/// The most raters.
const MOST_RATERS: usize = 1_000;

/// One item's ratings by one rater, in time, where there are several.
pub(crate) struct Series {
    pub(crate) rater: usize,
    pub(crate) item: usize,
    /// Version and label.
    pub(crate) ratings: Vec<(Option<String>, usize)>,
}

/// Ratings of any raters, ready for statistics.
pub struct RatingTable {
    /// The items, sorted.
    pub items: Vec<String>,
    /// The raters: as asked for, else sorted.
    pub raters: Vec<String>,
    /// The labels in order. Of two labels the first is the positive one.
    pub labels: Vec<String>,
    /// What labels are.
    pub scale: LabelScale,
    /// For each item one label's place a rater, or none.
    pub ratings: Vec<Vec<Option<usize>>>,
    /// For each item its cluster's place, where clusters were given.
    pub clusters: Option<Vec<usize>>,
    /// For each item how many like items it stands for.
    pub weights: Vec<u64>,
    /// What was dropped, merged or looks like a slip.
    pub remarks: Vec<String>,
    pub(crate) series: Vec<Series>,
    patterns: Ratings,
    scores: Vec<f64>,
}

/// Sorts numbers by value and other names as texts.
fn in_order(mut labels: Vec<String>) -> Vec<String> {
    let number = |label: &String| label.parse::<f64>().ok().filter(|value| value.is_finite());
    if labels.iter().all(|label| number(label).is_some()) {
        labels.sort_by(|a, b| {
            let by_value = number(a)
                .zip(number(b))
                .map_or(std::cmp::Ordering::Equal, |(a, b)| a.total_cmp(&b));
            by_value.then_with(|| a.cmp(b))
        });
    } else {
        labels.sort();
    }
    labels
}

fn list(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(12).map(|name| printable(name, 40)).collect();
    let more =
        if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    shown.join(", ") + &more
}

impl RatingTable {
    /// Puts records together. `order` are the labels in their order, where it was given.
    ///
    /// # Errors
    /// Two ratings that contradict each other, a label outside the list, labels that the scale does
    /// not take, more labels or raters than can be counted.
    pub fn new(
        found: &Records,
        scale: LabelScale,
        order: &[String],
    ) -> Result<RatingTable, RatingsError> {
        let records = &found.records;
        if records.iter().all(|record| record.rating.is_none()) {
            return Err(RatingsError::Study(
                "the files hold no rating; one row a rating with the columns item, rater, rating is \
                 expected"
                    .to_owned(),
            ));
        }
        let mut remarks = Vec::new();
        let (labels, scores) = labels(records, scale, order, &mut remarks)?;
        let place_of: BTreeMap<&str, usize> =
            labels.iter().enumerate().map(|(at, label)| (label.as_str(), at)).collect();
        let raters = raters(records, &found.order, &mut remarks)?;
        let rater_place: BTreeMap<&str, usize> =
            raters.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let items: BTreeSet<&str> = records.iter().map(|record| record.item.as_str()).collect();
        let items: Vec<String> = items.into_iter().map(str::to_owned).collect();
        let item_place: BTreeMap<&str, usize> =
            items.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();

        let facts = facts(records, &item_place)?;
        let mut cells = BTreeMap::<(usize, usize), Vec<&Record>>::new();
        for record in records.iter().filter(|record| record.rating.is_some()) {
            let rater = rater_place[record.rater.as_str()];
            cells.entry((item_place[record.item.as_str()], rater)).or_default().push(record);
        }
        let mut ratings = vec![vec![None; raters.len()]; items.len()];
        let (mut series, mut repeated) = (Vec::new(), 0_u64);
        for ((item, rater), mut given) in cells {
            let before = given.len();
            in_time(&mut given)?;
            repeated += (before - given.len()) as u64;
            let label = |record: &&Record| {
                let label = record.rating.as_deref().and_then(|label| place_of.get(label).copied());
                label.map(|label| (record.version.clone(), label))
            };
            let told: Vec<(Option<String>, usize)> = given.iter().filter_map(label).collect();
            ratings[item][rater] = told.last().map(|(_, label)| *label);
            if told.len() > 1 {
                series.push(Series { rater, item, ratings: told });
            }
        }
        if repeated > 0 {
            remarks.push(format!(
                "{repeated} ratings stand in the files more than once and alike; each was counted once"
            ));
        }
        if !series.is_empty() {
            remarks.push(format!(
                "{} times a rater rated an item more than once; agreement takes the last rating, by \
                 time, else by version",
                series.len()
            ));
        }
        let unrated = ratings.iter().filter(|row| row.iter().all(Option::is_none)).count();
        if unrated > 0 {
            remarks.push(format!("{unrated} items have no rating at all and count for nothing"));
        }
        let clusters = facts.clusters.map(|names| {
            let places: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            let places: BTreeMap<&str, usize> = places.into_iter().zip(0..).collect();
            names.iter().map(|name| places[name.as_str()]).collect()
        });
        let rows = ratings.iter().cloned().zip(facts.weights.iter().copied());
        let patterns = Ratings::from_patterns(raters.len(), labels.len(), rows)
            .map_err(|e| RatingsError::Study(e.to_string()))?;
        Ok(RatingTable {
            items,
            raters,
            labels,
            scale,
            ratings,
            clusters,
            weights: facts.weights,
            remarks,
            series,
            patterns,
            scores,
        })
    }

    /// The ratings as counted patterns.
    pub fn patterns(&self) -> &Ratings {
        &self.patterns
    }

    /// What a resampling draws: whole clusters where there are any, else items.
    pub fn units(&self) -> Units {
        let single = || Units::subjects(self.patterns.counts());
        let Some(clusters) = &self.clusters else { return single() };
        let places: BTreeMap<&[Option<usize>], usize> =
            self.patterns.patterns().map(|(pattern, _)| pattern).zip(0..).collect();
        let mut members = BTreeMap::<usize, BTreeMap<usize, u64>>::new();
        for ((row, cluster), weight) in self.ratings.iter().zip(clusters).zip(&self.weights) {
            let sum = members.entry(*cluster).or_default().entry(places[&row[..]]).or_default();
            *sum = sum.saturating_add(*weight);
        }
        let clusters = members.into_values().map(|kinds| kinds.into_iter().collect());
        Units::clusters(places.len(), clusters).unwrap_or_else(|_| single())
    }

    /// The weights that the scale gives labels.
    pub(crate) fn agreement_weights(&self) -> Weights {
        let q = self.labels.len();
        match self.scale {
            LabelScale::Nominal => Weights::identity(q),
            LabelScale::Ordinal => Weights::ordinal(q),
            // With one score there is nothing to be apart.
            LabelScale::Interval => {
                Weights::interval(&self.scores).unwrap_or_else(|_| Weights::identity(q))
            }
        }
    }

    /// The metric that the scale gives Krippendorff's alpha.
    pub(crate) fn metric(&self) -> Metric {
        match self.scale {
            LabelScale::Nominal => Metric::Nominal,
            LabelScale::Ordinal => Metric::Ordinal,
            LabelScale::Interval => Metric::Distance(self.agreement_weights()),
        }
    }

    /// The labels' numbers, on a scale of numbers.
    pub(crate) fn scores(&self) -> &[f64] {
        &self.scores
    }
}

/// The labels in order, and their numbers on a scale of numbers.
fn labels(
    records: &[Record],
    scale: LabelScale,
    order: &[String],
    remarks: &mut Vec<String>,
) -> Result<(Vec<String>, Vec<f64>), RatingsError> {
    let used: BTreeSet<&str> =
        records.iter().filter_map(|record| record.rating.as_deref()).collect();
    let used: Vec<String> = used.into_iter().map(str::to_owned).collect();
    if !order.is_empty() {
        if let Some(record) = records
            .iter()
            .find(|record| record.rating.as_ref().is_some_and(|label| !order.contains(label)))
        {
            let label = record.rating.as_deref().unwrap_or_default();
            let reason = format!(
                "the rating `{}` is not among --labels {}; add it there, rename it with --rename, or \
                 name it with --missing",
                printable(label, 60),
                list(order)
            );
            return Err(RatingsError::row(&record.place, reason));
        }
        for (at, label) in order.iter().enumerate() {
            if order[..at].contains(label) {
                let shown = printable(label, 60);
                return Err(RatingsError::Study(format!(
                    "--labels names `{shown}` twice; drop one"
                )));
            }
        }
    }
    let numbers: Vec<Option<f64>> = (if order.is_empty() { &used } else { order })
        .iter()
        .map(|label| label.parse::<f64>().ok().filter(|value| value.is_finite()))
        .collect();
    let most = if scale == LabelScale::Interval { MOST_SCORES } else { MOST_LABELS };
    if used.len() > most {
        return Err(RatingsError::Study(format!(
            "there are {} different ratings, more than the {most} that are compared; are they scores \
             (--scale interval, rounded), or is --column rating=NAME the wrong column?",
            used.len()
        )));
    }
    if scale == LabelScale::Interval
        && let Some((record, label)) = records.iter().find_map(|record| {
            let label = record.rating.as_deref()?;
            label.parse::<f64>().ok().is_none_or(|v| !v.is_finite()).then_some((record, label))
        })
    {
        let reason = format!(
            "the rating `{}` is no number, and --scale interval asks for numbers; use --scale \
                 ordinal with --labels, or name it with --missing",
            printable(label, 60)
        );
        return Err(RatingsError::row(&record.place, reason));
    }
    if scale == LabelScale::Ordinal && order.is_empty() && numbers.iter().any(Option::is_none) {
        return Err(RatingsError::Study(format!(
            "--scale ordinal needs the labels' order: --labels LOWEST,...,HIGHEST; the labels are {}",
            list(&used)
        )));
    }
    let folded = |label: &str| label.trim().to_lowercase();
    for (at, label) in used.iter().enumerate() {
        if let Some(other) = used[..at].iter().find(|other| folded(other) == folded(label)) {
            remarks.push(format!(
                "the labels `{}` and `{}` differ in case or blanks alone and were kept apart; \
                 --rename makes them one",
                printable(other, 40),
                printable(label, 40)
            ));
        }
    }
    let mut labels = if order.is_empty() { in_order(used) } else { order.to_vec() };
    // The statistics of two labels are about category 0; people list the positive label last.
    if labels.len() == 2 {
        labels.reverse();
    }
    let scores = labels.iter().filter_map(|label| label.parse().ok()).collect::<Vec<f64>>();
    let scores = if scores.len() == labels.len() { scores } else { Vec::new() };
    Ok((labels, scores))
}

fn raters(
    records: &[Record],
    order: &[String],
    remarks: &mut Vec<String>,
) -> Result<Vec<String>, RatingsError> {
    let all: BTreeSet<&str> = records.iter().map(|record| record.rater.as_str()).collect();
    if all.len() > MOST_RATERS {
        return Err(RatingsError::Study(format!(
            "there are {} raters, more than the {MOST_RATERS} that are compared; is --column \
             rater=NAME the wrong column?",
            all.len()
        )));
    }
    let rated: BTreeSet<&str> = records
        .iter()
        .filter(|record| record.rating.is_some())
        .map(|record| record.rater.as_str())
        .collect();
    for silent in all.difference(&rated) {
        remarks.push(format!("the rater `{}` rated nothing", printable(silent, 60)));
    }
    let mut names = order.to_vec();
    names
        .extend(all.into_iter().filter(|name| !order.iter().any(|o| o == name)).map(str::to_owned));
    Ok(names)
}

struct ItemFacts {
    clusters: Option<Vec<String>>,
    weights: Vec<u64>,
}

/// What belongs to an item and has to be the same in all its rows.
fn facts(records: &[Record], places: &BTreeMap<&str, usize>) -> Result<ItemFacts, RatingsError> {
    let mut clusters: Vec<Option<(&str, &Place)>> = vec![None; places.len()];
    let mut weights: Vec<Option<(u64, &Place)>> = vec![None; places.len()];
    for record in records {
        let at = places[record.item.as_str()];
        let differs = |what: &str, before: &Place| {
            let item = printable(&record.item, 60);
            let reason = format!(
                "the {what} of item `{item}` is another than at {before}; make them the same"
            );
            Err(RatingsError::row(&record.place, reason))
        };
        if let Some(cluster) = record.cluster.as_deref() {
            match clusters[at] {
                Some((known, before)) if known != cluster => return differs("cluster", before),
                _ => clusters[at] = Some((cluster, &record.place)),
            }
        }
        if let Some(weight) = record.weight {
            match weights[at] {
                Some((known, before)) if known != weight => return differs("weight", before),
                _ => weights[at] = Some((weight, &record.place)),
            }
        }
    }
    // An item without a cluster is one of its own: its name can't be a cluster's by the first letter.
    let named = clusters.iter().any(Option::is_some).then(|| {
        let own = clusters.iter().zip(places.keys());
        own.map(|(cluster, item)| {
            cluster.map_or(format!("item {item}"), |(name, _)| format!("cluster {name}"))
        })
        .collect()
    });
    let weights = weights.iter().map(|weight| weight.map_or(1, |(weight, _)| weight)).collect();
    Ok(ItemFacts { clusters: named, weights })
}

/// Sorts a rater's ratings of an item by time and version, like ones once.
fn in_time(given: &mut Vec<&Record>) -> Result<(), RatingsError> {
    let order = |time: &Option<Time>, version: &Option<String>| {
        (time.clone(), version.as_deref().map(natural))
    };
    given.sort_by(|a, b| {
        let keys = order(&a.time, &a.version).partial_cmp(&order(&b.time, &b.version));
        keys.unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut kept: Vec<&Record> = Vec::with_capacity(given.len());
    for record in given.drain(..) {
        match kept.last() {
            Some(last) if last.time == record.time && last.version == record.version => {
                if last.rating != record.rating {
                    let reason = format!(
                        "`{}` rates item `{}` as `{}`, at {} as `{}`; keep one, or tell them apart by \
                         a column version or time",
                        printable(&record.rater, 60),
                        printable(&record.item, 60),
                        printable(record.rating.as_deref().unwrap_or_default(), 40),
                        last.place,
                        printable(last.rating.as_deref().unwrap_or_default(), 40)
                    );
                    return Err(RatingsError::row(&record.place, reason));
                }
            }
            _ => kept.push(record),
        }
    }
    *given = kept;
    Ok(())
}

/// A version's parts, numbers by value: `2.10` comes after `2.9`.
pub(crate) fn natural(version: &str) -> Vec<(u64, String)> {
    version
        .split(['.', '-', '_', '+', ' '])
        .map(|part| {
            let digits = part.trim_start_matches(|c: char| !c.is_ascii_digit());
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            (digits[..end].parse().unwrap_or(0), part.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Layout, RatingFile};

    fn table(text: &str, scale: LabelScale, order: &[&str]) -> Result<RatingTable, RatingsError> {
        let mut found = Records::default();
        found.add(&RatingFile::csv("r.csv", text.as_bytes(), b',')?, &Layout::default())?;
        let order: Vec<String> = order.iter().map(|&label| label.to_owned()).collect();
        RatingTable::new(&found, scale, &order)
    }

    #[test]
    fn the_last_rating_counts_and_the_series_is_kept() {
        let text = "item,rater,rating,version\nx,a,0,2.9\nx,a,1,2.10\ny,a,1,2.9\ny,b,0,1\n";
        let found = table(text, LabelScale::Nominal, &[]).unwrap();
        assert_eq!(found.labels, ["1", "0"]);
        assert_eq!(found.ratings, [vec![Some(0), None], vec![Some(0), Some(1)]]);
        assert_eq!(found.series.len(), 1);
        assert_eq!(found.series[0].ratings[0], (Some("2.9".to_owned()), 1));
    }

    #[test]
    fn contradictions_are_refused_with_both_places() {
        let told =
            |text, scale, order: &[&str]| table(text, scale, order).err().unwrap().to_string();
        let twice = told("item,rater,rating\nx,a,0\nx,a,1\n", LabelScale::Nominal, &[]);
        assert!(twice.contains("line 3") && twice.contains("line 2") && twice.contains("version"));
        let cluster =
            told("item,rater,rating,cluster\nx,a,0,c\nx,b,1,d\n", LabelScale::Nominal, &[]);
        assert!(cluster.contains("the cluster of item `x` is another than at r.csv, line 2"));
        let text = "item,rater,rating\nx,a,low\nx,b,high\n";
        assert!(told(text, LabelScale::Ordinal, &[]).contains("--labels"));
        assert!(told(text, LabelScale::Interval, &[]).contains("is no number"));
        assert!(
            told(text, LabelScale::Ordinal, &["low", "mid"]).contains("line 3: the rating `high`")
        );
        assert!(told("item,rater,rating\nx,a,\n", LabelScale::Nominal, &[]).contains("no rating"));
    }

    #[test]
    fn remarks_tell_of_slips() {
        let text = "item,rater,rating\nx,a,Yes\nx,a,Yes\nx,b,yes \ny,a,no\nz,c,\n";
        let found = table(text, LabelScale::Nominal, &[]).unwrap();
        let told = found.remarks.join("\n");
        for part in [
            "more than once and alike",
            "case or blanks",
            "`c` rated nothing",
            "1 items have no rating",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
