#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
#[cfg(feature = "frame")]
mod frame;
mod guard;
pub mod hub;
mod json;
mod lines;
mod locate;
mod locked;
mod look;
mod ordered;
mod params;
mod parquet;
mod pipeline;
mod process;
mod raw;
mod reject;
mod rewrite;
mod row;
mod signals;
mod single;
mod source;
mod tally;
mod text_table;
mod value;

pub use error::IngestError;
pub use hub::{HubAccess, HubError, HubFormat, HubSnapshot, HubSource};
pub use locate::{SourceFile, locate};
pub use params::{IngestParams, SourceKind, SourceParams, ValidIngestParams};
pub use pipeline::{Ingested, OutputPaths, ingest};
pub use raw::RawParquetWriter;
pub use reject::{Reject, RejectReason};
pub use signals::{Columns, Rows, SignalsReader};
pub use single::{RowError, SingleRow, SingleRows, bundle_stats, parse_row};
pub use source::Source;
pub use text_table::TextTable;
