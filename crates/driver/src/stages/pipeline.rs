//! Planning a run and carrying it out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

use clawsig_ingest::hub::HubOptions;
use clawsig_schema::{evaluation::OutsideLedger, settings::Params as _};
use clawsig_store::{
    Input, Manifest, Plan, Reason, RunFolder, Sha256Hex, Standing, State, StoreError, TIMING_FILE,
    hash_file,
};
use serde_json::{Value, json};

use super::{
    Context, RowCounts, Stage, agreement, evaluate, features, ingest,
    ledger::{self, Ledger},
    report,
    source::{Located, Place},
    train,
};
use crate::{
    Error, files,
    settings::{PATHS, RUN_FILE, RunRecord, THREADS},
    terminal::{self, Progress},
};

/// The parameter of evaluate's key that says whether it looked at the hold-out.
const FINAL: &str = "evaluate.final";
/// The setting that features declares, and that train and evaluate take from there.
const TARGET: &str = "model.target";
/// The parameter of ingest's key that a revision stands for.
pub(crate) const COMMIT: &str = "source.commit";

/// A run, and how it is to be carried out.
#[derive(Debug)]
pub struct Pipeline {
    /// The run's folder.
    pub folder: PathBuf,
    /// What the run is, from now on.
    pub record: RunRecord,
    /// The commit to read from the Hub in place of the settings' revision.
    pub commit: Option<String>,
    /// Stages that run whether up to date or not.
    pub forced: Vec<Stage>,
    /// Whether stages before the asked ones run where they are not up to date.
    pub with_upstream: bool,
    /// Whether the hold-out split is to be evaluated.
    pub use_holdout: bool,
    /// Where a look at the hold-out is entered outside of the run.
    pub ledger: OutsideLedger,
    /// Whether bars and status lines are left out.
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

/// How the stages of a run are, and what hinders them.
#[derive(Debug)]
pub struct Look {
    /// The stages before the asked ones, and these.
    pub outcomes: Vec<StageOutcome>,
    /// Why the source can't be read now, where ingest has read it before.
    pub unreadable: Option<String>,
}

/// What ingest's plan takes from the source.
#[derive(Default)]
struct SourcePlan {
    inputs: Vec<Input>,
    commit: Option<Value>,
}

impl From<&Located> for SourcePlan {
    fn from(located: &Located) -> SourcePlan {
        SourcePlan {
            inputs: located.inputs.clone(),
            commit: located.commit().map(|commit| json!(commit)),
        }
    }
}

impl Pipeline {
    /// Carries out the given stages in order; those that are up to date are skipped. Of the stages
    /// before them, those that are not up to date run too, or are refused.
    ///
    /// # Errors
    /// [`Error::StaleUpstream`], and whatever a stage meets.
    pub fn run(&mut self, stages: &[Stage]) -> Result<Vec<StageOutcome>, Error> {
        let upstream = upstream(stages);
        let (wanted, checked) = match self.with_upstream {
            true => ([&upstream, stages].concat(), Vec::new()),
            false => (stages.to_vec(), upstream),
        };
        // A missing source or a stale stage is told before a folder is made.
        let source = match wanted.contains(&Stage::Ingest) {
            true => self.fetch()?,
            false => Located::default(),
        };
        self.check_upstream(&checked, stages)?;
        let run = RunFolder::open(&self.folder)?;
        self.run_in(&run, &wanted, &source)
    }

    /// Carries out stages in a folder that is open; the stages before them are taken as they are.
    pub(crate) fn run_in(
        &mut self,
        run: &RunFolder,
        wanted: &[Stage],
        source: &Located,
    ) -> Result<Vec<StageOutcome>, Error> {
        self.set_threads();
        self.say_what_it_is();
        self.write_record(run)?;
        let mut outcomes = Vec::new();
        for (at, &stage) in wanted.iter().enumerate() {
            if stage == Stage::Evaluate {
                self.decide_on_the_holdout(run)?;
            }
            let plan = self.plan(run, stage, &SourcePlan::from(source))?;
            let state = match self.forced.contains(&stage) {
                true => State::Stale(vec![Reason::Forced]),
                false => run.state(&plan)?,
            };
            if state != State::UpToDate {
                // Those that read it will have to run, too: better refused now than after hours.
                let runs_too = |later: &&Stage| later.upstream().contains(&stage);
                for later in [stage].iter().chain(wanted[at..].iter().filter(runs_too)) {
                    run.check_replaceable(later.as_str())?;
                }
            }
            self.announce(stage, &state);
            let mut seconds = None;
            let ledger = match stage == Stage::Evaluate && self.record.use_holdout {
                true => Some(Ledger::new(run, self.ledger.clone())?),
                false => None,
            };
            if let Some(ledger) = &ledger {
                ledger.begin(self.quiet)?;
            }
            if state != State::UpToDate {
                let started = Instant::now();
                self.carry_out(run, stage, &plan, source)?;
                seconds = Some(started.elapsed().as_secs_f64());
            }
            if let Some(ledger) = &ledger {
                ledger.complete()?;
            }
            outcomes.push(StageOutcome { stage, state, seconds });
        }
        Ok(outcomes)
    }

    /// What [`Pipeline::run`] would do with the given stages, and how the stages before them are.
    /// Nothing is created or changed.
    ///
    /// # Errors
    /// A folder that is no run's, or a source that can't be read.
    pub fn look(&mut self, stages: &[Stage]) -> Result<Look, Error> {
        let located = Located::look(&self.record.settings.source, &self.hub, self.quiet);
        let Some(run) = existing(&self.folder)? else {
            let missing = located?.missing;
            let never = |&stage| {
                let missing = missing.clone().filter(|_| stage == Stage::Ingest);
                let reasons = [Reason::NeverRun].into_iter();
                let state =
                    State::Stale(reasons.chain(missing.map(Reason::InputMissing)).collect());
                StageOutcome { stage, state, seconds: None }
            };
            return Ok(Look { outcomes: stages.iter().map(never).collect(), unreadable: None });
        };
        let (plan, missing, unreadable) = match located {
            Ok(located) => (SourcePlan::from(&located), located.missing, None),
            Err(Error::Ingest(e)) => match known_source(&run)? {
                Some(known) => (known, None, Some(e.to_string())),
                None => return Err(e.into()),
            },
            Err(e) => return Err(e),
        };
        let mut outcomes: Vec<StageOutcome> = Vec::new();
        for stage in [upstream(stages), stages.to_vec()].concat() {
            let before = outcomes
                .iter()
                .find(|o| stage.needs().contains(&o.stage) && o.state != State::UpToDate);
            let missing = missing.as_ref().filter(|_| stage == Stage::Ingest);
            let state = match (before, missing) {
                (_, Some(missing)) => State::Stale(vec![Reason::InputMissing(missing.clone())]),
                (Some(before), None) => {
                    State::Stale(vec![Reason::Upstream(before.stage.to_string())])
                }
                _ if self.forced.contains(&stage) => State::Stale(vec![Reason::Forced]),
                _ => {
                    if stage == Stage::Evaluate {
                        self.record.use_holdout = self.looks_at_the_holdout(&run)?;
                    }
                    run.state(&self.plan(&run, stage, &plan)?)?
                }
            };
            outcomes.push(StageOutcome { stage, state, seconds: None });
        }
        Ok(Look { outcomes, unreadable })
    }

    /// Refuses to build on a stage that is not what the settings say.
    fn check_upstream(&self, upstream: &[Stage], wanted: &[Stage]) -> Result<(), Error> {
        if upstream.is_empty() {
            return Ok(());
        }
        let stale = |stage: Stage, reasons: &[Reason]| Error::StaleUpstream {
            stage: stage.to_string(),
            wanted: wanted.iter().map(Stage::to_string).collect::<Vec<_>>().join(", "),
            run: self.folder.clone(),
            reasons: shortened(reasons),
        };
        let Some(run) = existing(&self.folder)? else {
            return Err(stale(upstream[0], &[Reason::NeverRun]));
        };
        // A source that is not on this machine any more is no reason to run ingest again.
        let located = Located::look(&self.record.settings.source, &self.hub, true);
        let source = match located {
            Ok(located) if located.missing.is_none() => SourcePlan::from(&located),
            Ok(_) | Err(Error::Ingest(_)) => known_source(&run)?.unwrap_or_default(),
            Err(other) => return Err(other),
        };
        for &stage in upstream {
            if let State::Stale(reasons) = run.state(&self.plan(&run, stage, &source)?)? {
                return Err(stale(stage, &reasons));
            }
        }
        Ok(())
    }

    /// Whether evaluate looks at the hold-out: if that is asked for, or if it has done so with this
    /// very model, whose results then stay.
    fn looks_at_the_holdout(&mut self, run: &RunFolder) -> Result<bool, Error> {
        if self.use_holdout || !self.record.use_holdout {
            return Ok(self.use_holdout);
        }
        let plan = self.plan(run, Stage::Evaluate, &SourcePlan::default())?;
        Ok(run.state(&plan)? == State::UpToDate)
    }

    fn decide_on_the_holdout(&mut self, run: &RunFolder) -> Result<(), Error> {
        let looks = self.looks_at_the_holdout(run)?;
        if looks != self.record.use_holdout {
            if !looks && !self.quiet {
                terminal::say(
                    "eval_holdout: its results were those of an earlier evaluation and are left \
                     out; --final looks at it again",
                );
            }
            self.record.use_holdout = looks;
            self.write_record(run)?;
        }
        Ok(())
    }

    fn write_record(&self, run: &RunFolder) -> Result<(), Error> {
        let text = self.record.to_text()?;
        if run.read_text(RUN_FILE)?.as_ref() != Some(&text) {
            run.write_text(RUN_FILE, &text)?;
        }
        Ok(())
    }

    /// Finds the source's files. Where ingest runs whatever they hold, they need not be hashed to
    /// know.
    pub(crate) fn fetch(&self) -> Result<Located, Error> {
        let manifest = || Manifest::read(&self.folder.join(Stage::Ingest.as_str()));
        // Why a manifest can't be used is told where the stage's state is.
        let reads_anyway =
            self.forced.contains(&Stage::Ingest) || !matches!(manifest(), Ok(Some(_)));
        let mut source = self.record.settings.source.clone();
        if let Some(commit) = &self.commit {
            source.revision.clone_from(commit);
        }
        Located::fetch(&source, &self.hub, self.quiet, reads_anyway)
    }

    fn set_threads(&self) {
        let threads = self.record.settings.ingest.threads;
        if threads > 0 {
            // A pool that exists already was made for the same setting in this process.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        }
    }

    fn say_what_it_is(&self) {
        if !self.quiet {
            terminal::say(&format!("{}: {}", self.folder.display(), self.record.words()));
        }
    }

    fn announce(&self, stage: Stage, state: &State) {
        if self.quiet {
            return;
        }
        terminal::say(&match state {
            State::UpToDate => format!("{stage:<10} up to date"),
            State::Stale(reasons) if reasons == &[Reason::NeverRun] => format!("{stage:<10} runs"),
            State::Stale(reasons) => format!("{stage:<10} runs: {}", shortened(reasons)),
        });
    }

    fn plan(&self, run: &RunFolder, stage: Stage, source: &SourcePlan) -> Result<Plan, Error> {
        let settings = &self.record.settings;
        let mut parameters: BTreeMap<String, Value> = BTreeMap::new();
        let mut add = |name: &str, value: Value| parameters.insert(name.to_owned(), value);
        for key in stage.keys() {
            let is_elsewhere = [THREADS, "source.revision"].contains(&key.name);
            // The rows are known by the inputs' hashes, not by where they lie.
            if stage.reads(key.name, settings) && !is_elsewhere && !PATHS.contains(&key.name) {
                add(key.name, json!(settings.value_of(key.name)));
            }
        }
        let mut plan = Plan::new(stage.as_str(), stage.version());
        match stage {
            Stage::Ingest => {
                if let Some(commit) = &source.commit {
                    add(COMMIT, commit.clone());
                }
                plan = plan.inputs(source.inputs.iter().cloned());
            }
            Stage::Train => {
                add(TARGET, json!(settings.value_of(TARGET)));
            }
            Stage::Evaluate => {
                add(TARGET, json!(settings.value_of(TARGET)));
                add(FINAL, json!(self.record.use_holdout));
            }
            Stage::Report => {
                // The page shows all of it.
                add("report.command", json!(self.record.command_line()));
                for &needed in stage.needs() {
                    let key = run.manifest(needed.as_str())?.key;
                    add(&format!("report.key.{needed}"), json!(key));
                }
                add("report.ledger", json!(ledger::sentence(run)?));
            }
            Stage::Agreement | Stage::Features => {}
        }
        for &needed in stage.needs() {
            let manifest = run.manifest(needed.as_str())?;
            plan = plan.inputs(manifest.outputs_as_inputs());
        }
        Ok(plan.parameters(parameters.iter().map(|(k, v)| (k.as_str(), v)))?)
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
        let context = Context { record: &self.record, run, work: &work, progress: &progress };
        let rows: RowCounts = match stage {
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

/// The run folder at a path, for reading; `None` where nothing is there yet.
fn existing(folder: &Path) -> Result<Option<RunFolder>, StoreError> {
    match Standing::of(folder)? {
        Standing::Absent | Standing::Empty => Ok(None),
        _ => RunFolder::open_read_only(folder).map(Some),
    }
}

/// The source's files as ingest has read them; `None` where it has not finished.
fn known_source(run: &RunFolder) -> Result<Option<SourcePlan>, StoreError> {
    let manifest = Manifest::read(&run.stage_folder(Stage::Ingest.as_str()))?;
    Ok(manifest.map(|manifest| SourcePlan {
        commit: manifest.parameters.get(COMMIT).cloned(),
        inputs: manifest.inputs,
    }))
}

/// The stages before the given ones, without these.
fn upstream(stages: &[Stage]) -> Vec<Stage> {
    let before = |stage: &Stage| stages.iter().any(|given| given.upstream().contains(stage));
    Stage::ALL.into_iter().filter(|stage| before(stage) && !stages.contains(stage)).collect()
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
