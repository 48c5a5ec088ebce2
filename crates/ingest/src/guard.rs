//! Panics as errors: of the Parquet decoder, which panics on some damaged files, and of our own code on a row that nobody
//! thought of.

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

/// Calls a step. A panic is given back as its message.
///
/// What `step` borrows is dropped, read-only or only counted after a panic.
pub(crate) fn guarded<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    keep_quiet();
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(step));
    GUARDED.set(outer);
    outcome.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        said.lines().next().unwrap_or_default().to_owned()
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
