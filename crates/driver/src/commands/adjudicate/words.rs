//! The scores on a terminal.

use std::fmt::Write as _;

use clawsig_adjudicate::Share;
use clawsig_report::{estimate_text, share_text, statistic_text};
use clawsig_schema::hostile::printable;

use super::score::ReviewResult;
use crate::terminal::{Table, count, counted, sentence};

/// How the estimates are to be read, for terminal and page alike.
pub(super) fn reading(scored: &ReviewResult) -> String {
    format!(
        "{} of {} have a decided posture, by {}; positive is {}. Shares are weighted by the design; \
         unweighted ones describe the sample, in which disputed skills are over-represented, and nothing \
         else",
        count(scored.resolved),
        counted(scored.drawn, "drawn skill"),
        counted(scored.reviewers.len() as u64, "reviewer"),
        scored.positive.join(" or ")
    )
}

/// The cells of a share: weighted, unweighted, further reviews.
pub(super) fn cells(share: &Share) -> [String; 3] {
    let plain =
        share.unweighted.map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", value * 100.0));
    let more = share.more.as_ref().map_or_else(|| "-".to_owned(), |more| count(more.iter().sum()));
    [share_text(&share.hajek), plain, more]
}

/// Every share with who and what it is of.
pub(super) fn shares(scored: &ReviewResult) -> Vec<(String, &'static str, &Share)> {
    let mut all = vec![("reviewers".to_owned(), "prevalence", &scored.estimates.prevalence)];
    for (who, quality) in scored.claimants.iter().zip(&scored.estimates.claimants) {
        all.push((who.clone(), "precision", &quality.precision));
        all.push((who.clone(), "recall", &quality.recall));
        all.push((who.clone(), "specificity", &quality.specificity));
    }
    all
}

/// The summary.
pub(super) fn summary(scored: &ReviewResult) -> String {
    let mut text = String::new();
    // Writing to a String can't fail.
    for source in &scored.files {
        let line =
            format!("{}: {}, {}", source.file, source.taken_for, counted(source.answers, "answer"));
        let _ = writeln!(text, "{}", sentence(&line));
    }
    let _ = writeln!(text, "{}", sentence(&reading(scored)));
    for remark in &scored.remarks {
        let _ = writeln!(text, "{}", sentence(&format!("note: {remark}")));
    }
    let _ = writeln!(text, "\nweighted by the design");
    let wanted = format!(">more for {}", scored.wanted_width);
    let mut table =
        Table::new(&["claimant", "metric", "estimate (95 % interval)", ">unweighted", &wanted]);
    for (who, what, share) in shares(scored) {
        let [estimate, plain, more] = cells(share);
        table.row([who, what.to_owned(), estimate, plain, more]);
    }
    text.push_str(&table.render());
    let _ = writeln!(text, "\nhow far reviewers agree");
    let mut table = Table::new(&["question", ">skills", "statistic", "value (95 % interval)"]);
    for asked in &scored.questions {
        if asked.coefficients.is_empty() {
            table.row([
                asked.question.to_owned(),
                "0".to_owned(),
                "no answers".to_owned(),
                String::new(),
            ]);
        }
        for (at, one) in asked.coefficients.iter().enumerate() {
            let (name, skills) = match at {
                0 => (asked.question.to_owned(), count(asked.skills)),
                _ => (String::new(), String::new()),
            };
            table.row([name, skills, statistic_text(&one.statistic), estimate_text(&one.estimate)]);
        }
    }
    text.push_str(&table.render());
    let _ = writeln!(text, "\nverdict and posture");
    let mut table = Table::new(&["verdict", "posture", ">reviewed", ">stand for"]);
    for row in &scored.verdicts {
        let verdict = printable(&row.verdict, 40);
        table.row([
            verdict,
            row.posture.to_owned(),
            count(row.reviewed),
            count(row.weighted.round() as u64),
        ]);
    }
    text.push_str(&table.render());
    let _ = writeln!(text, "\nstrata");
    let mut table = Table::new(&["stratum", ">skills", ">drawn", ">decided"]);
    for one in &scored.strata {
        let stratum = &one.stratum;
        let counts = [stratum.population, stratum.drawn, one.resolved].map(count);
        table.row([stratum.name.clone()].into_iter().chain(counts));
    }
    text.push_str(&table.render());
    text
}
