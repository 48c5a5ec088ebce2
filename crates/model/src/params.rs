//! What training may be asked for.

use clawsig_schema::target::Target;
use serde::{Deserialize, Serialize};

use crate::{
    error::{ModelError, Result},
    solver::Solver,
};

/// How classes are weighted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// Every row weighs 1.
    None,
    /// n / (k n_c), as scikit-learn has it, k counting the classes that have rows.
    Balanced,
    /// One weight a class, in the target's order.
    Given(Vec<f64>),
}

/// The penalty's shape; its size is 1/C.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Penalty {
    /// |w|^2 / 2.
    L2,
    /// |w|_1.
    L1,
    /// A mix with this share of L1.
    ElasticNet(f64),
}

impl Penalty {
    /// The share of L1.
    pub const fn l1_ratio(self) -> f64 {
        match self {
            Penalty::L2 => 0.0,
            Penalty::L1 => 1.0,
            Penalty::ElasticNet(ratio) => ratio,
        }
    }
}

/// Which calibration evaluation fits on validation and shows beside the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calibration {
    /// None.
    None,
    /// A logistic curve a class, then normalised (Platt 1999).
    Platt,
    /// A rising step function a class, then normalised (pool adjacent violators).
    Isotonic,
}

/// Which rows train and which test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitPlan {
    /// The dataset's own splits.
    Official,
    /// The seed tutorial's: all rows but the hold-out pooled, 70/30, stratified by class.
    #[serde(rename = "stratified-70-30")]
    Stratified7030,
}

/// Training's parameters, not yet checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainParams {
    /// `model.target`.
    pub target: Target,
    /// `model.c`, used where the grid is empty.
    pub c: f64,
    /// Values of C among which validation chooses; may be empty.
    pub grid: Vec<f64>,
    /// `model.class_weight`.
    pub class_weight: ClassWeight,
    /// `model.solver`.
    pub solver: Solver,
    /// `model.penalty`.
    pub penalty: Penalty,
    /// Relative gap at which the optimum counts as reached.
    pub tolerance: f64,
    /// Iterations after which a solver gives up.
    pub max_iterations: usize,
    /// Calibration shown by evaluation.
    pub calibration: Calibration,
    /// Which rows train.
    pub split: SplitPlan,
    /// Whether a model on the columns that need no scanner is trained too.
    #[serde(default = "wanted")]
    pub text_only: bool,
    /// `run.seed`.
    pub seed: u64,
}

/// What a model says that was saved before it could be asked for.
const fn wanted() -> bool {
    true
}

impl Default for TrainParams {
    /// The original notebook's model: verdict, C = 4, balanced, ridge.
    fn default() -> TrainParams {
        TrainParams {
            target: Target::Verdict,
            c: 4.0,
            grid: Vec::new(),
            class_weight: ClassWeight::Balanced,
            solver: Solver::Auto,
            penalty: Penalty::L2,
            tolerance: 1e-6,
            max_iterations: 1_000,
            calibration: Calibration::None,
            split: SplitPlan::Official,
            text_only: true,
            seed: 42,
        }
    }
}

/// Training's parameters, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidTrainParams(TrainParams);

impl ValidTrainParams {
    /// The parameters.
    pub const fn get(&self) -> &TrainParams {
        &self.0
    }
}

fn bad<T>(name: &'static str, value: impl ToString, expected: &'static str) -> Result<T> {
    Err(ModelError::Parameter { name, value: value.to_string(), expected })
}

impl TrainParams {
    /// Checks every value.
    ///
    /// # Errors
    /// The first parameter out of range, with its key, value and range.
    pub fn check(self) -> Result<ValidTrainParams> {
        for (name, c) in
            [("model.c", self.c)].into_iter().chain(self.grid.iter().map(|&c| ("model.grid", c)))
        {
            if !(1e-8..=1e8).contains(&c) {
                return bad(name, c, "a number from 1e-8 to 1e8");
            }
        }
        if !(1e-14..=1e-1).contains(&self.tolerance) {
            return bad("model.tolerance", self.tolerance, "a number from 1e-14 to 0.1");
        }
        if !(1..=1_000_000).contains(&self.max_iterations) {
            return bad("model.max_iterations", self.max_iterations, "1 to 1,000,000");
        }
        if !(0.0..=1.0).contains(&self.penalty.l1_ratio()) {
            return bad("model.penalty", self.penalty.l1_ratio(), "an L1 share from 0 to 1");
        }
        if let ClassWeight::Given(weights) = &self.class_weight {
            if weights.len() != self.target.classes().len() {
                return bad("model.class_weight", weights.len(), "one weight a class");
            }
            if let Some(w) = weights.iter().find(|w| !w.is_finite() || **w <= 0.0) {
                return bad("model.class_weight", w, "finite numbers above 0");
            }
        }
        Ok(ValidTrainParams(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_named() {
        let params = TrainParams { grid: vec![1.0, f64::NAN], ..TrainParams::default() };
        assert!(params.check().unwrap_err().to_string().starts_with("model.grid is NaN"));
        let params = TrainParams {
            class_weight: ClassWeight::Given(vec![1.0, 2.0]),
            ..TrainParams::default()
        };
        assert!(params.check().is_err());
        assert!(TrainParams::default().check().is_ok());
    }
}
