//! `clawsig export csv`: one table, a row a skill, safe to open in a spreadsheet.

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{SkillRow, Split, evaluation::PredictionRow, hostile, matrix::RowInfo};

use super::place::FilePlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    files,
    finished::FinishedRun,
    stages::Stage,
    terminal::counted,
};

/// The columns before those of the prediction.
const HEADER: [&str; 27] = [
    "id",
    "skill_slug",
    "skill_version",
    "split",
    "clawscan_verdict",
    "static_status",
    "static_finding_count",
    "static_reason_codes",
    "virustotal_status",
    "virustotal_malicious_count",
    "virustotal_suspicious_count",
    "virustotal_harmless_count",
    "virustotal_undetected_count",
    "skillspector_status",
    "skillspector_score",
    "skillspector_severity",
    "skillspector_issue_count",
    "skillspector_issue_codes",
    "skillspector_issue_categories",
    "bundle_files",
    "bundle_bytes",
    "flag_static",
    "flag_virustotal",
    "flag_skillspector",
    "duplicate_group",
    "copies_in_train",
    "predicted",
];

/// Writes the table.
pub(super) fn export(to: &ExportTo, global: &Global) -> Result<(), Error> {
    let run = FinishedRun::open(&to.run)?;
    let predictions = run.predictions()?;
    let place = FilePlace::new(to)?;
    let mut cells = Vec::new();
    for &split in Split::ALL {
        let path = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        let mut infos = run.rows(split)?.into_iter();
        for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
            let row = row?;
            let info =
                infos.next().filter(|info| info.id == row.id).ok_or_else(|| Error::Artifact {
                    path: path.clone(),
                    reason: format!(
                        "its rows are not those of rows_{split}.csv; run `clawsig features` again"
                    ),
                })?;
            cells.push(line(
                &row,
                &info,
                predictions.of(&row.id, split),
                predictions.classes.len(),
            ));
        }
    }
    let rows = cells.len() as u64;
    let header = HEADER
        .iter()
        .map(|name| (*name).to_owned())
        .chain(predictions.classes.iter().map(|class| format!("p_{class}")));
    files::write_cells(&place.path(), header, cells)?;
    place.finish(&counted(rows, "skill"), global)
}

/// A skill's cells. What is missing is empty; a skill outside the evaluated splits has no
/// prediction.
fn line(
    row: &SkillRow,
    info: &RowInfo,
    prediction: Option<&PredictionRow>,
    classes: usize,
) -> Vec<String> {
    let text = |text: &str| hostile::spreadsheet_cell(&hostile::printable(text, 400)).into_owned();
    let maybe = |value: Option<&str>| value.map(text).unwrap_or_default();
    let list = |list: &[String]| text(&list.join(";"));
    let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let flag = |flag: Option<bool>| flag.map(|f| u8::from(f).to_string()).unwrap_or_default();
    let mut cells = vec![
        text(&row.id),
        maybe(row.slug.as_deref()),
        text(&row.version),
        row.split.to_string(),
        row.verdict.map(|verdict| verdict.to_string()).unwrap_or_default(),
        maybe(row.static_scan.status.as_deref()),
        row.static_scan.finding_count.to_string(),
        list(&row.static_scan.reason_codes),
        maybe(row.virustotal.status.as_deref()),
        number(row.virustotal.malicious),
        number(row.virustotal.suspicious),
        number(row.virustotal.harmless),
        number(row.virustotal.undetected),
        maybe(row.skillspector.status.as_deref()),
        row.skillspector.score.map(|score| score.to_string()).unwrap_or_default(),
        maybe(row.skillspector.severity.as_deref()),
        row.skillspector.issue_count.to_string(),
        list(&row.skillspector.issue_codes),
        list(&row.skillspector.issue_categories),
        row.bundle.files.to_string(),
        row.bundle.bytes.to_string(),
        flag(info.flag_static),
        flag(info.flag_virustotal),
        flag(info.flag_skillspector),
        info.duplicate_group.to_string(),
        info.copies_in_train.to_string(),
    ];
    match prediction {
        Some(prediction) => {
            cells.push(prediction.predicted.clone());
            let numbers = prediction.probabilities.iter();
            cells.extend(numbers.map(|&p| clawsig_schema::evaluation::number_cell(p)));
        }
        None => cells.extend(std::iter::repeat_n(String::new(), 1 + classes)),
    }
    cells
}
