//! `clawsig predict`: skills in, verdicts with their reasons out.
//!
//! Skills are read, scored in parallel and printed a batch at a time and in order, so that memory
//! does not grow with their number. A skill that can't be scored keeps its place in the output.

mod baseline;
mod facts;
mod gate;
mod lines;
mod output;
mod policy;
mod scorer;
mod skills;

use std::{
    fs::File,
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
};

use clawsig_ingest::{SingleRow, SingleRows, parse_row};
use clawsig_model::Score;
use clawsig_schema::{SkillRow, evaluation::ModelName, hostile::printable, wording::with_causes};
use rayon::prelude::*;

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, PredictArgs, PredictForm},
    terminal,
};
use baseline::Baseline;
use gate::Gate;
use lines::InputLine;
use output::{Output, Prediction};
use scorer::{Given, Scorer, SkillOutcome};
use skills::{AllPassedOver, ReadSkill, SkillFile};

/// Skills scored at a time, where they are not lines.
const BATCH: usize = 256;

/// What a run's model says of one row.
pub(super) struct Said {
    /// The classes, in the order of the probabilities.
    pub(super) classes: &'static [&'static str],
    /// The score.
    pub(super) score: Score,
    /// Why the skill is unlike the training rows; empty where it is not.
    pub(super) unlike: Vec<String>,
}

/// Scores one row by the run's model on all columns, or says why not.
pub(super) fn score_row(
    run: &Path,
    row: &SkillRow,
    top: usize,
) -> Result<Result<Said, String>, Error> {
    let scorer = Scorer::load(run, false, top)?;
    let single = SingleRow { row: row.clone(), has_scanners: true };
    Ok(match scorer.score(&[Some(&single)]).pop() {
        Some(SkillOutcome::Scored(scored)) => {
            let classes = scorer.classes();
            Ok(Said { classes, score: scored.score, unlike: scored.unlike })
        }
        Some(SkillOutcome::Failed(why)) => Err(why),
        Some(SkillOutcome::Absent) | None => Err("the model gave no score".to_owned()),
    })
}

/// Scores what the paths name.
pub(crate) fn predict(arguments: &PredictArgs, global: &Global) -> Result<ExitStatus, Error> {
    let stdin = arguments.paths.iter().any(|path| path == Path::new("-"));
    if stdin && arguments.paths.len() > 1 {
        return Err(Error::Usage("- stands alone: name paths, or - for standard input".to_owned()));
    }
    let form = match arguments.form {
        Some(form) => form,
        None if stdin || global.format == OutputFormat::Json => PredictForm::Jsonl,
        None => PredictForm::Table,
    };
    if form == PredictForm::InstallPolicy && !stdin {
        return Err(Error::Usage(
            "--as install-policy takes OpenClaw's request on standard input: name - alone"
                .to_owned(),
        ));
    }
    // The model and all that is asked of it is checked before anything is read or scored.
    let mut scorer = Scorer::load(&arguments.model, arguments.text_only, arguments.top)?;
    let mut passed_over = AllPassedOver::default();
    let request = (form == PredictForm::InstallPolicy)
        .then(|| policy::read(io::stdin().lock(), &mut passed_over));
    let (inputs, refused) = match request {
        Some(Ok(skills)) => (vec![NamedPath::Skills(skills)], None),
        Some(Err(reason)) => (Vec::new(), Some(reason)),
        None => {
            let found = arguments.paths.iter().map(|path| NamedPath::find(path, &mut passed_over));
            (found.collect::<Result<_, _>>()?, None)
        }
    };
    if let Some(threshold) = &arguments.threshold {
        let given: Vec<Given> = inputs.iter().map(NamedPath::given).collect();
        scorer.set_threshold(threshold, &given)?;
    }
    let gate = Gate::parse(&arguments.fail_on, scorer.classes(), arguments.threshold.is_some())?;
    let gate = match form {
        PredictForm::InstallPolicy if !gate.is_set() => {
            Gate::of_policy(scorer.classes(), arguments.threshold.is_some())
        }
        _ => gate,
    };
    let baseline = arguments.baseline.as_deref().map(Baseline::read).transpose()?;
    let mut run = Run {
        output: Output::new(form, &scorer, arguments.threshold.is_some()),
        scorer: &scorer,
        gate,
        baseline: baseline.unwrap_or_default(),
        counts: SkillCounts::default(),
        first_failure: None,
    };
    run.output.begin()?;
    if let Some(reason) = refused {
        run.output.refuse(&reason);
    }
    for input in inputs {
        match run.input(input) {
            // A policy that ends without an answer blocks too, but can't say why.
            Err(error) if form == PredictForm::InstallPolicy => {
                run.output.refuse(&with_causes(&error));
            }
            other => other?,
        }
    }
    let passed_over: Vec<String> = passed_over.in_words().collect();
    run.output.end(&run.counts, &passed_over)?;
    if !global.quiet {
        passed_over.iter().for_each(|words| terminal::say(words));
        run.say(arguments);
    }
    run.status(form)
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
struct SkillCounts {
    total: u64,
    text_only: u64,
    failures: u64,
    /// Skills that fail the check.
    failing: u64,
    /// Skills whose review holds, which neither fail nor are results.
    reviewed: u64,
    /// Skills whose review has expired.
    expired: u64,
    /// Skills unlike the training rows.
    unlike: u64,
}

/// What a path names.
enum NamedPath {
    StdinRows,
    Lines(PathBuf),
    Parquet(PathBuf),
    Skills(Vec<SkillFile>),
}

impl NamedPath {
    fn find(path: &Path, passed_over: &mut AllPassedOver) -> Result<NamedPath, Error> {
        if path == Path::new("-") {
            return NamedPath::of_stdin();
        }
        if path.is_dir() {
            return Ok(NamedPath::Skills(skills::find(path, passed_over)?));
        }
        if !path.exists() {
            return Err(Error::Usage(format!(
                "{} does not exist: name SKILL.md files, folders of skills, .jsonl or .parquet \
                 files, or - for standard input",
                path.display()
            )));
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "jsonl" | "ndjson" => Ok(NamedPath::Lines(path.to_owned())),
            "parquet" => Ok(NamedPath::Parquet(path.to_owned())),
            "md" | "markdown" | "txt" => Ok(NamedPath::Skills(vec![SkillFile::alone(path)])),
            other => {
                let remedy = match other {
                    "gz" => ": unpack it, as with `gunzip -c FILE | clawsig predict -`",
                    "zst" => ": unpack it, as with `zstd -dc FILE | clawsig predict -`",
                    "json" | "csv" => ": rows have to be .jsonl or .parquet",
                    _ => "",
                };
                Err(Error::Usage(format!(
                    "{} is neither a SKILL.md (.md, .txt) nor rows (.jsonl, .ndjson, .parquet) by its \
                     ending{remedy}; a SKILL.md of any name can come on standard input, with -",
                    path.display()
                )))
            }
        }
    }

    /// Rows begin with a brace. Anything else is one SKILL.md, which is said.
    fn of_stdin() -> Result<NamedPath, Error> {
        let mut stdin = io::stdin().lock();
        let start = stdin.fill_buf().map_err(Error::io("read", "-"))?;
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None | Some(b'{') => Ok(NamedPath::StdinRows),
            Some(_) => {
                let bytes = skills::read_text(stdin)
                    .map_err(|reason| Error::Usage(format!("standard input {reason}")))?;
                terminal::say("standard input begins with no { and is scored as one SKILL.md");
                Ok(NamedPath::Skills(vec![SkillFile::from_stdin(bytes)]))
            }
        }
    }

    fn given(&self) -> Given {
        match self {
            NamedPath::StdinRows | NamedPath::Lines(_) | NamedPath::Parquet(_) => Given::Rows,
            NamedPath::Skills(_) => Given::Texts,
        }
    }
}

/// A skill's row, or why there is none.
type MaybeSkill = Result<ReadSkill, String>;

struct Run<'a> {
    scorer: &'a Scorer,
    output: Output<'a>,
    gate: Gate,
    baseline: Baseline,
    counts: SkillCounts,
    first_failure: Option<String>,
}

impl Run<'_> {
    fn input(&mut self, input: NamedPath) -> Result<(), Error> {
        match input {
            NamedPath::StdinRows => self.lines(io::stdin(), "-"),
            NamedPath::Lines(path) => {
                let file = File::open(&path).map_err(Error::io("open", &path))?;
                self.lines(file, &path.to_string_lossy())
            }
            NamedPath::Parquet(path) => self.parquet(&path),
            NamedPath::Skills(skills) => {
                for batch in skills.chunks(BATCH) {
                    let read = batch.par_iter().map(SkillFile::read).collect();
                    let sources =
                        batch.iter().map(|s| s.path.to_string_lossy().into_owned()).collect();
                    self.batch(sources, read, true)?;
                }
                Ok(())
            }
        }
    }

    fn lines(&mut self, input: impl Read + Send + 'static, name: &str) -> Result<(), Error> {
        let mut number = 0_u64;
        for batch in lines::read_ahead(input) {
            let batch = batch.map_err(Error::io("read", name))?;
            let read: Vec<MaybeSkill> = batch
                .par_iter()
                .map(|line| match line {
                    InputLine::TooLong => Err("the line is longer than 64 MiB".to_owned()),
                    InputLine::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {
                        Err("the line is blank".to_owned())
                    }
                    InputLine::Bytes(bytes) => {
                        parse_row(bytes).map(ReadSkill::of_row).map_err(|e| e.to_string())
                    }
                })
                .collect();
            let sources =
                (1..=batch.len() as u64).map(|at| format!("{name}:{}", number + at)).collect();
            number += batch.len() as u64;
            self.batch(sources, read, false)?;
        }
        Ok(())
    }

    fn parquet(&mut self, path: &Path) -> Result<(), Error> {
        let name = path.to_string_lossy();
        let mut rows = SingleRows::open(path)?;
        let mut number = 0_u64;
        loop {
            let read: Vec<MaybeSkill> = (&mut rows)
                .take(BATCH)
                .map(|row| Ok(row?.map(ReadSkill::of_row).map_err(|e| e.to_string())))
                .collect::<Result<_, Error>>()?;
            if read.is_empty() {
                return Ok(());
            }
            let sources =
                (1..=read.len() as u64).map(|at| format!("{name}:{}", number + at)).collect();
            number += read.len() as u64;
            self.batch(sources, read, false)?;
        }
    }

    /// Scores and prints a batch.
    fn batch(
        &mut self,
        sources: Vec<String>,
        read: Vec<MaybeSkill>,
        are_files: bool,
    ) -> Result<(), Error> {
        let rows: Vec<Option<&SingleRow>> =
            read.iter().map(|skill| skill.as_ref().ok().map(|skill| &skill.row)).collect();
        let outcomes = self.scorer.score(&rows);
        let mut predictions = Vec::with_capacity(read.len());
        for ((source, read), outcome) in sources.iter().zip(&read).zip(outcomes) {
            let result = match (outcome, read) {
                (SkillOutcome::Scored(mut scored), read) => {
                    scored.unlike.extend(read.iter().filter_map(|skill| skill.cut.clone()));
                    Ok(scored)
                }
                (SkillOutcome::Failed(reason), _) => Err(reason),
                (SkillOutcome::Absent, Err(reason)) => Err(reason.clone()),
                // The scorer was given the row.
                (SkillOutcome::Absent, Ok(_)) => Err("the row was left out".to_owned()),
            };
            let result = result.map_err(|reason| printable(&reason, 300));
            let sha256 = read.as_ref().ok().map(|skill| skill.sha256.as_str());
            predictions.push(Prediction {
                source,
                is_file: are_files,
                row: read.as_ref().ok().map(|skill| &skill.row.row),
                sha256,
                review: sha256.and_then(|sha256| self.baseline.of(sha256)).cloned(),
                fails: result.as_ref().is_ok_and(|scored| self.gate.fails(scored)),
                result,
            });
        }
        let line = |prediction: &Prediction<'_>| self.output.line(prediction);
        let lines: Vec<Vec<u8>> = predictions.par_iter().map(line).collect::<Result<_, _>>()?;
        for (prediction, line) in predictions.into_iter().zip(&lines) {
            self.count(&prediction);
            self.output.push(prediction, line)?;
        }
        self.output.flush()
    }

    fn count(&mut self, prediction: &Prediction<'_>) {
        let counts = &mut self.counts;
        counts.total += 1;
        match &prediction.result {
            Ok(scored) => {
                counts.text_only += u64::from(scored.which == ModelName::TextOnly);
                counts.unlike += u64::from(!scored.unlike.is_empty());
                counts.failing += u64::from(prediction.fails && !prediction.passes());
                counts.reviewed += u64::from(prediction.passes());
                let expired = prediction.review.as_ref().is_some_and(|review| review.expired);
                counts.expired += u64::from(expired);
            }
            Err(reason) => {
                counts.failures += 1;
                let first = || format!("{}: {reason}", printable(prediction.source, 300));
                self.first_failure.get_or_insert_with(first);
            }
        }
    }

    /// Tells what a reader of the scores has to know.
    fn say(&self, arguments: &PredictArgs) {
        let SkillCounts { total, text_only, unlike, reviewed, expired, .. } = self.counts;
        let of = |n: u64| format!("{} of {}", terminal::count(n), terminal::count(total));
        if text_only > 0 {
            let why = if arguments.text_only { "as asked" } else { "no scanner results" };
            terminal::say(&format!("{} scored by the text-only model: {why}", of(text_only)));
        }
        let novelty = self.scorer.novelty();
        if unlike > 0 {
            let mut text =
                format!("{} unlike the training rows: the scores mean little", of(unlike));
            if novelty.bounds.is_some() {
                let (all, found) = (novelty.test_rows, novelty.test_unlike);
                text += &format!(" (of {all} test rows {found} lie beyond the same bounds)");
            }
            terminal::say(&text);
        }
        if let Some(why) = novelty.undefined.as_deref().filter(|_| total > 0) {
            terminal::say(&format!("texts are not held against the training rows: {why}"));
        }
        if reviewed + expired > 0 {
            terminal::say(&format!(
                "{} reviewed and passed over; {} with an expired review, which count",
                of(reviewed),
                terminal::count(expired)
            ));
        }
        self.baseline.say();
        if self.gate.is_set() && arguments.form != Some(PredictForm::InstallPolicy) {
            terminal::say(&format!(
                "{} fail --fail-on {}",
                of(self.counts.failing),
                arguments.fail_on.join(" --fail-on ")
            ));
        }
    }

    /// How the command ends. A policy has answered, whatever it answered.
    fn status(self, form: PredictForm) -> Result<ExitStatus, Error> {
        if form == PredictForm::InstallPolicy {
            return Ok(ExitStatus::Done);
        }
        if self.counts.total == 0 {
            return Err(Error::Nothing);
        }
        if let Some(first) = self.first_failure {
            let SkillCounts { failures, total, .. } = self.counts;
            return Err(Error::Unscored { failures, total, first });
        }
        Ok(if self.counts.failing > 0 { ExitStatus::CheckFailed } else { ExitStatus::Done })
    }
}
