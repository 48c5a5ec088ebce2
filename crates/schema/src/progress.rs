//! How long work tells how far it is.

/// Called with the part that is under way, how much of it is done and how much there is (0:
/// unknown), perhaps from several threads.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);
