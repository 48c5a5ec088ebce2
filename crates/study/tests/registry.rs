//! The published counts as data: the statistics of the paper, and what counts of any raters give.
#![allow(clippy::unwrap_used, reason = "a test ends by panicking")]

use clawsig_schema::{
    MissingPolicy,
    published::PublishedFigures,
    registry::{PatternResults, RegistryResults},
    settings::FlagParams,
};
use clawsig_study::{PatternCounts, StudyError, StudyParams, registry};

fn params() -> StudyParams {
    StudyParams { replicates: 200, ..StudyParams::default() }
}

fn published() -> PublishedFigures {
    serde_json::from_str(include_str!("../../../data/published.json")).unwrap()
}

fn found() -> RegistryResults {
    registry(&published(), None, &params(), &|_, _, _| {}).unwrap()
}

fn value(results: &PatternResults, a: &str, b: &str, statistic: &str) -> f64 {
    let pair = results.pairs.iter().find(|pair| (&*pair.a, &*pair.b) == (a, b)).unwrap();
    pair.statistics.iter().find(|one| one.statistic == statistic).unwrap().estimate.value.unwrap()
}

/// The paper's Table 4; AC1 of the same counts by irrCAC, the latent model by the closed form of three raters.
#[test]
fn the_published_counts_give_the_published_statistics() {
    let found = found();
    assert_eq!(found.agreement.rows, 67_453);
    for (a, b, jaccard, kappa, largest, ac1) in [
        ("static", "virustotal", 0.065, 0.054, 0.912, 0.855),
        ("virustotal", "skillspector", 0.094, 0.045, 0.162, 0.215),
        ("static", "skillspector", 0.104, 0.082, 0.138, 0.252),
    ] {
        let of = |statistic| value(&found.agreement, a, b, statistic);
        for (statistic, expected) in [
            ("jaccard", jaccard),
            ("cohen_kappa", kappa),
            ("max_kappa", largest),
            ("gwet_ac1", ac1),
        ] {
            let value = of(statistic);
            assert!((value - expected).abs() <= 5.1e-4, "{a} {b} {statistic}: {value}");
        }
        let ratio = of("cohen_kappa") / of("max_kappa");
        assert!((of("kappa_of_largest") - ratio).abs() < 1e-12);
    }
    let latent = &found.agreement.latent[0];
    assert!((latent.prevalence.value.unwrap() - 0.381_817_3).abs() < 1e-6);
    assert!((latent.rates[2].sensitivity.value.unwrap() - 0.801_864_9).abs() < 1e-6);
    let clean = found.by_verdict.iter().find(|row| row.scanner == "skillspector").unwrap();
    assert_eq!((clean.rows, clean.flagged), (41_743, 13_633));
    let verdict = found.with_verdict.iter().find(|pair| pair.a == "skillspector").unwrap();
    assert_eq!(verdict.counts.both, 19_209 + 14);
    assert_eq!(verdict.counts.neither, 41_743 - 13_633);
}

#[test]
fn what_is_missing_is_said_where_it_could_turn_a_headline() {
    let found = found();
    let of = |name: &str| {
        let rows = found.missing.rates.iter();
        rows.filter(|row| row.scanner == "skillspector").find(|row| row.name == name).unwrap()
    };
    let malicious = of("malicious");
    assert_eq!((malicious.missing, malicious.rate_of_rated), (Some(192), Some(1.0)));
    assert_eq!(malicious.highest, Some(1.0));
    // 1,231 rows without a result in all, 192 of them malicious.
    assert_eq!(of("suspicious").highest, Some((19_209 + 1_039) as f64 / 25_504.0));
    assert!(found.missing.warnings[0].contains("192 of the 206 malicious rows have no result"));
    assert!(found.missing.pairs.iter().all(|row| {
        let (low, value, high) = (row.lowest.unwrap(), row.value.unwrap(), row.highest.unwrap());
        low <= value && value <= high
    }));
    let said: Vec<&str> = found.readings.iter().map(|check| check.registry.as_str()).collect();
    for (sentence, text) in said.iter().zip([
        "14 of 206 malicious rows and flags 14 of them; without a result are 93.2 % of the malicious rows and 1.55 %",
        "59 % of it",
        "1.36 times",
        "leaves the 192 malicious rows without a result out",
        "10.4 %; of the 29,153 rows that one scanner alone flags 91.0 % are skillspector's",
        "22 of them alike; SkillSpector alone flags 2, and no scanner flags 50",
    ]) {
        assert!(sentence.contains(text), "{sentence}");
    }
}

#[test]
fn the_policy_changes_nothing_where_every_flag_is_published() {
    let flags = FlagParams { missing: MissingPolicy::Exclude, ..FlagParams::default() };
    let params = StudyParams { flags, ..params() };
    assert!(registry(&published(), None, &params, &|_, _, _| {}).unwrap() == found());
}

#[test]
fn figures_that_lack_or_contradict_a_count_are_refused() {
    let mut lacking = published();
    lacking.figures.retain(|figure| figure.name != "pattern all three");
    let error = registry(&lacking, None, &params(), &|_, _, _| {}).unwrap_err();
    assert!(matches!(&error, StudyError::Published(why) if why.contains("pattern")), "{error}");
    let mut other = published();
    let figure = other.figures.iter_mut().find(|figure| figure.name == "clean rows").unwrap();
    figure.value = Some(41_744.0);
    let error = registry(&other, None, &params(), &|_, _, _| {}).unwrap_err();
    assert!(error.to_string().contains("67454 and 67453"), "{error}");
}

/// Five raters, one of which never rated; a missing rating is a no or leaves its row out.
#[test]
fn patterns_of_any_raters_follow_the_policy() {
    let names = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    let row = |flags: [Option<bool>; 4], count| ([&flags[..], &[None]].concat(), count);
    let (yes, no) = (Some(true), Some(false));
    let counts = PatternCounts::new(
        names,
        [
            row([yes, yes, no, yes], 30),
            row([no, no, no, no], 60),
            row([yes, no, yes, None], 7),
            row([no, yes, yes, no], 3),
        ],
    )
    .unwrap();
    assert_eq!(counts.raters(), ["a", "b", "c", "d", "e"]);
    assert_eq!(counts.name_of(&[yes, no, yes, None, None]), "a+c+d?+e?");
    let of = |missing| {
        let flags = FlagParams { missing, ..FlagParams::default() };
        let params = StudyParams { flags, ..params() }.check().unwrap();
        counts.results(&params, &|_, _, _| {}).unwrap()
    };
    let negative = of(MissingPolicy::Negative);
    let exclude = of(MissingPolicy::Exclude);
    assert_eq!(negative.pairs.len(), 10);
    assert_eq!((negative.raters[3].used, exclude.raters[3].used), (100, 93));
    assert!((value(&negative, "a", "d", "jaccard") - 30.0 / 37.0).abs() < 1e-12);
    assert_eq!(value(&exclude, "a", "d", "jaccard"), 1.0);
    let unrated = negative.pairs.iter().find(|pair| pair.b == "e").unwrap();
    let rates = negative.raters.iter().map(|rater| rater.rate.undefined.as_deref());
    assert!(rates.eq([None, None, None, None, Some("e rated no row")]));
    assert_eq!(unrated.statistics[0].estimate.undefined.as_deref(), Some("e rated no row"));
    assert!(negative.together[0].estimate.undefined.is_some());
}

/// A rater that says no throughout allows no kappa above 0.
#[test]
fn kappa_over_the_largest_is_undefined_where_that_is_zero() {
    let names = ["a", "b"].map(str::to_owned).to_vec();
    let (yes, no) = (Some(true), Some(false));
    let counts = PatternCounts::new(names, [(vec![no, yes], 5), (vec![no, no], 5)]).unwrap();
    let results = counts.results(&params().check().unwrap(), &|_, _, _| {}).unwrap();
    let of = |name: &str| {
        let mut statistics = results.pairs[0].statistics.iter();
        &statistics.find(|one| one.statistic == name).unwrap().estimate
    };
    assert_eq!((of("cohen_kappa").value, of("max_kappa").value), (Some(0.0), Some(0.0)));
    assert!(of("kappa_of_largest").value.is_none() && of("kappa_of_largest").undefined.is_some());
    assert!(of("cohen_kappa").note.is_some());
}

#[test]
fn a_pattern_that_no_row_has_changes_nothing() {
    let (yes, no) = (Some(true), Some(false));
    let given = [([yes, yes, yes], 5), ([yes, no, no], 7), ([no, no, no], 20), ([no, yes, no], 3)];
    let zeros = [([yes, None, no], 0), ([None, None, None], 0), ([no, no, yes], 0)];
    let of = |patterns: &[([Option<bool>; 3], u64)]| {
        let patterns = patterns.iter().map(|(pattern, count)| (pattern.to_vec(), *count));
        let counts = PatternCounts::new(["a", "b", "c"].map(str::to_owned).to_vec(), patterns);
        let mut params = params();
        params.flags.missing = MissingPolicy::Exclude;
        counts.unwrap().results(&params.check().unwrap(), &|_, _, _| {}).unwrap()
    };
    assert!(of(&given) == of(&[&zeros[..], &given[..]].concat()));
}
