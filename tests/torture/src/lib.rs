#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bits;
mod disk;
mod foreign;
mod hostile;
mod input;
mod kill;
mod numbers;
mod program;
mod review;
mod rng;
mod tree;
mod untrusted;

use std::{fmt, path::PathBuf, str::FromStr};

/// Why a campaign could not be carried out at all; what it found wrong is in its [`CampaignReport`].
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a campaign is carried out.
#[derive(Clone, Debug)]
pub struct CampaignOptions {
    /// The program under test.
    pub program: PathBuf,
    /// An existing folder for everything the campaign writes.
    pub scratch: PathBuf,
    /// The number of random cases.
    pub count: u64,
    /// The seed of every random choice.
    pub seed: u64,
    /// Leave out the few cases that take minutes, and use a small dataset: for tests.
    pub short: bool,
}

/// A campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Campaign {
    /// SIGKILL, SIGINT and SIGTERM at random moments, then the same command again.
    Kill,
    /// Full disks, file-size limits, read-only folders, removed permissions.
    Disk,
    /// Corrupted artifacts.
    Bits,
    /// Bad JSON lines and Parquet files.
    Input,
    /// Texts, names and paths written by someone who means harm.
    Hostile,
    /// Models, vectorizers, manifests, profiles and locks that someone else made.
    Untrusted,
    /// Folders of a user's files, at which every command that writes is aimed.
    Foreign,
    /// Statistics and optima against values that are found another way.
    Numbers,
    /// Review studies of a planted truth.
    Review,
}

impl Campaign {
    /// All of them.
    pub const ALL: [Campaign; 9] = [
        Campaign::Kill,
        Campaign::Disk,
        Campaign::Bits,
        Campaign::Input,
        Campaign::Hostile,
        Campaign::Untrusted,
        Campaign::Foreign,
        Campaign::Numbers,
        Campaign::Review,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Campaign::Kill => "kill",
            Campaign::Disk => "disk",
            Campaign::Bits => "bits",
            Campaign::Input => "input",
            Campaign::Hostile => "hostile",
            Campaign::Untrusted => "untrusted",
            Campaign::Foreign => "foreign",
            Campaign::Numbers => "numbers",
            Campaign::Review => "review",
        }
    }

    /// The number of random cases of the full campaign.
    pub const fn full_count(self) -> u64 {
        match self {
            Campaign::Kill => 2000,
            Campaign::Disk => 60,
            Campaign::Bits => 500,
            Campaign::Input => 12_000,
            Campaign::Hostile => 1,
            Campaign::Untrusted => 5_000,
            Campaign::Foreign => 500,
            Campaign::Numbers => 20_000,
            Campaign::Review => 1_000,
        }
    }

    /// Carries it out.
    ///
    /// # Errors
    /// If the scratch folder can't be written or the program can't be started. A claim that does
    /// not hold is no error, but in the [`CampaignReport`].
    pub fn run(self, options: &CampaignOptions) -> Result<CampaignReport, Failure> {
        let mut report = CampaignReport { campaign: self, ..CampaignReport::new() };
        match self {
            Campaign::Kill => kill::run(options, &mut report)?,
            Campaign::Disk => disk::run(options, &mut report)?,
            Campaign::Bits => bits::run(options, &mut report)?,
            Campaign::Input => input::run(options, &mut report)?,
            Campaign::Hostile => hostile::run(options, &mut report)?,
            Campaign::Untrusted => untrusted::run(options, &mut report)?,
            Campaign::Foreign => foreign::run(options, &mut report)?,
            Campaign::Numbers => numbers::run(options, &mut report),
            Campaign::Review => review::run(options, &mut report)?,
        }
        Ok(report)
    }
}

impl FromStr for Campaign {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Campaign, Failure> {
        let found = Campaign::ALL.into_iter().find(|campaign| campaign.name() == text);
        found.ok_or_else(|| {
            let names = Campaign::ALL.map(Campaign::name).join(", ");
            format!("no campaign `{text}`, expected one of {names}").into()
        })
    }
}

/// What came of a campaign.
#[derive(Clone, Debug)]
pub struct CampaignReport {
    /// The campaign.
    pub campaign: Campaign,
    /// How many cases were tried.
    pub cases: u64,
    /// What is worth knowing, a line each.
    pub notes: Vec<String>,
    /// Every claim that did not hold, with the case that shows it.
    pub broken: Vec<String>,
}

impl CampaignReport {
    fn new() -> CampaignReport {
        CampaignReport { campaign: Campaign::Kill, cases: 0, notes: Vec::new(), broken: Vec::new() }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Records what did not hold.
    fn hold(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(otherwise());
        }
    }
}

impl fmt::Display for CampaignReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "  {note}")?;
        }
        for broken in self.broken.iter().take(200) {
            writeln!(f, "  BROKEN: {broken}")?;
        }
        if self.broken.len() > 200 {
            writeln!(f, "  ... and {} more", self.broken.len() - 200)?;
        }
        let (name, cases) = (self.campaign.name(), self.cases);
        write!(f, "torture {name}: {cases} cases, {} broken claims", self.broken.len())
    }
}
