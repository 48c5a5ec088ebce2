//! Numbers against values that are found another way: tables and ratings against exact rational
//! arithmetic, problems of the solver against optima that are proven. A count of `n` is `n` tables, a
//! quarter as many rating matrices and a tenth as many problems.

mod exact;
mod ratings;
mod solver;
mod tables;

use crate::{CampaignOptions, CampaignReport};

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) {
    tables::run(options.count, options.seed, report);
    ratings::run(options.count.div_ceil(4), options.seed, report);
    let problems = CampaignOptions { count: options.count.div_ceil(10), ..options.clone() };
    solver::run(&problems, report);
}
