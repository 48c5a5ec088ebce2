//! Numbers against values that are found another way.

mod solver;

use crate::{CampaignOptions, CampaignReport};

pub(crate) fn run(options: &CampaignOptions, report: &mut CampaignReport) {
    solver::run(options, report);
}
