//! Values as files hold them, and the one rule by which they become a column's: JSON, CSV and Parquet all
//! end here.

use std::borrow::Cow;

use clawsig_schema::{
    BundleStats,
    column::{Column, ColumnKind, NullRule},
};

use crate::reject::{Fault, RejectReason};

/// A value that is neither a list nor an object of interest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i128),
    Float(f64),
    /// Something else, in words.
    Other(&'static str),
}

/// A value of a column by its kind.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Scalar(Scalar<'a>),
    Texts(Vec<Cow<'a, str>>),
    Bundle(BundleStats),
    Context(Context<'a>),
}

/// The part of `clawscan_context` that is kept.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Context<'a> {
    /// By scanner: whether the output is an object with a member that is not null, or another value that is
    /// neither null nor empty.
    pub(crate) has_output: [bool; 3],
    pub(crate) virustotal_verdict: Option<Cow<'a, str>>,
    pub(crate) skillspector_verdict: Option<Cow<'a, str>>,
    pub(crate) skillspector_recommendation: Option<Cow<'a, str>>,
}

impl Context<'_> {
    /// The names of the scanners' outputs, in the order of [`Context::has_output`].
    pub(crate) const OUTPUTS: &'static [&'static str] = clawsig_schema::Scanner::NAMES;

    pub(crate) fn into_owned(self) -> Context<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Context {
            has_output: self.has_output,
            virustotal_verdict: owned(self.virustotal_verdict),
            skillspector_verdict: owned(self.skillspector_verdict),
            skillspector_recommendation: owned(self.skillspector_recommendation),
        }
    }
}

/// A float as the whole number it stands for: some writers have no other numbers.
fn whole(value: f64) -> Option<i128> {
    // Beyond 2^53 a float no longer tells neighbours apart.
    let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    exact.then_some(value as i128)
}

impl<'a> Scalar<'a> {
    /// The value in words, for a message.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Scalar::Null => "null",
            Scalar::Text(_) => "a string",
            Scalar::Whole(_) => "a whole number",
            Scalar::Float(_) => "a number",
            Scalar::Other(name) => name,
        }
    }

    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Fault> {
        match self {
            Scalar::Null => Ok(None),
            Scalar::Text(text) => Ok(Some(text)),
            other => Err(wrong(other.name(), ColumnKind::Text)),
        }
    }

    /// The text of a list's item or a file's path, where a null makes no sense.
    pub(crate) fn item(self, what: &str) -> Result<Cow<'a, str>, Fault> {
        let name = self.name();
        match self {
            Scalar::Text(text) => Ok(text),
            _ => Err(Fault::wrong_type(format!("{what} is {name}, expected a string"))),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Scalar::Whole(value) => Some(*value as f64),
            Scalar::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn whole<T: TryFrom<i128>>(&self, expected: &str) -> Result<T, Fault> {
        let value = match self {
            Scalar::Whole(value) => Some(*value),
            Scalar::Float(value) => whole(*value),
            other => {
                return Err(Fault::wrong_type(format!(
                    "is {}, expected {expected}; write it as int64",
                    other.name()
                )));
            }
        };
        value.and_then(|value| T::try_from(value).ok()).ok_or_else(|| {
            let found = match self {
                Scalar::Whole(value) => value.to_string(),
                other => other.number().unwrap_or_default().to_string(),
            };
            Fault::new(RejectReason::NumberOutOfRange, format!("is {found}, expected {expected}"))
        })
    }

    fn count(self) -> Result<Option<u32>, Fault> {
        match self {
            Scalar::Null => Ok(None),
            other => other.whole(ColumnKind::Count.expected()).map(Some),
        }
    }

    fn score(self) -> Result<Option<f64>, Fault> {
        if self == Scalar::Null {
            return Ok(None);
        }
        let Some(score) = self.number() else {
            return Err(wrong(self.name(), ColumnKind::Number));
        };
        if !(0.0..=100.0).contains(&score) {
            let expected = ColumnKind::Number.expected();
            let detail = format!("is {score}, expected {expected}");
            return Err(Fault::new(RejectReason::NumberOutOfRange, detail));
        }
        Ok(Some(score))
    }

    /// The size of a bundled file.
    pub(crate) fn size(&self) -> Result<u64, Fault> {
        self.whole("a whole number of bytes").map_err(|fault| Fault {
            detail: format!("the sizeBytes of a file {}", fault.detail),
            ..fault
        })
    }
}

fn wrong(found: &str, kind: ColumnKind) -> Fault {
    let remedy = match kind {
        ColumnKind::Text => "; write the column as a string",
        ColumnKind::Number => "; write the column as a double",
        _ => "",
    };
    Fault::wrong_type(format!("is {found}, expected {}{remedy}", kind.expected()))
}

impl<'a> Value<'a> {
    /// The value of a null, or of a column that is not there, by the column's rule.
    pub(crate) fn null(column: Column) -> Value<'a> {
        match (column.nulls(), column.kind()) {
            (NullRule::Empty, ColumnKind::TextList) => Value::Texts(Vec::new()),
            (NullRule::Empty, ColumnKind::Bundle) => Value::Bundle(BundleStats::default()),
            (NullRule::Empty, ColumnKind::Context) => Value::Context(Context::default()),
            _ => Value::Scalar(Scalar::Null),
        }
    }

    fn scalar(self, kind: ColumnKind) -> Result<Scalar<'a>, Fault> {
        match self {
            Value::Scalar(scalar) => Ok(scalar),
            _ => Err(wrong("a list or an object", kind)),
        }
    }

    pub(crate) fn text(self) -> Result<Option<Cow<'a, str>>, Fault> {
        self.scalar(ColumnKind::Text)?.text()
    }

    pub(crate) fn count(self) -> Result<Option<u32>, Fault> {
        self.scalar(ColumnKind::Count)?.count()
    }

    pub(crate) fn score(self) -> Result<Option<f64>, Fault> {
        self.scalar(ColumnKind::Number)?.score()
    }

    pub(crate) fn texts(self) -> Result<Vec<Cow<'a, str>>, Fault> {
        match self {
            Value::Texts(texts) => Ok(texts),
            other => Err(wrong(other.name(), ColumnKind::TextList)),
        }
    }

    pub(crate) fn bundle(self) -> Result<BundleStats, Fault> {
        match self {
            Value::Bundle(bundle) => Ok(bundle),
            other => Err(wrong(other.name(), ColumnKind::Bundle)),
        }
    }

    pub(crate) fn context(self) -> Result<Context<'a>, Fault> {
        match self {
            Value::Context(context) => Ok(context),
            other => Err(wrong(other.name(), ColumnKind::Context)),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Value::Scalar(scalar) => scalar.name(),
            Value::Texts(_) | Value::Bundle(_) => "a list",
            Value::Context(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_floats_are_counts_and_others_are_not() {
        let count = |scalar: Scalar<'static>| scalar.count().map_err(|fault| fault.reason);
        assert_eq!(count(Scalar::Float(3.0)), Ok(Some(3)));
        assert_eq!(count(Scalar::Float(-0.0)), Ok(Some(0)));
        assert_eq!(count(Scalar::Whole(4_294_967_295)), Ok(Some(u32::MAX)));
        assert_eq!(count(Scalar::Null), Ok(None));
        for value in [3.5, -1.0, 4_294_967_296.0, f64::NAN, f64::INFINITY] {
            assert_eq!(count(Scalar::Float(value)), Err(RejectReason::NumberOutOfRange), "{value}");
        }
        assert_eq!(count(Scalar::Whole(-1)), Err(RejectReason::NumberOutOfRange));
        assert_eq!(count(Scalar::Text("3".into())), Err(RejectReason::WrongType));
    }

    #[test]
    fn sizes_reach_as_far_as_floats_are_exact() {
        assert_eq!(Scalar::Float(9_007_199_254_740_992.0).size().ok(), Some(1 << 53));
        assert_eq!(Scalar::Whole(i128::from(u64::MAX)).size().ok(), Some(u64::MAX));
        for scalar in [Scalar::Null, Scalar::Text("3".into()), Scalar::Float(1e300)] {
            let fault = scalar.size().unwrap_err();
            assert!(fault.detail.starts_with("the sizeBytes of a file is "), "{}", fault.detail);
        }
    }

    #[test]
    fn scores_lie_between_0_and_100() {
        let score = |scalar: Scalar<'static>| scalar.score().map_err(|fault| fault.reason);
        assert_eq!(score(Scalar::Whole(100)), Ok(Some(100.0)));
        assert_eq!(score(Scalar::Float(0.5)), Ok(Some(0.5)));
        assert_eq!(score(Scalar::Null), Ok(None));
        for value in [-0.1, 100.1, f64::NAN] {
            assert_eq!(score(Scalar::Float(value)), Err(RejectReason::NumberOutOfRange));
        }
        assert_eq!(score(Scalar::Other("a list")), Err(RejectReason::WrongType));
    }

    #[test]
    fn a_null_follows_the_columns_rule_and_another_type_is_told() {
        assert_eq!(Value::null(Column::StaticReasonCodes).texts().unwrap(), [""; 0]);
        assert_eq!(Value::null(Column::SkillBundleContent).bundle().unwrap().files, 0);
        assert_eq!(Value::null(Column::ClawscanContext).context().unwrap(), Context::default());
        assert_eq!(Value::null(Column::SkillSlug).text().unwrap(), None);
        let fault = Value::Scalar(Scalar::Whole(1)).text().unwrap_err();
        assert_eq!(
            fault.detail,
            "is a whole number, expected a string; write the column as a string"
        );
        let fault = Value::Texts(Vec::new()).context().unwrap_err();
        assert_eq!(fault.detail, "is a list, expected an object with the scanners' outputs");
        let fault = Value::Context(Context::default()).texts().unwrap_err();
        assert_eq!(fault.detail, "is an object, expected a list of strings");
    }
}
