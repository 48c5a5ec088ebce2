//! Which rows train and which test, and what a model is worth there.

use std::collections::{BTreeMap, HashMap, HashSet};

use clawsig_features::{ReadTexts, duplicates};
use clawsig_model::{
    Scored, TrainParams, group_folds,
    metrics::{Bootstrap, split_metrics},
};
use clawsig_schema::{
    estimate::Estimate,
    evaluation::{MACRO, metric},
    matrix::Csr,
};
use clawsig_stats::Groups;
use serde::Serialize;

use super::corpus::{Corpus, Sample, SplitPart};
use crate::Error;

/// The classes, in the order of labels.
pub(super) const CLASSES: [&str; 2] = ["benign", "malicious"];

/// What one line of the table compares.
#[derive(Clone, Debug)]
pub(super) struct Experiment {
    pub(super) split: String,
    pub(super) train: String,
    pub(super) test: String,
    /// Rows that train and rows that test, once a fold.
    folds: Vec<(Vec<usize>, Vec<usize>)>,
    /// Test rows left out because a training row is their near-duplicate.
    shared: u64,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TransferResult {
    pub(super) split: String,
    pub(super) train: String,
    pub(super) test: String,
    /// Rows that train, on average over the folds.
    pub(super) train_rows: u64,
    pub(super) test_rows: u64,
    pub(super) test_malicious: u64,
    /// Test rows left out because a training row is their near-duplicate.
    pub(super) shared: u64,
    pub(super) macro_f1: Estimate,
    pub(super) recall: Estimate,
    pub(super) false_positive_rate: Estimate,
    /// Area under the ROC curve of malicious.
    pub(super) roc_auc: Estimate,
}

/// What a model said of one test row.
pub(super) struct Prediction {
    pub(super) fold: usize,
    pub(super) row: usize,
    pub(super) p_malicious: f64,
}

/// All rows of all corpora, and the groups that they form.
pub(super) struct Pool {
    pub(super) samples: Vec<Sample>,
    /// The rows of each corpus, and of all of them together where there are several.
    pub(super) corpora: Vec<(String, Vec<usize>)>,
    owners: Vec<usize>,
    families: Vec<usize>,
    both: Vec<usize>,
}

impl Pool {
    pub(super) fn new(found: &[Corpus]) -> Result<Pool, Error> {
        let mut samples: Vec<Sample> = Vec::new();
        let mut corpora = Vec::new();
        for corpus in found {
            let rows = samples.len()..samples.len() + corpus.samples.len();
            corpora.push((corpus.name.clone(), rows.collect::<Vec<_>>()));
            samples.extend(corpus.samples.iter().cloned().map(|mut sample| {
                // Two corpora may use one word for different sources and families. An owner of the
                // same name may be the same one, so that it is kept apart from itself.
                let named = |field: Option<String>| field.map(|f| format!("{}/{f}", corpus.name));
                sample.source = named(sample.source);
                sample.family = named(sample.family);
                sample
            }));
        }
        if corpora.len() > 1 {
            let mut seen = HashSet::new();
            let rows = 0..samples.len();
            let all = rows.filter(|&row| seen.insert(samples[row].sha256.as_str())).collect();
            corpora.push(("all".to_owned(), all));
        }
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text.as_str()).collect();
        let near = duplicates::groups(&texts)?;
        let mut owners = Groups::new(samples.len());
        let mut families = Groups::new(samples.len());
        let mut both = Groups::new(samples.len());
        let mut met: HashMap<(u8, &str), usize> = HashMap::new();
        for (row, sample) in samples.iter().enumerate() {
            families.join(near[row] as usize, row);
            both.join(near[row] as usize, row);
            if let Some(family) = &sample.family {
                let first = *met.entry((0, family)).or_insert(row);
                families.join(first, row);
                both.join(first, row);
            }
            if let Some(owner) = &sample.owner {
                let first = *met.entry((1, owner)).or_insert(row);
                owners.join(first, row);
                both.join(first, row);
            }
        }
        let (owners, families, both) = (owners.numbers(), families.numbers(), both.numbers());
        Ok(Pool { samples, corpora, owners, families, both })
    }

    /// Every comparison that the corpora allow.
    pub(super) fn experiments(&self, folds: usize, seed: u64) -> Vec<Experiment> {
        let mut experiments = Vec::new();
        let singles: Vec<usize> = (0..self.samples.len()).collect();
        for (name, rows) in &self.corpora {
            let has =
                |field: fn(&Sample) -> bool| rows.iter().any(|&row| field(&self.samples[row]));
            let mut within = vec![("random", &singles)];
            if has(|sample| sample.owner.is_some()) {
                within.push(("owner-disjoint", &self.owners));
            }
            within.push(("family-disjoint", &self.families));
            if has(|sample| sample.owner.is_some()) {
                within.push(("owner- and family-disjoint", &self.both));
            }
            for (split, groups) in within {
                experiments.push(self.in_folds(name, rows, split, groups, folds, seed));
            }
            experiments.extend(self.official(name, rows));
            experiments.extend(self.sources(name, rows));
        }
        let single =
            self.corpora.iter().filter(|(name, _)| name != "all" || self.corpora.len() == 1);
        let single: Vec<_> = single.collect();
        for (train, from) in &single {
            for (test, to) in single.iter().filter(|(name, _)| name != train) {
                experiments.push(self.across("corpus to corpus", (train, from), (test, to)));
            }
        }
        experiments
    }

    fn in_folds(
        &self,
        name: &str,
        rows: &[usize],
        split: &str,
        groups: &[usize],
        folds: usize,
        seed: u64,
    ) -> Experiment {
        let labels: Vec<usize> = rows.iter().map(|&row| self.label(row)).collect();
        let mine: Vec<usize> = rows.iter().map(|&row| groups[row]).collect();
        let fold = group_folds(&labels, &mine, folds, seed);
        let part = |at: usize, tests: bool| {
            let chosen = rows.iter().zip(&fold).filter(|(_, fold)| (**fold == at) == tests);
            chosen.map(|(&row, _)| row).collect::<Vec<_>>()
        };
        Experiment {
            split: split.to_owned(),
            train: name.to_owned(),
            test: name.to_owned(),
            folds: (0..folds).map(|at| (part(at, false), part(at, true))).collect(),
            shared: 0,
        }
    }

    /// The corpus's own splits.
    fn official(&self, name: &str, rows: &[usize]) -> Vec<Experiment> {
        let mut parts: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for &row in rows {
            for (split, part) in &self.samples[row].official {
                let (train, test) = parts.entry(split).or_default();
                match part {
                    SplitPart::Train => train.push(row),
                    SplitPart::Test => test.push(row),
                    SplitPart::Other => {}
                }
            }
        }
        let made =
            parts.into_iter().filter(|(_, (train, test))| !train.is_empty() && !test.is_empty());
        made.map(|(split, fold)| Experiment {
            split: format!("its own: {split}"),
            train: name.to_owned(),
            test: name.to_owned(),
            folds: vec![fold],
            shared: 0,
        })
        .collect()
    }

    /// Each source against the others.
    fn sources(&self, name: &str, rows: &[usize]) -> Vec<Experiment> {
        let mut by_source: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &row in rows {
            if let Some(source) = &self.samples[row].source {
                by_source.entry(source).or_default().push(row);
            }
        }
        if by_source.len() < 2 {
            return Vec::new();
        }
        // A figure of fewer rows than this says nothing.
        let large = by_source.iter().filter(|(_, rows)| rows.len() >= 10);
        large
            .map(|(source, held_out)| {
                let out: HashSet<usize> = held_out.iter().copied().collect();
                let rest: Vec<usize> =
                    rows.iter().copied().filter(|row| !out.contains(row)).collect();
                let source = source.to_string();
                let (train, test) = ((name, &rest[..]), (source.as_str(), &held_out[..]));
                self.across("leave one source out", train, test)
            })
            .collect()
    }

    /// Rows that train here and rows that test there, but for near-duplicates of what trains.
    fn across(&self, split: &str, train: (&str, &[usize]), test: (&str, &[usize])) -> Experiment {
        let known: HashSet<usize> = train.1.iter().map(|&row| self.families[row]).collect();
        let rows = test.1.iter().copied();
        let kept: Vec<usize> = rows.filter(|&row| !known.contains(&self.families[row])).collect();
        Experiment {
            split: split.to_owned(),
            train: train.0.to_owned(),
            test: test.0.to_owned(),
            shared: (test.1.len() - kept.len()) as u64,
            folds: vec![(train.1.to_vec(), kept)],
        }
    }

    fn label(&self, row: usize) -> usize {
        usize::from(self.samples[row].malicious)
    }

    /// Trains and tests. A fold without both classes to train on is an outcome without figures.
    pub(super) fn outcome(
        &self,
        experiment: &Experiment,
        settings: &ModelSettings,
    ) -> Result<(TransferResult, Vec<Prediction>), Error> {
        let mut predictions = Vec::new();
        let mut refused = None;
        for (fold, (train, test)) in experiment.folds.iter().enumerate() {
            let malicious = train.iter().filter(|&&row| self.samples[row].malicious).count();
            if test.is_empty() {
                continue;
            }
            if malicious == 0 || malicious == train.len() {
                let class = CLASSES[usize::from(malicious == 0)];
                refused = Some(format!("no {class} row to train on"));
                break;
            }
            let found = settings.predict(self, train, test)?;
            predictions.extend(test.iter().zip(found).map(|(&row, p_malicious)| Prediction {
                fold,
                row,
                p_malicious,
            }));
        }
        if refused.is_none() && predictions.is_empty() {
            refused = Some("no row to test".to_owned());
        }
        if refused.is_some() {
            predictions.clear();
        }
        let labels: Vec<usize> = predictions.iter().map(|p| self.label(p.row)).collect();
        let probabilities =
            predictions.iter().map(|p| vec![1.0 - p.p_malicious, p.p_malicious]).collect();
        let units: Vec<usize> = predictions.iter().map(|p| self.both[p.row]).collect();
        let test_malicious = labels.iter().sum::<usize>() as u64;
        let classes = CLASSES.map(str::to_owned).to_vec();
        let scored = Scored::from_probabilities(classes, labels, probabilities, &units)?;
        let table = split_metrics(&scored, Some(settings.bootstrap));
        // A mean over one class is not the figure that the other lines have.
        let one_class = (test_malicious == 0 || test_malicious == scored.len() as u64)
            .then(|| format!("no {} row to test", CLASSES[usize::from(test_malicious == 0)]));
        let get = |scope: &str, name: &str| {
            let found = table.get(scope).and_then(|metrics| metrics.get(name)).cloned();
            match (&refused, &one_class, found) {
                (Some(why), ..) => Estimate::undefined(why.clone(), 0),
                (None, Some(why), _) if scope == MACRO => Estimate::undefined(why.clone(), 0),
                (None, _, Some(found)) => found,
                (None, _, None) => Estimate::undefined("the class has no rows", 0),
            }
        };
        let trained: usize = experiment.folds.iter().map(|(train, _)| train.len()).sum();
        let outcome = TransferResult {
            split: experiment.split.clone(),
            train: experiment.train.clone(),
            test: experiment.test.clone(),
            train_rows: (trained / experiment.folds.len().max(1)) as u64,
            test_rows: predictions.len() as u64,
            test_malicious,
            shared: experiment.shared,
            macro_f1: get(MACRO, metric::F1),
            recall: get(CLASSES[1], metric::RECALL),
            false_positive_rate: get(CLASSES[1], metric::FALSE_POSITIVE_RATE),
            roc_auc: get(CLASSES[1], metric::ROC_AUC),
        };
        Ok((outcome, predictions))
    }
}

/// How each model is made.
pub(super) struct ModelSettings {
    /// The views of the texts of all rows, side by side.
    pub(super) views: Vec<ReadTexts>,
    pub(super) train: TrainParams,
    pub(super) bootstrap: Bootstrap,
}

impl ModelSettings {
    /// The probability of malicious for each test row, by a model that nothing but the training rows
    /// went into.
    fn predict(&self, pool: &Pool, train: &[usize], test: &[usize]) -> Result<Vec<f64>, Error> {
        let mut trains = vec![false; pool.samples.len()];
        train.iter().for_each(|&row| trains[row] = true);
        let views = self.views.iter().map(|view| Ok(view.fit(|row| trains[row])?.1));
        let x = beside(&views.collect::<Result<Vec<_>, Error>>()?)?;
        let labels: Vec<u32> = train.iter().map(|&row| pool.label(row) as u32).collect();
        let solution =
            self.train.solve(&x.select_rows(train), &labels, &[0, 1], None, &|_, _| {})?;
        let probabilities = solution.coefficients.probabilities(&x.select_rows(test))?;
        Ok(probabilities.into_iter().map(|p| p[1]).collect())
    }
}

/// Matrices of the same rows side by side.
fn beside(parts: &[Csr]) -> Result<Csr, Error> {
    let rows = parts.first().map_or(0, Csr::rows);
    let cols = parts.iter().map(Csr::cols).sum();
    let mut joined = vec![(Vec::new(), Vec::new()); rows];
    let mut first = 0;
    for part in parts {
        for (row, (columns, values)) in joined.iter_mut().enumerate() {
            let (more, their) = part.row(row);
            columns.extend(more.iter().map(|column| column + first));
            values.extend_from_slice(their);
        }
        first += part.cols() as u32;
    }
    Csr::from_rows(cols, joined.iter().map(|(columns, values)| (&columns[..], &values[..])))
        .map_err(|e| Error::Artifact {
            path: "the views of the text".into(),
            reason: e.to_string(),
        })
}
