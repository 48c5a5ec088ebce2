//! Texts as token numbers, read in batches on all threads.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rayon::prelude::*;

use super::{
    analyzer::{Token, cut, each_token},
    intern::{Interner, NONE},
    params::VectorizerParams,
    terms::is_stop_word,
};
use crate::FeaturesError;

/// The different tokens.
pub(crate) type Tokens = Interner<()>;

/// Some consecutive documents as token numbers, which are one worker's until all are read.
#[derive(Debug)]
pub(crate) struct TokenRun {
    worker: usize,
    first_document: u32,
    ends: Vec<usize>,
    /// The tokens' numbers, [`NONE`] for an end that no n-gram reaches across.
    pub(crate) ids: Vec<u32>,
}

impl TokenRun {
    /// The numbers of the documents, and where each one's tokens stand.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (u32, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        (self.first_document..).zip(starts.zip(&self.ends).map(|(start, &end)| start..end))
    }

    /// The numbers of the documents for which `chosen` holds, and their tokens'.
    pub(crate) fn chosen<'a>(
        &'a self,
        chosen: &'a (dyn Fn(usize) -> bool + Sync),
    ) -> impl Iterator<Item = (u32, &'a [u32])> {
        let documents = self.documents().filter(move |&(number, _)| chosen(number as usize));
        documents.map(|(number, range)| (number, &self.ids[range]))
    }
}

/// One of the numberings under which texts are read; no two threads have the same at a time.
#[derive(Debug)]
struct Worker {
    number: usize,
    tokens: Tokens,
}

/// Reads texts batch by batch, in runs. Each worker numbers the tokens that it meets; at the end all
/// get one numbering.
#[derive(Debug, Default)]
pub(crate) struct TokenReader {
    /// Each is in the place that its number says.
    workers: Vec<Worker>,
    parts: Vec<TokenRun>,
    documents: u32,
}

/// The texts that were read.
#[derive(Debug)]
pub(crate) struct ReadTokens {
    pub(crate) tokens: Tokens,
    /// Consecutive documents, in order.
    pub(crate) parts: Vec<TokenRun>,
    pub(crate) documents: u32,
}

impl ReadTokens {
    /// The tokens' numbers of a document.
    pub(crate) fn document(&self, number: usize) -> &[u32] {
        let before = self.parts.partition_point(|part| part.first_document as usize <= number);
        let Some(part) = before.checked_sub(1).and_then(|at| self.parts.get(at)) else {
            return &[];
        };
        let at = number - part.first_document as usize;
        let start = if at == 0 { 0 } else { part.ends[at - 1] };
        &part.ids[start..part.ends[at]]
    }
}

impl TokenReader {
    /// Reads a batch of texts, in parallel on the current rayon pool. The texts are not kept.
    pub(crate) fn push<S: AsRef<str> + Sync>(
        &mut self,
        texts: &[S],
        params: &VectorizerParams,
    ) -> Result<(), FeaturesError> {
        let total = u32::try_from(texts.len()).ok().and_then(|n| self.documents.checked_add(n));
        let total = total.filter(|&n| n < NONE);
        let total = total.ok_or(FeaturesError::TooMany { what: "documents" })?;
        let idle = Workers::new(std::mem::take(&mut self.workers));
        let first = self.documents;
        let parts: Vec<Result<TokenRun, FeaturesError>> = runs_of(texts)
            .into_par_iter()
            .map(|run| {
                let first_document = first + run.start as u32;
                idle.with(|worker| read(worker, first_document, &texts[run], params))
            })
            .collect();
        self.workers = idle.all();
        for part in parts {
            self.parts.push(part?);
        }
        self.documents = total;
        Ok(())
    }

    /// Gives all workers' tokens one numbering.
    pub(crate) fn finish(self) -> Result<ReadTokens, FeaturesError> {
        let TokenReader { workers, mut parts, documents } = self;
        let mut workers = workers.into_iter().map(|worker| worker.tokens);
        let mut tokens = workers.next().unwrap_or_else(Tokens::new);
        let mut maps: Vec<Vec<u32>> = vec![Vec::new()];
        for worker in workers {
            let mut map = Vec::with_capacity(worker.len());
            for id in 0..worker.len() as u32 {
                map.push(tokens.intern(worker.get(id))?);
            }
            maps.push(map);
        }
        parts.par_iter_mut().filter(|part| part.worker > 0).for_each(|part| {
            let map = &maps[part.worker];
            for id in &mut part.ids {
                if *id != NONE {
                    *id = map[*id as usize];
                }
            }
        });
        Ok(ReadTokens { tokens, parts, documents })
    }
}

/// Bytes of a run: enough that a thread seldom asks for the next, few enough that none waits long for
/// another's last.
const RUN_BYTES: usize = 1 << 20;

/// The texts in runs of consecutive ones.
fn runs_of<S: AsRef<str>>(texts: &[S]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, text) in texts.iter().enumerate() {
        bytes += text.as_ref().len();
        if bytes >= RUN_BYTES || at + 1 == texts.len() {
            runs.push(start..at + 1);
            (start, bytes) = (at + 1, 0);
        }
    }
    runs
}

/// The workers of a reader, while several threads use them.
struct Workers {
    idle: Mutex<Vec<Worker>>,
    /// How many there are, idle or not.
    count: AtomicUsize,
}

impl Workers {
    fn new(all: Vec<Worker>) -> Workers {
        Workers { count: all.len().into(), idle: all.into() }
    }

    /// Calls `step` with a worker that nobody uses, a new one if there is none.
    fn with<T>(&self, step: impl FnOnce(&mut Worker) -> T) -> T {
        let lock = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = lock().pop();
        let mut worker = spare.unwrap_or_else(|| {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            Worker { number, tokens: Tokens::new() }
        });
        let done = step(&mut worker);
        lock().push(worker);
        done
    }

    /// All of them, by number.
    fn all(self) -> Vec<Worker> {
        let mut all = self.idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort_unstable_by_key(|worker| worker.number);
        all
    }
}

/// Reads a run of texts into token numbers.
fn read<S: AsRef<str>>(
    Worker { number, tokens }: &mut Worker,
    first_document: u32,
    texts: &[S],
    params: &VectorizerParams,
) -> Result<TokenRun, FeaturesError> {
    let mut part = TokenRun { worker: *number, first_document, ends: Vec::new(), ids: Vec::new() };
    let mut scratch = Vec::new();
    let (analyzer, lowercase, min_n) = (params.analyzer, params.lowercase, params.ngrams.0);
    for text in texts {
        let text = cut(text.as_ref(), params.max_chars);
        let mut failed = None;
        each_token(text, analyzer, lowercase, min_n, &mut scratch, |token| {
            let bytes = match token {
                Token::Gram(bytes) | Token::Whole(bytes) => bytes,
                Token::Break => return part.ids.push(NONE),
            };
            if is_stop_word(bytes, &params.stop_words) {
                return;
            }
            match tokens.intern(bytes) {
                Ok(id) => part.ids.push(id),
                Err(error) => failed = Some(error),
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        part.ends.push(part.ids.len());
    }
    part.ids.shrink_to_fit();
    Ok(part)
}
