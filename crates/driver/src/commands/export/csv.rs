//! `clawsig export csv`: one table, a row a skill, safe to open in a spreadsheet.

use std::collections::HashMap;

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    SkillRow, Split,
    evaluation::PredictionRow,
    hostile,
    matrix::RowInfo,
    signal::{Cell, Signal},
};

use super::place::FilePlace;
use crate::{
    Error,
    cli::{ExportTo, Global},
    files,
    finished::FinishedRun,
    stages::Stage,
    terminal::counted,
};

/// The skill's columns.
const SIGNALS: &[Signal] = &[
    Signal::Id,
    Signal::SkillSlug,
    Signal::SkillVersion,
    Signal::Split,
    Signal::ClawscanVerdict,
    Signal::StaticStatus,
    Signal::StaticFindingCount,
    Signal::StaticReasonCodes,
    Signal::VirustotalStatus,
    Signal::VirustotalMaliciousCount,
    Signal::VirustotalSuspiciousCount,
    Signal::VirustotalHarmlessCount,
    Signal::VirustotalUndetectedCount,
    Signal::SkillspectorStatus,
    Signal::SkillspectorScore,
    Signal::SkillspectorSeverity,
    Signal::SkillspectorIssueCount,
    Signal::SkillspectorIssueCodes,
    Signal::SkillspectorIssueCategories,
    Signal::BundleFiles,
    Signal::BundleBytes,
];

/// The columns between the skill's and the probabilities.
const DERIVED: [&str; 6] = [
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
    // A split that is drawn anew mixes the rows of several files.
    let mut infos: HashMap<(Split, String), RowInfo> = HashMap::new();
    for &split in Split::ALL {
        let rows = run.rows(split)?.into_iter();
        infos.extend(rows.map(|row| ((row.split, row.id.clone()), row)));
    }
    let mut cells = Vec::new();
    for &split in Split::ALL {
        let path = run.file(Stage::Ingest, &format!("signals/{split}.parquet"))?;
        for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
            let row = row?;
            let info = infos.get(&(split, row.id.clone())).ok_or_else(|| Error::Artifact {
                path: path.clone(),
                reason: "its rows are not those of the matrices; run `clawsig features` again"
                    .to_owned(),
            })?;
            cells.push(line(&row, info, predictions.of(&row.id, split), predictions.classes.len()));
        }
    }
    let rows = cells.len() as u64;
    let header = SIGNALS
        .iter()
        .map(|signal| signal.name())
        .chain(DERIVED)
        .map(str::to_owned)
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
    let flag = |flag: Option<bool>| flag.map(|f| u8::from(f).to_string()).unwrap_or_default();
    let mut cells: Vec<String> = SIGNALS.iter().map(|signal| text(&signal.of(row))).collect();
    cells.extend([
        flag(info.flag_static),
        flag(info.flag_virustotal),
        flag(info.flag_skillspector),
        info.duplicate_group.to_string(),
        info.copies_in_train.to_string(),
    ]);
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

/// A value as the text of a cell.
fn text(cell: &Cell<'_>) -> String {
    let safe = |text: &str| hostile::spreadsheet_cell(&hostile::printable(text, 400)).into_owned();
    match cell {
        Cell::Text(text) => text.map(safe).unwrap_or_default(),
        Cell::Count(count) => count.map(|count| count.to_string()).unwrap_or_default(),
        Cell::Bytes(bytes) => bytes.to_string(),
        Cell::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
        Cell::Flag(flag) => u8::from(*flag).to_string(),
        Cell::TextList(list) => safe(&list.join(";")),
        Cell::CountList(list) => list.iter().map(u32::to_string).collect::<Vec<_>>().join(";"),
    }
}
