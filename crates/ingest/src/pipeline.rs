//! The stage: files in, Parquet, rejects and a profile out.
//!
//! Blocks are read and hashed one after the other, parsed and encoded by any thread, and written in the order of the
//! file. Few of them are in memory at a time, whatever the size of the file.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs::{self, File},
    io::{BufWriter, ErrorKind, Write},
    mem,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use clawsig_schema::{
    Progress, Scanner, Split,
    lock::LockedFile,
    profile::{DataProfile, FileProfile, PROFILE_FORMAT},
    wording::{counted, grouped},
};
use sha2::{Digest, Sha256};

use crate::{
    IngestError, Reject, Source, ValidIngestParams,
    lines::{BlockReader, Fingerprint, fingerprint},
    locked::check,
    ordered::in_order,
    parquet::{ParquetTable, TableSchema, TableWriter, failed},
    process::{BlockResult, FileContext, Work, process},
    signals,
    source::{Expected, Form, InputFile, Listing},
    tally::{NameCounts, Tally},
};

/// Rejected rows that an error shows.
const SHOWN: usize = 3;
/// Rejected rows of a file that no share of them makes an error, as long as any row is accepted: a share of few rows
/// says little.
const FEW: u64 = 10;

/// Where the results go. The folder of the tables is made; the one that it lies in, and that of the rejects,
/// have to be there.
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
/// The source can't be read, is none or holds no rows; a column is missing from a whole file; a file is not the
/// locked one, or not what its name says; more rows of a file were rejected than `max_reject_share` allows, or one
/// under `strict`; the output can't be written.
pub fn ingest(
    source: &Source,
    params: &ValidIngestParams,
    out: &OutputPaths,
    progress: Progress<'_>,
) -> Result<Ingested, IngestError> {
    let mut done = run(&source.list()?, params, out, progress);
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
    listing: &Listing,
    params: &ValidIngestParams,
    out: &OutputPaths,
    progress: Progress<'_>,
) -> Result<(DataProfile, Vec<LockedFile>), IngestError> {
    let inputs = listing.files.as_slice();
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
    let sample = match params.sample_rows {
        0 => None,
        _ => Some(draw(inputs, params, &mut first_pass)?),
    };
    let mut sink = Sink::create(out)?;
    let mut state = Totals::new(params.strict);
    state.warnings.clone_from(&listing.warnings);
    let (mut profiles, mut lock_files) = (Vec::new(), Vec::new());
    let mut before = 0;
    for input in inputs {
        let report = |bytes: u64| progress("rows", before + bytes, total);
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
    progress("rows", total, total);
    let profile = state.profile(profiles);
    if profile.rows + profile.rejected == 0 {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).take(4).collect();
        return Err(IngestError::NoRows { files: names.join(", ") });
    }
    Ok((profile, lock_files))
}

/// The ids of the training rows to keep: those with the smallest hash of seed and id.
fn draw(
    inputs: &[InputFile],
    params: &ValidIngestParams,
    hashes: &mut BTreeMap<String, String>,
) -> Result<HashSet<u128>, IngestError> {
    let mut state = Totals::new(false);
    state.draw = Some(SampleDraw {
        seed: params.sample_seed,
        rows: params.sample_rows,
        kept: BTreeSet::new(),
    });
    for input in inputs.iter().filter(|input| input.split.is_none_or(|split| split == Split::Train))
    {
        let read = read_file(input, params, None, None, &mut state, &|_| {})?;
        hashes.insert(input.name.clone(), read.profile.sha256);
    }
    let kept = state.draw.map(|draw| draw.kept).unwrap_or_default();
    Ok(kept.into_iter().map(|(_, key)| key).collect())
}

/// A sample under way: the ids with the smallest hashes so far.
struct SampleDraw {
    seed: u64,
    rows: usize,
    kept: BTreeSet<([u8; 8], u128)>,
}

impl SampleDraw {
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
        // Nothing above it is made: whoever removes a scratch folder under our hands wants it gone.
        match fs::create_dir(&out.signals_dir) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                return Err(IngestError::io("create", &out.signals_dir)(e));
            }
            _ => {}
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

    /// Writes the rejects and takes the rows out of the result.
    fn write(&mut self, result: &mut BlockResult) -> Result<(), IngestError> {
        for (split, group) in mem::take(&mut result.groups) {
            self.tables[split.index()].write(group)?;
        }
        for reject in &result.rejects {
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
struct Totals {
    strict: bool,
    ids: [HashSet<u128>; 4],
    tally: Tally,
    extra: NameCounts,
    reasons: BTreeMap<String, u64>,
    examples: [Option<String>; 3],
    not_sampled: u64,
    draw: Option<SampleDraw>,
    warnings: Vec<String>,
}

impl Totals {
    fn new(strict: bool) -> Self {
        Totals {
            strict,
            ids: Default::default(),
            tally: Tally::default(),
            extra: NameCounts::default(),
            reasons: BTreeMap::new(),
            examples: Default::default(),
            not_sampled: 0,
            draw: None,
            warnings: Vec::new(),
        }
    }

    /// The positions of a block's rows whose id is known already, in this block or before it.
    fn repeated(&mut self, result: &BlockResult) -> HashSet<u64> {
        let mut repeated = HashSet::new();
        for &(position, split, key) in &result.accepted {
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
        warnings.extend(tally.warnings());
        let (rows, extra) = (tally.rows() + self.not_sampled, self.extra.into_inner());
        for (name, &with) in extra.iter().take(FEW as usize) {
            let share = if with == rows { "all".to_owned() } else { grouped(with) };
            warnings.push(format!(
                "a column `{name}` that the dataset did not have, in {share} of {}; it is not read",
                counted(rows, "row")
            ));
        }
        let splits = tally.splits();
        let empty: Vec<&str> = splits
            .iter()
            .filter(|split| split.rows == 0)
            .map(|split| split.split.as_str())
            .collect();
        if !empty.is_empty() {
            warnings.push(format!("no rows of {}: the source has none", empty.join(", ")));
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
            extra_columns: extra,
            columns: tally.columns(),
            splits,
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

/// The blocks of a file, in its order.
enum Blocks {
    Text(BlockReader),
    Parquet { groups: std::ops::Range<usize>, fingerprint: Fingerprint },
}

impl Blocks {
    /// The block that comes next, in the memory of one that is done.
    fn next(&mut self, input: &InputFile, spare: Vec<u8>) -> Result<Option<Work>, IngestError> {
        Ok(match self {
            Blocks::Text(reader) => {
                let block = reader.next(spare).map_err(IngestError::io("read", &input.path))?;
                block.map(Work::Lines)
            }
            Blocks::Parquet { groups, .. } => groups.next().map(Work::RowGroup),
        })
    }

    fn finish(self) -> Fingerprint {
        match self {
            Blocks::Text(reader) => reader.finish(),
            Blocks::Parquet { fingerprint, .. } => fingerprint,
        }
    }
}

fn read_file(
    input: &InputFile,
    params: &ValidIngestParams,
    sample: Option<&HashSet<u128>>,
    sink: Option<&mut Sink>,
    state: &mut Totals,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<FileRead, IngestError> {
    let table = match input.form {
        Form::Parquet => Some(ParquetTable::open(&input.path)?),
        Form::Jsonl | Form::Csv => None,
    };
    let mut blocks = match &table {
        Some(table) => {
            Blocks::Parquet { groups: 0..table.groups(), fingerprint: fingerprint(&input.path)? }
        }
        None => Blocks::Text(BlockReader::open(
            &input.path,
            input.form,
            input.packing(),
            params.max_row_bytes,
        )?),
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
    let mut taker =
        Taker { context: &context, sink, state, progress, read: FileRead::new(&input.name) };
    let spare = Mutex::new(Vec::new());
    let lock = || spare.lock().unwrap_or_else(PoisonError::into_inner);
    in_order(
        params.threads,
        || {
            let memory = lock().pop().unwrap_or_default();
            blocks.next(input, memory)
        },
        |work, scratch| {
            let result = process(&work, &context, &HashSet::new(), scratch);
            (work, result)
        },
        |(work, result)| {
            taker.take(&work, result)?;
            if let Work::Lines(block) = work {
                lock().push(block.bytes);
            }
            Ok(())
        },
    )?;
    let mut read = taker.read;
    read.check(params)?;
    let fingerprint = blocks.finish();
    read.profile.bytes = fingerprint.bytes;
    read.profile.sha256 = fingerprint.sha256;
    Ok(read)
}

/// A file as far as it is read.
struct FileRead {
    profile: FileProfile,
    verdicts: [u64; 3],
    reasons: BTreeMap<&'static str, u64>,
    /// The first rejects, and how many rows were looked at for columns.
    first: Vec<Reject>,
    columns_checked: bool,
}

impl FileRead {
    fn new(name: &str) -> FileRead {
        let profile = FileProfile {
            name: name.to_owned(),
            bytes: 0,
            sha256: String::new(),
            lines: 0,
            blank: 0,
            accepted: 0,
            rejected: 0,
        };
        FileRead {
            profile,
            verdicts: [0; 3],
            reasons: BTreeMap::new(),
            first: Vec::new(),
            columns_checked: false,
        }
    }

    /// Whether few enough rows were rejected.
    fn check(&self, params: &ValidIngestParams) -> Result<(), IngestError> {
        let FileProfile { name, accepted, rejected, .. } = &self.profile;
        let rows = accepted + rejected;
        let share = *rejected as f64 / rows as f64;
        if *rejected == 0 || share <= params.max_reject_share || (*rejected <= FEW && *accepted > 0)
        {
            return Ok(());
        }
        let mut reasons: Vec<(&str, u64)> =
            self.reasons.iter().map(|(reason, rows)| (*reason, *rows)).collect();
        reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        let reasons: Vec<String> =
            reasons.iter().map(|(reason, rows)| format!("{reason} {}", grouped(*rows))).collect();
        let first: Vec<String> = self
            .first
            .iter()
            .map(|reject| format!("line {}: {}", reject.line, reject.detail))
            .collect();
        Err(IngestError::TooManyRejects {
            file: name.clone(),
            rejected: *rejected,
            rows,
            share: params.max_reject_share,
            reasons: reasons.join(", "),
            first: first.join("; "),
        })
    }
}

/// Takes the results of blocks in the order of the file.
struct Taker<'a> {
    context: &'a FileContext<'a>,
    sink: Option<&'a mut Sink>,
    state: &'a mut Totals,
    progress: &'a (dyn Fn(u64) + Sync),
    read: FileRead,
}

impl Taker<'_> {
    fn take(
        &mut self,
        work: &Work,
        result: Result<BlockResult, IngestError>,
    ) -> Result<(), IngestError> {
        let lines = self.read.profile.lines;
        // Where a step panicked is counted from the block's first row.
        let at_line = |error| match error {
            IngestError::Panicked { file, line, reason } => {
                IngestError::Panicked { file, line: line + lines, reason }
            }
            other => other,
        };
        let mut result = result.map_err(at_line)?;
        if !self.read.columns_checked && result.objects > 0 {
            self.read.columns_checked = true;
            if let Some(column) = result.seen.lacks() {
                return Err(IngestError::MissingColumn {
                    file: self.context.name.to_owned(),
                    column: column.name(),
                    rows: result.objects,
                });
            }
        }
        let repeated = self.state.repeated(&result);
        if !repeated.is_empty() {
            // Rare, so the block is simply processed again without the repeated rows.
            result = process(work, self.context, &repeated, &mut Vec::new()).map_err(at_line)?;
        }
        for reject in &mut result.rejects {
            reject.line += lines;
        }
        if let (true, Some(reject)) = (self.state.strict, result.rejects.first()) {
            return Err(IngestError::Strict {
                file: self.context.name.to_owned(),
                line: reject.line,
                reason: reject.detail.clone(),
            });
        }
        if let Some(sink) = &mut self.sink {
            sink.write(&mut result)?;
        }
        let room = SHOWN.saturating_sub(self.read.first.len());
        self.read.first.extend(result.rejects.iter().take(room).cloned());
        let profile = &mut self.read.profile;
        profile.lines += result.lines;
        profile.blank += result.blank;
        profile.accepted += result.accepted.len() as u64;
        profile.rejected += result.rejects.len() as u64;
        self.read.verdicts.iter_mut().zip(result.verdicts).for_each(|(a, b)| *a += b);
        let state = &mut *self.state;
        for reject in &result.rejects {
            *state.reasons.entry(reject.reason.as_str().to_owned()).or_default() += 1;
            *self.read.reasons.entry(reject.reason.as_str()).or_default() += 1;
        }
        state.not_sampled += result.not_sampled;
        state.examples.iter_mut().zip(result.examples).for_each(|(a, b)| {
            if a.is_none() {
                *a = b;
            }
        });
        let known = state.examples.iter().all(Option::is_some);
        self.context.examples_known.store(known, Ordering::Relaxed);
        for (name, count) in result.extra.into_inner() {
            state.extra.add(&name, count);
        }
        state.tally.merge(result.tally);
        if let Work::Lines(block) = work {
            (self.progress)(block.read);
        }
        Ok(())
    }
}
