//! The stage's settings.

use clawsig_agreement::resampling::{Resampling, ResamplingParams};
use clawsig_schema::{
    agreement::AgreementParameters,
    settings::{FlagParams, Params as _, SeedParams},
};

use crate::StudyError;

/// The most thresholds of one quantity.
const MOST_THRESHOLDS: usize = 255;

clawsig_schema::params! {
    /// Settings of the stage, to be checked.
    #[derive(Clone, Debug, PartialEq)]
    pub struct StudyParams {
        keys {
            /// Bootstrap replicates behind an interval.
            "agreement.replicates" replicates: u32 = 2_000, range(100, 1_000_000);
            /// Disagreements listed for each pair, direction and pattern.
            "agreement.disagreements" disagreements: u32 = 20, range(0, 10_000);
        }
        shared {
            /// How a scanner's output becomes a flag. The other rules appear as further slices.
            flags: FlagParams;
            /// The seed of the resampling.
            random: SeedParams;
        }
        plain {
            /// VirusTotal engine counts at which a row is taken to be flagged, rising.
            engine_thresholds: Vec<u32> = vec![1, 2, 3, 4, 5, 7, 10, 15, 20, 30];
            /// SkillSpector scores at which a row is taken to be flagged, rising: the lower limits
            /// of the severity bands, and the tens between them.
            score_thresholds: Vec<f64> =
                vec![1.0, 11.0, 21.0, 31.0, 41.0, 51.0, 61.0, 71.0, 81.0, 91.0];
            /// SkillSpector issues at which a row is taken to be flagged, rising.
            issue_thresholds: Vec<u32> = vec![1, 2, 3, 5, 10, 20];
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
        self.check_ranges()?;
        let resampling = ResamplingParams {
            replicates: self.replicates,
            seed: self.random.seed,
            ..ResamplingParams::default()
        }
        .check()?;
        for (name, thresholds) in [
            ("engine_thresholds", &self.engine_thresholds),
            ("issue_thresholds", &self.issue_thresholds),
        ] {
            let rising = thresholds.windows(2).all(|pair| pair[0] < pair[1]);
            if !rising || thresholds.first() == Some(&0) || thresholds.len() > MOST_THRESHOLDS {
                return Err(StudyError::Parameter {
                    name,
                    value: format!("{thresholds:?}"),
                    range: "at most 255 rising whole numbers above 0",
                });
            }
        }
        let sound = self.score_thresholds.iter().all(|score| (0.0..=100.0).contains(score))
            && self.score_thresholds.len() <= MOST_THRESHOLDS
            && self.score_thresholds.windows(2).all(|pair| pair[0] < pair[1]);
        if !sound {
            return Err(StudyError::Parameter {
                name: "score_thresholds",
                value: format!("{:?}", self.score_thresholds),
                range: "at most 255 rising numbers from 0 to 100",
            });
        }
        Ok(ValidStudyParams { params: self, resampling })
    }
}

impl ValidStudyParams {
    /// The settings as the results state them.
    pub(crate) fn stated(&self) -> AgreementParameters {
        AgreementParameters {
            rule: self.params.flags.rule,
            missing: self.params.flags.missing,
            replicates: self.params.replicates,
            seed: self.params.random.seed,
            level: self.resampling.params().level,
            top: self.params.disagreements,
        }
    }
}
