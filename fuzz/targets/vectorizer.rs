//! `vectorizer.json`: refused with a reason, or it turns a row into columns that it has.
#![no_main]

use clawsig_features::FittedFeatures;
use clawsig_schema::SkillRow;
use libfuzzer_sys::fuzz_target;

/// A row as ingest hands it over, in JSON.
const ROW: &str = include_str!("row.json");

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(fitted) = FittedFeatures::from_json(text) else { return };
    let row: SkillRow = serde_json::from_str(ROW).expect("a sound row");
    if let Ok(made) = fitted.transform_row(&row) {
        assert!(made.columns.is_sorted_by(|a, b| a < b));
        assert!(made.columns.iter().all(|&column| (column as usize) < fitted.cols()));
        assert!(made.values.iter().all(|value| value.is_finite()));
    }
    // A state that was read is written as one that reads back.
    let again = fitted.to_json().expect("a finite state");
    FittedFeatures::from_json(&again).expect("its own file");
});
