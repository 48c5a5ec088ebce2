//! `clawsig predict`: skills in, verdicts with their reasons out.
//!
//! Skills are read, scored in parallel and printed a batch at a time and in order, so that memory
//! does not grow with their number. A skill that can't be scored keeps its place in the output.

mod lines;
mod output;
mod scorer;
mod skills;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clawsig_ingest::{SingleRow, SingleRows, parse_row};
use clawsig_schema::{evaluation::ModelName, hostile::printable};
use rayon::prelude::*;

use crate::{
    Error, ExitStatus,
    cli::{Global, OutputFormat, PredictArgs, PredictForm},
    terminal,
};
use lines::{Line, Lines};
use output::{Output, Prediction};
use scorer::{Outcome, Scorer};
use skills::SkillFile;

/// Skills scored at a time, where they are not lines.
const BATCH: usize = 256;

/// Scores what the paths name.
pub(crate) fn predict(arguments: &PredictArgs, global: &Global) -> Result<ExitStatus, Error> {
    let stdin = arguments.paths.iter().any(|path| path == Path::new("-"));
    if stdin && arguments.paths.len() > 1 {
        return Err(Error::Usage("- stands alone: name paths, or - for standard input".to_owned()));
    }
    let form = match arguments.form {
        Some(PredictForm::Jsonl) => PredictForm::Jsonl,
        Some(_) if stdin => {
            return Err(Error::Usage(
                "standard input gives JSON lines alone: leave --as out, or name a file".to_owned(),
            ));
        }
        Some(form) => form,
        None if stdin || global.format == OutputFormat::Json => PredictForm::Jsonl,
        None => PredictForm::Table,
    };
    let inputs: Vec<Input> =
        arguments.paths.iter().map(|path| Input::find(path)).collect::<Result<_, _>>()?;
    let mut scorer = Scorer::load(&arguments.model, arguments.text_only, arguments.top)?;
    if let Some(threshold) = &arguments.threshold {
        scorer.set_threshold(threshold, &arguments.model)?;
    }
    let mut run = Run {
        output: Output::new(form, &scorer),
        scorer: &scorer,
        total: 0,
        text_only: 0,
        unflagged: 0,
        failures: 0,
        first_failure: None,
    };
    run.output.begin()?;
    for input in inputs {
        run.input(input)?;
    }
    run.output.end()?;
    if !global.quiet {
        run.say(arguments);
    }
    if let Some(first) = run.first_failure {
        return Err(Error::Unscored { failures: run.failures, total: run.total, first });
    }
    Ok(ExitStatus::Done)
}

/// What a path names.
enum Input {
    Stdin,
    Lines(PathBuf),
    Parquet(PathBuf),
    Skills(Vec<SkillFile>),
}

impl Input {
    fn find(path: &Path) -> Result<Input, Error> {
        if path == Path::new("-") {
            return Ok(Input::Stdin);
        }
        if path.is_dir() {
            return Ok(Input::Skills(skills::find(path)?));
        }
        if !path.exists() {
            return Err(Error::Usage(format!(
                "{} does not exist: name SKILL.md files, folders of skills, .jsonl or .parquet \
                 files, or - for standard input",
                path.display()
            )));
        }
        Ok(match path.extension().and_then(|ending| ending.to_str()) {
            Some("jsonl" | "ndjson") => Input::Lines(path.to_owned()),
            Some("parquet") => Input::Parquet(path.to_owned()),
            _ => Input::Skills(vec![SkillFile::alone(path)]),
        })
    }
}

/// A skill's row, or why there is none.
type MaybeRow = Result<SingleRow, String>;

struct Run<'a> {
    scorer: &'a Scorer,
    output: Output<'a>,
    total: u64,
    text_only: u64,
    unflagged: u64,
    failures: u64,
    first_failure: Option<String>,
}

impl Run<'_> {
    fn input(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Stdin => self.lines(io::stdin().lock(), "-"),
            Input::Lines(path) => {
                let file = File::open(&path).map_err(Error::io("open", &path))?;
                self.lines(file, &path.to_string_lossy())
            }
            Input::Parquet(path) => self.parquet(&path),
            Input::Skills(skills) => {
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

    fn lines(&mut self, input: impl Read, name: &str) -> Result<(), Error> {
        let mut lines = Lines::new(input);
        let mut number = 0_u64;
        loop {
            let batch = lines.batch().map_err(Error::io("read", name))?;
            if batch.is_empty() {
                return Ok(());
            }
            let read: Vec<MaybeRow> = batch
                .par_iter()
                .map(|line| match line {
                    Line::TooLong => Err("the line is longer than 64 MiB".to_owned()),
                    Line::Bytes(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {
                        Err("the line is blank".to_owned())
                    }
                    Line::Bytes(bytes) => parse_row(bytes).map_err(|e| e.to_string()),
                })
                .collect();
            let sources =
                (1..=batch.len() as u64).map(|at| format!("{name}:{}", number + at)).collect();
            number += batch.len() as u64;
            self.batch(sources, read, false)?;
        }
    }

    fn parquet(&mut self, path: &Path) -> Result<(), Error> {
        let name = path.to_string_lossy();
        let mut rows = SingleRows::open(path)?;
        let mut number = 0_u64;
        loop {
            let read: Vec<MaybeRow> = (&mut rows)
                .take(BATCH)
                .map(|row| Ok(row?.map_err(|e| e.to_string())))
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
        read: Vec<MaybeRow>,
        are_files: bool,
    ) -> Result<(), Error> {
        let rows: Vec<Option<&SingleRow>> = read.iter().map(|row| row.as_ref().ok()).collect();
        let outcomes = self.scorer.score(&rows)?;
        for ((source, read), outcome) in sources.iter().zip(&read).zip(outcomes) {
            self.total += 1;
            let result = match (outcome, read) {
                (Outcome::Scored(scored), _) => {
                    self.text_only += u64::from(scored.which == ModelName::TextOnly);
                    let asked = self.scorer.has_threshold();
                    self.unflagged += u64::from(asked && scored.flagged.is_none());
                    Ok(scored)
                }
                (Outcome::Failed(reason), _) => Err(reason),
                (Outcome::Absent, Err(reason)) => Err(reason.clone()),
                // The scorer was given the row.
                (Outcome::Absent, Ok(_)) => Err("the row was left out".to_owned()),
            };
            let result = result.map_err(|reason| {
                let reason = printable(&reason, 300);
                self.failures += 1;
                let first = || format!("{}: {reason}", printable(source, 300));
                self.first_failure.get_or_insert_with(first);
                reason
            });
            let row = read.as_ref().ok().map(|read| &read.row);
            self.output.push(Prediction { source, is_file: are_files, row, result })?;
        }
        self.output.flush()
    }

    /// Tells which model was used where it is not the run's own.
    fn say(&self, arguments: &PredictArgs) {
        if self.text_only > 0 {
            let why = if arguments.text_only { "as asked" } else { "no scanner results" };
            terminal::say(&format!(
                "{} of {} scored by the text-only model: {why}",
                terminal::count(self.text_only),
                terminal::count(self.total)
            ));
        }
        if self.unflagged > 0 {
            terminal::say(&format!(
                "{} of them neither flagged nor cleared: evaluation could choose no such threshold for \
                 the text-only model; give a number instead",
                terminal::count(self.unflagged)
            ));
        }
    }
}
