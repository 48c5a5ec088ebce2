//! Damaged Parquet: the decoder below us panics on some of it, which is an error of the file here.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    /// Whether a panic of this thread is caught and told as an error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Installs a panic hook that keeps quiet about panics that are caught here and passes every other
/// on to the hook that was there.
fn keep_quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
}

/// Calls the decoder. A panic is given back as what it said.
///
/// What `decode` borrows is dropped or read-only after a panic: a reader and its buffers.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    keep_quiet();
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    GUARDED.set(outer);
    outcome.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        format!("the decoder gave up: {said}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_reason() {
        assert_eq!(guarded(|| 3), Ok(3));
        let reason = guarded::<()>(|| panic!("odd page")).unwrap_err();
        assert!(reason.contains("odd page"), "{reason}");
        assert!(!GUARDED.get());
    }
}
