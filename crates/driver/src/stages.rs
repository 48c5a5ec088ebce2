//! The stages of a run: their order, what each depends on, and how one is carried out.
//!
//! A stage's module turns settings into checked parameters, reads the files of the stages before
//! it, calls its crate, and writes the files named in ARCHITECTURE.md. Whether it runs at all is
//! decided here, by the artifact store.

pub(crate) mod agreement;
mod evaluate;
mod features;
mod ingest;
mod ledger;
mod matrices;
mod report;
mod rows;
pub(crate) mod source;
mod train;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Instant,
};

use clawsig_ingest::hub::HubOptions;
use clawsig_model::SplitPlan;
use clawsig_schema::evaluation::OutsideLedger;
use clawsig_store::{
    Input, Manifest, Plan, Reason, RunFolder, Sha256Hex, Standing, State, StoreError, TIMING_FILE,
    Work, hash_file,
};
use serde_json::json;

pub(crate) use features::read_fitted;
pub(crate) use train::{MODEL, TEXT_ONLY};

use crate::{
    Error, files,
    settings::{Settings, SourceKind, suggestion},
    terminal::{self, Progress},
};
use ledger::Ledger;
use source::{Located, Place};

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Raw rows to checked, typed Parquet.
    Ingest,
    /// How far the scanners agree.
    Agreement,
    /// Text and signals to a sparse matrix.
    Features,
    /// The classifier.
    Train,
    /// What the classifier is worth.
    Evaluate,
    /// Figures, page and cards.
    Report,
}

impl Stage {
    /// Every stage, in the order they run.
    pub const ALL: [Stage; 6] = [
        Stage::Ingest,
        Stage::Agreement,
        Stage::Features,
        Stage::Train,
        Stage::Evaluate,
        Stage::Report,
    ];

    /// The stage's name: its command and its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Ingest => "ingest",
            Stage::Agreement => "agreement",
            Stage::Features => "features",
            Stage::Train => "train",
            Stage::Evaluate => "evaluate",
            Stage::Report => "report",
        }
    }

    /// The version of the stage's code: raised when the same inputs give other results.
    const fn version(self) -> u32 {
        match self {
            Stage::Ingest => 2,
            Stage::Report => 3,
            Stage::Features | Stage::Train | Stage::Evaluate => 4,
            Stage::Agreement => 1,
        }
    }

    /// The stages whose files it reads.
    pub(crate) const fn needs(self) -> &'static [Stage] {
        match self {
            Stage::Ingest => &[],
            Stage::Agreement | Stage::Features => &[Stage::Ingest],
            Stage::Train => &[Stage::Features],
            Stage::Evaluate => &[Stage::Ingest, Stage::Features, Stage::Train],
            Stage::Report => {
                &[Stage::Ingest, Stage::Agreement, Stage::Features, Stage::Train, Stage::Evaluate]
            }
        }
    }

    /// The sections of a profile that its result depends on.
    const fn sections(self) -> &'static [&'static str] {
        match self {
            Stage::Ingest => &["source", "sample", "ingest"],
            Stage::Agreement => &["flags", "agreement"],
            Stage::Features => &["flags", "text", "tfidf", "features"],
            Stage::Train => &["model"],
            Stage::Evaluate => &["evaluate"],
            Stage::Report => &[
                "source",
                "sample",
                "ingest",
                "flags",
                "agreement",
                "text",
                "tfidf",
                "features",
                "model",
                "evaluate",
            ],
        }
    }

    /// Whether its result depends on `run.seed`.
    pub(crate) const fn is_seeded(self) -> bool {
        matches!(self, Stage::Agreement | Stage::Train | Stage::Evaluate)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Stage, Error> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| {
            let names = Stage::ALL.map(Stage::as_str);
            let meant = suggestion(text, names);
            Error::Usage(format!("no stage `{text}`{meant}; expected one of {}", names.join(", ")))
        })
    }
}

/// What is to be done, with everything a stage needs to know about its run.
#[derive(Debug)]
pub struct Job {
    /// The profile's name, as typed.
    pub profile: String,
    /// The settings.
    pub settings: Settings,
    /// The `--set` assignments, for the report's "how to reproduce".
    pub assignments: Vec<String>,
    /// The run's folder.
    pub out: PathBuf,
    /// Stages that run whether up to date or not.
    pub forced: Vec<Stage>,
    /// Whether the hold-out split is evaluated.
    pub final_: bool,
    /// Whether bars and status lines are drawn.
    pub quiet: bool,
    /// How the Hub is reached; no part of what the results depend on.
    pub hub: HubOptions,
}

/// What became of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageOutcome {
    /// The stage.
    pub stage: Stage,
    /// Whether it was, or would be, skipped or run, and why.
    pub state: State,
    /// Seconds it took, if it ran.
    pub seconds: Option<f64>,
}

impl Job {
    /// Carries out the given stages in order; those that are up to date are skipped.
    pub fn run(&self, stages: &[Stage]) -> Result<Vec<StageOutcome>, Error> {
        self.check()?;
        self.standing()?;
        // What is missing is told before a folder is made.
        let source = match stages.contains(&Stage::Ingest) {
            true => Located::fetch(self, self.reads_anyway())?,
            false => Located::default(),
        };
        for &needed in stages.first().map_or(&[][..], |first| first.needs()) {
            if Manifest::read(&self.out.join(needed.as_str()))?.is_none() {
                let (path, stage) = (self.out.clone(), needed.to_string());
                return Err(StoreError::NotRun { path, stage }.into());
            }
        }
        self.set_threads();
        let run = RunFolder::open(&self.out)?;
        let mut outcomes = Vec::new();
        for (at, &stage) in stages.iter().enumerate() {
            let plan = self.plan(&run, stage, &source)?;
            let state = match self.forced.contains(&stage) {
                true => State::Stale(vec![Reason::Forced]),
                false => run.state(&plan)?,
            };
            if state != State::UpToDate {
                // Those after it will have to run, too: better refused now than after hours.
                for later in &stages[at..] {
                    run.check_replaceable(later.as_str())?;
                }
            }
            self.announce(stage, &state);
            let mut seconds = None;
            let ledger = match stage == Stage::Evaluate && self.final_ {
                true => Some(Ledger::new(&run, OutsideLedger::default())?),
                false => None,
            };
            if let Some(ledger) = &ledger {
                ledger.begin(self.quiet)?;
            }
            if state != State::UpToDate {
                let started = Instant::now();
                self.carry_out(&run, stage, &plan, &source)?;
                seconds = Some(started.elapsed().as_secs_f64());
            }
            if let Some(ledger) = &ledger {
                ledger.complete()?;
            }
            outcomes.push(StageOutcome { stage, state, seconds });
        }
        Ok(outcomes)
    }

    /// What [`Job::run`] would do with the given stages. Nothing is created or changed.
    pub fn look(&self, stages: &[Stage]) -> Result<Vec<StageOutcome>, Error> {
        self.check()?;
        let source = match stages.contains(&Stage::Ingest) {
            true => Located::look(self)?,
            false => Located::default(),
        };
        if let Standing::Absent | Standing::Empty = self.standing()? {
            let outcome = |&stage| {
                let missing = source.missing.clone().filter(|_| stage == Stage::Ingest);
                let reasons = [Reason::NeverRun].into_iter();
                let state =
                    State::Stale(reasons.chain(missing.map(Reason::InputMissing)).collect());
                StageOutcome { stage, state, seconds: None }
            };
            return Ok(stages.iter().map(outcome).collect());
        }
        let run = RunFolder::open_read_only(&self.out)?;
        let mut outcomes: Vec<StageOutcome> = Vec::new();
        for &stage in stages {
            let upstream = outcomes
                .iter()
                .find(|o| stage.needs().contains(&o.stage) && o.state != State::UpToDate);
            let missing = source.missing.as_ref().filter(|_| stage == Stage::Ingest);
            let state = match upstream {
                _ if missing.is_some() => {
                    State::Stale(missing.cloned().map(Reason::InputMissing).into_iter().collect())
                }
                Some(before) => State::Stale(vec![Reason::Upstream(before.stage.to_string())]),
                None if self.forced.contains(&stage) => State::Stale(vec![Reason::Forced]),
                None => run.state(&self.plan(&run, stage, &source)?)?,
            };
            outcomes.push(StageOutcome { stage, state, seconds: None });
        }
        Ok(outcomes)
    }

    /// What lies at the run's folder, if a run may go there.
    fn standing(&self) -> Result<Standing, Error> {
        match Standing::of(&self.out)? {
            found @ (Standing::NotAFolder | Standing::Foreign(_)) => {
                Err(StoreError::Occupied { path: self.out.clone(), found }.into())
            }
            standing => Ok(standing),
        }
    }

    /// Checks every parameter of every stage, so that a wrong one is told before anything runs.
    fn check(&self) -> Result<(), Error> {
        let settings = &self.settings;
        let wrong = |e: Error| Error::Usage(e.to_string());
        ingest::params(settings).map_err(wrong)?;
        agreement::params(settings).map_err(wrong)?;
        features::params(settings).map_err(wrong)?;
        train::params(settings).map_err(wrong)?;
        evaluate::params(settings, self.final_).map_err(wrong)?;
        Ok(())
    }

    /// Whether ingest runs whatever the files hold, so that they need not be hashed to know.
    fn reads_anyway(&self) -> bool {
        let manifest = || Manifest::read(&self.out.join(Stage::Ingest.as_str()));
        // Why a manifest can't be used is told where the stage's state is.
        self.forced.contains(&Stage::Ingest) || !matches!(manifest(), Ok(Some(_)))
    }

    fn set_threads(&self) {
        let threads = self.settings.run.threads as usize;
        if threads > 0 {
            // A pool that exists already was made for the same setting in this process.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        }
    }

    fn announce(&self, stage: Stage, state: &State) {
        if self.quiet {
            return;
        }
        match state {
            State::UpToDate => terminal::say(&format!("{stage:<10} up to date")),
            State::Stale(reasons) => {
                terminal::say(&format!("{stage:<10} runs: {}", shortened(reasons)));
            }
        }
    }

    fn plan(&self, run: &RunFolder, stage: Stage, source: &Located) -> Result<Plan, Error> {
        let mut parameters = self.settings.parameters(stage.sections());
        let mut plan = Plan::new(stage.as_str(), stage.version());
        match stage {
            Stage::Ingest => {
                // What the rows are is said by the inputs' hashes, not by where they lie.
                for place in ["source.path", "source.lock", "source.revision"] {
                    parameters.remove(place);
                }
                if let Some(commit) = source.commit() {
                    parameters.insert("source.commit".to_owned(), json!(commit));
                }
                if self.settings.source.kind != SourceKind::Hub {
                    parameters.remove("source.repo");
                }
                if self.settings.sample.rows == 0 {
                    parameters.remove("sample.seed");
                }
                plan = plan.inputs(source.inputs.iter().cloned());
            }
            Stage::Evaluate => {
                parameters.insert("evaluate.final".to_owned(), json!(self.final_));
            }
            Stage::Report => {
                parameters.insert("report.command".to_owned(), json!(self.command_line()));
                // The page shows them.
                for &needed in stage.needs() {
                    let key = run.manifest(needed.as_str())?.key;
                    parameters.insert(format!("report.key.{needed}"), json!(key));
                }
                parameters.insert("run.seed".to_owned(), json!(self.settings.run.seed));
                // The page says who has looked at the hold-out.
                let looks = ledger::sentence(run)?;
                parameters.insert("report.ledger".to_owned(), json!(looks));
                parameters.remove("source.path");
                parameters.remove("source.lock");
            }
            Stage::Features => {
                // The target bars columns.
                parameters.insert("model.target".to_owned(), json!(self.settings.model.target));
                // A split that is drawn anew is drawn before anything is learned from its rows.
                let split = self.settings.model.split;
                parameters.insert("model.split".to_owned(), json!(split));
                if split != SplitPlan::Official {
                    parameters.insert("run.seed".to_owned(), json!(self.settings.run.seed));
                }
            }
            Stage::Agreement | Stage::Train => {}
        }
        for &needed in stage.needs() {
            let manifest = run.manifest(needed.as_str())?;
            plan = plan.inputs(manifest.outputs_as_inputs());
        }
        if stage.is_seeded() {
            plan = plan.seed(self.settings.run.seed);
        }
        Ok(plan.parameters(parameters.iter().map(|(k, v)| (k.as_str(), v)))?)
    }

    /// The command that gives this run again, without what does not change its results: the
    /// number of threads, and the folders of whoever ran it.
    pub fn command_line(&self) -> String {
        let mut words = vec!["clawsig run --profile".to_owned(), self.profile_name()];
        for assignment in &self.assignments {
            let assignment = match assignment.split_once('=').map(|(key, _)| key.trim()) {
                Some("run.threads") => continue,
                Some("source.path") => &"source.path=FOLDER".to_owned(),
                Some("source.lock") => &"source.lock=FILE".to_owned(),
                _ => assignment,
            };
            words.push("--set".to_owned());
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-=/:".contains(c);
            words.push(if assignment.chars().all(plain) {
                assignment.clone()
            } else {
                format!("'{}'", assignment.replace('\'', "'\\''"))
            });
        }
        words.join(" ")
    }

    /// The profile's name; of a profile file, its name without the folder.
    pub fn profile_name(&self) -> String {
        let name = Path::new(&self.profile).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    fn carry_out(
        &self,
        run: &RunFolder,
        stage: Stage,
        plan: &Plan,
        source: &Located,
    ) -> Result<(), Error> {
        let started = Instant::now();
        let mut work = run.begin(plan)?;
        let mut read = Vec::new();
        let progress = Progress::new(stage.as_str(), self.quiet);
        let context = Context { job: self, run, work: &work, progress: &progress };
        let rows = match stage {
            Stage::Ingest => {
                let (rows, inputs) = ingest::run(&context, source)?;
                read = inputs;
                rows
            }
            Stage::Agreement => agreement::run(&context)?,
            Stage::Features => features::run(&context)?,
            Stage::Train => train::run(&context)?,
            Stage::Evaluate => evaluate::run(&context)?,
            Stage::Report => report::run(&context)?,
        };
        drop(progress);
        work.add_inputs(read);
        let timing = json!({
            "seconds": started.elapsed().as_secs_f64(),
            "threads": rayon::current_num_threads(),
        });
        files::write_json(&work.path(TIMING_FILE), &timing)?;
        run.commit_checked(work, rows.input, rows.output, |input| rehash(run, input, source))?;
        Ok(())
    }
}

/// The present hash of an input: a file of a stage before, or of the source.
fn rehash(
    run: &RunFolder,
    input: &Input,
    source: &Located,
) -> Result<Option<Sha256Hex>, StoreError> {
    let path = match source.place(&input.name) {
        // Reading it checked it, or it is part of the program.
        Some(Place::Checked) => return Ok(None),
        Some(Place::Hashed(path)) => path.clone(),
        None => run.root().join(&input.name),
    };
    Ok(Some(hash_file(&path)?.sha256))
}

/// The first reasons, and how many more there are.
pub(crate) fn shortened(reasons: &[Reason]) -> String {
    let shown: Vec<String> = reasons.iter().take(3).map(ToString::to_string).collect();
    let more = reasons.len().saturating_sub(3);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    shown.join("; ") + &more
}

/// Rows that a stage took in and put out, for its manifest.
#[derive(Clone, Copy, Debug)]
struct Rows {
    input: u64,
    output: u64,
}

/// What a stage's module gets.
struct Context<'a> {
    job: &'a Job,
    run: &'a RunFolder,
    work: &'a Work,
    progress: &'a Progress,
}

impl Context<'_> {
    /// The path of a file of an earlier stage, after checking that it is the one written there.
    fn artifact(&self, stage: Stage, name: &str) -> Result<PathBuf, Error> {
        Ok(self.run.verified(stage.as_str(), name)?)
    }
}
