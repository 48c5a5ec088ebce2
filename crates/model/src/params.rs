//! The settings of training and evaluation.

use std::ffi::OsStr;

use clawsig_schema::{
    choices, named_setting,
    settings::{Is, Need, Params as _, SeedParams, Setting, SettingError, Value},
    target::Target,
};
use serde::{Deserialize, Serialize};

use crate::{error::Result, solver::Solver};

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

named_setting!(Solver);
choices!(Calibration, "calibration",
    None => "none", Platt => "platt", Isotonic => "isotonic");
choices!(SplitPlan, "split plan", Official => "official", Stratified7030 => "stratified-70-30");

/// The text of a table of one entry: `{ name = value }`, with or without the braces.
fn named<'a>(text: &'a OsStr, name: &str) -> Option<&'a OsStr> {
    let text = text.to_str()?.trim();
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}')?.trim(),
        None => text,
    };
    let (found, value) = inner.split_once('=')?;
    (found.trim() == name).then_some(OsStr::new(value.trim()))
}

fn table(name: &str, value: Value) -> Value {
    Value::Table(vec![(name.to_owned(), value)])
}

impl Setting for ClassWeight {
    fn kind() -> String {
        "`none`, `balanced`, or `{ given = [1.0, 2.0, 9.0] }` with one number above 0 a class"
            .to_owned()
    }

    fn parse(text: &OsStr) -> Option<ClassWeight> {
        match named(text, "given") {
            Some(weights) => ClassWeight::given(Vec::parse(weights)?),
            None => ClassWeight::from_value(&String::parse(text)?.trim().to_owned().to_value()),
        }
    }

    fn from_value(value: &Value) -> Option<ClassWeight> {
        match (value.as_text(), value.as_single()) {
            (Some("none"), _) => Some(ClassWeight::None),
            (Some("balanced"), _) => Some(ClassWeight::Balanced),
            (_, Some(("given", weights))) => ClassWeight::given(Vec::from_value(weights)?),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            ClassWeight::None => Value::Text("none".to_owned()),
            ClassWeight::Balanced => Value::Text("balanced".to_owned()),
            ClassWeight::Given(weights) => table("given", weights.to_value()),
        }
    }
}

impl ClassWeight {
    fn given(weights: Vec<f64>) -> Option<ClassWeight> {
        let sound = !weights.is_empty() && weights.iter().all(|w| w.is_finite() && *w > 0.0);
        sound.then_some(ClassWeight::Given(weights))
    }
}

impl Setting for Penalty {
    fn kind() -> String {
        "`l2`, `l1`, or `{ elastic-net = 0.5 }` with the share of l1 from 0 to 1".to_owned()
    }

    fn parse(text: &OsStr) -> Option<Penalty> {
        match named(text, "elastic-net") {
            Some(share) => Penalty::mixed(f64::parse(share)?),
            None => Penalty::from_value(&String::parse(text)?.trim().to_owned().to_value()),
        }
    }

    fn from_value(value: &Value) -> Option<Penalty> {
        match (value.as_text(), value.as_single()) {
            (Some("l2"), _) => Some(Penalty::L2),
            (Some("l1"), _) => Some(Penalty::L1),
            (_, Some(("elastic-net", share))) => Penalty::mixed(f64::from_value(share)?),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Penalty::L2 => Value::Text("l2".to_owned()),
            Penalty::L1 => Value::Text("l1".to_owned()),
            Penalty::ElasticNet(share) => table("elastic-net", share.to_value()),
        }
    }
}

impl Penalty {
    fn mixed(share: f64) -> Option<Penalty> {
        (0.0..=1.0).contains(&share).then_some(Penalty::ElasticNet(share))
    }
}

clawsig_schema::params! {
    /// Training's parameters, not yet checked.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct TrainParams {
        keys {
            /// The inverse strength of the penalty.
            "model.c" c: f64 = 1.0, range(1e-8, 1e8), needs(Need::new("model.grid", Is::Empty));
            /// Values of C, among which the validation split chooses; an empty list takes
            /// `model.c`.
            "model.grid" grid: Vec<f64> = Vec::new(), range(1e-8, 1e8);
            /// The weights of the classes' rows: all 1 (`none`), inverse to the classes'
            /// frequencies (`balanced`), or one number a class in the target's order.
            "model.class_weight" class_weight: ClassWeight = ClassWeight::Balanced;
            /// The solver: `auto` takes sampled Newton for an l2 penalty and proximal Newton
            /// where there is an l1 part.
            "model.solver" solver: Solver = Solver::Auto;
            /// The penalty's shape.
            "model.penalty" penalty: Penalty = Penalty::L2;
            /// The relative gap to the optimum at which it counts as reached.
            "model.tolerance" tolerance: f64 = 1e-6, range(1e-14, 1e-1);
            /// The iterations after which a solver gives up.
            "model.max_iterations" max_iterations: usize = 2_000, range(1, 1_000_000);
            /// The rows that train and test: the dataset's own splits (`official`), or, as in the
            /// seed tutorial, all rows but the hold-out, divided 70 to 30 and stratified by class
            /// with run.seed (`stratified-70-30`).
            "model.split" split: SplitPlan = SplitPlan::Official;
            /// Whether a model on the text and shape columns alone is trained too, for skills
            /// that no scanner saw.
            "model.text_only" text_only: bool = true,
                needs(Need::new("features.groups", Is::Has(&["text", "shape"])));
        }
        shared {
            /// The seed.
            random: SeedParams;
        }
        plain {
            /// What the matrix was made to predict.
            target: Target = Target::Verdict;
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

impl TrainParams {
    /// Checks every value.
    ///
    /// # Errors
    /// The first parameter out of range, with its key, value and range.
    pub fn check(self) -> Result<ValidTrainParams> {
        self.check_ranges()?;
        let wrong = |key, value: Value, expected: String| {
            Err(SettingError::new(key, value.to_string(), expected).into())
        };
        if Penalty::mixed(self.penalty.l1_ratio()).is_none() {
            return wrong("model.penalty", self.penalty.to_value(), Penalty::kind());
        }
        if let ClassWeight::Given(weights) = &self.class_weight {
            let classes = self.target.classes().len();
            if weights.len() != classes || ClassWeight::given(weights.clone()).is_none() {
                let expected = format!("{classes} numbers above 0, one a class of the target");
                return wrong("model.class_weight", self.class_weight.to_value(), expected);
            }
        }
        Ok(ValidTrainParams(self))
    }
}

clawsig_schema::params! {
    /// Evaluation's parameters, not yet checked.
    #[derive(Clone, Debug, PartialEq)]
    pub struct EvaluateParams {
        keys {
            /// Bootstrap replicates behind an interval.
            "evaluate.replicates" replicates: u32 = 1_000, range(20, 100_000),
                zero("no bootstrap intervals");
            /// The most rows of `errors.csv`.
            "evaluate.errors" errors: usize = 100;
            /// Whether to fit models on other columns (`ablation.csv`).
            "evaluate.refits" refits: bool = true;
            /// The folds that score every row by models which have met neither its owner nor a
            /// near-duplicate of it; features and models are made anew for each, C stays that of the trained
            /// model.
            "evaluate.folds" folds: usize = 5, range(2, 100), zero("no folds");
            /// The calibration that is fitted on validation and shown beside the model.
            "model.calibration" calibration: Calibration = Calibration::None;
        }
        shared {
            /// The seed of resampling and of the folds.
            random: SeedParams;
        }
        plain {
            /// Whether to look at the hold-out; the caller records it in the ledger.
            use_holdout: bool = false;
        }
    }
}

/// Evaluation's parameters, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidEvaluateParams(EvaluateParams);

impl ValidEvaluateParams {
    /// The parameters.
    pub const fn get(&self) -> &EvaluateParams {
        &self.0
    }
}

impl EvaluateParams {
    /// Checks every value.
    ///
    /// # Errors
    /// The first parameter out of range, with its key, value and range.
    pub fn check(self) -> Result<ValidEvaluateParams> {
        self.check_ranges()?;
        Ok(ValidEvaluateParams(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_named() {
        let params = TrainParams { grid: vec![1.0, f64::NAN], ..TrainParams::default() };
        assert!(params.check().unwrap_err().to_string().starts_with("model.grid is `[1.0, NaN]`"));
        let params = TrainParams {
            class_weight: ClassWeight::Given(vec![1.0, 2.0]),
            ..TrainParams::default()
        };
        assert!(params.check().is_err());
        assert!(TrainParams::default().check().is_ok());
    }

    #[test]
    fn a_value_with_a_number_is_read_with_its_name_alone() {
        let weight = |text: &str| ClassWeight::parse(OsStr::new(text));
        let given = Some(ClassWeight::Given(vec![1.0, 2.5]));
        for text in ["given = [1.0, 2.5]", " { given=[1, 2.5] } "] {
            assert_eq!(weight(text), given, "{text}");
        }
        assert_eq!(weight("balanced"), Some(ClassWeight::Balanced));
        for text in ["[1, 2]", "taken = [1, 2]", "{ given = [1, 2]", "given = []", "given = [0]"] {
            assert_eq!(weight(text), None, "{text}");
        }
        let penalty = |text: &str| Penalty::parse(OsStr::new(text));
        assert_eq!(penalty("{ elastic-net = 0.25 }"), Some(Penalty::ElasticNet(0.25)));
        assert_eq!(penalty(" l1 "), Some(Penalty::L1));
        for text in ["0.25", "given = 0.25", "elastic-net = 1.5", "elastic-net"] {
            assert_eq!(penalty(text), None, "{text}");
        }
    }
}
