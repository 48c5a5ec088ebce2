//! Models on other columns, each tuned for itself.

use clawsig_schema::{
    Split,
    evaluation::{ModelName, ModelResults, ScoreRow},
    matrix::ColumnGroup,
};

use super::{Evaluator, score_rows};
use crate::{
    error::Result,
    train::{COMPARED_GAP, Training, Tuner, groups_of, keep_groups},
};

impl Evaluator<'_> {
    /// One model for each group alone and for all groups but one, with C chosen on validation from
    /// the same grid. The models that a run has anyway stand there with their own figures.
    pub(super) fn ablation(
        &self,
        training: &Training,
        models: &[ModelResults],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<ScoreRow>> {
        let all = groups_of(self.columns);
        let mut variants: Vec<(String, Vec<ColumnGroup>)> = vec![("all".to_owned(), all.clone())];
        variants.extend(all.iter().map(|&group| (format!("{group} only"), vec![group])));
        if all.len() > 2 {
            for &left in &all {
                let rest = all.iter().copied().filter(|&group| group != left).collect();
                variants.push((format!("without {left}"), rest));
            }
        }
        let params = &training.model.params;
        let gap = params.tolerance.max(COMPARED_GAP);
        let (train, validation) = (self.train(), &self.splits[Split::Validation.index()]);
        let tuner =
            Tuner { train, validation, columns: self.columns, params, progress: self.progress };
        let split = self.test().split.as_str();
        let mut rows = Vec::new();
        let mut at_edge = Vec::new();
        for (name, groups) in variants {
            let known = models.iter().find(|model| model.groups == groups);
            if let Some(table) = known.and_then(|model| model.metrics.0.get(split)) {
                rows.extend(score_rows(&name, split, table, true));
                continue;
            }
            let start = keep_groups(&training.model.coefficients, self.columns, &groups);
            let start = (params.c, start);
            let tuned = tuner.tune((&name, ModelName::All), &groups, Some(start), gap)?;
            at_edge.extend(tuned.edge().map(|end| format!("{name} ({end})")));
            let scored = self.score(&tuned.model, self.test())?;
            rows.extend(score_rows(&name, split, &self.table(&name, &scored), true));
        }
        if !at_edge.is_empty() {
            warnings.push(format!(
                "ablation: C is at an end of model.grid for {}: widen the grid",
                at_edge.join(", ")
            ));
        }
        Ok(rows)
    }
}
