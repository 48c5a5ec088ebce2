//! Failures that a test queues.

use std::time::Duration;

/// A failure and the answers it applies to.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The end of the request's path, for example `data/test.jsonl`.
    pub(crate) path: String,
    /// Whether it applies to bodies (`GET`) alone, and not to `HEAD` and the interface's answers.
    pub(crate) bodies: bool,
    /// Answers that are sound before it begins.
    pub(crate) spared: usize,
    /// Answers still to be spoilt.
    pub(crate) left: usize,
    pub(crate) action: Action,
}

/// A failure.
#[derive(Clone, Debug)]
pub enum Action {
    /// The whole length is announced and the connection ends after this many bytes of it.
    Cut {
        /// Bytes sent.
        after: u64,
    },
    /// This many bytes are announced and sent as if they were all; `X-Linked-Size` still tells
    /// the whole.
    Truncate {
        /// Bytes sent.
        to: u64,
    },
    /// Other bytes under the same name, with the headers of the right ones.
    Replace {
        /// The bytes.
        with: Vec<u8>,
    },
    /// The bytes come in pieces with a pause before each.
    Slow {
        /// Bytes of a piece.
        piece: usize,
        /// The pause.
        pause: Duration,
    },
    /// Nothing more comes after this many bytes, but the connection stays open for the time.
    Stall {
        /// Bytes sent.
        after: u64,
        /// How long.
        hold: Duration,
    },
    /// `Range` is ignored: the whole file with status 200.
    IgnoreRange,
    /// A page for people with status 200, as a network that wants a login first sends it.
    Page,
    /// The whole file with this `Content-Encoding`, whatever the request accepts: compressed for
    /// `gzip`, otherwise as it is.
    Encode {
        /// The encoding.
        encoding: &'static str,
    },
    /// Another status with this header and a short body.
    Status {
        /// The status.
        code: u16,
        /// A header besides, for example `("Retry-After", "1")`.
        header: Option<(String, String)>,
    },
}

impl Fault {
    /// Spoils the next answer of any kind to a path that ends so.
    pub fn on(path: &str, action: Action) -> Fault {
        Fault { path: path.to_owned(), bodies: false, spared: 0, left: 1, action }
    }

    /// Spoils the next answer to a `GET` of a file whose path ends so: the one with the bytes,
    /// not the redirect before it.
    pub fn on_body(path: &str, action: Action) -> Fault {
        Fault { path: path.to_owned(), bodies: true, spared: 0, left: 1, action }
    }

    /// Leaves so many answers as they are first.
    pub fn after(self, answers: usize) -> Fault {
        Fault { spared: answers, ..self }
    }

    /// Spoils that many answers.
    pub fn times(self, times: usize) -> Fault {
        Fault { left: times, ..self }
    }
}
