//! A model on disk: `model.json`, and the weights beside it.
//!
//! The weights file is: the 8 bytes `CLAWSIGW`, then little-endian u64 outputs and u64 columns,
//! then `outputs` f64 intercepts, then `columns x outputs` f64 weights, column by column. Nothing
//! follows. `model.json` holds its SHA-256. A file from a stranger is read up to a limit, checked
//! in full before use, and can do no more than be refused.

use std::{collections::BTreeMap, fs, io::Read, path::Path};

use clawsig_schema::{
    format::FormatVersion, hostile::printable, matrix::ColumnGroup, target::Target,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use sha2::{Digest, Sha256};

use crate::{
    error::{ModelError, Result},
    model::{TrainedModel, hex},
    params::TrainParams,
    solver::{Coefficients, SolverReport, outputs_of},
};

/// The format of `model.json`.
///
/// - 1.0: the first.
pub const MODEL_FORMAT: FormatVersion = FormatVersion::new(1, 0);
/// The largest `model.json` that is read, in bytes.
pub const JSON_LIMIT: u64 = 1 << 20;
/// The largest weights file that is read, in bytes: 67 million numbers.
pub const WEIGHTS_LIMIT: u64 = 1 << 29;

const MAGIC: &[u8; 8] = b"CLAWSIGW";

#[derive(Serialize, Deserialize)]
struct ModelFile {
    format: FormatVersion,
    target: Target,
    classes: Vec<String>,
    columns: u64,
    columns_sha256: String,
    groups: Vec<ColumnGroup>,
    settings: TrainParams,
    training_rows: u64,
    #[serde(flatten)]
    report: ReportFields,
    weights_sha256: String,
}

#[derive(Serialize, Deserialize)]
struct ReportFields {
    solver: String,
    iterations: u64,
    passes: f64,
    objective: f64,
    gradient_norm: f64,
    relative_gap: f64,
    converged: bool,
}

/// The names of all fields above.
const FIELDS: [&str; 16] = [
    "format",
    "target",
    "classes",
    "columns",
    "columns_sha256",
    "groups",
    "settings",
    "training_rows",
    "solver",
    "iterations",
    "passes",
    "objective",
    "gradient_norm",
    "relative_gap",
    "converged",
    "weights_sha256",
];

#[derive(Deserialize)]
struct FormatOnly {
    format: FormatVersion,
}

fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let io = |source| ModelError::Io { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(io)?;
    let too_large = || malformed(path, format!("larger than {limit} bytes"));
    // What says so itself need not be read first; what lies is caught while it is read.
    if file.metadata().map_err(io)?.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

fn malformed(path: &Path, reason: impl Into<String>) -> ModelError {
    ModelError::Malformed { path: path.to_owned(), reason: reason.into() }
}

impl TrainedModel {
    fn weights_bytes(&self) -> Vec<u8> {
        let c = &self.coefficients;
        let mut bytes = Vec::with_capacity(24 + 8 * (c.intercepts.len() + c.weights.len()));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(c.outputs() as u64).to_le_bytes());
        bytes.extend_from_slice(&(c.cols as u64).to_le_bytes());
        for value in c.intercepts.iter().chain(&c.weights) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// SHA-256 of the weights: the model's identity in the ledger.
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(self.weights_bytes()))
    }

    /// Writes `model.json` and the weights.
    ///
    /// # Errors
    /// If a file can't be written.
    pub fn save(&self, json: &Path, weights: &Path) -> Result<()> {
        let bytes = self.weights_bytes();
        let file = ModelFile {
            format: MODEL_FORMAT,
            target: self.target,
            classes: self.classes.clone(),
            columns: self.coefficients.cols as u64,
            columns_sha256: self.columns_sha256.clone(),
            groups: self.groups.clone(),
            settings: self.params.clone(),
            training_rows: self.training_rows,
            report: ReportFields {
                solver: self.report.solver.clone(),
                iterations: self.report.iterations,
                passes: self.report.passes,
                objective: self.report.objective,
                gradient_norm: self.report.gradient_norm,
                relative_gap: self.report.relative_gap,
                converged: self.report.converged,
            },
            weights_sha256: hex(&Sha256::digest(&bytes)),
        };
        let mut text = serde_json::to_vec_pretty(&file)
            .map_err(|error| malformed(json, format!("can't be written: {error}")))?;
        text.push(b'\n');
        fs::write(weights, bytes)
            .map_err(|source| ModelError::Io { path: weights.to_owned(), source })?;
        fs::write(json, text).map_err(|source| ModelError::Io { path: json.to_owned(), source })
    }

    /// Reads and checks both files.
    ///
    /// # Errors
    /// If a file can't be read, is larger than its limit, of another format version, or not what
    /// it claims to be.
    pub fn load(json: &Path, weights: &Path) -> Result<TrainedModel> {
        let text = read_limited(json, JSON_LIMIT)?;
        let bad = |error: serde_json::Error| malformed(json, format!("not a model: {error}"));
        let version: FormatOnly = serde_json::from_slice(&text).map_err(bad)?;
        MODEL_FORMAT
            .can_read(version.format)
            .map_err(|source| ModelError::Format { path: json.to_owned(), source })?;
        let keys: BTreeMap<String, IgnoredAny> = serde_json::from_slice(&text).map_err(bad)?;
        if let Some(unknown) = keys.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            let shown = printable(unknown, 60);
            return Err(malformed(json, format!("not a model: unknown field `{shown}`")));
        }
        let file: ModelFile = serde_json::from_slice(&text).map_err(bad)?;
        let names = file.target.classes();
        let mut last = None;
        for class in &file.classes {
            let at = names.iter().position(|name| name == class);
            if at.is_none() || at <= last {
                return Err(malformed(json, "its classes are not the target's, in order"));
            }
            last = at;
        }
        if file.classes.len() < 2 {
            return Err(malformed(json, "fewer than two classes"));
        }
        file.settings.clone().check()?;
        let bytes = read_limited(weights, WEIGHTS_LIMIT)?;
        if hex(&Sha256::digest(&bytes)) != file.weights_sha256 {
            return Err(malformed(weights, "its hash is not the one in model.json"));
        }
        let outputs = outputs_of(file.classes.len());
        let (words, rest) = bytes.as_chunks::<8>();
        let [magic, found, cols, numbers @ ..] = words else {
            return Err(malformed(weights, "too short"));
        };
        let expected =
            (file.columns as usize).checked_mul(outputs).and_then(|n| n.checked_add(outputs));
        if magic != MAGIC
            || !rest.is_empty()
            || u64::from_le_bytes(*found) != outputs as u64
            || u64::from_le_bytes(*cols) != file.columns
            || expected != Some(numbers.len())
        {
            return Err(malformed(weights, "its header or length is not the model's"));
        }
        let mut numbers: Vec<f64> = numbers.iter().map(|word| f64::from_le_bytes(*word)).collect();
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(malformed(weights, "a weight is not finite"));
        }
        let tail = numbers.split_off(outputs);
        let report = file.report;
        Ok(TrainedModel {
            target: file.target,
            coefficients: Coefficients {
                classes: file.classes.len(),
                cols: file.columns as usize,
                weights: tail,
                intercepts: numbers,
            },
            classes: file.classes,
            groups: file.groups,
            columns_sha256: file.columns_sha256,
            params: file.settings,
            training_rows: file.training_rows,
            report: SolverReport {
                solver: report.solver,
                objective: report.objective,
                gradient_norm: report.gradient_norm,
                relative_gap: report.relative_gap,
                iterations: report.iterations,
                passes: report.passes,
                converged: report.converged,
            },
        })
    }
}
