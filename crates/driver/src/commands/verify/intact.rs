//! Whether a run's files are those that were written, and agree with one another.

use std::collections::BTreeMap;

use clawsig_ingest::{Columns, SignalsReader};
use clawsig_schema::{
    Split, Verdict, agreement::AgreementResults, profile::DataProfile, split_of_hash,
};
use clawsig_store::{Manifest, RunFolder, StoreError, hash_bytes};

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

/// Every artifact against the hash that its manifest records, and every input of a stage against
/// what the stage before it has now.
pub(super) fn artifacts(run: &RunFolder, stages: &[Stage]) -> Result<Section, Error> {
    let mut checks = Vec::new();
    let mut written = BTreeMap::new();
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
        let stale: Vec<String> = manifest
            .inputs
            .iter()
            .filter(|input| written.get(&input.name).is_some_and(|sha256| *sha256 != input.sha256))
            .map(|input| format!("{} is another file now", input.name))
            .collect();
        if *stage != Stage::Ingest {
            checks.push(Check::none(format!("changed inputs of {stage}"), "manifest", &stale));
        }
        written.extend(manifest.outputs_as_inputs().map(|input| (input.name, input.sha256)));
    }
    Ok(Section { title: "artifacts", note: None, checks })
}

/// The rows as they stand in `signals/*.parquet`, counted without the profile.
pub(super) struct Recount {
    rows: [u64; 4],
    verdicts: [[u64; 3]; 4],
    /// Rows that the exporter's rule puts into another split.
    misplaced: u64,
}

impl Recount {
    /// Counts them.
    pub(super) fn of(run: &RunFolder) -> Result<Recount, Error> {
        let mut recount = Recount { rows: [0; 4], verdicts: [[0; 3]; 4], misplaced: 0 };
        for &split in Split::ALL {
            let path = run.verified("ingest", &format!("signals/{split}.parquet"))?;
            for row in SignalsReader::open(&path)?.rows(Columns::WithoutText) {
                let row = row?;
                recount.rows[split.index()] += 1;
                if let Some(verdict) = row.verdict {
                    recount.verdicts[split.index()][verdict.index()] += 1;
                }
                let by_rule = split_of_hash(hash_bytes(row.id.as_bytes()).as_str());
                recount.misplaced += u64::from(by_rule != Ok(split) || row.split != split);
            }
        }
        Ok(recount)
    }
}

/// The counts of the stages against one another, and the splits against the exporter's rule.
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
        let list = |counts: [u64; 3]| counts.map(count).join(" / ");
        let of = |verdict: &Verdict| {
            stated.and_then(|s| s.verdicts.get(verdict.as_str())).copied().unwrap_or(0)
        };
        let expected = [Verdict::Clean, Verdict::Suspicious, Verdict::Malicious].map(|v| of(&v));
        checks.push(Check::new(
            format!("clean / suspicious / malicious in {split}.parquet"),
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
        "rows in another split than their id's hash gives",
        "sha256-v1",
        "0".to_owned(),
        text(recount.misplaced),
    ));
    Section { title: "counts and splits", note: None, checks }
}
