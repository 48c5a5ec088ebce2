//! Reading what the features stage wrote.

use std::{fs::File, io::BufReader, path::PathBuf};

use clawsig_features::npz::{NpzLimits, read_npz};
use clawsig_model::{ModelError, SplitData, TrainData};
use clawsig_schema::{
    Split,
    matrix::{ColumnInfo, Csr, RowInfo},
};
use rayon::prelude::*;

use super::{Context, Stage, rows::POOLED};
use crate::{Error, files};

/// The rows of all splits and their columns; the matrices are read when they are needed.
pub(super) struct Matrices {
    splits: Vec<(Split, PathBuf, Vec<RowInfo>)>,
    pub(super) columns: Vec<ColumnInfo>,
}

impl Matrices {
    /// Reads rows and columns, and checks each file against its manifest.
    pub(super) fn open(context: &Context<'_>) -> Result<Matrices, Error> {
        let splits = in_parallel(Split::ALL, |&split| {
            let matrix = context.artifact(Stage::Features, &format!("{split}.npz"))?;
            let rows = context.artifact(Stage::Features, &format!("rows_{split}.csv"))?;
            Ok((split, matrix, files::read_csv(&rows)?))
        })?;
        let columns = files::read_csv(&context.artifact(Stage::Features, "columns.csv")?)?;
        Ok(Matrices { splits, columns })
    }

    /// The number of rows of all splits.
    pub(super) fn rows(&self) -> u64 {
        self.splits.iter().map(|(.., rows)| rows.len() as u64).sum()
    }

    /// The rows of all splits but the hold-out's.
    pub(super) fn pooled(&self) -> Vec<&RowInfo> {
        let splits = self.splits.iter().filter(|(split, ..)| POOLED.contains(split));
        splits.flat_map(|(.., rows)| rows).collect()
    }

    /// Reads the matrices, and calls with what training and evaluation take.
    pub(super) fn with_data<T>(
        &self,
        use_data: impl FnOnce(&TrainData<'_>) -> Result<T, ModelError>,
    ) -> Result<T, Error> {
        let matrices: Vec<Csr> = in_parallel(&self.splits, |(_, path, _)| {
            let file = File::open(path).map_err(Error::io("open", path))?;
            read_npz(BufReader::new(file), NpzLimits::default())
                .map_err(|e| Error::Artifact { path: path.clone(), reason: e.to_string() })
        })?;
        let splits: Vec<SplitData<'_>> = self
            .splits
            .iter()
            .zip(&matrices)
            .map(|((split, _, rows), x)| SplitData { split: *split, x, rows })
            .collect();
        Ok(use_data(&TrainData { splits: &splits, columns: &self.columns })?)
    }
}

/// What `make` makes of each item, on all threads. Of several errors the first item's is told, whichever
/// thread was faster.
fn in_parallel<T: Sync, U: Send>(
    items: &[T],
    make: impl Fn(&T) -> Result<U, Error> + Send + Sync,
) -> Result<Vec<U>, Error> {
    let made: Vec<Result<U, Error>> = items.par_iter().map(make).collect();
    made.into_iter().collect()
}
