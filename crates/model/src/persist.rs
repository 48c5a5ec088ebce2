//! A trained model on disk: `model.json`, and the weights file beside it.
//!
//! `model.json` says what was trained and how far; it names the SHA-256 of the weights file, which
//! [`crate::Classifier`] reads on its own too.

use std::{collections::BTreeMap, fs, path::Path};

use clawsig_schema::{
    format::FormatVersion, hostile::printable, matrix::ColumnGroup, target::Target, unread,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, hex},
    params::TrainParams,
    solver::SolverReport,
    weights::{
        MODEL_FORMAT, WEIGHTS_LIMIT, malformed, of_bytes, other_format, read_limited, to_bytes,
    },
};

/// The largest `model.json` that is read, in bytes.
pub const JSON_LIMIT: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct ModelFile {
    format: FormatVersion,
    target: Target,
    classes: Vec<String>,
    columns: u64,
    columns_sha256: String,
    groups: Vec<ColumnGroup>,
    settings: TrainParams,
    training_rows: BTreeMap<String, u64>,
    #[serde(flatten)]
    report: SolverReport,
    weights_sha256: String,
    /// Fields that this format does not have.
    #[serde(flatten, skip_serializing)]
    unknown: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: FormatVersion,
}

impl TrainedModel {
    /// SHA-256 of the weights file: the model's identity in the ledger.
    ///
    /// # Errors
    /// If the classes are so many that the file can't name them.
    pub fn sha256(&self) -> Result<String> {
        Ok(hex(&Sha256::digest(to_bytes(&self.classes, &self.coefficients)?)))
    }

    /// Writes `model.json` and the weights.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn save(&self, json: &Path, weights: &Path) -> Result<()> {
        let bytes = to_bytes(&self.classes, &self.coefficients)?;
        let file = ModelFile {
            format: MODEL_FORMAT,
            target: self.target,
            classes: self.classes.clone(),
            columns: self.coefficients.cols as u64,
            columns_sha256: self.columns_sha256.clone(),
            groups: self.groups.clone(),
            settings: self.params.clone(),
            training_rows: self.training_rows.clone(),
            report: self.report.clone(),
            weights_sha256: hex(&Sha256::digest(&bytes)),
            unknown: BTreeMap::new(),
        };
        let mut text = serde_json::to_vec_pretty(&file)?;
        text.push(b'\n');
        let write = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes)
                .map_err(|source| ModelError::Io { path: path.to_owned(), source })
        };
        write(weights, &bytes)?;
        write(json, &text)
    }

    /// Reads and checks both files.
    ///
    /// # Errors
    /// If a file can't be read, is larger than its limit, of another format version, or not what
    /// it claims to be.
    pub fn load(json: &Path, weights: &Path) -> Result<TrainedModel> {
        let text = read_limited(json, JSON_LIMIT)?;
        let bad = |error: serde_json::Error| {
            malformed(json, format!("not a model: {}", unread::json(&error)))
        };
        let FormatOnly { format } = serde_json::from_slice(&text).map_err(bad)?;
        MODEL_FORMAT.can_read(format).map_err(|_| other_format(json, format))?;
        let file: ModelFile = serde_json::from_slice(&text).map_err(bad)?;
        if let Some(unknown) = file.unknown.keys().next() {
            let shown = printable(unknown, 60);
            return Err(malformed(json, format!("not a model: unknown field `{shown}`")));
        }
        let names = file.target.classes();
        let mut last = None;
        for class in &file.classes {
            let at = names.iter().position(|name| name == class);
            if at.is_none() || at <= last {
                return Err(malformed(json, "its classes are not the target's, in order"));
            }
            last = at;
        }
        file.settings.clone().check()?;
        let bytes = read_limited(weights, WEIGHTS_LIMIT)?;
        if hex(&Sha256::digest(&bytes)) != file.weights_sha256 {
            return Err(malformed(weights, "its hash is not the one in model.json"));
        }
        let (classes, coefficients) = of_bytes(&bytes, weights)?.into_parts();
        if classes != file.classes || coefficients.cols as u64 != file.columns {
            return Err(malformed(weights, "its classes or columns are not those of model.json"));
        }
        Ok(TrainedModel {
            target: file.target,
            coefficients,
            classes,
            groups: file.groups,
            columns_sha256: file.columns_sha256,
            params: file.settings,
            training_rows: file.training_rows,
            report: file.report,
        })
    }
}
