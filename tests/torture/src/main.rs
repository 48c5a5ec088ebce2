//! `clawsig-torture CAMPAIGN --program PATH [--count N] [--seed S] [--short]`

use std::{env, process::ExitCode};

use clawsig_torture::{Campaign, Failure, Orders};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]
fn main() -> ExitCode {
    let mut campaigns = Vec::new();
    match read(env::args().skip(1), &mut campaigns) {
        Ok(orders) => {
            let mut broken = false;
            for campaign in campaigns {
                match carry_out(campaign, &orders) {
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

/// The orders without a count of their own say 0: each campaign then takes its full one.
fn read(
    mut words: impl Iterator<Item = String>,
    campaigns: &mut Vec<Campaign>,
) -> Result<Orders, Failure> {
    let mut orders = Orders {
        program: "clawsig".into(),
        scratch: env::temp_dir(),
        count: 0,
        seed: 1,
        short: false,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--program" => orders.program = value()?.into(),
            "--count" => orders.count = value()?.parse()?,
            "--seed" => orders.seed = value()?.parse()?,
            "--short" => orders.short = true,
            "all" => campaigns.extend(Campaign::ALL),
            name => campaigns.push(name.parse()?),
        }
    }
    if campaigns.is_empty() {
        let names = Campaign::ALL.map(Campaign::name).join(", ");
        return Err(format!("which campaign? {names}, all").into());
    }
    orders.program = orders
        .program
        .canonicalize()
        .map_err(|e| format!("--program {}: {e}", orders.program.display()))?;
    Ok(orders)
}

fn carry_out(campaign: Campaign, orders: &Orders) -> Result<(String, bool), Failure> {
    let scratch =
        tempfile::Builder::new().prefix("clawsig-torture-").tempdir_in(&orders.scratch)?;
    let mut orders = Orders { scratch: scratch.path().to_owned(), ..orders.clone() };
    if orders.count == 0 {
        orders.count = campaign.full_count();
    }
    let verdict = campaign.run(&orders)?;
    let holds = verdict.broken.is_empty();
    Ok((
        format!(
            "torture {} --count {} --seed {}\n{verdict}",
            campaign.name(),
            orders.count,
            orders.seed
        ),
        holds,
    ))
}
