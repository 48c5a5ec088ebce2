//! Rows become ratings: which column is what, which value is which label.

use std::collections::BTreeSet;

use clawsig_schema::hostile::printable;

use crate::{Place, RatingFile, RatingsError, rating_file::NESTED};

/// One rating of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What was rated.
    pub item: String,
    /// By whom.
    pub rater: String,
    /// As what; `None` where the rater gave none.
    pub rating: Option<String>,
    /// Items of one cluster are not independent.
    pub cluster: Option<String>,
    /// How many like items the item stands for.
    pub weight: Option<u64>,
    /// The rater's version.
    pub version: Option<String>,
    /// When, in a form that sorts.
    pub time: Option<Time>,
    /// Where it was read.
    pub place: Place,
}

/// A point in time: a number, or a date and time in UTC.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Time {
    /// Seconds, a week's number, whatever rises.
    Number(f64),
    /// `2026-11-26` or `2026-11-26T17:45:36Z`.
    Date(String),
}

impl Time {
    /// A number, or a date of ISO 8601 in UTC.
    fn of(text: &str) -> Option<Time> {
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Time::Number(number));
        }
        let body = text.strip_suffix('Z').unwrap_or(text);
        let digits = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let (date, clock) = body.split_once(['T', ' ']).unwrap_or((body, ""));
        let mut parts = date.split('-');
        let sound = [4, 2, 2].iter().all(|&n| parts.next().is_some_and(|p| digits(p, n)))
            && parts.next().is_none();
        let allowed = |c: char| c.is_ascii_digit() || matches!(c, ':' | '.');
        (sound && clock.chars().all(allowed)).then(|| Time::Date(format!("{date}T{clock}")))
    }
}

/// Which column is what, and which value which label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Columns by other names than their own: (`item`, `skill`), for example.
    pub columns: Vec<(String, String)>,
    /// Columns that are raters each, in place of the columns `rater` and `rating`.
    pub raters: Vec<String>,
    /// Values that stand for no rating.
    pub missing: Vec<String>,
    /// Values and the labels they become, of one rater or of all.
    pub renamed: Vec<Rename>,
    /// Raters whose numbers become `1` from this one on and `0` below.
    pub cuts: Vec<(String, f64)>,
    /// Scanners of whose files the value at this dotted path is the rating.
    pub fields: Vec<(String, String)>,
}

/// A value that becomes a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Of this rater alone.
    pub rater: Option<String>,
    /// The value.
    pub from: String,
    /// The label.
    pub to: String,
}

/// The columns that are known by name.
pub const COLUMNS: [&str; 7] = ["item", "rater", "rating", "cluster", "weight", "version", "time"];

/// The ratings of one or more files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// One a cell that was read.
    pub records: Vec<Record>,
    /// Columns that were not used, in the order of the files.
    pub ignored: Vec<String>,
    /// The raters in the order asked for, where they are columns.
    pub order: Vec<String>,
    used: BTreeSet<usize>,
}

impl Records {
    /// Adds what a reader of scanners' own files gives.
    pub fn extend(
        &mut self,
        records: impl IntoIterator<Item = Record>,
        layout: &Layout,
    ) -> Result<(), RatingsError> {
        for mut record in records {
            record.rating = self.label(layout, &record.rater, record.rating, &record.place)?;
            self.records.push(record);
        }
        Ok(())
    }

    /// Adds a file's rows.
    ///
    /// # Errors
    /// A column that is missing, an item or rater without a name, a weight, a time or a number that
    /// is none.
    pub fn add(&mut self, sheet: &RatingFile, layout: &Layout) -> Result<(), RatingsError> {
        let mut found = [None; COLUMNS.len()];
        let wide = !layout.raters.is_empty();
        for (slot, role) in found.iter_mut().zip(COLUMNS) {
            let named = layout.columns.iter().find(|(known, _)| known == role);
            let name = named.map_or(role, |(_, name)| name);
            *slot = sheet.column(name);
            let needed = role == "item" || (!wide && matches!(role, "rater" | "rating"));
            if slot.is_none() && (needed || named.is_some()) {
                return Err(missing(sheet, name, role, named.is_some()));
            }
        }
        let [item, rater, rating, cluster, weight, version, time] = found;
        let sources: Vec<(Option<&str>, usize)> = if wide {
            let columns = layout.raters.iter().map(|name| match sheet.column(name) {
                Some(at) => Ok((Some(name.as_str()), at)),
                None => Err(missing(sheet, name, "a rater", true)),
            });
            columns.collect::<Result<_, _>>()?
        } else {
            rating.map(|at| (None, at)).into_iter().collect()
        };
        if wide {
            self.order = layout.raters.clone();
        }
        let used: Vec<usize> = if wide {
            let known = [item, cluster, weight, version, time].into_iter().flatten();
            known.chain(sources.iter().map(|(_, at)| *at)).collect()
        } else {
            found.iter().copied().flatten().collect()
        };
        for (at, name) in sheet.columns.iter().enumerate() {
            if !used.contains(&at) && !self.ignored.contains(name) {
                self.ignored.push(name.clone());
            }
        }
        for (number, cells) in &sheet.rows {
            let place = sheet.place(*number);
            let cell = |at: Option<usize>| at.and_then(|at| cells[at].as_deref());
            if let Some(at) = used.iter().find(|&&at| cells[at].as_deref() == Some(NESTED)) {
                let name = printable(&sheet.columns[*at], 60);
                let reason = format!("`{name}` is a list or an object; one value is expected");
                return Err(RatingsError::row(&place, reason));
            }
            let text = |at, role: &str| {
                cell(at).map(str::to_owned).ok_or_else(|| {
                    let reason = format!("the {role} is empty; every rating needs one");
                    RatingsError::row(&place, reason)
                })
            };
            let weight = cell(weight).map(|text| parse_weight(text, &place)).transpose()?;
            let time = cell(time).map(|text| parse_time(text, &place)).transpose()?;
            for &(name, at) in &sources {
                let rater =
                    name.map_or_else(|| text(rater, "rater"), |name| Ok(name.to_owned()))?;
                let rating = self.label(layout, &rater, cells[at].clone(), &place)?;
                self.records.push(Record {
                    item: text(item, "item")?,
                    rater,
                    rating,
                    cluster: cell(cluster).map(str::to_owned),
                    weight,
                    version: cell(version).map(str::to_owned),
                    time: time.clone(),
                    place: place.clone(),
                });
            }
        }
        Ok(())
    }

    /// The label that a value stands for.
    fn label(
        &mut self,
        layout: &Layout,
        rater: &str,
        value: Option<String>,
        place: &Place,
    ) -> Result<Option<String>, RatingsError> {
        let Some(value) = value.filter(|value| !layout.missing.contains(value)) else {
            return Ok(None);
        };
        let value = match layout.cuts.iter().find(|(name, _)| name == rater) {
            Some((_, cut)) => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => u8::from(number >= *cut).to_string(),
                _ => {
                    let shown = printable(&value, 60);
                    let reason = format!(
                        "`{shown}` of {} is no number, and --cut asks for one; name values that \
                         stand for no rating with --missing",
                        printable(rater, 60)
                    );
                    return Err(RatingsError::row(place, reason));
                }
            },
            None => value,
        };
        let own = |rename: &&(usize, &Rename)| rename.1.rater.as_deref() == Some(rater);
        let fits: Vec<(usize, &Rename)> = layout
            .renamed
            .iter()
            .enumerate()
            .filter(|(_, rename)| rename.from == value)
            .filter(|(_, rename)| rename.rater.as_deref().is_none_or(|name| name == rater))
            .collect();
        match fits.iter().find(own).or(fits.first()) {
            Some((at, rename)) => {
                self.used.insert(*at);
                Ok(Some(rename.to.clone()))
            }
            None => Ok(Some(value)),
        }
    }

    /// Refuses what was asked for and changed nothing: most likely a value is misspelt.
    ///
    /// # Errors
    /// A renaming of a value that no rating has, a cut of a rater that does not exist, a field that
    /// gave no rating.
    pub fn check_used(&self, layout: &Layout) -> Result<(), RatingsError> {
        if let Some((_, rename)) =
            layout.renamed.iter().enumerate().find(|(at, _)| !self.used.contains(at))
        {
            return Err(RatingsError::Study(format!(
                "no rating is `{}`, so it can't become `{}`; look at the values, or drop the --rename",
                printable(&rename.from, 60),
                printable(&rename.to, 60)
            )));
        }
        let rated = |name: &str| {
            let mut own = self.records.iter().filter(|record| record.rater == name);
            own.any(|record| record.rating.is_some())
        };
        if let Some((rater, path)) = layout.fields.iter().find(|(rater, _)| !rated(rater)) {
            let (rater, path) = (printable(rater, 60), printable(path, 60));
            return Err(RatingsError::Study(format!(
                "no file of the scanner `{rater}` has one value at `{path}`; look at the files, or drop \
                 the --field"
            )));
        }
        let known = |name: &str| self.records.iter().any(|record| record.rater == name);
        match layout.cuts.iter().find(|(name, _)| !known(name)) {
            Some((name, _)) => Err(RatingsError::Study(format!(
                "there is no rater `{}` to cut; give --cut RATER=NUMBER with a rater's name",
                printable(name, 60)
            ))),
            None => Ok(()),
        }
    }
}

fn missing(sheet: &RatingFile, name: &str, role: &str, asked: bool) -> RatingsError {
    let shown: Vec<String> =
        sheet.columns.iter().take(20).map(|column| printable(column, 40)).collect();
    let remedy = match (role, asked) {
        (_, true) => "name one of these".to_owned(),
        ("item", _) => "name it with --column item=NAME".to_owned(),
        _ => format!(
            "name it with --column {role}=NAME, or, where each rater has a column, name those with \
             --raters"
        ),
    };
    let reason =
        format!("has no column `{}`, but {}; {remedy}", printable(name, 60), shown.join(", "));
    RatingsError::file(&sheet.file, reason)
}

fn parse_weight(text: &str, place: &Place) -> Result<u64, RatingsError> {
    let plain = text.strip_suffix(".0").unwrap_or(text);
    plain.parse::<u64>().ok().filter(|&weight| weight > 0).ok_or_else(|| {
        let reason = format!(
            "the weight is `{}`; a whole number from 1 is expected, how many like items the item \
             stands for",
            printable(text, 40)
        );
        RatingsError::row(place, reason)
    })
}

fn parse_time(text: &str, place: &Place) -> Result<Time, RatingsError> {
    Time::of(text).ok_or_else(|| {
        let reason = format!(
            "the time is `{}`; a number, or a date such as 2026-11-26 or 2026-11-26T17:45:36Z, is \
             expected",
            printable(text, 40)
        );
        RatingsError::row(place, reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> RatingFile {
        RatingFile::csv("r.csv", text.as_bytes(), b',').unwrap()
    }

    fn layout() -> Layout {
        Layout {
            raters: vec!["flag".into(), "score".into()],
            cuts: vec![("score".into(), 21.0)],
            missing: vec!["NA".into()],
            renamed: vec![Rename {
                rater: Some("flag".into()),
                from: "yes".into(),
                to: "1".into(),
            }],
            ..Layout::default()
        }
    }

    #[test]
    fn columns_become_raters_and_values_labels() {
        let mut found = Records::default();
        found
            .add(&sheet("item,flag,score,note\na,yes,21,x\nb,0,20.9,y\nc,NA,,z\n"), &layout())
            .unwrap();
        let labels: Vec<Option<&str>> = found.records.iter().map(|r| r.rating.as_deref()).collect();
        assert_eq!(labels, [Some("1"), Some("1"), Some("0"), Some("0"), None, None]);
        assert_eq!(found.ignored, ["note"]);
        found.check_used(&layout()).unwrap();
    }

    #[test]
    fn mistakes_name_place_and_remedy() {
        let told = |text: &str, layout: &Layout| {
            let mut found = Records::default();
            let outcome = found.add(&sheet(text), layout).and_then(|()| found.check_used(layout));
            outcome.unwrap_err().to_string()
        };
        let plain = Layout::default();
        assert!(told("item,who,rating\n", &plain).contains("--column rater=NAME"));
        assert!(
            told("item,rater,rating\n,a,1\n", &plain).contains("r.csv, line 2: the item is empty")
        );
        assert!(told("item,rater,rating,weight\nx,a,1,0.5\n", &plain).contains("whole number"));
        assert!(told("item,rater,rating,time\nx,a,1,soon\n", &plain).contains("2026-11-26"));
        assert!(told("item,flag,score\na,yes,high\n", &layout()).contains("is no number"));
        assert!(told("item,flag,score\na,no,1\n", &layout()).contains("no rating is `yes`"));
    }

    #[test]
    fn times_sort() {
        let at = |text| Time::of(text).unwrap();
        assert!(at("9") < at("10"));
        assert!(at("2026-11-26") < at("2026-11-26T01:00:00Z"));
        assert!(Time::of("2026-11-26T01:00:00+02:00").is_none());
        assert!(Time::of("NaN").is_none());
    }
}
