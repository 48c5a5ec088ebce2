//! The stage: files in, Parquet, rejects and a profile out.
//!
//! One thread reads and hashes, several parse and encode, and the caller's thread puts the results
//! back into the order of the file and writes them. A fixed number of buffers circulates, which
//! bounds the memory whatever the size of the file.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, File},
    io::{BufWriter, Write},
    mem,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use clawsig_schema::{
    Scanner, Split,
    column::COLUMNS,
    lock::LockedFile,
    profile::{DataProfile, FileProfile, PROFILE_FORMAT},
    wording::counted,
};
use sha2::{Digest, Sha256};

use crate::{
    IngestError, Source, ValidParams,
    decode::Table,
    lines::{BlockReader, Fingerprint, fingerprint},
    locked::check,
    process::{FileContext, Outcome, Work, process},
    signals,
    source::{Expected, Form, InputFile},
    table::{TableSchema, TableWriter, failed},
    tally::{Counts, Tally},
};

/// Where the results go; the folders are made.
#[derive(Clone, Debug)]
pub struct OutputPaths {
    /// The folder of `<split>.parquet`.
    pub signals_dir: PathBuf,
    /// The file of rejected rows.
    pub rejects: PathBuf,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// `profile.json`.
    pub profile: DataProfile,
    /// What a lock would say of each file that names its split, in the order they were read.
    pub lock_files: Vec<LockedFile>,
}

/// Reads a source and writes `signals/<split>.parquet` for every split and the rejected rows.
///
/// `progress` is told the bytes read and the bytes of all files, now and then. The files written
/// depend on the input and the parameters alone, not on threads or time. After an error none of
/// the four files and no rejects are left behind.
///
/// # Errors
/// The source can't be read or is none; a column is missing from a whole file; a file is not the
/// locked one; a row was rejected under `strict`; the output can't be written.
pub fn ingest(
    source: &Source,
    params: &ValidParams,
    out: &OutputPaths,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Ingested, IngestError> {
    let mut done = run(&source.files()?, params, out, progress);
    match (source, &mut done) {
        (Source::Hub(snapshot), Ok((profile, _))) => {
            profile.warnings.splice(0..0, snapshot.warnings.iter().cloned());
        }
        // The damage ends here: the next run does not find the file again.
        (Source::Hub(snapshot), Err(IngestError::Lock { file, remedy, .. })) => {
            *remedy = snapshot.discard(file);
        }
        _ => {}
    }
    if done.is_err() {
        // Nothing built from a file that failed a check may stay; what can't be removed was
        // most likely never made.
        for split in Split::ALL {
            let _ = fs::remove_file(out.signals_dir.join(format!("{split}.parquet")));
        }
        let _ = fs::remove_file(&out.rejects);
    }
    done.map(|(profile, lock_files)| Ingested { profile, lock_files })
}

fn run(
    inputs: &[InputFile],
    params: &ValidParams,
    out: &OutputPaths,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<(DataProfile, Vec<LockedFile>), IngestError> {
    if let Some(lock) = &params.lock {
        let has = |split: Split| inputs.iter().any(|input| input.split == Some(split));
        if let Some(file) = lock.files.iter().find(|file| !has(file.split)) {
            return Err(IngestError::LockedFileMissing { split: file.split.to_string() });
        }
    }
    let mut total = 0;
    for input in inputs {
        let read = IngestError::io("read", &input.path);
        total += fs::metadata(&input.path).map_err(read)?.len();
    }
    let mut first_pass = BTreeMap::new();
    let sample =
        if params.sample_rows == 0 { None } else { Some(draw(inputs, params, &mut first_pass)?) };
    let mut sink = Sink::create(out)?;
    let mut state = State::new(params.strict);
    let (mut profiles, mut lock_files) = (Vec::new(), Vec::new());
    let mut before = 0;
    for input in inputs {
        let report = |bytes: u64| progress(before + bytes, total);
        let read = read_file(input, params, sample.as_ref(), Some(&mut sink), &mut state, &report)?;
        if first_pass.get(&input.name).is_some_and(|first| *first != read.profile.sha256) {
            return Err(IngestError::Changed { file: input.name.clone() });
        }
        before += read.profile.bytes;
        let found = input.split.map(|split| LockedFile {
            path: input.name.clone(),
            split,
            rows: read.profile.lines - read.profile.blank,
            bytes: read.profile.bytes,
            sha256: read.profile.sha256.clone(),
            verdicts: read.verdicts,
        });
        let of_split = |found: &LockedFile| params.lock.as_ref()?.file(found.split);
        let locked = found.as_ref().and_then(|found| Some((of_split(found)?, found)));
        let bytes = Expected { bytes: read.profile.bytes, sha256: read.profile.sha256.clone() };
        let warning = check(&input.name, &bytes, input.expected.as_ref(), locked)?;
        state.warnings.extend(warning);
        lock_files.extend(found);
        profiles.push(read.profile);
    }
    sink.finish()?;
    progress(total, total);
    Ok((state.profile(profiles), lock_files))
}

/// The ids of the training rows to keep: those with the smallest hash of seed and id.
fn draw(
    inputs: &[InputFile],
    params: &ValidParams,
    hashes: &mut BTreeMap<String, String>,
) -> Result<HashSet<u128>, IngestError> {
    let mut state = State::new(false);
    state.draw =
        Some(Draw { seed: params.sample_seed, rows: params.sample_rows, kept: BTreeSet::new() });
    for input in inputs.iter().filter(|input| input.split.is_none_or(|split| split == Split::Train))
    {
        let read = read_file(input, params, None, None, &mut state, &|_| {})?;
        hashes.insert(input.name.clone(), read.profile.sha256);
    }
    let kept = state.draw.map(|draw| draw.kept).unwrap_or_default();
    Ok(kept.into_iter().map(|(_, key)| key).collect())
}

/// A sample under way: the ids with the smallest hashes so far.
struct Draw {
    seed: u64,
    rows: usize,
    kept: BTreeSet<([u8; 8], u128)>,
}

impl Draw {
    fn offer(&mut self, key: u128) {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(key.to_be_bytes());
        let mut rank = [0; 8];
        rank.copy_from_slice(&hash.finalize()[..8]);
        self.kept.insert((rank, key));
        if self.kept.len() > self.rows {
            self.kept.pop_last();
        }
    }
}

/// The files that are written.
struct Sink {
    schema: TableSchema,
    tables: Vec<TableWriter>,
    rejects: BufWriter<File>,
    rejects_path: PathBuf,
}

impl Sink {
    fn create(out: &OutputPaths) -> Result<Sink, IngestError> {
        let make =
            |folder: &Path| fs::create_dir_all(folder).map_err(IngestError::io("create", folder));
        make(&out.signals_dir)?;
        if let Some(folder) = out.rejects.parent() {
            make(folder)?;
        }
        let schema = signals::schema().map_err(|error| failed(&out.signals_dir, error))?;
        let tables = Split::ALL
            .iter()
            .map(|split| {
                TableWriter::create(&out.signals_dir.join(format!("{split}.parquet")), &schema)
            })
            .collect::<Result<_, _>>()?;
        let rejects =
            File::create(&out.rejects).map_err(IngestError::io("create", &out.rejects))?;
        Ok(Sink {
            schema,
            tables,
            rejects: BufWriter::new(rejects),
            rejects_path: out.rejects.clone(),
        })
    }

    /// Writes the rejects and takes the rows out of `outcome`.
    fn write(&mut self, outcome: &mut Outcome) -> Result<(), IngestError> {
        for (split, group) in mem::take(&mut outcome.groups) {
            self.tables[split.index()].write(group)?;
        }
        for reject in &outcome.rejects {
            let written = serde_json::to_writer(&mut self.rejects, reject)
                .map_err(std::io::Error::from)
                .and_then(|()| self.rejects.write_all(b"\n"));
            written.map_err(IngestError::io("write", &self.rejects_path))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), IngestError> {
        self.tables.into_iter().try_for_each(TableWriter::finish)?;
        self.rejects.flush().map_err(IngestError::io("write", &self.rejects_path))
    }
}

/// What grows over all files.
struct State {
    strict: bool,
    ids: [HashSet<u128>; 4],
    tally: Tally,
    unknown: Counts,
    reasons: BTreeMap<String, u64>,
    examples: [Option<String>; 3],
    not_sampled: u64,
    draw: Option<Draw>,
    warnings: Vec<String>,
    /// Memory for blocks, from one file to the next.
    buffers: Vec<Vec<u8>>,
}

impl State {
    fn new(strict: bool) -> Self {
        State {
            strict,
            ids: Default::default(),
            tally: Tally::default(),
            unknown: Counts::default(),
            reasons: BTreeMap::new(),
            examples: Default::default(),
            not_sampled: 0,
            draw: None,
            warnings: Vec::new(),
            buffers: Vec::new(),
        }
    }

    /// The positions of a block's rows whose id is known already, in this block or before it.
    fn repeated(&mut self, outcome: &Outcome) -> HashSet<u64> {
        let mut repeated = HashSet::new();
        for &(position, split, key) in &outcome.accepted {
            if !self.ids[split.index()].insert(key) {
                repeated.insert(position);
            } else if let (Split::Train, Some(draw)) = (split, self.draw.as_mut()) {
                draw.offer(key);
            }
        }
        repeated
    }

    fn profile(self, files: Vec<FileProfile>) -> DataProfile {
        let tally = &self.tally;
        let mut warnings = self.warnings;
        let unknown = tally.verdicts_unknown();
        if unknown > 0 {
            warnings.push(format!(
                "{} with the verdict `unknown`, which the paper's data does not have; no target \
                 counts them",
                counted(unknown, "row")
            ));
        }
        if tally.disagreements > 0 {
            warnings.push(format!(
                "another split than the file's named in {}; the file decides",
                counted(tally.disagreements, "row")
            ));
        }
        let (reason_codes, issue_categories) = tally.codes();
        let examples = Scanner::ALL.iter().zip(self.examples);
        DataProfile {
            format: PROFILE_FORMAT,
            synthetic: tally.synthetic > 0,
            rows: tally.rows(),
            sampled_out: self.not_sampled,
            rejected: files.iter().map(|file| file.rejected).sum(),
            files,
            rejected_by_reason: self.reasons,
            extra_columns: self.unknown.into_inner(),
            columns: tally.columns(),
            splits: tally.splits(),
            split_rule_mismatches: tally.off_rule,
            reason_codes,
            issue_categories,
            score_by_verdict: tally.scores(),
            bundles: tally.bundles(),
            examples: examples
                .filter_map(|(scanner, text)| Some((scanner.to_string(), text?)))
                .collect(),
            warnings,
        }
    }
}

struct FileRead {
    profile: FileProfile,
    verdicts: [u64; 3],
}

type Parsed = (u64, Work, Result<Outcome, IngestError>);

fn read_file(
    input: &InputFile,
    params: &ValidParams,
    sample: Option<&HashSet<u128>>,
    mut sink: Option<&mut Sink>,
    state: &mut State,
    progress: &dyn Fn(u64),
) -> Result<FileRead, IngestError> {
    let table = match input.form {
        Form::Parquet => Some(Table::open(&input.path)?),
        Form::Jsonl => None,
    };
    let schema = sink.as_ref().map(|sink| sink.schema.clone());
    let context = FileContext {
        name: &input.name,
        split: input.split,
        max_row_bytes: params.max_row_bytes,
        table: table.as_ref(),
        sample,
        schema: schema.as_ref(),
        examples_known: AtomicBool::new(state.examples.iter().all(Option::is_some)),
    };
    let mut read = FileRead {
        profile: FileProfile {
            name: input.name.clone(),
            bytes: 0,
            sha256: String::new(),
            lines: 0,
            blank: 0,
            accepted: 0,
            rejected: 0,
        },
        verdicts: [0; 3],
    };
    let mut columns_checked = false;
    let mut buffers = mem::take(&mut state.buffers);
    let fingerprint = parallel(input, params, &context, &mut buffers, |work, outcome| {
        let mut outcome = outcome?;
        if !columns_checked && outcome.objects > 0 {
            columns_checked = true;
            let absent = |&(at, column): &(usize, &clawsig_schema::column::Column)| {
                outcome.seen & (1 << at) == 0 && column.name != "split"
            };
            if let Some((_, column)) = COLUMNS.iter().enumerate().find(absent) {
                return Err(IngestError::MissingColumn {
                    file: input.name.clone(),
                    column: column.name,
                    rows: outcome.objects,
                });
            }
        }
        let repeated = state.repeated(&outcome);
        if !repeated.is_empty() {
            // Rare, so the block is simply processed again without the repeated rows.
            outcome = process(&work, &context, &repeated, &mut Vec::new())?;
        }
        for reject in &mut outcome.rejects {
            reject.line += read.profile.lines;
        }
        if let (true, Some(reject)) = (state.strict, outcome.rejects.first()) {
            return Err(IngestError::Strict {
                file: input.name.clone(),
                line: reject.line,
                reason: reject.detail.clone(),
            });
        }
        if let Some(sink) = &mut sink {
            sink.write(&mut outcome)?;
        }
        let profile = &mut read.profile;
        profile.lines += outcome.lines;
        profile.blank += outcome.blank;
        profile.accepted += outcome.accepted.len() as u64;
        profile.rejected += outcome.rejects.len() as u64;
        read.verdicts.iter_mut().zip(outcome.verdicts).for_each(|(a, b)| *a += b);
        for reject in &outcome.rejects {
            *state.reasons.entry(reject.reason.as_str().to_owned()).or_default() += 1;
        }
        state.not_sampled += outcome.not_sampled;
        state.examples.iter_mut().zip(outcome.examples).for_each(|(a, b)| {
            if a.is_none() {
                *a = b;
            }
        });
        let known = state.examples.iter().all(Option::is_some);
        context.examples_known.store(known, Ordering::Relaxed);
        for (name, count) in outcome.unknown.into_inner() {
            state.unknown.add(&name, count);
        }
        state.tally.merge(outcome.tally);
        if let Work::Lines(block) = &work {
            progress(block.offset + block.bytes.len() as u64);
        }
        Ok(work)
    })?;
    state.buffers = buffers;
    read.profile.bytes = fingerprint.bytes;
    read.profile.sha256 = fingerprint.sha256;
    Ok(read)
}

/// Blocks beyond one a worker: fewer, and the reader waits for a block while others have work.
const SPARE_BLOCKS: usize = 8;

/// Processes a file's blocks on `params.threads` threads, one of which reads, and hands the outcomes to `take` in the
/// order of the file, on the calling thread. `take` gives the block back for its memory, which at
/// the end is in `buffers`, where it is also taken from.
fn parallel(
    input: &InputFile,
    params: &ValidParams,
    context: &FileContext<'_>,
    buffers: &mut Vec<Vec<u8>>,
    mut take: impl FnMut(Work, Result<Outcome, IngestError>) -> Result<Work, IngestError>,
) -> Result<Fingerprint, IngestError> {
    // Reading and hashing keep one thread busy.
    let workers = params.threads.saturating_sub(1).max(1);
    let in_flight = workers + SPARE_BLOCKS;
    let (free_in, free) = sync_channel::<Vec<u8>>(in_flight);
    for _ in 0..in_flight {
        // The channel holds exactly this many.
        let _ = free_in.send(buffers.pop().unwrap_or_default());
    }
    let (work_in, work) = sync_channel::<(u64, Work)>(in_flight);
    let (done_in, done) = sync_channel::<Parsed>(in_flight);
    let work = Mutex::new(work);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let read = match context.table {
                None => read_lines(input, params.max_row_bytes, &free, &work_in),
                Some(table) => read_groups(input, table, &free, &work_in),
            };
            (read, free)
        });
        for _ in 0..workers {
            let (work, done_in) = (&work, done_in.clone());
            scope.spawn(move || {
                let mut scratch = Vec::new();
                loop {
                    // A poisoned lock means that another thread panicked, which ends the scope.
                    let Ok(next) = work.lock().map(|work| work.recv()) else { return };
                    let Ok((number, work)) = next else { return };
                    let outcome = process(&work, context, &HashSet::new(), &mut scratch);
                    if done_in.send((number, work, outcome)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done_in);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let mut failure = None;
        for (number, work, outcome) in &done {
            if failure.is_some() {
                continue;
            }
            waiting.insert(number, (work, outcome));
            while let Some((work, outcome)) = waiting.remove(&next) {
                next += 1;
                match take(work, outcome) {
                    // The channel has room for every buffer.
                    Ok(Work::Lines(block)) => drop(free_in.try_send(block.bytes)),
                    Ok(Work::RowGroup(_)) => drop(free_in.try_send(Vec::new())),
                    Err(error) => {
                        failure = Some(error);
                        break;
                    }
                }
            }
            if failure.is_some() {
                break;
            }
        }
        // Closed channels end the other threads where an error ended this one.
        drop(free_in);
        drop(done);
        let (read, free) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        buffers.extend(free.try_iter());
        match failure {
            Some(error) => Err(error),
            None => read,
        }
    })
}

fn read_lines(
    input: &InputFile,
    limit: usize,
    free: &Receiver<Vec<u8>>,
    work: &SyncSender<(u64, Work)>,
) -> Result<Fingerprint, IngestError> {
    let mut reader = BlockReader::open(&input.path, limit)?;
    for number in 0.. {
        let Ok(buffer) = free.recv() else { break };
        let block = reader.next(buffer).map_err(IngestError::io("read", &input.path))?;
        let Some(block) = block else { break };
        if work.send((number, Work::Lines(block))).is_err() {
            break;
        }
    }
    Ok(reader.finish())
}

fn read_groups(
    input: &InputFile,
    table: &Table,
    free: &Receiver<Vec<u8>>,
    work: &SyncSender<(u64, Work)>,
) -> Result<Fingerprint, IngestError> {
    let fingerprint = fingerprint(&input.path)?;
    for group in 0..table.groups() {
        if free.recv().is_err() || work.send((group as u64, Work::RowGroup(group))).is_err() {
            break;
        }
    }
    Ok(fingerprint)
}
