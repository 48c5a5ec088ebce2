//! Fitted features: what turns a row into numbers, and its file.

use std::collections::{HashMap, HashSet};

use clawsig_schema::{
    MissingPolicy, SkillRow,
    format::FormatVersion,
    hostile::printable,
    matrix::{ColumnGroup, ColumnInfo},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    FeaturesError,
    novelty::{KnownWords, TextMeasures},
    params::{FeatureParams, NumericColumns, ValidFeatureParams},
    saved::{self, MAX_JSON_BYTES},
    scaling::Scaling,
    shape::SHAPE_COLUMNS,
    signals::Signals,
    vectorizer::{FittedTfIdf, SparseRow, TfIdfFile},
};

/// The version of `vectorizer.json`.
///
/// - 2.0: the second view of the text, `chars`.
/// - 1.0: parameters, the text's vectorizer, scalings of numbers and shape, codes.
pub const FEATURES_FORMAT: FormatVersion = FormatVersion::new(2, 0);

/// The row of a skill, and what is measured of its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredRow {
    /// Its columns and values.
    pub row: SparseRow,
    /// The measures of its text, if they were asked for.
    pub measures: Option<TextMeasures>,
}

/// Everything that was learned from the training rows.
#[derive(Clone, Debug)]
pub struct FittedFeatures {
    params: ValidFeatureParams,
    text: Option<FittedTfIdf>,
    chars: Option<FittedTfIdf>,
    numbers: Vec<Scaling>,
    codes: Vec<String>,
    shape: Vec<Scaling>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeaturesFile {
    format: FormatVersion,
    params: FeatureParams,
    numbers: Vec<Scaling>,
    codes: Vec<String>,
    shape: Vec<Scaling>,
    text: Option<TfIdfFile>,
    chars: Option<TfIdfFile>,
}

/// Makes names what is shown, each once. Names of our own stay; a term or a code that is shown as
/// one of them, or as one before it, says its group and, from the second on, a number.
fn make_unique(columns: &mut [(ColumnGroup, String, String)]) {
    let from_data = |group: ColumnGroup| group == ColumnGroup::Codes || group.is_of_terms();
    let own = columns.iter().filter(|column| !from_data(column.0));
    let mut taken: HashSet<String> = own.map(|column| column.1.clone()).collect();
    let mut met: HashMap<String, u32> = HashMap::new();
    for (group, name, _) in columns.iter_mut().filter(|column| from_data(column.0)) {
        let shown = printable(name, 400);
        *name = shown.clone();
        while !taken.insert(name.clone()) {
            let number = met.entry(shown.clone()).or_default();
            *number += 1;
            *name = match *number {
                1 => format!("{shown} ({group})"),
                number => format!("{shown} ({group} {number})"),
            };
        }
    }
}

/// The dataset column of the text.
const TEXT_COLUMN: &str = "skill_md_content";

/// The dataset column that a column of the group `shape` is made from.
fn shape_reads(name: &str) -> &'static str {
    if name.contains("bundle") { "skill_bundle_content" } else { TEXT_COLUMN }
}

/// One line of `vocabulary.csv`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VocabularyRow {
    /// The column in the matrix.
    pub column: u32,
    /// The term.
    #[serde(with = "clawsig_schema::hostile::cell")]
    pub term: String,
    /// Training documents that hold it.
    pub document_frequency: u64,
    /// Its weight, 1 without idf.
    pub idf: f64,
}

impl FittedFeatures {
    /// Learns scalings and codes from the training rows' signals.
    pub(crate) fn learn(
        params: ValidFeatureParams,
        (text, chars): (Option<FittedTfIdf>, Option<FittedTfIdf>),
        rows: &[&Signals],
    ) -> Result<FittedFeatures, FeaturesError> {
        let layout = &params.layout;
        let fill = match params.params.numeric {
            NumericColumns::Notebook => Some(0.0),
            NumericColumns::Full => None,
        };
        let numbers = layout.numbers.iter().enumerate().map(|(at, number)| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row.numbers[at].or(fill)).collect();
            Scaling::fit(number.column, &values)
        });
        let numbers = numbers.collect::<Result<_, _>>()?;
        let mut codes: Vec<&String> = rows.iter().flat_map(|row| &row.codes).collect();
        codes.par_sort_unstable();
        codes.dedup();
        let codes = codes.into_iter().cloned().collect();
        let shape = if layout.shape {
            let scale = |(at, column): (usize, &&str)| {
                let values: Vec<f64> =
                    rows.iter().filter_map(|row| row.shape.map(|shape| shape[at])).collect();
                Scaling::fit(column, &values)
            };
            SHAPE_COLUMNS.iter().enumerate().map(scale).collect::<Result<_, _>>()?
        } else {
            Vec::new()
        };
        Ok(FittedFeatures { params, text, chars, numbers, codes, shape })
    }

    /// The settings.
    pub fn params(&self) -> &FeatureParams {
        &self.params.params
    }

    /// The vectorizer; `None` without the group `text`.
    pub fn text(&self) -> Option<&FittedTfIdf> {
        self.text.as_ref()
    }

    /// The vectorizer of the second view; `None` without the group `chars`.
    pub fn chars(&self) -> Option<&FittedTfIdf> {
        self.chars.as_ref()
    }

    /// The views of the text that are there, in the order of their columns.
    fn views(&self) -> impl Iterator<Item = (ColumnGroup, &FittedTfIdf)> {
        let views = [(ColumnGroup::Text, &self.text), (ColumnGroup::Chars, &self.chars)];
        views.into_iter().filter_map(|(group, view)| Some((group, view.as_ref()?)))
    }

    /// The columns of all views.
    fn text_cols(&self) -> usize {
        self.views().map(|(_, view)| view.cols()).sum()
    }

    fn indicators(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let full = self.params.params.numeric == NumericColumns::Full;
        let numbers = self.params.layout.numbers.iter().enumerate();
        numbers.filter(move |(_, n)| full && n.nullable).map(|(at, n)| (at, n.column))
    }

    /// The columns, in order: text, chars, flags, numbers, codes, shape. No two have one name.
    pub fn columns(&self) -> Vec<ColumnInfo> {
        // Group, name and the dataset columns that it is made from.
        let mut made: Vec<(ColumnGroup, String, String)> = Vec::with_capacity(self.cols());
        for (group, view) in self.views() {
            let terms = view.vocabulary().iter();
            made.extend(terms.map(|term| (group, term.clone(), TEXT_COLUMN.to_owned())));
        }
        let flags = self.params.layout.flag_columns(self.params.params.flags.missing);
        made.extend(flags.into_iter().map(|(name, reads)| (ColumnGroup::Flags, name, reads)));
        let numbers = self.numbers.iter().map(|scaling| &scaling.column);
        made.extend(numbers.map(|name| (ColumnGroup::Numeric, name.clone(), name.clone())));
        made.extend(self.indicators().map(|(_, column)| {
            (ColumnGroup::Numeric, format!("{column}_missing"), column.to_owned())
        }));
        made.extend(self.codes.iter().map(|code| {
            let column = self.params.layout.code_column(code);
            (ColumnGroup::Codes, code.clone(), column.to_owned())
        }));
        let shape = self.shape.iter().map(|scaling| &scaling.column);
        made.extend(
            shape.map(|name| (ColumnGroup::Shape, name.clone(), shape_reads(name).to_owned())),
        );
        make_unique(&mut made);
        (0_u32..)
            .zip(made)
            .map(|(column, (group, name, reads))| ColumnInfo { column, group, name, reads })
            .collect()
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        let layout = &self.params.layout;
        self.text_cols()
            + layout.flag_columns(self.params.params.flags.missing).len()
            + self.numbers.len()
            + self.indicators().count()
            + self.codes.len()
            + self.shape.len()
    }

    /// The lines of `vocabulary.csv`: the terms of every view; none without one.
    pub fn vocabulary(&self) -> Vec<VocabularyRow> {
        let terms = self.views().flat_map(|(_, view)| {
            let terms = view.vocabulary().iter().zip(view.document_frequency()).enumerate();
            terms.map(move |(at, (term, &df))| (term, df, view.idf().map_or(1.0, |idf| idf[at])))
        });
        (0_u32..)
            .zip(terms)
            .map(|(column, (term, document_frequency, idf))| VocabularyRow {
                column,
                term: term.clone(),
                document_frequency,
                idf,
            })
            .collect()
    }

    /// The row of one skill.
    ///
    /// # Errors
    /// [`FeaturesError::NotFinite`] for a number that is none.
    pub fn transform_row(&self, row: &SkillRow) -> Result<SparseRow, FeaturesError> {
        let made = self.transform_rows(&[row], None).pop();
        made.unwrap_or_else(|| Ok(MeasuredRow::default())).map(|made| made.row)
    }

    /// The rows of some skills, in order, each as of [`FittedFeatures::transform_row`], and what is
    /// measured of their texts if words are given. Of several views of the text one after the other
    /// is taken over all rows, so that its tables stay at hand.
    pub fn transform_rows(
        &self,
        rows: &[&SkillRow],
        known: Option<&KnownWords>,
    ) -> Vec<Result<MeasuredRow, FeaturesError>> {
        let (mut made, mut first) = (vec![MeasuredRow::default(); rows.len()], 0);
        for (_, view) in self.views() {
            let known = known.filter(|known| known.are_of(view));
            for (row, MeasuredRow { row: sparse, measures }) in rows.iter().zip(&mut made) {
                match known {
                    None => view.append_row(text_of(row), first, sparse),
                    Some(known) => {
                        let measures = measures.insert(TextMeasures::default());
                        let note = |word| known.note(word, measures);
                        view.append_row_and_words(text_of(row), first, sparse, note);
                    }
                }
            }
            first += view.cols();
        }
        let behind = |(row, mut made): (&&SkillRow, MeasuredRow)| {
            self.append(&self.params.layout.read(row), &row.id, &mut made.row)?;
            // Words that no view has read, or to which it gives other numbers.
            let measure = || known.map(|known| known.measure(text_of(row)));
            made.measures = made.measures.or_else(measure);
            Ok(made)
        };
        rows.iter().zip(made).map(behind).collect()
    }

    /// Appends everything but the text to a row; zeros are not stored.
    pub(crate) fn append(
        &self,
        signals: &Signals,
        id: &str,
        row: &mut SparseRow,
    ) -> Result<(), FeaturesError> {
        let mut column = self.text_cols() as u32;
        let mut put = |value: f64| {
            if value != 0.0 {
                row.columns.push(column);
                row.values.push(value);
            }
            column += 1;
        };
        let indicator = |yes: bool| f64::from(u8::from(yes));
        for flag in &signals.flags {
            put(indicator(*flag == Some(true)));
        }
        if self.params.params.flags.missing == MissingPolicy::Exclude {
            for flag in &signals.flags {
                put(indicator(flag.is_none()));
            }
        }
        let scaled = |scaling: &Scaling, value: f64| {
            scaling.apply(value).ok_or_else(|| FeaturesError::NotFinite {
                id: id.to_owned(),
                column: scaling.column.clone(),
            })
        };
        for (scaling, value) in self.numbers.iter().zip(&signals.numbers) {
            put(match (value, self.params.params.numeric) {
                (Some(value), _) => scaled(scaling, *value)?,
                (None, NumericColumns::Notebook) => scaled(scaling, 0.0)?,
                (None, NumericColumns::Full) => 0.0,
            });
        }
        for (at, _) in self.indicators() {
            put(indicator(signals.numbers[at].is_none()));
        }
        for code in &self.codes {
            put(indicator(signals.codes.binary_search(code).is_ok()));
        }
        for (scaling, value) in self.shape.iter().zip(signals.shape.iter().flatten()) {
            put(scaled(scaling, *value)?);
        }
        Ok(())
    }

    /// `vectorizer.json`.
    ///
    /// # Errors
    /// [`FeaturesError::Json`], which a finite state never meets.
    pub fn to_json(&self) -> Result<String, FeaturesError> {
        Ok(serde_json::to_string(&FeaturesFile {
            format: FEATURES_FORMAT,
            params: self.params.params.clone(),
            numbers: self.numbers.clone(),
            codes: self.codes.clone(),
            shape: self.shape.clone(),
            text: self.text.as_ref().map(FittedTfIdf::to_file),
            chars: self.chars.as_ref().map(FittedTfIdf::to_file),
        })?)
    }

    /// Reads `vectorizer.json`; rows then get the same bits as from the state that was saved.
    ///
    /// # Errors
    /// As [`FittedTfIdf::from_json`], or a parameter's error.
    pub fn from_json(json: &str) -> Result<FittedFeatures, FeaturesError> {
        let file: FeaturesFile = saved::read(json, FEATURES_FORMAT, MAX_JSON_BYTES)?;
        FEATURES_FORMAT.can_read(file.format)?;
        let params = file.params.check()?;
        let layout = &params.layout;
        let names = file.numbers.iter().map(|scaling| scaling.column.as_str());
        let shape = SHAPE_COLUMNS.iter().copied().filter(|_| layout.shape);
        let sound = [
            (
                file.numbers.iter().chain(&file.shape).all(Scaling::is_sound),
                "a mean or scale is no finite number",
            ),
            (
                names.eq(layout.numbers.iter().map(|number| number.column)),
                "its numbers are not those of its parameters",
            ),
            (
                file.shape.iter().map(|scaling| scaling.column.as_str()).eq(shape),
                "its columns of shape are not those of its parameters",
            ),
            (file.codes.is_sorted_by(|a, b| a < b), "its codes are not in order, or one is twice"),
            (
                file.codes.iter().all(|code| layout.gives_code(code)),
                "a code is of no column of its parameters",
            ),
            (
                file.text.is_some() == layout.text
                    && file.text.as_ref().is_none_or(|text| text.params == params.params.text),
                "its vectorizer is not that of its parameters",
            ),
            (
                file.chars.is_some() == layout.chars
                    && file.chars.as_ref().is_none_or(|c| c.params == *params.chars.params()),
                "its second vectorizer is not that of its parameters",
            ),
        ];
        if let Some((_, what)) = sound.into_iter().find(|&(holds, _)| !holds) {
            return Err(FeaturesError::Damaged(what.to_owned()));
        }
        let text = file.text.map(FittedTfIdf::from_file).transpose()?;
        let chars = file.chars.map(FittedTfIdf::from_file).transpose()?;
        Ok(FittedFeatures {
            params,
            text,
            chars,
            numbers: file.numbers,
            codes: file.codes,
            shape: file.shape,
        })
    }
}

/// The text of a skill, empty where it has none.
pub(crate) fn text_of(row: &SkillRow) -> &str {
    row.text.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_one_name() {
        let long = |end| format!("{}{end}", "c".repeat(500));
        let mut columns: Vec<(ColumnGroup, String, String)> = [
            (ColumnGroup::Text, "skillspector_score".to_owned()),
            (ColumnGroup::Text, "skillspector_score (text)".to_owned()),
            (ColumnGroup::Text, "tool".to_owned()),
            (ColumnGroup::Numeric, "skillspector_score".to_owned()),
            (ColumnGroup::Codes, long("1")),
            (ColumnGroup::Codes, long("2")),
            (ColumnGroup::Codes, long("3")),
        ]
        .map(|(group, name)| (group, name, String::new()))
        .to_vec();
        make_unique(&mut columns);
        let names: Vec<&str> = columns.iter().map(|column| column.1.as_str()).collect();
        let short = printable(&long(""), 400);
        let (second, third) = (format!("{short} (codes)"), format!("{short} (codes 2)"));
        let expected = [
            "skillspector_score (text)",
            "skillspector_score (text) (text)",
            "tool",
            "skillspector_score",
            &short,
            &second,
            &third,
        ];
        assert_eq!(names, expected);
    }
}
