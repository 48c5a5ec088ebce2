//! The settings of a run: a profile, and what `--set` changes in it.
//!
//! Every key has a default, is checked when it is read, and is spelt the same in a profile
//! (`[tfidf] min_df = 3`) and on the command line (`--set tfidf.min_df=3`).

mod load;

use std::collections::BTreeMap;

use clawsig_features::NumericColumns;
use clawsig_model::{Calibration, ClassWeight, Penalty, SplitPlan, solver::Solver};
use clawsig_schema::{FlagRule, MissingPolicy, Target, matrix::ColumnGroup};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use load::suggestion;
pub use load::{BUILT_IN_PROFILES, SettingsError};

/// Every key of a profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the rows come from.
    pub source: SourceSettings,
    /// How many of the training rows are taken.
    pub sample: SampleSettings,
    /// How rows are read.
    pub ingest: IngestSettings,
    /// How a scanner's output becomes a flag.
    pub flags: FlagSettings,
    /// The agreement statistics.
    pub agreement: AgreementSettings,
    /// The document text.
    pub text: TextSettings,
    /// The vectorizer.
    pub tfidf: TfidfSettings,
    /// The matrix.
    pub features: FeatureSettings,
    /// The classifier.
    pub model: ModelSettings,
    /// The evaluation.
    pub evaluate: EvaluateSettings,
    /// The run as a whole.
    pub run: RunSettings,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The bundled synthetic sample.
    Sample,
    /// A folder or file on this machine.
    Path,
    /// The Hugging Face Hub.
    Hub,
}

/// Which of the Hub's forms of the dataset is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubFormat {
    /// `data/<split>.jsonl` of the snapshot.
    Raw,
    /// The Hub's Parquet conversion, which is stale.
    Parquet,
    /// `data/latest.jsonl` of the moving edition.
    Live,
}

/// `[source]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSettings {
    /// `sample`, `path` or `hub`.
    pub kind: SourceKind,
    /// For `path`: a folder of JSONL or Parquet files, or one such file.
    pub path: String,
    /// For `hub`: the dataset's repository.
    pub repo: String,
    /// For `hub`: the commit or branch to read; empty takes the locked commit.
    pub revision: String,
    /// For `hub`: `raw`, `parquet` or `live`.
    pub format: HubFormat,
    /// For `hub`: a dataset lock (JSON) instead of the built-in one.
    pub lock: String,
}

impl Default for SourceSettings {
    fn default() -> Self {
        SourceSettings {
            kind: SourceKind::Sample,
            path: String::new(),
            repo: "OpenClaw/clawhub-security-signals".to_owned(),
            revision: String::new(),
            format: HubFormat::Raw,
            lock: String::new(),
        }
    }
}

/// `[sample]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleSettings {
    /// Training rows to draw; 0 takes all. The other splits are always whole.
    pub rows: u64,
    /// The seed of the draw.
    pub seed: u64,
}

/// `[ingest]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    /// The largest row that is read, in bytes; a larger one is rejected.
    pub max_row_bytes: u64,
    /// Whether one rejected row fails the run.
    pub strict: bool,
    /// The largest share of a file's rows that may be rejected, 0 to 1.
    pub max_reject_share: f64,
}

impl Default for IngestSettings {
    fn default() -> Self {
        IngestSettings { max_row_bytes: 64 << 20, strict: false, max_reject_share: 0.1 }
    }
}

/// `[flags]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlagSettings {
    /// `status`, `label` or `any-output`.
    pub rule: FlagRule,
    /// `negative` or `exclude`.
    pub missing: MissingPolicy,
}

impl Default for FlagSettings {
    fn default() -> Self {
        FlagSettings { rule: FlagRule::Label, missing: MissingPolicy::Negative }
    }
}

/// `[agreement]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgreementSettings {
    /// Bootstrap replicates behind an interval.
    pub replicates: u32,
    /// Disagreeing skills listed for each pair and pattern.
    pub disagreements: u32,
}

impl Default for AgreementSettings {
    fn default() -> Self {
        AgreementSettings { replicates: 2000, disagreements: 20 }
    }
}

/// `[text]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// Characters of a document that are read; 0 reads all.
    pub max_chars: u64,
}

/// A document frequency limit, as scikit-learn has it: a whole number counts documents, a
/// fraction is a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DocumentFrequency {
    /// That many documents.
    Count(u64),
    /// That share of the documents, 0 to 1.
    Share(f64),
}

/// `[tfidf]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TfidfSettings {
    /// The most columns, by term count in the corpus; 0 keeps all.
    pub max_features: u64,
    /// The shortest and longest word n-gram.
    pub ngrams: [u8; 2],
    /// Terms in fewer documents are dropped.
    pub min_df: DocumentFrequency,
    /// Terms in more documents are dropped.
    pub max_df: DocumentFrequency,
    /// Whether a count enters as 1 + ln(count).
    pub sublinear: bool,
}

impl Default for TfidfSettings {
    fn default() -> Self {
        TfidfSettings {
            max_features: 20_000,
            ngrams: [1, 2],
            min_df: DocumentFrequency::Count(3),
            max_df: DocumentFrequency::Share(1.0),
            sublinear: true,
        }
    }
}

/// `[features]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureSettings {
    /// The column groups of the matrix.
    pub groups: Vec<ColumnGroup>,
    /// Which numbers the group `numeric` holds: `full`, or the `notebook`'s four.
    pub numeric: NumericColumns,
}

impl Default for FeatureSettings {
    fn default() -> Self {
        FeatureSettings { groups: ColumnGroup::ALL.to_vec(), numeric: NumericColumns::Full }
    }
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSettings {
    /// What is predicted.
    pub target: Target,
    /// Inverse strength of the penalty, where `grid` is empty.
    pub c: f64,
    /// Values of C to choose from by the validation split; empty takes `c`.
    pub grid: Vec<f64>,
    /// `none`, `balanced`, or `{ given = [..] }` with one weight a class.
    pub class_weight: ClassWeight,
    /// `l2`, `l1`, or `{ elastic-net = share of l1 }`.
    pub penalty: Penalty,
    /// `auto`, `sampled-newton`, `newton-cg`, `lbfgs`, `proximal-newton` or `linfa`.
    pub solver: Solver,
    /// `official` (the dataset's splits) or `stratified-70-30` (by run.seed).
    pub split: SplitPlan,
    /// `none`, `platt` or `isotonic`, fitted on validation.
    pub calibration: Calibration,
    /// Whether a model on text and shape alone is trained too, for skills that no scanner saw.
    pub text_only: bool,
    /// Relative gap at which the optimum counts as reached.
    pub tolerance: f64,
    /// The most iterations.
    pub max_iterations: u32,
}

impl Default for ModelSettings {
    fn default() -> Self {
        ModelSettings {
            target: Target::Verdict,
            c: 1.0,
            grid: Vec::new(),
            class_weight: ClassWeight::Balanced,
            penalty: Penalty::L2,
            solver: Solver::Auto,
            split: SplitPlan::Official,
            calibration: Calibration::None,
            text_only: true,
            tolerance: 1e-6,
            max_iterations: 2000,
        }
    }
}

/// `[evaluate]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateSettings {
    /// Bootstrap replicates behind an interval.
    pub replicates: u32,
    /// Misclassified skills listed.
    pub errors: u32,
    /// Whether models are fitted on other columns and on another split, for the ablation and the
    /// split by owner: most of the stage's time.
    pub refits: bool,
}

impl Default for EvaluateSettings {
    fn default() -> Self {
        EvaluateSettings { replicates: 1000, errors: 100, refits: true }
    }
}

/// `[run]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// The seed of everything random but the sample.
    pub seed: u64,
    /// Threads; 0 takes one a core. Results do not depend on it.
    pub threads: u32,
}

impl Settings {
    /// The keys below these sections as a stage's parameters, `section.key` each, sorted.
    pub fn parameters(&self, sections: &[&str]) -> BTreeMap<String, Value> {
        self.all_keys()
            .into_iter()
            .filter(|(name, _)| {
                name.split_once('.').is_some_and(|(section, _)| sections.contains(&section))
            })
            .collect()
    }

    /// Every key with its value.
    pub fn all_keys(&self) -> BTreeMap<String, Value> {
        let mut keys = BTreeMap::new();
        // Plain structs of text, numbers, booleans and lists always serialize to an object.
        if let Ok(Value::Object(sections)) = serde_json::to_value(self) {
            for (section, values) in sections {
                if let Value::Object(values) = values {
                    keys.extend(values.into_iter().map(|(k, v)| (format!("{section}.{k}"), v)));
                }
            }
        }
        keys
    }
}
