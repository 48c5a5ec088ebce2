//! Tables of two raters.

use clawsig_agreement::{
    Chance, PairStatistic, Precision, Table,
    resampling::{ResamplingParams, resample_table},
    two_raters::{chance_corrected, chance_corrected_estimate},
};
use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::exact::{Tally, coefficient, count, gwet, identity, product, weights, whole};
use crate::{CampaignReport, rng::CaseRng};

const MODELS: [Chance; 5] =
    [Chance::Cohen, Chance::Scott, Chance::BrennanPrediger, Chance::Gwet, Chance::Krippendorff];

/// Every so many tables are resampled too.
const RESAMPLED: u64 = 50;

pub(super) fn run(tables: u64, seed: u64, report: &mut CampaignReport) {
    let mut tally = Tally::default();
    for case in 0..tables {
        let mut rng = CaseRng::new(seed, case);
        let q = 2 + rng.below(3);
        let counts: Vec<u64> = (0..q * q).map(|_| count(&mut rng, q * q)).collect();
        let name = format!("seed {seed} case {case}, {counts:?}");
        let Ok(table) = Table::from_counts(q, counts) else { continue };
        coefficients(&table, &mut rng, &name, &mut tally);
        if q == 2 {
            of_two(&table, &name, &mut tally);
        }
        for statistic in PairStatistic::ALL {
            let range = statistic.range();
            tally.interval(statistic.name(), &name, &statistic.estimate(&table), range);
        }
        if case % RESAMPLED == 0 {
            resampled(&table, case, &name, &mut tally);
        }
    }
    report.cases += tables;
    report.note(format!(
        "{tables} tables, seed {seed}: {} values and {} intervals, {} violations",
        tally.values,
        tally.intervals,
        tally.broken.len()
    ));
    report.broken.extend(tally.broken);
}

/// Observed and expected disagreement.
fn parts(
    table: &Table,
    apart: &[BigRational],
    model: Chance,
) -> Option<(BigRational, BigRational)> {
    let n = whole(table.total());
    if n.is_zero() {
        return None;
    }
    let (rows, columns) = table.margins();
    let share = |totals: &[u64]| totals.iter().map(|t| whole(*t) / &n).collect::<Vec<_>>();
    let (rows, columns) = (share(&rows), share(&columns));
    let both: Vec<BigRational> =
        rows.iter().zip(&columns).map(|(r, c)| (r + c) / whole(2)).collect();
    let cells = apart.iter().zip(table.counts());
    let observed: BigRational = cells.map(|(v, count)| v * whole(*count)).sum::<BigRational>() / &n;
    Some(match model {
        Chance::Cohen => (observed, product(apart, &rows, &columns)),
        Chance::Scott => (observed, product(apart, &both, &both)),
        Chance::Krippendorff => {
            let small = whole(1) - whole(1) / (whole(2) * n);
            (observed * small, product(apart, &both, &both))
        }
        Chance::BrennanPrediger => {
            let cells = whole(apart.len() as u64);
            (observed, apart.iter().sum::<BigRational>() / cells)
        }
        Chance::Gwet => (observed, gwet(apart, &both)),
    })
}

fn coefficients(table: &Table, rng: &mut CaseRng, name: &str, tally: &mut Tally) {
    let q = table.categories();
    for (weights, apart) in [identity(q), weights(rng, q)] {
        for model in MODELS {
            let exact = parts(table, &apart, model).and_then(|(o, e)| coefficient(&o, &e));
            let title = format!("{model:?}");
            tally.value(&title, name, chance_corrected(table, &weights, model), exact.as_ref());
            let found = chance_corrected_estimate(table, &weights, model, &Precision::default());
            tally.interval(&title, name, &found, model.range(&weights));
        }
    }
}

/// The statistics of two categories, and of one of them.
fn of_two(table: &Table, name: &str, tally: &mut Tally) {
    let [a, b, c, d] = [0, 1, 2, 3].map(|cell| whole(table.counts()[cell]));
    let n = &a + &b + &c + &d;
    let over = |above: BigRational, below: BigRational| {
        (!below.is_zero() && !n.is_zero()).then(|| above / below)
    };
    let (r, s, u, v) = (&a + &b, &c + &d, &a + &c, &b + &d);
    let constant = [&r, &s, &u, &v].iter().any(|total| total.is_zero());
    let expected = &r * &v + &s * &u;
    let most = r.clone().min(u.clone()) + s.clone().min(v.clone());
    let exact = [
        (PairStatistic::ObservedAgreement, over(&a + &d, n.clone())),
        (PairStatistic::PositiveAgreement, over(whole(2) * &a, &r + &u)),
        (PairStatistic::NegativeAgreement, over(whole(2) * &d, &s + &v)),
        (PairStatistic::Jaccard, over(a.clone(), &a + &b + &c)),
        (PairStatistic::Pabak, over(&a + &d - &b - &c, n.clone())),
        (PairStatistic::YuleQ, over(&a * &d - &b * &c, &a * &d + &b * &c)),
        (PairStatistic::OddsRatio, over(&a * &d, &b * &c)),
        (PairStatistic::MaxKappa, over(&expected - &n * (&n - most), expected.clone())),
        (PairStatistic::PrevalenceIndex, over(&a - &d, n.clone())),
        (PairStatistic::BiasIndex, over(&b - &c, n.clone())),
    ];
    for (statistic, exact) in exact {
        tally.value(statistic.name(), name, statistic.value(table), exact.as_ref());
    }
    let gap = &a * &d - &b * &c;
    let square = (!constant).then(|| &gap * &gap / (&r * &s * &u * &v));
    let phi = PairStatistic::Phi.value(table);
    tally.root("phi", name, phi, square.as_ref());
    if let Ok(phi) = phi
        && (phi < 0.0) != gap.is_negative()
        && phi.abs() > 1e-28
    {
        tally.broken.push(format!("sign of phi, {name}: {phi}"));
    }
}

fn resampled(table: &Table, case: u64, name: &str, tally: &mut Tally) {
    let settings = ResamplingParams { replicates: 100, seed: case, level: 0.9 }.check();
    let Ok(settings) = settings else { return };
    let found = resample_table(table, &settings, PairStatistic::ALL);
    for (place, statistic) in PairStatistic::ALL.iter().enumerate() {
        for estimate in [found.bca(place), found.percentile(place), found.jackknife(place)] {
            tally.interval(statistic.name(), name, &estimate, statistic.range());
        }
    }
}
