//! The driver's error: what failed, and which exit code that is.

use std::{io, path::PathBuf, process::ExitCode};

use clawsig_adjudicate::AdjudicateError;
use clawsig_ingest::{HubError, IngestError};
use clawsig_schema::settings::SettingError;
use clawsig_store::StoreError;

use crate::settings::SettingsError;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// 0: done.
    Done,
    /// 1: something failed.
    Failed,
    /// 2: the command line, the profile or a path on it is wrong.
    Usage,
    /// 3: the work is done, and a check that was asked for does not hold.
    CheckFailed,
}

impl ExitStatus {
    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            ExitStatus::Done => 0,
            ExitStatus::Failed => 1,
            ExitStatus::Usage => 2,
            ExitStatus::CheckFailed => 3,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> ExitCode {
        ExitCode::from(status.code())
    }
}

/// An error of the program, as it is told to the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The profile or `--set`.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The artifact store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading rows.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The agreement stage.
    #[error(transparent)]
    Agreement(#[from] clawsig_study::StudyError),
    /// The features stage.
    #[error(transparent)]
    Features(#[from] clawsig_features::FeaturesError),
    /// Training or evaluation.
    #[error(transparent)]
    Model(#[from] clawsig_model::ModelError),
    /// The report.
    #[error(transparent)]
    Report(#[from] clawsig_report::ReportError),
    /// A review that can't be designed, read back or estimated.
    #[error(transparent)]
    Adjudicate(#[from] AdjudicateError),
    /// Ratings that can't be read or studied.
    #[error(transparent)]
    Ratings(#[from] clawsig_ratings::RatingsError),
    /// The generator's parameters.
    #[error(transparent)]
    Synth(#[from] clawsig_synth::SynthError),
    /// A setting that its stage does not take.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A stage that the asked one builds on is not what the settings say.
    #[error(
        "`{stage}` is not up to date in {}, and {wanted} builds on it: {reasons}; give \
         --with-upstream, or run `clawsig {stage} --out {}` with the same --set first",
        run.display(), run.display()
    )]
    StaleUpstream {
        /// The stage.
        stage: String,
        /// What was asked for.
        wanted: String,
        /// The run's folder.
        run: PathBuf,
        /// Why.
        reasons: String,
    },
    /// Something on the command line or in a setting that only shows when it is used.
    #[error("{0}")]
    Usage(String),
    /// A file that can't be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A look at the hold-out can't be entered outside of the run.
    #[error(
        "cannot use {}, where looks at the hold-out are entered; name another file with --ledger \
         FILE, or switch it off with --no-ledger, which the report then says",
        path.display()
    )]
    Ledger {
        /// The ledger.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// An artifact that does not hold what its name says.
    #[error("{}: {reason}", path.display())]
    Artifact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Skills that could not be scored; the rest was.
    #[error("{failures} of {total} inputs could not be scored; the first: {first}")]
    Unscored {
        /// How many.
        failures: u64,
        /// Of how many.
        total: u64,
        /// The first of them, with the reason.
        first: String,
    },
    /// The inputs hold nothing.
    #[error("the inputs hold no skill, so nothing was scored")]
    Nothing,
    /// Results can't be printed.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Whether a path leads nowhere. What is missing of a run has an error of its own, so it was typed.
fn is_no_such_place(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Error {
    /// The exit code's meaning for this error.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Error::Settings(_)
            | Error::Setting(_)
            | Error::Usage(_)
            | Error::Synth(_)
            | Error::Adjudicate(AdjudicateError::Parameter { .. }) => ExitStatus::Usage,
            Error::Ingest(IngestError::Hub(
                HubError::Parameter { .. } | HubError::TokenFile { .. },
            ))
            | Error::Store(StoreError::NotARun { .. } | StoreError::Occupied { .. }) => {
                ExitStatus::Usage
            }
            Error::Io { source, .. }
            | Error::Ingest(IngestError::Io { source, .. })
            | Error::Store(StoreError::Io { source, .. })
                if is_no_such_place(source) =>
            {
                ExitStatus::Usage
            }
            _ => ExitStatus::Failed,
        }
    }

    /// Whether whoever read our output has gone, as `head` does.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Output(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Names the file and the attempt in an I/O error.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}
