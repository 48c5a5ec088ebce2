#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batch;
mod build;
mod dense;
pub mod duplicates;
mod error;
mod fitted;
pub mod leakage;
mod novelty;
pub mod npz;
mod params;
mod saved;
mod scaling;
pub mod shape;
mod signals;
pub mod vectorizer;

/// The types that cross stages: rows, splits, targets, column groups, sparse matrices.
pub use clawsig_schema as schema;

pub use build::{
    FeatureSet, ReadRows, RowIter, RowSource, SplitFeatures, TextIter, build, texts_at,
};
pub use dense::linfa_dataset;
pub use error::{BoxError, FeaturesError};
pub use fitted::{FEATURES_FORMAT, FittedFeatures, MeasuredRow, VocabularyRow};
pub use novelty::{BEYOND, KnownWords, NOVELTY_FORMAT, Novelty, NoveltyBounds, TextMeasures};
pub use params::{FeatureParams, NumericColumns, ValidFeatureParams};
pub use saved::MAX_JSON_BYTES;
pub use vectorizer::{CharsParams, FittedTfIdf, ReadTexts, SparseRow, TfIdf, VectorizerParams};
