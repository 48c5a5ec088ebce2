//! What a server knows while it runs, and what it was asked.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
};

use crate::{
    content::Repository,
    fault::{Action, Fault},
};

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `HEAD` or `POST`.
    pub method: String,
    /// The path, decoded, without the query.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// Whether it went to the host that holds the large files.
    pub store: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) hub: SocketAddr,
    pub(crate) store: SocketAddr,
    pub(crate) repositories: Mutex<Vec<Repository>>,
    pub(crate) faults: Mutex<Vec<Fault>>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) stopped: AtomicBool,
}

/// A poisoned lock only means that another answer failed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(crate) fn repository(&self, id: &str) -> Option<Repository> {
        lock(&self.repositories).iter().find(|r| r.id == id).cloned()
    }

    /// The failure queued for this answer, if any; `body` says that it is a file's bytes.
    pub(crate) fn fault(&self, path: &str, body: bool) -> Option<Action> {
        let mut faults = lock(&self.faults);
        let fault = faults
            .iter_mut()
            .find(|f| f.left > 0 && f.bodies <= body && path.ends_with(&f.path))?;
        if fault.spared > 0 {
            fault.spared -= 1;
            return None;
        }
        fault.left -= 1;
        Some(fault.action.clone())
    }
}
