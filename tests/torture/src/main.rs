//! `clawsig-torture CAMPAIGN --program PATH [--count N] [--seed S] [--short]`

use std::{env, process::ExitCode};

use clawsig_torture::{Campaign, CampaignOptions, Failure};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]
fn main() -> ExitCode {
    let mut campaigns = Vec::new();
    match read(env::args().skip(1), &mut campaigns) {
        Ok(options) => {
            let mut broken = false;
            for campaign in campaigns {
                match carry_out(campaign, &options) {
                    Ok((text, holds)) => {
                        println!("{text}");
                        broken |= !holds;
                    }
                    Err(e) => {
                        eprintln!("error: {}: {e}", campaign.name());
                        broken = true;
                    }
                }
            }
            ExitCode::from(u8::from(broken))
        }
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(2)
        }
    }
}

/// A count of 0 stands for the full number of cases of each campaign.
fn read(
    mut words: impl Iterator<Item = String>,
    campaigns: &mut Vec<Campaign>,
) -> Result<CampaignOptions, Failure> {
    let mut options = CampaignOptions {
        program: "clawsig".into(),
        scratch: env::temp_dir(),
        count: 0,
        seed: 1,
        short: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--program" => options.program = value()?.into(),
            "--count" => options.count = value()?.parse()?,
            "--seed" => options.seed = value()?.parse()?,
            "--short" => options.short = true,
            "all" => campaigns.extend(Campaign::ALL),
            name => campaigns.push(name.parse()?),
        }
    }
    if campaigns.is_empty() {
        let names = Campaign::ALL.map(Campaign::name).join(", ");
        return Err(format!("which campaign? {names}, all").into());
    }
    options.program = options
        .program
        .canonicalize()
        .map_err(|e| format!("--program {}: {e}", options.program.display()))?;
    Ok(options)
}

fn carry_out(campaign: Campaign, options: &CampaignOptions) -> Result<(String, bool), Failure> {
    let scratch =
        tempfile::Builder::new().prefix("clawsig-torture-").tempdir_in(&options.scratch)?;
    let mut options = CampaignOptions { scratch: scratch.path().to_owned(), ..options.clone() };
    if options.count == 0 {
        options.count = campaign.full_count();
    }
    let report = campaign.run(&options)?;
    let holds = report.broken.is_empty();
    Ok((
        format!(
            "torture {} --count {} --seed {}\n{report}",
            campaign.name(),
            options.count,
            options.seed
        ),
        holds,
    ))
}
