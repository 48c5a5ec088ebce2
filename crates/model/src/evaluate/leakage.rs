//! How much of a score rests on rows like those of training.

use std::collections::HashSet;

use clawsig_schema::{
    estimate::Estimate,
    evaluation::{FOLDS, MACRO, ModelResults, ScoreRow, SplitMetrics, metric},
};

use super::{Evaluator, score_rows};
use crate::{folds::FoldScores, metrics::metrics_over, scored::Scored};

/// Rows whose scores are compared.
struct Selection {
    name: &'static str,
    split: &'static str,
    scored: Scored,
    table: SplitMetrics,
}

impl Evaluator<'_> {
    /// The test rows that share no near-duplicate group, no owner, and neither with a training row,
    /// beside all of them, and the folds that keep owners and near-duplicates apart.
    ///
    /// Means over classes compare only if they are over the same classes. Where a selection has other
    /// classes than all test rows, its means are undefined, and a scope `macro of ...` has the mean
    /// over the classes that both have, for the selection and for all test rows.
    pub(super) fn leakage(
        &self,
        results: &ModelResults,
        scored: &Scored,
        folds: &[FoldScores],
    ) -> Vec<ScoreRow> {
        let (train, test) = (self.train(), self.test());
        let groups: HashSet<u32> = train.rows.iter().map(|row| row.duplicate_group).collect();
        let owners: HashSet<&str> =
            train.rows.iter().filter_map(|row| row.owner.as_deref()).collect();
        let alone = |row: usize| !groups.contains(&test.rows[row].duplicate_group);
        let unseen = |row: usize| {
            test.rows[row].owner.as_deref().is_none_or(|owner| !owners.contains(owner))
        };
        let split = test.split.as_str();
        let all = Selection {
            name: "all test rows",
            split,
            scored: scored.clone(),
            table: results.metrics.0[split].clone(),
        };
        let mut selections = vec![all];
        for (name, scored) in [
            ("no near-duplicate in training", scored.filter(alone)),
            ("owner unseen in training", scored.filter(unseen)),
            ("neither", scored.filter(|row| alone(row) && unseen(row))),
        ] {
            let table = self.table(name, &scored);
            selections.push(Selection { name, split, scored, table });
        }
        let own = folds.iter().find(|one| one.name == results.name && one.without.is_none());
        if let Some(one) = own {
            selections.push(Selection {
                name: "folds by owner and near-duplicates",
                split: FOLDS,
                scored: one.scored.clone(),
                table: results.metrics.0[FOLDS].clone(),
            });
        }
        self.comparable(selections)
    }

    /// The rows of the table; the first selection is the one to compare with.
    fn comparable(&self, selections: Vec<Selection>) -> Vec<ScoreRow> {
        let Some(whole) = selections.first() else { return Vec::new() };
        let classes_of = |selection: &Selection| -> Vec<usize> {
            let support = selection.scored.support();
            (0..support.len()).filter(|&class| support[class] > 0).collect()
        };
        let names = |classes: &[usize]| -> String {
            let names: Vec<&str> = classes.iter().map(|&c| self.classes[c].as_str()).collect();
            names.join(", ")
        };
        let of_whole = classes_of(whole);
        let mut rows = Vec::new();
        let mut compared: Vec<Vec<usize>> = Vec::new();
        for selection in &selections {
            let own = classes_of(selection);
            let mut found = score_rows(selection.name, selection.split, &selection.table, true);
            if !own.is_empty() && own != of_whole {
                let is_mean =
                    |row: &ScoreRow| row.scope == MACRO || row.metric == metric::BALANCED_ACCURACY;
                for row in found.iter_mut().filter(|row| is_mean(row)) {
                    let reason = format!(
                        "these rows have the classes {}, not those of all test rows",
                        names(&own)
                    );
                    row.estimate = Estimate::undefined(reason, row.estimate.n);
                }
                let common: Vec<usize> =
                    own.into_iter().filter(|class| of_whole.contains(class)).collect();
                if !common.is_empty() {
                    found.extend(self.means(selection, &common, &names(&common)));
                    if !compared.contains(&common) {
                        compared.push(common);
                    }
                }
            }
            rows.extend(found);
        }
        for common in compared {
            rows.extend(self.means(whole, &common, &names(&common)));
        }
        rows
    }

    /// Means over some classes, as a scope of its own.
    fn means(&self, selection: &Selection, classes: &[usize], names: &str) -> Vec<ScoreRow> {
        let bootstrap = Some(self.bootstrap);
        let Selection { name, split, scored, .. } = selection;
        let table = metrics_over(scored, Some(classes), bootstrap, name, self.progress);
        let rows = score_rows(name, split, &table, true).into_iter();
        let scope = format!("{MACRO} of {names}");
        rows.filter(|row| row.scope == MACRO)
            .map(|row| ScoreRow { scope: scope.clone(), ..row })
            .collect()
    }
}
