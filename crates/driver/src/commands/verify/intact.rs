//! Whether a run's files are those that were written, and agree with one another.

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    Split, Verdict, agreement::AgreementResults, hostile::printable, profile::DataProfile,
    wording::counted,
};
use clawsig_store::{Manifest, RunFolder, StoreError};

use super::{Check, Section};
use crate::{Error, stages::Stage, terminal::count};

/// The stages that have a result, whole or not, in their order.
pub(super) fn finished(run: &RunFolder) -> Result<Vec<Stage>, Error> {
    let mut stages = Vec::new();
    for stage in Stage::ALL {
        match Manifest::read(&run.stage_folder(stage.as_str())) {
            Ok(None) => {}
            Ok(Some(_)) | Err(StoreError::BadManifest { .. }) => stages.push(stage),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(stages)
}

/// Every artifact against the hash that its manifest records.
pub(super) fn artifacts(run: &RunFolder, stages: &[Stage]) -> Result<Section, Error> {
    let mut checks = Vec::new();
    for stage in stages {
        let manifest = match run.manifest(stage.as_str()) {
            Ok(manifest) => manifest,
            Err(StoreError::BadManifest { reason, .. }) => {
                let wrong = [format!("manifest.json: {reason}")];
                checks.push(Check::none(format!("changed files of {stage}"), "manifest", &wrong));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let mut wrong = Vec::new();
        for output in &manifest.outputs {
            match run.verified(stage.as_str(), &output.path) {
                Ok(_) => {}
                Err(StoreError::Corrupt { reason, .. }) => {
                    wrong.push(format!("{}: {reason}", output.path));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let files = manifest.outputs.len() as u64;
        let name = format!("changed files of {stage}, of {}", count(files));
        checks.push(Check::none(name, "manifest", &wrong));
    }
    Ok(Section { title: "artifacts", note: None, checks })
}

/// The rows as they stand in `signals/*.parquet`, counted without the profile.
pub(super) struct Recount {
    rows: [u64; 4],
    /// Rows of each of the three verdicts, and of all others.
    verdicts: [[u64; 4]; 4],
    /// The ids of each split, in the order of its rows.
    pub(super) ids: [Vec<String>; 4],
    /// Rows whose own split is another than the file's.
    misplaced: u64,
}

impl Recount {
    /// Counts them.
    pub(super) fn of(run: &RunFolder) -> Result<Recount, Error> {
        let mut recount =
            Recount { rows: [0; 4], verdicts: [[0; 4]; 4], ids: Default::default(), misplaced: 0 };
        for &split in Split::ALL {
            let path = run.verified("ingest", &format!("signals/{split}.parquet"))?;
            for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
                let row = row?;
                recount.rows[split.index()] += 1;
                let verdict = row.verdict.known().map_or(Verdict::ALL.len(), Verdict::index);
                recount.verdicts[split.index()][verdict] += 1;
                // The exporter's rule says nothing here: the frozen edition was split by a script
                // that is not public, and the rows of the live one were put where it says.
                recount.misplaced += u64::from(row.split != split);
                recount.ids[split.index()].push(row.id);
            }
        }
        Ok(recount)
    }
}

/// What a reader of every edition should look at though nothing differs: the warnings of the data and scanners without
/// a rating. Nothing to check, and first on the list; `clawsig diff` says what has changed.
pub(super) fn to_look_at(
    profile: &DataProfile,
    agreement: Option<&AgreementResults>,
) -> Option<Section> {
    let unrated = agreement.into_iter().flat_map(|found| &found.unrated);
    let silent =
        unrated.map(|rater| format!("{rater} rated none of {}", counted(profile.rows, "row")));
    let told: Vec<String> =
        silent.chain(profile.warnings.iter().map(|one| printable(one, 1000))).collect();
    let note = told.join("\n  ");
    (!told.is_empty()).then_some(Section {
        title: "what to look at",
        note: Some(note),
        checks: Vec::new(),
    })
}

/// The counts of the stages against one another, and the rejected rows.
pub(super) fn counts(
    profile: &DataProfile,
    agreement: Option<&AgreementResults>,
    recount: &Recount,
) -> Section {
    let text = |n: u64| count(n);
    let mut checks = Vec::new();
    for file in &profile.files {
        let sum = file.blank + file.accepted + file.rejected;
        let name = format!("lines of {}: blank, accepted, rejected", file.name);
        checks.push(Check::new(name, "profile.json", text(file.lines), text(sum)));
    }
    for &split in Split::ALL {
        let at = split.index();
        let stated = profile.splits.iter().find(|s| s.split == split.as_str());
        let rows = stated.map_or(0, |s| s.rows);
        let name = format!("rows of {split}.parquet");
        checks.push(Check::new(name, "profile.json", text(rows), text(recount.rows[at])));
        let list = |counts: [u64; 4]| counts.map(count).join(" / ");
        let mut expected = [0; 4];
        for (name, rows) in stated.iter().flat_map(|stated| &stated.verdicts) {
            let verdict = name.parse().map_or(Verdict::ALL.len(), Verdict::index);
            expected[verdict] += rows;
        }
        checks.push(Check::new(
            format!("{} / other in {split}.parquet", Verdict::NAMES.join(" / ")),
            "profile.json",
            list(expected),
            list(recount.verdicts[at]),
        ));
    }
    if let Some(agreement) = agreement {
        let expected = text(recount.rows.iter().sum());
        let found = text(agreement.rows);
        checks.push(Check::new("rows that agreement read", "signals/*.parquet", expected, found));
    }
    checks.push(Check::new(
        "rows in the file of another split",
        "signals/*.parquet",
        "0".to_owned(),
        text(recount.misplaced),
    ));
    let mut rejected =
        Check::new("rejected rows", "profile.json", "0".to_owned(), text(profile.rejected));
    if profile.rejected > 0 {
        let reasons = profile.rejected_by_reason.iter();
        let reasons: Vec<String> =
            reasons.map(|(why, rows)| format!("{} {why}", count(*rows))).collect();
        rejected.why = Some(format!("{}; rejects.jsonl has each", reasons.join(", ")));
    }
    checks.push(rejected);
    Section { title: "counts and rejects", note: None, checks }
}
