//! The stage's settings.

use clawsig_agreement::resampling::{Resampling, ResamplingParams};
use clawsig_schema::{FlagRule, MissingPolicy, agreement::AgreementParameters};

use crate::StudyError;

/// Settings of the stage, to be checked.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyParams {
    /// The run's flag rule, `status` by default. The other rules appear as further slices.
    pub rule: FlagRule,
    /// The run's policy for missing flags, `negative` by default.
    pub missing: MissingPolicy,
    /// Bootstrap replicates, 2,000 by default.
    pub replicates: u32,
    /// The seed of the resampling, 0 by default.
    pub seed: u64,
    /// Disagreements listed for each pair, direction and pattern, 25 by default.
    pub top: u32,
    /// VirusTotal engine counts at which a row is taken to be flagged, rising.
    pub engine_thresholds: Vec<u32>,
    /// SkillSpector scores at which a row is taken to be flagged, rising.
    pub score_thresholds: Vec<f64>,
}

impl Default for StudyParams {
    fn default() -> StudyParams {
        StudyParams {
            rule: FlagRule::Status,
            missing: MissingPolicy::Negative,
            replicates: 2000,
            seed: 0,
            top: 25,
            engine_thresholds: vec![1, 2, 3, 4, 5, 7, 10, 15, 20, 30],
            // The lower limits of the severity bands, and the tens between them.
            score_thresholds: vec![1.0, 11.0, 21.0, 31.0, 41.0, 51.0, 61.0, 71.0, 81.0, 91.0],
        }
    }
}

/// Checked settings.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidStudyParams {
    pub(crate) params: StudyParams,
    pub(crate) resampling: Resampling,
}

impl StudyParams {
    /// The settings, if each is in its range.
    pub fn check(self) -> Result<ValidStudyParams, StudyError> {
        let resampling = ResamplingParams {
            replicates: self.replicates,
            seed: self.seed,
            ..ResamplingParams::default()
        }
        .check()?;
        if self.top > 10_000 {
            return Err(StudyError::Parameter {
                name: "top",
                value: self.top.to_string(),
                range: "0 to 10000",
            });
        }
        let rising = self.engine_thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || self.engine_thresholds.first() == Some(&0) {
            return Err(StudyError::Parameter {
                name: "engine_thresholds",
                value: format!("{:?}", self.engine_thresholds),
                range: "rising whole numbers above 0",
            });
        }
        let sound = self.score_thresholds.iter().all(|score| (0.0..=100.0).contains(score))
            && self.score_thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        if !sound {
            return Err(StudyError::Parameter {
                name: "score_thresholds",
                value: format!("{:?}", self.score_thresholds),
                range: "rising numbers from 0 to 100",
            });
        }
        Ok(ValidStudyParams { params: self, resampling })
    }
}

impl ValidStudyParams {
    /// The settings as the results state them.
    pub(crate) fn stated(&self) -> AgreementParameters {
        AgreementParameters {
            rule: self.params.rule,
            missing: self.params.missing,
            replicates: self.params.replicates,
            seed: self.params.seed,
            level: self.resampling.params().level,
            top: self.params.top,
        }
    }
}
