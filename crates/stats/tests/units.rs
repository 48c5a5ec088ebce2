//! Units that are drawn: what they hold, and that the ways of resampling them agree.
#![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

use clawsig_stats::{Replicates, ResamplingParams, Units};

/// Two clusters alike, one of its own, one that is empty, and one that no one has.
fn clusters() -> Units {
    let alike = vec![(0, 2), (1, 1)];
    let given = [
        (alike.clone(), 1),
        (vec![(1, 3), (0, 0)], 1),
        (alike, 1),
        (vec![(0, 0)], 1),
        (vec![(0, 9)], 0),
    ];
    Units::counted_clusters(2, given).unwrap()
}

#[test]
fn alike_clusters_are_one_and_empty_ones_none() {
    let units = clusters();
    assert_eq!(units.totals(), [4, 5]);
    assert_eq!((units.count(), units.subject_count(), units.are_clusters()), (3, 9, true));
    let each = [vec![(1, 1), (0, 2)], vec![(1, 3)], vec![(0, 2), (1, 1)]];
    assert_eq!(Units::clusters(2, each).unwrap(), units);
    assert!(Units::clusters(2, [vec![(2, 1)]]).is_err());
    let renamed = units.with_kinds(3, &[2, 0]).unwrap();
    assert_eq!(renamed.totals(), [5, 0, 4]);
    let merged = units.with_kinds(1, &[0, 0]).unwrap();
    assert_eq!((merged.totals(), merged.count()), (&[9][..], 3));
    let subjects = Units::subjects(&[4, 0, 5]);
    assert_eq!((subjects.count(), subjects.are_clusters()), (9, false));
}

/// The share of the first kind, by all counts or from sums that a unit is taken from.
#[test]
fn running_sums_give_what_counting_anew_gives() {
    let share = |first: u64, all: u64| (all > 0).then(|| first as f64 / all as f64);
    let settings = ResamplingParams { replicates: 200, seed: 5, level: 0.9 }.check().unwrap();
    for units in [clusters(), Units::subjects(&[4, 5])] {
        let whole = |counts: &[u64], out: &mut [Option<f64>]| {
            out[0] = share(counts[0], counts.iter().sum());
        };
        let anew = units.resample(&settings, 1, whole);
        let (first, all) = (units.totals()[0], units.subject_count());
        let sums = units.resample_sums(&settings, 1, whole, |members, out| {
            let of = |kind: usize| -> u64 {
                members.iter().filter(|one| one.0 == kind).map(|one| one.1).sum()
            };
            out[0] = share(first - of(0), all - of(0) - of(1));
        });
        assert_eq!(anew.len(), 1);
        assert_eq!(anew, sums);
        assert_eq!(anew[0].value(), share(4, 9));
        assert_eq!(anew[0].sorted().len(), 200);
        assert!(anew[0].sorted().first() < anew[0].sorted().last());
        let open = (f64::NEG_INFINITY, f64::INFINITY);
        assert!(anew[0].jackknife(0.9, open).interval.is_ok());
        let drawn: Vec<Replicates> = units.replicate(&settings, 1, whole);
        assert_eq!(drawn[0].sorted(), anew[0].sorted());
        assert!(drawn[0].jackknife(0.9, open).interval.is_err());
    }
}
