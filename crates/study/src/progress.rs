//! How far the study's resamplings are.

use std::sync::atomic::{AtomicU64, Ordering};

use clawsig_schema::Progress;

/// How many resamples there are between two reports: a report may cost more than a resample.
const BETWEEN: u64 = 100;

/// Counts the resamples of all runs.
pub(crate) struct Counter<'a> {
    progress: Progress<'a>,
    replicates: u64,
    runs: u64,
    done: AtomicU64,
}

impl<'a> Counter<'a> {
    /// A counter for so many runs, each of which counts as `replicates` resamples.
    pub(crate) fn new(progress: Progress<'a>, replicates: u32, runs: u64) -> Counter<'a> {
        Counter { progress, replicates: replicates.into(), runs, done: AtomicU64::new(0) }
    }

    /// Begins a run; what it gives is called once a resample. Leaving units out takes resamples
    /// too, so that a run may be called more often than it counts. Runs may go on side by side.
    pub(crate) fn run(&self, part: &str) -> impl FnMut() {
        let total = self.runs * self.replicates;
        (self.progress)(part, self.done.load(Ordering::Relaxed).min(total), total);
        let mut calls = 0;
        move || {
            calls += 1;
            if calls % BETWEEN == 0 && calls <= self.replicates {
                let done = self.done.fetch_add(BETWEEN, Ordering::Relaxed) + BETWEEN;
                (self.progress)(part, done.min(total), total);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn runs_follow_one_another_and_never_pass_the_end() {
        let told = Mutex::new(Vec::new());
        let progress = |part: &str, done, total| {
            told.lock().unwrap().push((part.to_owned(), done, total));
        };
        let counter = Counter::new(&progress, 200, 2);
        for (part, calls) in [("a", 250), ("b", 100), ("c", 700)] {
            let mut resampled = counter.run(part);
            (0..calls).for_each(|_| resampled());
        }
        let told = told.into_inner().unwrap();
        let of = |part: &str| {
            let found = told.iter().filter(|(name, ..)| name == part);
            found.map(|(_, done, total)| (*done, *total)).collect::<Vec<_>>()
        };
        assert_eq!(of("a"), [(0, 400), (100, 400), (200, 400)]);
        assert_eq!(of("b"), [(200, 400), (300, 400)]);
        assert_eq!(of("c"), [(300, 400), (400, 400), (400, 400)], "more than announced");
        assert!(told.iter().all(|(_, done, total)| done <= total), "{told:?}");
    }
}
