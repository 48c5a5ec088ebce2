//! Numbers printed by scikit-learn, statsmodels, krippendorff and irrCAC (tests/peers/golden.py
//! names the versions and calls): values to 1e-9, analytic standard errors to 1e-6.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Caution, Chance, Estimate, Outcome, PairStatistic, Precision, Ratings, Table, Undefined,
    Weights,
    homogeneity::{self, Test},
    latent::{LatentParams, dawid_skene},
    multi, two_raters,
};
use serde_json::Value;

const VALUE: f64 = 1e-9;
const ERROR: f64 = 1e-6;

fn golden() -> Value {
    serde_json::from_str(include_str!("data/golden.json")).unwrap()
}

/// Counts the numbers compared, so that an empty comparison can't pass.
#[derive(Default)]
struct Check {
    compared: usize,
    failures: Vec<String>,
}

impl Check {
    fn near(&mut self, what: &str, ours: f64, theirs: f64, tolerance: f64) {
        self.compared += 1;
        if (ours - theirs).abs() > tolerance * theirs.abs().max(1.0) {
            self.failures.push(format!("{what}: {ours} but the peer has {theirs}"));
        }
    }

    fn value(&mut self, what: &str, ours: Outcome, theirs: &Value) {
        let Some(theirs) = theirs.as_f64() else { return };
        match ours {
            Ok(ours) => self.near(what, ours, theirs, VALUE),
            Err(why) => self.failures.push(format!("{what}: {why}, but the peer has {theirs}")),
        }
    }

    fn estimate(&mut self, what: &str, ours: &Estimate, theirs: &Value) {
        self.value(what, ours.value, &theirs[0]);
        if let (Some(theirs), Ok(_)) = (theirs[1].as_f64(), ours.value) {
            match ours.standard_error {
                // irrCAC writes 1e-15 for a standard error of zero.
                Some(ours) => self.near(&format!("{what} se"), ours, theirs, ERROR),
                None => self.failures.push(format!("{what}: no standard error")),
            }
        }
    }

    fn finish(self, least: usize) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        assert!(self.compared >= least, "only {} numbers were compared", self.compared);
    }
}

fn table_of(entry: &Value) -> Table {
    let rows: Vec<Vec<u64>> = serde_json::from_value(entry["counts"].clone()).unwrap();
    Table::from_counts(rows.len(), rows.concat()).unwrap()
}

/// The matrix of golden.py that is none of the named schemes.
fn own_weights(entry: &Value, q: usize) -> Weights {
    let rows: Vec<Vec<f64>> = serde_json::from_value(entry["own_weights"].clone()).unwrap();
    Weights::from_matrix(q, &rows.concat()).unwrap()
}

fn weights(name: &str, q: usize) -> Weights {
    match name {
        "identity" => Weights::identity(q),
        "linear" => Weights::linear(q),
        "quadratic" => Weights::quadratic(q),
        "ordinal" => Weights::ordinal(q),
        other => panic!("unknown weights {other}"),
    }
}

#[test]
fn two_rater_coefficients_equal_irrcac() {
    let golden = golden();
    let mut check = Check::default();
    let models = [
        ("cohen", Chance::Cohen),
        ("scott", Chance::Scott),
        ("bp", Chance::BrennanPrediger),
        ("gwet", Chance::Gwet),
        ("krippendorff", Chance::Krippendorff),
    ];
    for (name, entry) in golden["tables"].as_object().unwrap() {
        let table = table_of(entry);
        for scheme in ["identity", "linear", "quadratic", "ordinal", "own"] {
            let weights = match scheme {
                "own" => own_weights(entry, table.categories()),
                named => weights(named, table.categories()),
            };
            for (key, model) in models {
                let ours = two_raters::chance_corrected_estimate(
                    &table,
                    &weights,
                    model,
                    &Precision::default(),
                );
                let what = format!("{name} {key} {scheme}");
                check.estimate(&what, &ours, &entry[format!("irrcac_{key}_{scheme}")]);
            }
        }
        let ours = PairStatistic::ObservedAgreement.estimate(&table);
        check.estimate(&format!("{name} pa"), &ours, &entry["irrcac_pa_identity"]);
    }
    check.finish(1500);
}

#[test]
fn two_rater_statistics_equal_scikit_learn_and_statsmodels() {
    let golden = golden();
    let mut check = Check::default();
    for (name, entry) in golden["tables"].as_object().unwrap() {
        let table = table_of(entry);
        let q = table.categories();
        let mut value = |key: &str, ours: Outcome| {
            check.value(&format!("{name} {key}"), ours, &entry[key]);
        };
        value("sklearn_kappa", two_raters::cohen_kappa(&table));
        value("sklearn_kappa_linear", two_raters::weighted_kappa(&table, &Weights::linear(q)));
        value(
            "sklearn_kappa_quadratic",
            two_raters::weighted_kappa(&table, &Weights::quadratic(q)),
        );
        // Where a rater is constant scikit-learn puts 0 for the correlation; here it is undefined.
        if table.has_constant_rater() {
            assert_eq!(two_raters::phi(&table), Err(Undefined::ConstantRater));
        } else {
            value("sklearn_mcc", two_raters::phi(&table));
        }
        let (rows, columns) = table.margins();
        if rows[0] + columns[0] > 0 {
            value("sklearn_jaccard", two_raters::jaccard(&table, 0));
            value("sklearn_f1", two_raters::specific_agreement(&table, 0));
        } else {
            assert_eq!(two_raters::jaccard(&table, 0), Err(Undefined::CategoryUnused));
        }
        value("statsmodels_kappa", two_raters::cohen_kappa(&table));
        value("statsmodels_kappa_max", two_raters::max_kappa(&table));
        if q == 2 {
            value("statsmodels_odds_ratio", two_raters::odds_ratio(&table));
            let corrected = homogeneity::mcnemar_corrected(&table);
            // statsmodels squares the correction itself where the counts are equal.
            if table.counts()[1] != table.counts()[2] {
                check.pair(
                    &format!("{name} mcnemar"),
                    corrected,
                    &entry["statsmodels_mcnemar_corrected"],
                );
            }
            let exact = homogeneity::mcnemar_exact(&table);
            if let (Ok(ours), Some(theirs)) =
                (exact.map(|test| test.p_value), entry["statsmodels_mcnemar_exact"].as_f64())
            {
                check.near(&format!("{name} exact mcnemar"), ours, theirs, VALUE);
            }
            let odds = PairStatistic::OddsRatio.estimate(&table);
            if let (Ok(ratio), Some(se), Some(theirs)) =
                (odds.value, odds.standard_error, entry["statsmodels_log_odds_se"].as_f64())
            {
                check.near(&format!("{name} log odds se"), se / ratio, theirs, ERROR);
            }
        }
        let own = own_weights(entry, q);
        let own = two_raters::chance_corrected_estimate(
            &table,
            &own,
            Chance::Cohen,
            &Precision::default(),
        );
        check.estimate(&format!("{name} own weights"), &own, &entry["statsmodels_kappa_own"]);
        let kappa = PairStatistic::CohenKappa.estimate(&table);
        if let (Some(ours), Some(theirs)) =
            (kappa.standard_error, entry["statsmodels_kappa_se"].as_f64())
        {
            check.near(&format!("{name} kappa se"), ours, theirs, ERROR);
        }
        let homogeneous = homogeneity::stuart_maxwell(&table);
        // statsmodels has no value of a lower rank: where a category is only ever agreed on, unused,
        // or disagreements fall into parts.
        if homogeneous.is_ok_and(|test| test.freedom == Some(q as u64 - 1)) {
            check.pair(&format!("{name} sm"), homogeneous, &entry["statsmodels_stuart_maxwell"]);
        }
    }
    check.finish(400);
}

impl Check {
    /// A test statistic and its p-value.
    fn pair(&mut self, what: &str, ours: Result<Test, Undefined>, theirs: &Value) {
        let Ok(Test { statistic: value, p_value: p, .. }) = ours else { return };
        if let (Some(statistic), Some(probability)) = (theirs[0].as_f64(), theirs[1].as_f64()) {
            self.near(what, value, statistic, VALUE);
            self.near(&format!("{what} p"), p, probability, VALUE);
        }
    }
}

fn ratings_of(entry: &Value) -> Ratings {
    let rows: Vec<Vec<Option<usize>>> = serde_json::from_value(entry["rows"].clone()).unwrap();
    let places = rows.iter().map(|row| (row.iter().map(|c| c.map(|c| c - 1)).collect(), 1));
    let q = entry["categories"].as_u64().unwrap() as usize;
    Ratings::from_patterns(rows[0].len(), q, places).unwrap()
}

#[test]
fn many_rater_coefficients_equal_irrcac_krippendorff_and_statsmodels() {
    let golden = golden();
    let mut check = Check::default();
    for (name, entry) in golden["ratings"].as_object().unwrap() {
        let ratings = ratings_of(entry);
        let q = ratings.categories();
        let scores: Vec<f64> = (1..=q).map(|c| c as f64).collect();
        let single = ratings.patterns().any(|(row, _)| row.iter().flatten().count() == 1);
        for scheme in ["identity", "linear", "quadratic"] {
            let weights = weights(scheme, q);
            let found = [
                ("fleiss", multi::fleiss_kappa(&ratings, &weights)),
                ("conger", multi::conger_kappa(&ratings, &weights)),
                ("gwet", multi::gwet_ac1(&ratings, &weights)),
                ("bp", multi::brennan_prediger(&ratings, &weights)),
            ];
            for (key, ours) in found {
                // With one category in use Fleiss' kappa is 0/0. irrCAC drops the categories that
                // do not occur and prints 1, statsmodels prints nothing, and so do we.
                if key == "fleiss" && ours.value == Err(Undefined::OneCategory) {
                    assert!(entry["statsmodels_fleiss"].is_null(), "{name}");
                    continue;
                }
                let what = format!("{name} {key} {scheme}");
                let theirs = &entry[format!("irrcac_{key}_{scheme}")];
                // Subjects with a single rating are no evidence; irrCAC's error counts them.
                if single {
                    check.value(&what, ours.value, &theirs[0])
                } else {
                    check.estimate(&what, &ours, theirs)
                }
            }
        }
        let metrics = [
            ("nominal", multi::Metric::Nominal, Some("identity")),
            ("ordinal", multi::Metric::Ordinal, None),
            (
                "interval",
                multi::Metric::Distance(Weights::interval(&scores).unwrap()),
                Some("quadratic"),
            ),
        ];
        for (key, metric, scheme) in metrics {
            let ours = multi::krippendorff_alpha(&ratings, &metric);
            let what = format!("{name} alpha {key}");
            check.value(&what, ours.value, &entry[format!("krippendorff_{key}")]);
            if let Some(scheme) = scheme {
                check.estimate(&what, &ours, &entry[format!("irrcac_krippendorff_{scheme}")]);
            }
        }
        let identity = Weights::identity(q);
        let fleiss = multi::fleiss_kappa(&ratings, &identity).value;
        check.value(&format!("{name} statsmodels fleiss"), fleiss, &entry["statsmodels_fleiss"]);
        let randolph = multi::brennan_prediger(&ratings, &identity).value;
        check.value(&format!("{name} randolph"), randolph, &entry["statsmodels_randolph"]);
        let light = multi::light_kappa(&ratings).value;
        assert_eq!(light.is_err(), entry["sklearn_light"].is_null(), "{name} {light:?}");
        check.value(&format!("{name} light"), light, &entry["sklearn_light"]);
    }
    check.finish(300);
}

/// Every peer prints 0 for kappa with exactly one constant rater, and nothing where both are
/// constant on one category. We print what they do, and say so in either case.
#[test]
fn constant_raters_are_marked_or_undefined() {
    let golden = golden();
    let mut seen = [0; 2];
    for (name, entry) in golden["tables"].as_object().unwrap() {
        let table = table_of(entry);
        let kappa = PairStatistic::CohenKappa.estimate(&table);
        let theirs = ["sklearn_kappa", "sklearn_kappa_linear", "statsmodels_kappa"];
        if !table.has_constant_rater() {
            assert_eq!(kappa.caution, None, "{name}");
        } else if kappa.value == Err(Undefined::OneCategory) {
            seen[0] += 1;
            assert!(theirs.iter().all(|key| entry[key].is_null()), "{name}");
            assert_eq!(kappa.caution, None);
        } else {
            seen[1] += 1;
            assert!(theirs.iter().all(|key| entry[key].as_f64() == Some(0.0)), "{name}");
            assert_eq!((kappa.value, kappa.caution), (Ok(0.0), Some(Caution::ConstantRater)));
            assert_eq!(
                (kappa.standard_error, kappa.interval, kappa.p_value),
                (Some(0.0), None, None)
            );
        }
    }
    assert_eq!(seen, [2, 5]);
    let odds = PairStatistic::OddsRatio.estimate(&Table::binary(0, 3, 4, 9));
    assert_eq!((odds.value, odds.caution), (Ok(0.0), Some(Caution::ZeroCell)));
}

/// crowd-kit's EM and a direct maximisation of the likelihood (tests/peers/dawid_skene.py), which
/// agree with each other to 5e-8.
#[test]
fn the_latent_class_model_equals_crowd_kit_and_a_direct_maximum() {
    let golden: Value = serde_json::from_str(include_str!("data/dawid_skene.json")).unwrap();
    let params = LatentParams::default().check().unwrap();
    let mut check = Check::default();
    for (name, entry) in golden["sets"].as_object().unwrap() {
        let q = entry["categories"].as_u64().unwrap() as usize;
        let patterns: Vec<Vec<Option<usize>>> =
            serde_json::from_value(entry["patterns"].clone()).unwrap();
        let counts: Vec<u64> = serde_json::from_value(entry["counts"].clone()).unwrap();
        let raters = patterns[0].len();
        let ratings = Ratings::from_patterns(raters, q, patterns.into_iter().zip(counts)).unwrap();
        let ours = dawid_skene(&ratings, &params).unwrap();
        assert!(ours.converged, "{name}");
        let direct = entry["direct"]["log_likelihood"].as_f64().unwrap();
        check.near(&format!("{name} log-likelihood"), ours.log_likelihood, direct, 1e-9);
        for peer in ["crowdkit", "direct"] {
            let numbers = |key: &str| entry[peer][key].clone();
            let prevalence: Vec<f64> = serde_json::from_value(numbers("prevalence")).unwrap();
            let confusion: Vec<Vec<Vec<f64>>> =
                serde_json::from_value(numbers("confusion")).unwrap();
            for (ours, theirs) in ours.prevalence.iter().zip(&prevalence) {
                check.near(&format!("{name} {peer} prevalence"), *ours, *theirs, 1e-6);
            }
            let flat = |all: &[Vec<Vec<f64>>]| all.concat().concat();
            for (ours, theirs) in flat(&ours.confusion).iter().zip(flat(&confusion)) {
                check.near(&format!("{name} {peer} confusion"), *ours, theirs, 1e-6);
            }
        }
    }
    check.finish(450);
}

/// The published vectors: the overview of R's irrCAC, and a paper's example of the prevalence
/// paradox (PMC7222679, AC1 and PABAK by their formulas).
#[test]
fn published_vectors_hold() {
    let table = Table::from_counts(3, vec![13, 0, 0, 0, 20, 7, 0, 4, 56]).unwrap();
    let kappa = PairStatistic::CohenKappa.estimate(&table);
    assert!((kappa.value.unwrap() - 0.796_409_4).abs() < 5e-8);
    assert!((kappa.standard_error.unwrap() - 0.058_910_72).abs() < 5e-9);
    let interval = kappa.interval.unwrap();
    assert_eq!(format!("{:.3} {:.3}", interval.low, interval.high), "0.680 0.913");
    let pi = PairStatistic::ScottPi.estimate(&table);
    assert!((pi.value.unwrap() - 0.796_239_7).abs() < 5e-8);
    assert!((pi.standard_error.unwrap() - 0.059_054_73).abs() < 5e-9);
    let paradox = Table::binary(130, 56, 9, 5);
    let shown = |outcome: Outcome| format!("{:.3}", outcome.unwrap());
    assert_eq!(shown(two_raters::observed_agreement(&paradox)), "0.675");
    assert_eq!(shown(two_raters::cohen_kappa(&paradox)), "0.022");
    assert_eq!(shown(two_raters::gwet_ac1(&paradox)), "0.533");
    assert_eq!(shown(two_raters::pabak(&paradox)), "0.350");
}
