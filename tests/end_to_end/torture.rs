//! A short form of every campaign: a few cases each, on a few rows.

use std::path::PathBuf;

use clawsig_torture::{Campaign, CampaignOptions};

#[track_caller]
fn short(campaign: Campaign, count: u64) {
    let scratch = tempfile::tempdir().unwrap();
    let options = CampaignOptions {
        program: PathBuf::from(env!("CARGO_BIN_EXE_clawsig-under-test")),
        scratch: scratch.path().to_owned(),
        count,
        seed: 20,
        short: true,
    };
    let report = campaign.run(&options).unwrap();
    assert!(report.broken.is_empty(), "{report}");
    assert!(report.cases > 0);
}

#[test]
fn kill() {
    short(Campaign::Kill, 6);
}

#[test]
fn disk() {
    short(Campaign::Disk, 4);
}

#[test]
fn bits() {
    short(Campaign::Bits, 40);
}

#[test]
fn input() {
    short(Campaign::Input, 640);
}

#[test]
fn hostile() {
    short(Campaign::Hostile, 1);
}

#[test]
fn untrusted() {
    short(Campaign::Untrusted, 350);
}

#[test]
fn foreign() {
    short(Campaign::Foreign, 16);
}

#[test]
fn numbers() {
    short(Campaign::Numbers, 400);
}

#[test]
fn review() {
    short(Campaign::Review, 20);
}
