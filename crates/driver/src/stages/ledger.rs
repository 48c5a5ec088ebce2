//! The ledger of the hold-out: which models have looked at it.
//!
//! A look is entered before it is taken, in `ledger.jsonl` beside the run's stages and in a file of
//! the user's that is named by the hold-out's hash. Neither another run folder nor a deleted file nor
//! a killed process hides it.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use clawsig_model::TrainedModel;
use clawsig_schema::{
    Split,
    evaluation::{LEDGER_FORMAT, LedgerEntry, MetricTable, OutsideLedger},
    unread,
};
use clawsig_store::{RunFolder, Sha256Hex};

use super::{MODEL, Stage};
use crate::{Error, files, terminal};

/// The ledger's name in a run's folder.
pub(crate) const LEDGER: &str = "ledger.jsonl";
/// The hold-out as the ingest stage writes it. Its hash names it.
const HOLDOUT: &str = "signals/eval_holdout.parquet";
/// The largest ledger that is read; an entry has a few kilobytes.
const MAX_BYTES: u64 = 64 << 20;
/// The beginning of every entry.
const ENTRY: &str = "{\"format\":\"";

/// The ledgers that a run's looks are entered in.
pub(super) struct Ledger<'a> {
    run: &'a RunFolder,
    outside: OutsideLedger,
    holdout: String,
}

impl Ledger<'_> {
    /// The ledgers of a run whose ingest stage is finished.
    pub(super) fn new(run: &RunFolder, outside: OutsideLedger) -> Result<Ledger<'_>, Error> {
        let ingested = run.manifest(Stage::Ingest.as_str())?;
        let holdout = ingested.output(HOLDOUT).map(|output| output.sha256.to_string());
        let missing = || Error::Artifact {
            path: run.stage_folder(Stage::Ingest.as_str()),
            reason: format!("its manifest lists no {HOLDOUT}; run that stage again"),
        };
        Ok(Ledger { run, outside, holdout: holdout.ok_or_else(missing)? })
    }

    /// Enters the trained model before it is evaluated on the hold-out, and tells what that look
    /// means. A model that is entered already takes no new look.
    pub(super) fn begin(&self, quiet: bool) -> Result<(), Error> {
        self.enter(self.model()?, quiet)
    }

    fn enter(&self, model: String, quiet: bool) -> Result<(), Error> {
        let (inside, outside) = (self.inside()?, self.outside()?);
        let mut earlier = models(inside.iter().chain(&outside));
        let is_known = earlier.contains(&model);
        earlier.retain(|known| *known != model);
        let entry = LedgerEntry {
            format: LEDGER_FORMAT,
            time: now(),
            holdout_sha256: self.holdout.clone(),
            model_sha256: model.clone(),
            earlier_models: earlier.len() as u64,
            outside: self.outside.clone(),
            metrics: None,
        };
        let names_model = |entries: &[LedgerEntry]| entries.iter().any(|e| e.model_sha256 == model);
        // The one that outlives the run comes first.
        if !names_model(&outside) {
            self.append_outside(&entry)?;
        }
        if !names_model(&inside) {
            self.append_inside(&entry)?;
        }
        if !earlier.is_empty() && !is_known {
            // Quiet or not: whoever reads the figures has to know.
            terminal::say(&format!(
                "warning: eval_holdout was looked at before with {}: what is chosen by it is no \
                 longer held out",
                other_models(earlier.len())
            ));
        } else if !quiet && is_known {
            terminal::say("eval_holdout: the same model as before, so this is no new look");
        } else if !quiet {
            terminal::say(&format!("eval_holdout: the first look, recorded in {LEDGER}"));
        }
        Ok(())
    }

    /// Enters what came of the evaluation.
    pub(super) fn complete(&self) -> Result<(), Error> {
        let path = self.run.verified(Stage::Evaluate.as_str(), "metrics.json")?;
        let mut metrics: MetricTable = files::read_json(&path)?;
        let metrics = metrics.0.remove(Split::EvalHoldout.as_str());
        let model = self.model()?;
        let (inside, outside) = (self.inside()?, self.outside()?);
        let begun = inside.iter().rfind(|e| e.model_sha256 == model).cloned();
        let (Some(begun), Some(metrics)) = (begun, metrics) else { return Ok(()) };
        let entry = LedgerEntry { time: now(), metrics: Some(metrics), ..begun };
        let has_it = |entries: &[LedgerEntry]| {
            entries.iter().any(|e| e.model_sha256 == model && e.metrics == entry.metrics)
        };
        if !has_it(&outside) {
            self.append_outside(&entry)?;
        }
        if !has_it(&inside) {
            self.append_inside(&entry)?;
        }
        Ok(())
    }

    /// The identity of the trained model.
    fn model(&self) -> Result<String, Error> {
        let [json, weights] = MODEL.map(|name| self.run.verified(Stage::Train.as_str(), name));
        Ok(TrainedModel::load(&json?, &weights?)?.sha256()?)
    }

    /// The run's own entries about this hold-out, oldest first.
    fn inside(&self) -> Result<Vec<LedgerEntry>, Error> {
        let text = self.run.read_text(LEDGER)?.unwrap_or_default();
        self.parse(&text, &self.run.root().join(LEDGER))
    }

    fn append_inside(&self, entry: &LedgerEntry) -> Result<(), Error> {
        let text = self.run.read_text(LEDGER)?.unwrap_or_default();
        Ok(self.run.write_text(LEDGER, &(text + &line(entry)?))?)
    }

    /// The entries outside of the run about this hold-out, oldest first.
    fn outside(&self) -> Result<Vec<LedgerEntry>, Error> {
        let Some(path) = self.outside_path()? else { return Ok(Vec::new()) };
        let mut text = String::new();
        let read =
            File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
        match read {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Ledger { path, source }),
            Ok(_) => {}
        }
        if text.len() as u64 > MAX_BYTES {
            let reason = format!("larger than {MAX_BYTES} bytes");
            return Err(Error::Artifact { path, reason });
        }
        // An entry without an end was being written when its process died, before it looked.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let torn = &text[whole..];
        let is_entry = torn.starts_with(ENTRY) || ENTRY.starts_with(torn);
        self.parse(if is_entry { &text[..whole] } else { &text }, &path)
    }

    fn append_outside(&self, entry: &LedgerEntry) -> Result<(), Error> {
        let Some(path) = self.outside_path()? else { return Ok(()) };
        append(&path, &line(entry)?).map_err(|source| Error::Ledger { path, source })
    }

    fn outside_path(&self) -> Result<Option<PathBuf>, Error> {
        Ok(match &self.outside {
            OutsideLedger::Off => None,
            OutsideLedger::File(path) => Some(path.into()),
            OutsideLedger::State => {
                let folder = state_folder().ok_or_else(|| {
                    Error::Usage(
                        "no folder for the ledger of the hold-out: neither XDG_STATE_HOME nor HOME \
                         is set; name a file with --ledger FILE"
                            .to_owned(),
                    )
                })?;
                Some(folder.join("clawsig/holdouts").join(format!("{}.jsonl", self.holdout)))
            }
        })
    }

    fn parse(&self, text: &str, path: &Path) -> Result<Vec<LedgerEntry>, Error> {
        let entry = |(at, line): (usize, &str)| -> Result<LedgerEntry, Error> {
            let wrong = |reason: String| Error::Artifact {
                path: path.to_owned(),
                reason: format!(
                    "line {}: {reason}; restore the file, it says which models have seen the \
                     hold-out",
                    at + 1
                ),
            };
            let entry: LedgerEntry =
                serde_json::from_str(line).map_err(|e| wrong(unread::json(&e)))?;
            LEDGER_FORMAT.can_read(entry.format).map_err(|e| wrong(e.to_string()))?;
            entry.model_sha256.parse::<Sha256Hex>().map_err(|e| wrong(e.to_owned()))?;
            Ok(entry)
        };
        let mut entries = text.lines().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        entries.retain(|entry| entry.holdout_sha256 == self.holdout);
        Ok(entries)
    }
}

/// What a reader of the report has to know of the looks at the hold-out; nothing where the run took
/// none.
pub(super) fn sentence(run: &RunFolder) -> Result<Option<String>, Error> {
    let inside = Ledger::new(run, OutsideLedger::Off)?.inside()?;
    let evaluated = run.manifest(Stage::Evaluate.as_str())?;
    let looked = evaluated.parameters.get("evaluate.final").is_some_and(|value| value == true);
    if inside.is_empty() && !looked {
        return Ok(None);
    }
    let place = place_of(&inside);
    let outside = Ledger::new(run, place.clone())?.outside()?;
    let mut entries: Vec<&LedgerEntry> = inside.iter().chain(&outside).collect();
    entries.sort_by(|a, b| a.time.cmp(&b.time));
    let models = models(entries);
    let short = |model: &String| model.chars().take(12).collect::<String>();
    let list = || models.iter().map(short).collect::<Vec<_>>().join(", ");
    let looks = match models.len() {
        0 => "The hold-out was looked at, and no ledger says how often: its figures may not be \
              those of a hold-out."
            .to_owned(),
        1 => format!(
            "The hold-out was looked at once, with model {}: a change made after that look has \
             seen it.",
            list()
        ),
        n => format!(
            "The hold-out was looked at with {n} models, one after the other ({}): the later ones \
             may have been chosen by it, so its figures are no longer those of a hold-out.",
            list()
        ),
    };
    let alone = match place {
        OutsideLedger::Off => {
            " The ledger outside of the run was switched off: looks from other runs are not \
             counted."
        }
        OutsideLedger::State | OutsideLedger::File(_) => "",
    };
    Ok(Some(looks + alone))
}

/// Where a run's looks are entered outside of it.
pub(crate) fn place(run: &RunFolder) -> Result<OutsideLedger, Error> {
    Ok(place_of(&Ledger::new(run, OutsideLedger::Off)?.inside()?))
}

/// The run says where its looks are entered; without its ledger, where they are by default.
fn place_of(inside: &[LedgerEntry]) -> OutsideLedger {
    inside.last().map_or(OutsideLedger::State, |entry| entry.outside.clone())
}

/// The different models of the entries, in their order.
fn models<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let models = entries.into_iter().map(|entry| entry.model_sha256.clone());
    models.filter(|model| seen.insert(model.clone())).collect()
}

fn other_models(count: usize) -> String {
    format!("{count} other model{}", if count == 1 { "" } else { "s" })
}

fn line(entry: &LedgerEntry) -> Result<String, Error> {
    let line = serde_json::to_string(entry)
        .map_err(|e| Error::Artifact { path: LEDGER.into(), reason: e.to_string() })?;
    Ok(line + "\n")
}

/// Adds a line to a ledger that other processes add to as well. It is on the disk when this returns.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file =
        File::options().create(true).truncate(false).read(true).write(true).open(path)?;
    // Until the file is closed.
    file.lock()?;
    let mut bytes = Vec::new();
    (&file).take(MAX_BYTES).read_to_end(&mut bytes)?;
    // A line without an end was being written when its process died.
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1) as u64;
    file.set_len(whole)?;
    file.seek(SeekFrom::Start(whole))?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

/// The folder for what programs keep about their user's doings, by the XDG base directories.
fn state_folder() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .or_else(|| absolute("LOCALAPPDATA"))
}

/// The time as RFC 3339 in UTC, to the second.
fn now() -> String {
    // A clock before 1970 is told as 1970.
    let now = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_seconds(now).to_string()
}

#[cfg(test)]
mod tests {
    use clawsig_store::Plan;

    use super::*;

    const MODELS: [&str; 2] = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "1111111111111111111111111111111111111111111111111111111111111111",
    ];

    /// A run whose ingest stage is finished.
    fn ingested(root: &Path) -> RunFolder {
        let run = RunFolder::open(root).unwrap();
        let work = run.begin(&Plan::new("ingest", 1)).unwrap();
        fs::create_dir(work.path("signals")).unwrap();
        fs::write(work.path(HOLDOUT), "rows").unwrap();
        run.commit(work, 1, 1).unwrap();
        run
    }

    fn finish(run: &RunFolder, looked: bool) {
        let plan = Plan::new("evaluate", 1).parameters([("evaluate.final", looked)]).unwrap();
        let work = run.begin(&plan).unwrap();
        run.commit(work, 1, 1).unwrap();
    }

    #[test]
    fn looks_are_counted_over_all_runs_that_share_a_ledger() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("deep/ledger.jsonl");
        let place = || OutsideLedger::File(file.clone());
        let (one, two) = (ingested(&scratch.path().join("1")), ingested(&scratch.path().join("2")));
        for run in [&one, &two] {
            finish(run, true);
        }
        Ledger::new(&one, place()).unwrap().enter(MODELS[0].to_owned(), true).unwrap();
        let text = sentence(&one).unwrap().unwrap();
        assert!(text.contains("looked at once, with model 000000000000:"), "{text}");
        let second = Ledger::new(&two, place()).unwrap();
        second.enter(MODELS[1].to_owned(), true).unwrap();
        assert_eq!(second.inside().unwrap()[0].earlier_models, 1);
        for run in [&one, &two] {
            let text = sentence(run).unwrap().unwrap();
            assert!(text.contains("with 2 models") && !text.contains("switched off"), "{text}");
        }
        // The same look again adds nothing.
        second.enter(MODELS[1].to_owned(), true).unwrap();
        assert_eq!(second.inside().unwrap().len(), 1);
        assert_eq!(second.outside().unwrap().len(), 2);
    }

    #[test]
    fn a_ledger_that_is_switched_off_is_told() {
        let scratch = tempfile::tempdir().unwrap();
        let run = ingested(&scratch.path().join("run"));
        finish(&run, false);
        assert_eq!(sentence(&run).unwrap(), None, "there was no look");
        let ledger = Ledger::new(&run, OutsideLedger::Off).unwrap();
        ledger.enter(MODELS[0].to_owned(), true).unwrap();
        let text = sentence(&run).unwrap().unwrap();
        assert!(text.contains("looked at once") && text.contains("switched off"), "{text}");
        assert_eq!(ledger.inside().unwrap()[0].outside, OutsideLedger::Off);
    }

    #[test]
    fn another_holdout_has_looks_of_its_own() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("ledger.jsonl");
        let run = ingested(&scratch.path().join("run"));
        let ledger = Ledger::new(&run, OutsideLedger::File(file)).unwrap();
        ledger.enter(MODELS[0].to_owned(), true).unwrap();
        let other = Ledger { holdout: MODELS[1].to_owned(), ..ledger };
        other.enter(MODELS[1].to_owned(), true).unwrap();
        assert_eq!(other.inside().unwrap()[0].earlier_models, 0);
    }

    #[test]
    fn an_entry_that_was_cut_off_is_dropped_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("ledger.jsonl");
        let run = ingested(&scratch.path().join("run"));
        let ledger = Ledger::new(&run, OutsideLedger::File(file.clone())).unwrap();
        ledger.enter(MODELS[0].to_owned(), true).unwrap();
        let whole = fs::read_to_string(&file).unwrap();
        for torn in ["{", "{\"format\":\"", &whole[..whole.len() - 1]] {
            fs::write(&file, format!("{whole}{torn}")).unwrap();
            ledger.enter(MODELS[1].to_owned(), true).unwrap();
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.starts_with(&whole) && text.ends_with("}\n"), "{text}");
            assert_eq!(text.lines().count(), 2);
        }
        for mine in ["my notes", "my notes\n", "{}\n"] {
            fs::write(&file, mine).unwrap();
            let error = ledger.enter(MODELS[1].to_owned(), true).unwrap_err().to_string();
            assert!(error.contains("ledger.jsonl: line 1"), "{error}");
            assert_eq!(fs::read_to_string(&file).unwrap(), mine);
        }
        let newer = whole.replace("\"1.0\"", "\"1.1\"");
        fs::write(&file, newer).unwrap();
        let error = ledger.enter(MODELS[1].to_owned(), true).unwrap_err().to_string();
        assert!(error.contains("newer"), "{error}");
    }

    #[test]
    fn times_are_rfc_3339_to_the_second() {
        let now = now();
        assert_eq!((now.len(), &now[..2], &now[10..11], &now[19..]), (20, "20", "T", "Z"));
    }
}
