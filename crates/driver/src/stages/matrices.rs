//! Reading what the features stage wrote.

use std::{fs::File, io::BufReader};

use clawsig_features::npz::{NpzLimits, read_npz};
use clawsig_model::{SplitData, TrainData};
use clawsig_schema::{
    Split,
    matrix::{ColumnInfo, Csr, RowInfo},
};
use rayon::prelude::*;

use super::{Context, Stage, rows::POOLED};
use crate::{Error, files};

/// The matrices of all splits, their rows and their columns.
pub(super) struct Matrices {
    splits: Vec<(Split, Csr, Vec<RowInfo>)>,
    pub(super) columns: Vec<ColumnInfo>,
}

impl Matrices {
    /// Reads them, each file checked against its manifest first.
    pub(super) fn read(context: &Context<'_>) -> Result<Matrices, Error> {
        let read = Split::ALL.par_iter().map(|&split| {
            let path = context.artifact(Stage::Features, &format!("{split}.npz"))?;
            let file = File::open(&path).map_err(Error::io("open", &path))?;
            let matrix = read_npz(BufReader::new(file), NpzLimits::default())
                .map_err(|e| Error::Artifact { path: path.clone(), reason: e.to_string() })?;
            let rows = context.artifact(Stage::Features, &format!("rows_{split}.csv"))?;
            Ok((split, matrix, files::read_csv(&rows)?))
        });
        // Of several errors the first split's is told, whichever thread was faster.
        let read: Vec<Result<_, Error>> = read.collect();
        let splits = read.into_iter().collect::<Result<_, Error>>()?;
        let columns = files::read_csv(&context.artifact(Stage::Features, "columns.csv")?)?;
        Ok(Matrices { splits, columns })
    }

    /// The rows of all splits.
    pub(super) fn rows(&self) -> u64 {
        self.splits.iter().map(|(_, matrix, _)| matrix.rows() as u64).sum()
    }

    /// The rows of all splits but the hold-out's.
    pub(super) fn pooled(&self) -> Vec<&RowInfo> {
        let splits = self.splits.iter().filter(|(split, ..)| POOLED.contains(split));
        splits.flat_map(|(.., rows)| rows).collect()
    }

    /// Calls with what training and evaluation take.
    pub(super) fn with_data<T>(&self, use_data: impl FnOnce(&TrainData<'_>) -> T) -> T {
        let splits: Vec<SplitData<'_>> = self
            .splits
            .iter()
            .map(|(split, x, rows)| SplitData { split: *split, x, rows })
            .collect();
        use_data(&TrainData { splits: &splits, columns: &self.columns })
    }
}
