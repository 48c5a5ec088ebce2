//! The published figures that are built in.

use clawsig_schema::published::PublishedFigures;

use crate::Error;

const FIGURES: &str = include_str!("../../../data/published.json");

/// Every figure of the paper, and of those who counted the same snapshot.
pub(crate) fn figures() -> Result<PublishedFigures, Error> {
    serde_json::from_str(FIGURES)
        .map_err(|e| Error::Artifact { path: "data/published.json".into(), reason: e.to_string() })
}
