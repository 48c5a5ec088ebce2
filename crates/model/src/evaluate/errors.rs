//! The misclassified rows worth reading.

use std::collections::HashMap;

use clawsig_schema::evaluation::ErrorRow;

use super::Evaluator;
use crate::{model::TrainedModel, scored::Scored};

/// Columns named in an explanation.
const NAMED: usize = 8;
/// Ids of near-duplicates listed for a row.
const LISTED: usize = 5;

impl Evaluator<'_> {
    /// The test rows that a model gets wrong, most confident first, ties in row order.
    pub(super) fn errors(&self, model: &TrainedModel, scored: &Scored) -> Vec<ErrorRow> {
        let (train, test) = (self.train(), self.test());
        let mut wrong: Vec<usize> =
            (0..scored.len()).filter(|&row| scored.labels[row] != scored.predicted[row]).collect();
        let confidence = |row: usize| scored.probabilities[row][scored.predicted[row]];
        wrong.sort_by(|&a, &b| confidence(b).total_cmp(&confidence(a)).then(a.cmp(&b)));
        wrong.truncate(self.params.errors);
        let mut groups: HashMap<u32, Vec<usize>> = HashMap::new();
        for (at, row) in train.rows.iter().enumerate() {
            groups.entry(row.duplicate_group).or_default().push(at);
        }
        let place = |class: usize| model.classes.iter().position(|n| *n == scored.classes[class]);
        let error = |row: usize| {
            let (label, predicted) = (scored.labels[row], scored.predicted[row]);
            let info = test.rows[row];
            let near = groups.get(&info.duplicate_group).map_or(&[][..], Vec::as_slice);
            let other: Vec<usize> =
                near.iter().copied().filter(|&at| train.labels[at] != label).collect();
            // The model may not know the row's own class: then it says why not the runner-up.
            let runner_up = || {
                let others = (0..scored.classes.len()).filter(|&class| class != predicted);
                let p = |class: &usize| scored.probabilities[row][*class];
                others.filter(|&c| place(c).is_some()).max_by(|a, b| p(a).total_cmp(&p(b)))
            };
            let against = place(label).or_else(|| runner_up().and_then(place));
            let explanation = place(predicted).zip(against).and_then(|(class, against)| {
                model.explain(test.x.row(row), self.columns, class, against, NAMED)
            });
            let ids = other.iter().take(LISTED).map(|&at| train.rows[at].id.clone());
            ErrorRow {
                split: test.split.as_str().to_owned(),
                id: info.id.clone(),
                slug: info.slug.clone(),
                verdict: scored.classes[label].clone(),
                predicted: scored.classes[predicted].clone(),
                probabilities: scored.probabilities[row].clone(),
                explanation,
                near_duplicates: near.len() as u64,
                near_duplicates_other_label: other.len() as u64,
                other_label_ids: ids.collect(),
            }
        };
        wrong.into_iter().map(error).collect()
    }
}
