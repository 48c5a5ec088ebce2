//! The profiles of two runs: rejected rows, columns, and the names of statuses and verdicts.

use std::collections::{BTreeMap, BTreeSet};

use clawsig_schema::profile::DataProfile;
use serde::Serialize;

/// The differences of two profiles.
#[derive(Debug, Serialize)]
pub(super) struct ProfileChanges {
    /// Rejected rows by reason, of every reason in either run.
    pub(super) rejects: Vec<NamedCount>,
    /// Rows by status, of every scanner and status whose rows are none in one run.
    pub(super) statuses: Vec<StatusCount>,
    /// Rows by verdict, of every verdict in either run.
    pub(super) verdicts: Vec<NamedCount>,
    /// Rows with a value in a column of the schema, where that share has changed.
    pub(super) filled: Vec<NamedCount>,
    /// Rows with a column that is not in the schema, where only one run has it.
    pub(super) extra_columns: Vec<NamedCount>,
}

/// How many rows of each run have something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NamedCount {
    pub(super) name: String,
    pub(super) a: u64,
    pub(super) b: u64,
}

/// How many rows of each run have a scanner's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct StatusCount {
    pub(super) scanner: String,
    pub(super) status: String,
    pub(super) a: u64,
    pub(super) b: u64,
}

/// Compares two profiles.
pub(super) fn compare(a: &DataProfile, b: &DataProfile) -> ProfileChanges {
    let by_status = [a, b].map(statuses);
    let statuses = in_either(&by_status[0], &by_status[1])
        .filter(|(_, a, b)| *a == 0 || *b == 0)
        .map(|((scanner, status), a, b)| StatusCount {
            scanner: scanner.clone(),
            status: status.clone(),
            a,
            b,
        })
        .collect();
    let verdicts = [a, b].map(|profile| {
        let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
        for (verdict, rows) in profile.splits.iter().flat_map(|split| &split.verdicts) {
            *verdicts.entry(verdict.clone()).or_default() += rows;
        }
        verdicts
    });
    let filled = [a, b].map(|profile| {
        let filled = |empty: u64| profile.rows.saturating_sub(empty);
        let columns = profile.columns.iter();
        columns.map(|c| (c.name.clone(), filled(c.nulls + c.empty))).collect::<BTreeMap<_, _>>()
    });
    let share = |count: u64, of: u64| count as f64 / of.max(1) as f64;
    let moved = |one: &NamedCount| share(one.a, a.rows) != share(one.b, b.rows);
    ProfileChanges {
        rejects: named(&a.rejected_by_reason, &b.rejected_by_reason),
        statuses,
        verdicts: named(&verdicts[0], &verdicts[1]),
        filled: named(&filled[0], &filled[1]).into_iter().filter(moved).collect(),
        extra_columns: named(&a.extra_columns, &b.extra_columns)
            .into_iter()
            .filter(|one| one.a == 0 || one.b == 0)
            .collect(),
    }
}

/// Rows by scanner and status, over all splits; a missing status is no name.
fn statuses(profile: &DataProfile) -> BTreeMap<(String, String), u64> {
    let mut found: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (scanner, by_status) in profile.splits.iter().flat_map(|split| &split.statuses) {
        for (status, rows) in by_status.iter().filter(|(status, _)| *status != "null") {
            *found.entry((scanner.clone(), status.clone())).or_default() += rows;
        }
    }
    found
}

fn named(a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>) -> Vec<NamedCount> {
    in_either(a, b).map(|(name, a, b)| NamedCount { name: name.clone(), a, b }).collect()
}

/// Every key of either map with its count in each, 0 where it is not there.
fn in_either<'a, K: Ord>(
    a: &'a BTreeMap<K, u64>,
    b: &'a BTreeMap<K, u64>,
) -> impl Iterator<Item = (&'a K, u64, u64)> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    let count = |of: &BTreeMap<K, u64>, key| of.get(key).copied().unwrap_or(0);
    keys.into_iter().map(move |key| (key, count(a, key), count(b, key)))
}
