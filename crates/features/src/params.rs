//! What a feature matrix is made of.

use clawsig_schema::{FlagRule, MissingPolicy, Target, matrix::ColumnGroup};
use serde::{Deserialize, Serialize};

use crate::{
    FeaturesError,
    signals::Layout,
    vectorizer::{ValidVectorizerParams, VectorizerParams},
};

/// Which numbers the group `numeric` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumericColumns {
    /// Every score and count that is allowed for the target, standardised by the training rows
    /// that have a value; a missing one is the mean (0), and an indicator column says so.
    #[default]
    Full,
    /// The original notebook's four (`skillspector_score`, `static_finding_count`,
    /// `skillspector_issue_count`, `virustotal_malicious_count`), missing as 0, standardised over
    /// all training rows, without indicators.
    Notebook,
}

/// The settings of a feature matrix, as they were asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureParams {
    /// What the matrix is to predict: it bars columns (see [`crate::leakage`]).
    pub target: Target,
    /// The column groups. By default all; their order here does not matter.
    pub groups: Vec<ColumnGroup>,
    /// Which numbers the group `numeric` holds. By default all.
    pub numeric: NumericColumns,
    /// If not empty, the only scanner columns of the dataset that features come from; each must
    /// be allowed for the target and used by one of the groups. By default every column that is
    /// allowed.
    pub columns: Vec<String>,
    /// The vectorizer of the group `text`; `text.max_chars` cuts the text for it alone.
    pub text: VectorizerParams,
    /// How a scanner's output becomes a flag.
    pub flag_rule: FlagRule,
    /// With `negative` a missing flag is 0; with `exclude` an indicator column marks it too.
    pub missing: MissingPolicy,
}

impl Default for FeatureParams {
    fn default() -> Self {
        FeatureParams {
            target: Target::Verdict,
            groups: ColumnGroup::ALL.to_vec(),
            numeric: NumericColumns::Full,
            columns: Vec::new(),
            text: VectorizerParams::default(),
            flag_rule: FlagRule::Label,
            missing: MissingPolicy::Negative,
        }
    }
}

impl FeatureParams {
    /// Checks every parameter, and that no barred column is asked for.
    ///
    /// # Errors
    /// [`FeaturesError::Parameter`], [`FeaturesError::BarredColumn`] with the reason,
    /// [`FeaturesError::UnknownColumn`].
    pub fn check(mut self) -> Result<ValidFeatureParams, FeaturesError> {
        self.groups.sort_unstable();
        self.groups.dedup();
        if self.groups.is_empty() {
            return Err(FeaturesError::Parameter {
                name: "features.groups",
                value: "empty".to_owned(),
                expected: "at least one of text, flags, numeric, codes, shape",
            });
        }
        let text = self.text.clone().check()?;
        let layout = Layout::new(&self)?;
        Ok(ValidFeatureParams { params: self, text, layout })
    }
}

/// Settings that passed [`FeatureParams::check`].
#[derive(Clone, Debug)]
pub struct ValidFeatureParams {
    pub(crate) params: FeatureParams,
    pub(crate) text: ValidVectorizerParams,
    pub(crate) layout: Layout,
}

impl ValidFeatureParams {
    /// The settings.
    pub fn params(&self) -> &FeatureParams {
        &self.params
    }

    /// The dataset columns of the chosen groups that the target bars, with the reasons.
    pub fn left_out(&self) -> &[(&'static str, &'static str)] {
        &self.layout.left_out
    }
}
