//! Latent classes at their edges: the closed form, many raters, models that do not fit.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::{
    Interval, Ratings, Undefined, Weights,
    latent::{Doubt, LatentParams, LatentSolution, dawid_skene, degrees_of_freedom, refit},
    multi::{self},
    resampling::{ResamplingParams, Units, replicate},
};

fn settings(replicates: u32) -> clawsig_agreement::resampling::Resampling {
    ResamplingParams { replicates, ..Default::default() }.check().unwrap()
}

/// The paper's counts of three scanners over 67,453 skills.
fn paper() -> Ratings {
    let counts = [31_853, 1_821, 805, 118, 26_527, 2_818, 3_043, 468];
    let rows = counts
        .iter()
        .enumerate()
        .map(|(bits, &count)| ((0..3).map(|rater| Some(bits >> rater & 1)).collect(), count));
    Ratings::from_patterns(3, 2, rows).unwrap()
}

#[test]
fn the_latent_classes_of_the_paper_are_the_closed_form() {
    let params = LatentParams::default().check().unwrap();
    let model = dawid_skene(&paper(), &params).unwrap();
    assert_eq!(model.solution, LatentSolution::ClosedForm);
    assert!((model.prevalence[1] - 0.381_817_3).abs() < 5e-8, "{}", model.prevalence[1]);
    assert!((model.confusion[2][1][1] - 0.801_864_9).abs() < 5e-8, "{:?}", model.confusion[2]);
    assert!(model.doubts.is_empty(), "{:?}", model.doubts);
    let found = replicate(
        &Units::subjects(paper().counts()),
        &settings(1000),
        &[(0.0, 1.0); 2],
        |counts, out| {
            let mut drawn = paper();
            drawn.set_counts(counts).unwrap();
            match refit(&model, &drawn, &params) {
                Ok(model) => {
                    out[0] = Ok(model.prevalence[1]);
                    out[1] = Ok(model.confusion[2][1][1]);
                }
                Err(why) => out.fill(Err(why)),
            }
        },
    );
    let Interval { low, high } = found.percentile(0).interval.unwrap();
    assert!((low - 0.315).abs() < 0.01 && (high - 0.465).abs() < 0.01, "{low} {high}");
    assert!(found.percentile(1).interval.unwrap().contains(model.confusion[2][1][1]));
}

/// EM from the votes ends where the closed form is.
#[test]
fn em_and_the_closed_form_meet() {
    let params = LatentParams::default().check().unwrap();
    let closed = dawid_skene(&paper(), &params).unwrap();
    // One subject without a third rating takes the closed form away.
    let mut rows: Vec<_> =
        paper().patterns().map(|(row, count)| (row.to_vec(), count * 1000)).collect();
    rows.push((vec![Some(0), Some(0), None], 1));
    let em = dawid_skene(&Ratings::from_patterns(3, 2, rows).unwrap(), &params).unwrap();
    assert_eq!(em.solution, LatentSolution::Em);
    assert!(em.converged, "{} steps", em.iterations);
    assert!((em.prevalence[1] - closed.prevalence[1]).abs() < 1e-5, "{:?}", em.prevalence);
}

#[test]
fn thousands_of_raters_do_not_underflow() {
    let params = LatentParams { starts: 1, ..LatentParams::default() }.check().unwrap();
    for raters in [1_100, 1_500, 4_000] {
        let rows = (0..40_usize).map(|subject| {
            let truth = usize::from(subject % 4 == 0);
            let says = |rater: usize| {
                Some(if (rater * 7 + subject * 13) % 10 < 3 { 1 - truth } else { truth })
            };
            ((0..raters).map(says).collect::<Vec<_>>(), 1)
        });
        let model =
            dawid_skene(&Ratings::from_patterns(raters, 2, rows).unwrap(), &params).unwrap();
        let sum: f64 = model.prevalence.iter().sum();
        assert!(
            (sum - 1.0).abs() < 1e-12 && (model.prevalence[1] - 0.25).abs() < 1e-9,
            "{:?}",
            model.prevalence
        );
        let shares = model.confusion.iter().flatten().flatten();
        assert!(shares.clone().all(|share| (0.0..=1.0).contains(share)));
        assert!(model.log_likelihood.is_finite());
    }
}

#[test]
fn a_model_that_does_not_fit_or_is_not_identified_says_so() {
    let params = LatentParams::default().check().unwrap();
    let rows = |counts: [u64; 16]| {
        let rows =
            (0..16_usize).map(|bits| ((0..4).map(|r| Some(bits >> r & 1)).collect(), counts[bits]));
        Ratings::from_patterns(4, 2, rows.collect::<Vec<_>>()).unwrap()
    };
    // Raters 0 and 1 copy each other, and so do 2 and 3.
    let mut copies = [5; 16];
    for bits in [0b0000, 0b0011, 0b1100, 0b1111] {
        copies[bits] = 500;
    }
    let model = dawid_skene(&rows(copies), &params).unwrap();
    assert!(model.doubts.contains(&Doubt::DoesNotFit), "{:?}", model.doubts);
    assert!(model.fit_p_value.unwrap() < 1e-6);
    // Independent coins: any split of them fits as well.
    let model = dawid_skene(&rows([100; 16]), &params).unwrap();
    let told = [Doubt::NotIdentified, Doubt::AtLimit, Doubt::NotConverged];
    assert!(told.iter().any(|doubt| model.doubts.contains(doubt)), "{model:?}");
    // Three raters whose covariances belong to no such model: the maximum is at a limit.
    let three = (0..8_usize).map(|bits| {
        let count = if [0b001, 0b010, 0b100].contains(&bits) { 50 } else { 10 };
        ((0..3).map(|r| Some(bits >> r & 1)).collect(), count)
    });
    let model =
        dawid_skene(&Ratings::from_patterns(3, 2, three.collect::<Vec<_>>()).unwrap(), &params)
            .unwrap();
    assert_eq!(model.solution, LatentSolution::Em);
    assert!(model.doubts.contains(&Doubt::DoesNotFit), "{:?}", model.doubts);
}

#[test]
fn raters_that_are_unknown_are_not_told_apart() {
    let ratings =
        Ratings::from_category_counts(3, [[3, 0, 0], [1, 2, 0], [0, 0, 2], [0, 1, 0]]).unwrap();
    assert!(ratings.raters_are_unknown() && ratings.subjects() == 4);
    assert!(multi::fleiss_kappa(&ratings, &Weights::identity(3)).value.is_ok());
    assert_eq!(
        multi::conger_kappa(&ratings, &Weights::identity(3)).value,
        Err(Undefined::UnknownRaters)
    );
    assert_eq!(multi::light_kappa(&ratings).value, Err(Undefined::UnknownRaters));
    let params = LatentParams::default().check().unwrap();
    assert_eq!(dawid_skene(&ratings, &params), Err(Undefined::UnknownRaters));
    assert!(Ratings::from_category_counts(3, [[1, 2]]).is_err());
    // Each rating takes memory, and so does each pair of categories.
    let crowd = Ratings::from_category_counts(2, [[u32::MAX, u32::MAX]]);
    assert_eq!(
        crowd.unwrap_err().to_string(),
        "parameter raters is 8589934590, expected up to 65536"
    );
    assert!(Ratings::from_category_counts(2, [[65_536, 0]]).is_ok());
    for (raters, categories) in [(usize::MAX, 2), (2, usize::MAX), (65_537, 2)] {
        assert!(Ratings::from_patterns(raters, categories, []).is_err());
    }
    assert_eq!((degrees_of_freedom(3, 2), degrees_of_freedom(4, 3)), (0, 54));
    assert!(degrees_of_freedom(usize::MAX, usize::MAX) < 0);
}
