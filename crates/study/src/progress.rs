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
    /// too, and a slice may have nothing to resample: a run counts the same however often it is
    /// called, at the latest when it ends. Runs may go on side by side.
    pub(crate) fn run<'r>(&'r self, part: &'r str) -> impl FnMut() {
        self.tell(part, 0);
        let mut run = Run { counter: self, part, calls: 0 };
        move || run.step()
    }

    /// Counts so many more resamples.
    fn tell(&self, part: &str, more: u64) {
        let total = self.runs * self.replicates;
        let done = self.done.fetch_add(more, Ordering::Relaxed) + more;
        (self.progress)(part, done.min(total), total);
    }
}

struct Run<'a, 'r> {
    counter: &'r Counter<'a>,
    part: &'r str,
    calls: u64,
}

impl Run<'_, '_> {
    fn step(&mut self) {
        self.calls += 1;
        if self.calls.is_multiple_of(BETWEEN) && self.calls <= self.counter.replicates {
            self.counter.tell(self.part, BETWEEN);
        }
    }
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        let all = self.counter.replicates;
        let counted = self.calls.min(all) / BETWEEN * BETWEEN;
        self.counter.tell(self.part, all - counted);
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
        let counter = Counter::new(&progress, 250, 3);
        for (part, calls) in [("a", 250), ("b", 130), ("c", 0), ("d", 700)] {
            let mut resampled = counter.run(part);
            (0..calls).for_each(|_| resampled());
        }
        let told = told.into_inner().unwrap();
        let of = |part: &str| {
            let found = told.iter().filter(|(name, ..)| name == part);
            found.map(|(_, done, total)| (*done, *total)).collect::<Vec<_>>()
        };
        assert_eq!(of("a"), [(0, 750), (100, 750), (200, 750), (250, 750)]);
        assert_eq!(of("b"), [(250, 750), (350, 750), (500, 750)], "ended early");
        assert_eq!(of("c"), [(500, 750), (750, 750)], "nothing to resample");
        assert_eq!(of("d"), [(750, 750); 4], "more than announced");
        assert!(told.iter().all(|(_, done, total)| done <= total), "{told:?}");
    }
}
