//! From rows to the feature matrices of all splits, with the texts streaming by.

use std::collections::BTreeMap;

use clawsig_schema::{
    FlagRule, Progress, Scanner, SkillRow, Split, flags, hostile,
    matrix::{ColumnGroup, ColumnInfo, Csr, RowInfo},
};
use rayon::prelude::*;

use crate::{
    BoxError, FeaturesError,
    batch::in_batches,
    duplicates::Sketches,
    fitted::{FittedFeatures, text_of},
    novelty::{KnownWords, Novelty, TextMeasures},
    params::ValidFeatureParams,
    signals::Signals,
    vectorizer::{FittedTfIdf, MatrixRows, PIECE_ROWS, ReadTexts, Renumbered, TfIdf, TfIdfFit},
};

/// The rows of one split, in order.
pub type RowIter<'a> = Box<dyn Iterator<Item = Result<SkillRow, BoxError>> + Send + 'a>;
/// The texts of some rows of one split, in order.
pub type TextIter<'a> = Box<dyn Iterator<Item = Result<String, BoxError>> + Send + 'a>;

/// Where the rows of each split come from.
pub trait RowSource {
    /// The rows of a split, in order; none for a split that is not there.
    ///
    /// # Errors
    /// Any error that keeps the source from being read.
    fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError>;

    /// The texts of the rows of a split at some places, ascending, with an empty one for a row that has
    /// none. They are asked for once all rows are read, of the rows that may be near-duplicates, and must be
    /// what they were. All rows up to the last place are read again, unless a source has a quicker way.
    ///
    /// # Errors
    /// As [`RowSource::rows`].
    fn texts<'a>(
        &'a mut self,
        split: Split,
        places: &'a [usize],
    ) -> Result<TextIter<'a>, BoxError> {
        Ok(texts_at(self.rows(split)?, places))
    }
}

/// The texts of the rows at some places, ascending, of which all up to the last are read.
pub fn texts_at<'a>(rows: RowIter<'a>, places: &'a [usize]) -> TextIter<'a> {
    let end = places.last().map_or(0, |last| last + 1);
    let mut places = places.iter().peekable();
    Box::new(rows.take(end).enumerate().filter_map(move |(place, row)| match row {
        Ok(row) => {
            places.next_if(|&&wanted| wanted == place)?;
            Some(Ok(row.text.unwrap_or_default()))
        }
        Err(error) => Some(Err(error)),
    }))
}

/// One split's matrix and who its rows are.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitFeatures {
    /// The split.
    pub split: Split,
    /// One row for each skill.
    pub matrix: Csr,
    /// The skills, in the same order.
    pub rows: Vec<RowInfo>,
}

/// All matrices, and what made them.
#[derive(Clone, Debug)]
pub struct FeatureSet {
    /// The state that was learned from the training rows.
    pub fitted: FittedFeatures,
    /// Every split, in the order of [`Split::ALL`]; one without rows has an empty matrix.
    pub splits: Vec<SplitFeatures>,
    /// The columns.
    pub columns: Vec<ColumnInfo>,
    /// From where on a text is unlike the training rows.
    pub novelty: Novelty,
}

/// Fits to the training rows and makes the matrix of every split.
///
/// Texts are held some megabytes at a time. `progress` is told how many rows of all splits are
/// read. The same rows give the same bytes for every number of
/// threads; the current rayon pool is used.
///
/// ```
/// use clawsig_features::{
///     BoxError, FeatureParams, RowIter, RowSource, VectorizerParams, build,
///     schema::{SkillRow, Split, matrix::ColumnGroup},
/// };
///
/// /// Rows in memory; a reader of files would hand them on one by one.
/// struct Rows(Vec<SkillRow>);
///
/// impl RowSource for Rows {
///     fn rows(&mut self, split: Split) -> Result<RowIter<'_>, BoxError> {
///         Ok(Box::new(self.0.iter().filter(move |row| row.split == split).cloned().map(Ok)))
///     }
/// }
///
/// # let row = |number: usize, split| SkillRow {
/// #     id: format!("{number:064}"),
/// #     slug: Some("owner/skill".to_owned()),
/// #     version: "1".to_owned(),
/// #     text: Some(format!("reads file{number}")),
/// #     bundle: Default::default(),
/// #     verdict: Default::default(),
/// #     judge: Default::default(),
/// #     static_scan: Default::default(),
/// #     virustotal: Default::default(),
/// #     skillspector: Default::default(),
/// #     split,
/// # };
/// # let rows = vec![row(1, Split::Train), row(2, Split::Train), row(3, Split::Test)];
/// let groups = vec![ColumnGroup::Text, ColumnGroup::Flags];
/// let text = VectorizerParams::default();
/// let params = FeatureParams { groups, text, ..Default::default() }.check()?;
/// // Two training rows and one to test, with the texts "reads file1", "reads file2", "reads file3".
/// let set = build(&params, &mut Rows(rows), &|_part, _done, _total| ())?;
///
/// let names: Vec<&str> = set.columns.iter().map(|column| &column.name[..]).collect();
/// let expected =
///     ["file1", "file2", "reads", "flag_static", "flag_virustotal", "flag_skillspector"];
/// assert_eq!(names, expected);
/// // Words that are not in the training rows have no column.
/// let test = set.splits.iter().find(|made| made.split == Split::Test).unwrap();
/// assert_eq!(test.matrix.row(0), (&[2][..], &[1.0][..]));
/// # Ok::<(), clawsig_features::FeaturesError>(())
/// ```
///
/// # Errors
/// [`FeaturesError::Source`] if the source fails, [`FeaturesError::NoTrainingRows`], and the
/// vectorizer's.
pub fn build(
    params: &ValidFeatureParams,
    source: &mut dyn RowSource,
    progress: Progress<'_>,
) -> Result<FeatureSet, FeaturesError> {
    let mut done = 0;
    let mut sketches = Sketches::default();
    let mut infos: Vec<RowInfo> = Vec::new();
    let mut reader = RowReader::new(params);
    in_batches(rows_of(source, Split::Train)?, row_size, |batch| {
        reader.push(batch)?;
        sketches.push(&texts_of(batch));
        infos.par_extend(batch.par_iter().map(|row| row_info(row, params.params.flags.rule)));
        done += batch.len() as u64;
        progress("reading texts", done, 0);
        Ok(())
    })?;
    progress("fitting the vocabulary", done, 0);
    let (fitted, matrix) = reader.finish()?.fit(|_| true)?;
    let known = KnownWords::of(&fitted);
    let mut measured: BTreeMap<Split, Vec<TextMeasures>> = BTreeMap::new();
    let mut splits = vec![SplitFeatures { split: Split::Train, matrix, rows: infos }];
    for &split in Split::ALL.iter().filter(|&&split| split != Split::Train) {
        let (mut made, mut infos) = (MatrixRows::default(), Vec::new());
        in_batches(rows_of(source, split)?, row_size, |batch| {
            let known = known.as_ref().filter(|_| split != Split::EvalHoldout);
            for (piece, measures) in fitted.transform_batch(batch, known)? {
                made.extend([piece]);
                measured.entry(split).or_default().extend(measures);
            }
            sketches.push(&texts_of(batch));
            infos.par_extend(batch.par_iter().map(|row| row_info(row, params.params.flags.rule)));
            done += batch.len() as u64;
            progress("transforming texts", done, 0);
            Ok(())
        })?;
        let matrix = made.finish(fitted.cols())?;
        splits.push(SplitFeatures { split, matrix, rows: infos });
    }
    progress("near-duplicates", done, 0);
    let groups = duplicate_groups(source, &splits, sketches)?;
    mark_duplicates(&mut splits, &groups);
    let rows = |split| known.as_ref().map(|_| measured.get(&split).map_or(&[][..], Vec::as_slice));
    let novelty = Novelty::calibrate(rows(Split::Validation), rows(Split::Test));
    Ok(FeatureSet { columns: fitted.columns(), fitted, splits, novelty })
}

/// Rows that were read once: their texts as numbers of tokens, and their signals. Features can be learned
/// from any of them, as often as is wanted, for example once a fold.
#[derive(Debug)]
pub struct ReadRows {
    params: ValidFeatureParams,
    text: Option<ReadTexts>,
    chars: Option<ReadTexts>,
    signals: Vec<Signals>,
    ids: Vec<String>,
}

/// Rows that are being read.
struct RowReader<'a> {
    params: &'a ValidFeatureParams,
    text: Option<TfIdfFit>,
    chars: Option<TfIdfFit>,
    signals: Vec<Signals>,
    ids: Vec<String>,
}

impl<'a> RowReader<'a> {
    fn new(params: &'a ValidFeatureParams) -> RowReader<'a> {
        let text = params.layout.text.then(|| TfIdf::new(params.text.clone()).begin());
        let chars = params.layout.chars.then(|| TfIdf::new(params.chars.clone()).begin());
        RowReader { params, text, chars, signals: Vec::new(), ids: Vec::new() }
    }

    fn push(&mut self, batch: &[SkillRow]) -> Result<(), FeaturesError> {
        for view in [&mut self.text, &mut self.chars].into_iter().flatten() {
            view.push(&texts_of(batch))?;
        }
        let layout = &self.params.layout;
        self.signals.par_extend(batch.par_iter().map(|row| layout.read(row)));
        self.ids.extend(batch.iter().map(|row| row.id.clone()));
        Ok(())
    }

    fn finish(self) -> Result<ReadRows, FeaturesError> {
        Ok(ReadRows {
            params: self.params.clone(),
            text: self.text.map(TfIdfFit::read).transpose()?,
            chars: self.chars.map(TfIdfFit::read).transpose()?,
            signals: self.signals,
            ids: self.ids,
        })
    }
}

impl ReadRows {
    /// Reads rows, some megabytes at a time, on the current rayon pool.
    ///
    /// # Errors
    /// [`FeaturesError::Source`] if a row can't be read, [`FeaturesError::TooMany`].
    pub fn read(
        params: &ValidFeatureParams,
        rows: impl IntoIterator<IntoIter: Send, Item = Result<SkillRow, BoxError>>,
    ) -> Result<ReadRows, FeaturesError> {
        let mut reader = RowReader::new(params);
        in_batches(rows, row_size, |batch| reader.push(batch))?;
        reader.finish()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Learns from the rows for whose places `chosen` holds: nothing but these enters the vocabulary, the
    /// idf, the scalings and the codes. The matrix is that of all rows, in their order: each row is the
    /// one that [`FittedFeatures::transform`] gives.
    ///
    /// # Errors
    /// [`FeaturesError::NoTrainingRows`], [`FeaturesError::NotFinite`], and the vectorizer's.
    pub fn fit(
        &self,
        chosen: impl Fn(usize) -> bool + Sync,
    ) -> Result<(FittedFeatures, Csr), FeaturesError> {
        let signals: Vec<&Signals> =
            (0..self.len()).filter(|&row| chosen(row)).map(|row| &self.signals[row]).collect();
        if signals.is_empty() {
            return Err(FeaturesError::NoTrainingRows);
        }
        let (text, words) = learn(&self.text, ColumnGroup::Text, &chosen)?.unzip();
        let (chars, characters) = learn(&self.chars, ColumnGroup::Chars, &chosen)?.unzip();
        let fitted = FittedFeatures::learn(self.params.clone(), (text, chars), &signals)?;
        let rows = MatrixRows::make(self.len(), |number, row| {
            let mut first = 0;
            for (view, tokens) in [(fitted.text(), &words), (fitted.chars(), &characters)] {
                let (Some(view), Some(tokens)) = (view, tokens) else { continue };
                tokens.append_row(view, number, first, row);
                first += view.cols();
            }
            fitted.append(&self.signals[number], &self.ids[number], row)
        })?;
        let matrix = rows.finish(fitted.cols())?;
        Ok((fitted, matrix))
    }
}

/// Learns a view of the text; gives its tokens too, as the view's vocabulary numbers them.
fn learn<'a>(
    read: &'a Option<ReadTexts>,
    group: ColumnGroup,
    chosen: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<(FittedTfIdf, Renumbered<'a>)>, FeaturesError> {
    let learned = read.as_ref().map(|read| read.learn(chosen)).transpose();
    learned.map_err(|e| FeaturesError::View { group, source: Box::new(e) })
}

impl FittedFeatures {
    /// Learns from training rows, whichever they are: of one split, or of splits drawn anew.
    ///
    /// Nothing but these rows enters the vocabulary, the idf, the scalings and the codes. Rows are
    /// held some megabytes at a time; the current rayon pool is used. [`FittedFeatures::transform`]
    /// then makes the matrix of any rows, these among them.
    ///
    /// # Errors
    /// [`FeaturesError::Source`] if a row can't be read, [`FeaturesError::NoTrainingRows`],
    /// [`FeaturesError::NotFinite`], and the vectorizer's.
    pub fn fit(
        params: &ValidFeatureParams,
        rows: impl IntoIterator<IntoIter: Send, Item = Result<SkillRow, BoxError>>,
    ) -> Result<FittedFeatures, FeaturesError> {
        // The matrix costs less than telling the vectorizer to leave it out would add.
        Ok(ReadRows::read(params, rows)?.fit(|_| true)?.0)
    }

    /// The matrix of some rows, in their order; each row depends on itself alone.
    ///
    /// # Errors
    /// [`FeaturesError::Source`] if a row can't be read, [`FeaturesError::NotFinite`] for a number
    /// that is none.
    pub fn transform(
        &self,
        rows: impl IntoIterator<IntoIter: Send, Item = Result<SkillRow, BoxError>>,
    ) -> Result<Csr, FeaturesError> {
        let mut made = MatrixRows::default();
        in_batches(rows, row_size, |batch| {
            made.extend(self.transform_batch(batch, None)?.into_iter().map(|(piece, _)| piece));
            Ok(())
        })?;
        made.finish(self.cols())
    }

    /// The rows of a batch, in order, with what is measured of their texts if words are given.
    fn transform_batch(
        &self,
        batch: &[SkillRow],
        known: Option<&KnownWords>,
    ) -> Result<Vec<(MatrixRows, Vec<TextMeasures>)>, FeaturesError> {
        let made: Vec<Result<_, FeaturesError>> = batch
            .par_chunks(PIECE_ROWS)
            .map(|chunk| {
                let (mut rows, mut measures) = (MatrixRows::default(), Vec::new());
                for made in self.transform_rows(&chunk.iter().collect::<Vec<_>>(), known) {
                    let made = made?;
                    rows.push(&made.row.columns, &made.row.values);
                    measures.extend(made.measures);
                }
                Ok((rows, measures))
            })
            .collect();
        // Of several errors the first row's is told, whichever thread was faster.
        made.into_iter().collect()
    }
}

fn texts_of(batch: &[SkillRow]) -> Vec<&str> {
    batch.iter().map(text_of).collect()
}

/// The group of each row over all splits. Texts that may be copies are read again.
fn duplicate_groups(
    source: &mut dyn RowSource,
    splits: &[SplitFeatures],
    sketches: Sketches,
) -> Result<Vec<u32>, FeaturesError> {
    let mut suspects = sketches.suspects()?;
    let mut documents = suspects.documents().iter().map(|&document| document as usize).peekable();
    let mut first = 0;
    let mut wanted = Vec::new();
    for split in splits {
        let end = first + split.rows.len();
        let places: Vec<usize> = std::iter::from_fn(|| documents.next_if(|&d| d < end))
            .map(|document| document - first)
            .collect();
        wanted.push((split.split, places));
        first = end;
    }
    for (split, places) in wanted.iter().filter(|(_, places)| !places.is_empty()) {
        let texts = source.texts(*split, places).map_err(FeaturesError::Source)?;
        in_batches(texts, String::len, |batch| suspects.push(batch))?;
    }
    suspects.groups()
}

/// A split's rows.
fn rows_of(source: &mut dyn RowSource, split: Split) -> Result<RowIter<'_>, FeaturesError> {
    source.rows(split).map_err(FeaturesError::Source)
}

fn row_size(row: &SkillRow) -> usize {
    text_of(row).len()
}

/// A text of the author's that a terminal and a spreadsheet can be shown. Two owners stay two: no
/// registry has names of 400 characters.
fn cell(text: &str) -> String {
    hostile::spreadsheet_cell(&hostile::printable(text, 400)).into_owned()
}

/// The row's identity; duplicates are marked once all rows are known.
fn row_info(row: &SkillRow, rule: FlagRule) -> RowInfo {
    let flag = |scanner| flags::flag(row, scanner, rule);
    RowInfo {
        id: row.id.clone(),
        slug: row.slug.as_deref().map(cell),
        owner: row.owner().map(cell),
        split: row.split,
        verdict: row.verdict.printable(),
        severity: row.skillspector.band(),
        flag_static: flag(Scanner::Static),
        flag_virustotal: flag(Scanner::VirusTotal),
        flag_skillspector: flag(Scanner::SkillSpector),
        duplicate_group: 0,
        copies_in_train: 0,
    }
}

fn mark_duplicates(splits: &mut [SplitFeatures], groups: &[u32]) {
    let mut in_train = vec![0_u32; groups.len()];
    let train = splits.iter().filter(|s| s.split == Split::Train).map(|s| s.rows.len()).sum();
    for &group in groups.iter().take(train) {
        in_train[group as usize] += 1;
    }
    let mut numbers = groups.iter();
    for split in splits {
        let itself = u32::from(split.split == Split::Train);
        for (row, &group) in split.rows.iter_mut().zip(&mut numbers) {
            row.duplicate_group = group;
            row.copies_in_train = in_train[group as usize] - itself;
        }
    }
}
