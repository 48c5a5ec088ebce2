//! What a feature matrix is made of.

use clawsig_schema::{
    Target,
    matrix::ColumnGroup,
    settings::{FlagParams, Is, Need, Params as _, SettingError},
};
use serde::{Deserialize, Serialize};

use crate::{
    FeaturesError,
    signals::Layout,
    vectorizer::{CharsParams, DocumentFrequency, ValidVectorizerParams, VectorizerParams},
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

clawsig_schema::choices!(NumericColumns, "numeric columns",
    Full => "full", Notebook => "notebook");

clawsig_schema::params! {
    /// The settings of a feature matrix, as they were asked for. The text's are the original
    /// notebook's by default.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct FeatureParams {
        keys {
            /// The class to predict. It bars columns from the matrix, so that train takes it from
            /// there.
            "model.target" target: Target = Target::Verdict;
            /// The column groups of the matrix; their order does not matter.
            "features.groups" groups: Vec<ColumnGroup> = vec![
                ColumnGroup::Text,
                ColumnGroup::Flags,
                ColumnGroup::Numeric,
                ColumnGroup::Codes,
                ColumnGroup::Shape,
            ];
            /// The numbers of the group `numeric`: every score and count that the target allows
            /// (`full`), or the original notebook's four (`notebook`).
            "features.numeric" numeric: NumericColumns = NumericColumns::Full,
                needs(Need::new("features.groups", Is::Has(&["numeric"])));
        }
        shared {
            /// The vectorizer of the group `text`; `max_chars` cuts the text for it alone.
            text: VectorizerParams = VectorizerParams {
                ngrams: (1, 2),
                min_df: DocumentFrequency::Count(3),
                max_features: Some(20_000),
                sublinear: true,
                ..VectorizerParams::default()
            };
            /// The vectorizer of the group `chars`.
            chars: CharsParams;
            /// How a scanner's output becomes a flag. Where a missing flag is not a "no", an
            /// indicator column marks it.
            flags: FlagParams;
        }
        plain {
            /// If not empty, the only scanner columns of the dataset that features come from;
            /// each must be allowed for the target and used by one of the groups.
            columns: Vec<String> = Vec::new();
        }
    }
}

impl FeatureParams {
    /// Checks every parameter, and that no barred column is asked for.
    ///
    /// # Errors
    /// [`FeaturesError::Setting`], [`FeaturesError::BarredColumn`] with the reason,
    /// [`FeaturesError::UnknownColumn`].
    pub fn check(mut self) -> Result<ValidFeatureParams, FeaturesError> {
        self.check_ranges()?;
        self.groups.sort_unstable();
        self.groups.dedup();
        if self.groups.is_empty() {
            let expected = format!("at least one of {}", ColumnGroup::NAMES.join(", "));
            return Err(SettingError::new("features.groups", "[]", expected).into());
        }
        let text = self.text.clone().check()?;
        let chars = self.chars.check()?;
        let layout = Layout::new(&self)?;
        Ok(ValidFeatureParams { params: self, text, chars, layout })
    }
}

/// Settings that passed [`FeatureParams::check`].
#[derive(Clone, Debug)]
pub struct ValidFeatureParams {
    pub(crate) params: FeatureParams,
    pub(crate) text: ValidVectorizerParams,
    pub(crate) chars: ValidVectorizerParams,
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
