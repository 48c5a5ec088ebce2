//! The rows that features are made from, in the splits of a plan.

use std::{collections::HashMap, path::PathBuf};

use clawsig_features::{BoxError, RowIter, RowSource, TextIter, texts_at};
use clawsig_ingest::{Columns, SignalsReader};
use clawsig_model::stratified_split;
use clawsig_schema::{SkillRow, Split, Target, matrix::RowInfo};

use super::{Context, Stage};
use crate::Error;

/// The splits whose rows may be split anew. The hold-out stays what it is under every plan.
pub(super) const POOLED: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

/// The rows that ingest wrote, a split at a time.
///
/// Features are learned from the rows of the training split that this hands over: splits that are
/// drawn anew are drawn here, before anything is learned.
pub(super) struct PlannedRows<'a> {
    context: &'a Context<'a>,
    /// The split of each pooled row, by the dataset's own split and the id; `None` where the
    /// dataset's splits stand.
    drawn: Option<HashMap<(Split, String), Split>>,
}

impl<'a> PlannedRows<'a> {
    /// The dataset's own splits.
    pub(super) fn official(context: &'a Context<'a>) -> PlannedRows<'a> {
        PlannedRows { context, drawn: None }
    }

    /// All rows but the hold-out's, split 70 to 30 and stratified by class.
    pub(super) fn stratified(
        context: &'a Context<'a>,
        target: Target,
        seed: u64,
    ) -> Result<PlannedRows<'a>, Error> {
        let mut rows = Vec::new();
        for split in POOLED {
            for row in SignalsReader::open(&signals(context, split)?)?.rows(Columns::WithoutText) {
                let row = row?;
                let (verdict, severity) = (row.verdict, row.skillspector.band());
                rows.push(RowInfo { id: row.id, split, verdict, severity, ..RowInfo::default() });
            }
        }
        let labels: Vec<Option<usize>> = rows.iter().map(|row| target.label_of(row)).collect();
        let splits = stratified_split(&labels, seed);
        let drawn = rows.into_iter().zip(splits).map(|(row, split)| ((row.split, row.id), split));
        Ok(PlannedRows { context, drawn: Some(drawn.collect()) })
    }
}

/// Rows that have a number, read again from what ingest wrote.
pub(super) struct NumberedRows<'a> {
    context: &'a Context<'a>,
    /// The number of each row, by the dataset's own split and the id.
    numbers: HashMap<(Split, &'a str), usize>,
}

impl<'a> NumberedRows<'a> {
    /// Rows that are numbered by their places in `rows`.
    pub(super) fn new(context: &'a Context<'a>, rows: &[&'a RowInfo]) -> NumberedRows<'a> {
        let numbers = rows.iter().enumerate().map(|(at, row)| ((row.split, row.id.as_str()), at));
        NumberedRows { context, numbers: numbers.collect() }
    }

    /// The rows that have a number, in the order of the files; their numbers are added to `read`.
    pub(super) fn read<'r>(&'r self, read: &'r mut Vec<usize>) -> Result<RowIter<'r>, Error> {
        let rows = pooled(self.context)?.filter_map(move |(split, row)| match row {
            Ok(row) => {
                read.push(self.numbers.get(&(split, row.id.as_str())).copied()?);
                Some(Ok(row))
            }
            Err(error) => Some(Err(error)),
        });
        Ok(Box::new(rows))
    }
}

/// The rows of every split that may be split anew, in the order of the files, with the split of the file:
/// in its own cell a row may have any.
fn pooled(
    context: &Context<'_>,
) -> Result<impl Iterator<Item = (Split, Result<SkillRow, BoxError>)> + Send, Error> {
    let mut files = Vec::new();
    for split in POOLED {
        let rows = SignalsReader::open(&signals(context, split)?)?.rows(Columns::All);
        files.push(rows.map(move |row| (split, row.map_err(BoxError::from))));
    }
    Ok(files.into_iter().flatten())
}

fn signals(context: &Context<'_>, split: Split) -> Result<PathBuf, Error> {
    context.artifact(Stage::Ingest, &format!("signals/{split}.parquet"))
}

impl RowSource for PlannedRows<'_> {
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
        let Some(drawn) = self.drawn.as_ref().filter(|_| POOLED.contains(&split)) else {
            let rows = SignalsReader::open(&signals(self.context, split)?)?.rows(Columns::All);
            return Ok(Box::new(rows.map(|row| row.map_err(BoxError::from))));
        };
        let rows = pooled(self.context)?.filter(move |(from, row)| match row {
            Ok(row) => drawn.get(&(*from, row.id.clone())) == Some(&split),
            Err(_) => true,
        });
        Ok(Box::new(rows.map(|(_, row)| row)))
    }

    fn texts<'a>(
        &'a mut self,
        split: Split,
        places: &'a [usize],
    ) -> Result<TextIter<'a>, BoxError> {
        // The places of a split that was drawn anew are not those of a file.
        if self.drawn.is_some() && POOLED.contains(&split) {
            return Ok(texts_at(self.rows(split)?, places));
        }
        let texts = SignalsReader::open(&signals(self.context, split)?)?.texts(places);
        Ok(Box::new(texts.map(|text| text.map_err(BoxError::from))))
    }
}
