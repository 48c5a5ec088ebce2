//! The stage's logic on small synthetic rows.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use clawsig_agreement::MOST_SUBJECTS;
use clawsig_schema::{
    BundleStats, FlagRule, JudgeFields, MissingPolicy, SkillRow, SkillSpectorSignals, Split,
    StaticSignals, Verdict, VerdictLabel, VirusTotalSignals,
    agreement::{AgreementResults, DisagreementKind},
    settings::{FlagParams, SeedParams},
};
use clawsig_study::{CountedRows, Study, StudyError, StudyParams};

/// A synthetic row; `vt` is `None` where VirusTotal was not run.
fn row(number: usize, stat: bool, vt: Option<bool>, spector: bool, verdict: Verdict) -> SkillRow {
    let text = |flag: bool| Some(if flag { "suspicious" } else { "clean" }.to_owned());
    SkillRow {
        id: format!("{number:064x}"),
        slug: (!number.is_multiple_of(7)).then(|| format!("owner{}/=skill{number}", number % 11)),
        version: "1".to_owned(),
        text: None,
        bundle: BundleStats::default(),
        verdict: verdict.into(),
        judge: JudgeFields::default(),
        static_scan: StaticSignals {
            status: text(stat),
            finding_count: u32::from(stat) * (1 + number as u32 % 4),
            has_output: true,
            ..StaticSignals::default()
        },
        virustotal: VirusTotalSignals {
            status: vt.and_then(text),
            malicious: vt.map(|flag| u32::from(flag) * 3),
            suspicious: vt.map(|_| 0),
            undetected: vt.map(|_| 60),
            has_output: vt.is_some(),
            ..VirusTotalSignals::default()
        },
        skillspector: SkillSpectorSignals {
            status: text(spector),
            score: Some(if spector { 30.0 + (number % 50) as f64 } else { 5.0 }),
            has_output: true,
            ..SkillSpectorSignals::default()
        },
        split: Split::ALL[number % 4],
    }
}

fn rows(with_virustotal: bool) -> Vec<SkillRow> {
    (0..600)
        .map(|n| {
            let verdict = Verdict::ALL[usize::from(n % 3 == 0) + usize::from(n % 30 == 0)];
            let bad = verdict != Verdict::Clean;
            let stat = if bad { n % 4 == 0 } else { n % 17 == 0 };
            let vt = with_virustotal.then_some(if bad { n % 5 == 0 } else { n % 23 == 0 });
            row(n, stat, vt, if bad { n % 7 != 0 } else { n % 5 == 0 }, verdict)
        })
        .collect()
}

fn params(rule: FlagRule, missing: MissingPolicy) -> StudyParams {
    StudyParams {
        flags: FlagParams { rule, missing },
        random: SeedParams { seed: 3 },
        replicates: 200,
        disagreements: 5,
        ..StudyParams::default()
    }
}

fn study(rows: &[SkillRow], params: StudyParams) -> AgreementResults {
    let mut study = Study::new(&params.check().unwrap());
    // Batches of one and of several rows, and one of none.
    let (first, rest) = rows.split_at(rows.len().min(1));
    for batch in [first, &[], rest] {
        study.observe(batch).unwrap();
    }
    study.finish(&|_, _, _| {}).unwrap()
}

#[test]
fn a_scanner_that_was_never_run_is_undefined_everywhere() {
    let rows = rows(false);
    for &rule in FlagRule::ALL {
        for &missing in MissingPolicy::ALL {
            let results = study(&rows, params(rule, missing));
            assert_eq!(results.unrated, ["virustotal"]);
            let pairs: Vec<_> = results
                .pair_rows()
                .filter(|row| row.a == "virustotal" || row.b == "virustotal")
                .collect();
            assert!(pairs.len() > 1000);
            for pair in pairs.iter().filter(|pair| pair.slice == "all") {
                assert_eq!(pair.undefined.as_deref(), Some("virustotal rated no row"));
                assert_eq!(pair.value, None);
            }
            let all = results.slice("all").unwrap();
            for named in &all.scanners {
                let why = named.estimate.undefined.as_deref();
                assert_eq!(why, Some("virustotal rated no row"), "{}", named.statistic);
            }
            assert!(results.pattern_rows().all(|row| row.virustotal.is_none()));
            assert_eq!(all.overlap.scanners, ["static", "skillspector"]);
            for point in &results.sweep {
                let involved =
                    point.scanner.as_str() == "virustotal" || point.other == "virustotal";
                assert!(!involved || point.cohen_kappa.undefined.is_some());
            }
            for found in results.disagreement_rows() {
                assert!(!found.flagged_by.contains("virustotal"));
                assert!(!found.not_flagged_by.contains("virustotal"));
                assert!(!found.flagged_by.is_empty() && !found.not_flagged_by.is_empty());
                assert_eq!(found.virustotal, None);
            }
            let found = &results.missing;
            for row in &found.rates {
                let nothing = row.missing.is_none_or(|missing| missing == row.rows);
                assert_eq!(row.rate.is_none(), nothing, "{row:?}");
                assert!(row.scanner != "virustotal" || nothing, "{row:?}");
            }
            for row in &found.pairs {
                let silent = [&row.a, &row.b].iter().any(|r| *r == "virustotal");
                assert!(!silent || row.value.is_none(), "{row:?}");
                // Under any-output the two others flag every row, and kappa is undefined.
                assert!(silent || row.value.is_some() || rule == FlagRule::AnyOutput, "{row:?}");
            }
            assert!(found.warnings.iter().all(|text| !text.contains("virustotal")), "{found:?}");
            let latent = &results.latent[0];
            let why = latent.prevalence.undefined.as_deref().unwrap();
            assert!(why.starts_with("virustotal rated no row"), "{why}");
            assert!(
                results
                    .by_verdict
                    .iter()
                    .all(|row| { (row.scanner == "virustotal") == row.undefined.is_some() })
            );
            // The others are as they would be without that scanner.
            let row = results
                .pair_rows()
                .find(|r| r.slice == "all" && r.a == "static" && r.b == "skillspector")
                .unwrap();
            assert!(row.value.is_some());
        }
    }
}

/// Whether it ran elsewhere changes nothing of the rows that it never rated.
#[test]
fn a_scanner_without_ratings_in_a_slice_is_not_there() {
    let mut elsewhere = rows(true);
    for row in elsewhere.iter_mut().filter(|row| row.split == Split::Test) {
        row.virustotal = VirusTotalSignals::default();
    }
    for &missing in MissingPolicy::ALL {
        let slices = [&elsewhere, &rows(false)].map(|rows| {
            let results = study(rows, params(FlagRule::Status, missing));
            results.slice("split=test").unwrap().clone()
        });
        assert!(slices[0] == slices[1], "{missing}");
    }
}

#[test]
fn a_scanner_that_never_flags_is_a_caution_of_what_it_takes_part_in() {
    let rows: Vec<SkillRow> = (rows(true).into_iter())
        .map(|mut row| {
            row.static_scan.status = Some("clean".to_owned());
            row
        })
        .collect();
    let results = study(&rows, params(FlagRule::Status, MissingPolicy::Negative));
    let all = results.slice("all").unwrap();
    let noted = all.scanners.iter().filter(|one| one.estimate.note.is_some());
    assert_eq!(noted.map(|one| &*one.statistic).collect::<Vec<_>>(), ["light_kappa"]);
    for pair in &all.pairs {
        let noted = pair.statistics.iter().filter(|one| one.estimate.note.is_some()).count();
        assert_eq!(noted > 0, pair.a == "static" || pair.b == "static", "{} {}", pair.a, pair.b);
    }
}

#[test]
fn the_latent_model_is_resampled_a_few_hundred_times_at_most() {
    let latent = |replicates| {
        let params =
            StudyParams { replicates, ..params(FlagRule::Status, MissingPolicy::Negative) };
        study(&rows(true)[..200], params).latent
    };
    assert!(latent(100) != latent(200));
    assert!(latent(200) == latent(300));
}

#[test]
fn tables_count_every_row_once() {
    let rows = rows(true);
    let results = study(&rows, params(FlagRule::Status, MissingPolicy::Negative));
    let all = results.slice("all").unwrap();
    assert_eq!(all.rows, 600);
    assert_eq!(all.patterns.iter().map(|p| p.rows).sum::<u64>(), 600);
    for (prefix, slices) in [("verdict=", 3), ("severity=", 5), ("split=", 4), ("owner_size=", 4)] {
        let parts: Vec<_> =
            results.slices.iter().filter(|slice| slice.name.starts_with(prefix)).collect();
        assert_eq!(parts.len(), slices);
        assert_eq!(parts.iter().map(|slice| slice.rows).sum::<u64>(), 600, "{prefix}");
    }
    for pair in &all.pairs {
        let counts = pair.counts;
        assert_eq!(counts.both + counts.only_a + counts.only_b + counts.neither, 600);
    }
    let flagged = rows.iter().filter(|r| r.static_scan.status.as_deref() != Some("clean")).count();
    assert_eq!(all.raters[0].flagged, flagged as u64);
    let by_verdict: u64 = results
        .by_verdict
        .iter()
        .filter(|row| row.scanner == "static" && row.verdict != "all")
        .map(|row| row.flagged)
        .sum();
    assert_eq!(by_verdict, flagged as u64);
    assert!(results.slices.iter().any(|slice| slice.name == "rule=label,missing=exclude"));
    assert!(results.latent[0].prevalence.value.is_some());
    // A verdict slice holds one verdict, so the verdict agrees with nobody in it beyond chance.
    let clean = results.slice("verdict=clean").unwrap();
    let pair = clean.pairs.iter().find(|pair| pair.b == "verdict").unwrap();
    let phi = pair.statistics.iter().find(|named| named.statistic == "phi").unwrap();
    assert_eq!(phi.estimate.undefined.as_deref(), Some("a rater is constant"));
    let kappa = pair.statistics.iter().find(|named| named.statistic == "cohen_kappa").unwrap();
    assert_eq!((kappa.estimate.value, kappa.estimate.low), (Some(0.0), None));
    let note = "a rater is constant, so the value is 0 by arithmetic";
    assert_eq!(kappa.estimate.note.as_deref(), Some(note));
    let says = |row: &str| row.starts_with(note);
    let kept = results.pair_rows().filter(|row| row.note.as_deref().is_some_and(says)).count();
    assert!(kept > 10, "{kept}");
}

#[test]
fn the_order_of_rows_does_not_matter_and_results_read_back() {
    let mut rows = rows(true);
    let settings = params(FlagRule::Label, MissingPolicy::Exclude);
    let first = study(&rows, settings.clone());
    rows.reverse();
    let second = study(&rows, settings);
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(text, serde_json::to_string(&second).unwrap());
    assert!(!text.contains("NaN"));
    let read: AgreementResults = serde_json::from_str(&text).unwrap();
    assert_eq!(read, first);
}

#[test]
fn disagreements_are_bounded_ranked_and_safe_to_open() {
    let results = study(&rows(true), params(FlagRule::Status, MissingPolicy::Negative));
    let rows: Vec<_> = results.disagreement_rows().collect();
    assert!(rows.iter().any(|row| row.kind == DisagreementKind::Pattern));
    for pair in rows.windows(2) {
        let same = pair[0].kind == pair[1].kind
            && pair[0].flagged_by == pair[1].flagged_by
            && pair[0].not_flagged_by == pair[1].not_flagged_by;
        if same {
            assert_eq!(pair[1].rank, pair[0].rank + 1);
            let order = pair[1].priority.total_cmp(&pair[0].priority);
            assert!(order.then(pair[0].id.cmp(&pair[1].id)).is_lt());
        }
    }
    assert!(rows.iter().all(|row| (1..=5).contains(&row.rank)));
    let mut hostile = row(1, true, Some(false), false, Verdict::Clean);
    hostile.slug = Some("=cmd|' /c calc'!A1\u{202e}".to_owned());
    let results = study(&[hostile], params(FlagRule::Status, MissingPolicy::Negative));
    let shown = results.disagreement_rows().next().unwrap();
    assert_eq!(shown.slug, "'=cmd|' /c calc'!A1\\u{202e}");
}

#[test]
fn no_rows_give_reasons_not_numbers() {
    let results = study(&[], params(FlagRule::Status, MissingPolicy::Exclude));
    assert_eq!(results.rows, 0);
    assert!(results.pair_rows().all(|row| row.value.is_none() && row.undefined.is_some()));
    let why = |rater: usize| results.slices[0].raters[rater].rate.undefined.clone();
    let told = Some("no subject was rated by enough raters".to_owned());
    assert!(results.by_verdict.iter().all(|row| row.undefined == told));
    assert_eq!([why(0), why(3)], [told.clone(), told]);
}

#[test]
fn verdicts_that_nobody_gave_leave_the_scanners_together_as_they_are() {
    let unjudged: Vec<SkillRow> = rows(true)
        .into_iter()
        .map(|row| SkillRow { verdict: VerdictLabel::Other("pending".to_owned()), ..row })
        .collect();
    let settings = params(FlagRule::Status, MissingPolicy::Negative);
    let (judged, unjudged) = (study(&rows(true), settings.clone()), study(&unjudged, settings));
    assert_eq!(unjudged.unrated, ["verdict"]);
    assert_eq!(unjudged.slices[0].scanners, judged.slices[0].scanners);
}

#[test]
fn the_progress_counts_resamples_towards_one_total() {
    let told = std::sync::Mutex::new(Vec::new());
    let mut study = Study::new(&params(FlagRule::Status, MissingPolicy::Negative).check().unwrap());
    study.observe(&rows(true)).unwrap();
    let progress = |_: &str, done, total| told.lock().unwrap().push((done, total));
    let results = study.finish(&progress).unwrap();
    // Of all rows there are two more runs, and two for the latent models.
    let total = (results.slices.len() as u64 + 4) * 200;
    let told = told.into_inner().unwrap();
    assert!(told.iter().all(|&(done, all)| all == total && done <= total));
    assert!(told.contains(&(total, total)), "{told:?}");
}

#[test]
fn settings_out_of_range_are_named() {
    let bad = StudyParams { replicates: 3, ..StudyParams::default() };
    let message = bad.check().unwrap_err().to_string();
    assert_eq!(
        message,
        "agreement.replicates is `3`; expected a whole number, for example 2000, from 100 to 1000000"
    );
    for list in [vec![3, 2], vec![2, 2]] {
        let falling = StudyParams { engine_thresholds: list, ..StudyParams::default() };
        assert!(falling.check().is_err());
    }
    for (first, most, taken) in [(1, 255, true), (1, 256, false), (0, 3, false)] {
        for place in 0..2 {
            let mut params = StudyParams::default();
            let list: Vec<u32> = (first..=most).collect();
            *[&mut params.engine_thresholds, &mut params.issue_thresholds][place] = list;
            assert_eq!(params.check().is_ok(), taken, "{first} to {most}");
        }
    }
    for scores in [vec![1.0, 1.0], vec![2.0, 1.0], vec![-1.0], vec![100.5], vec![f64::NAN]] {
        let params = StudyParams { score_thresholds: scores.clone(), ..StudyParams::default() };
        assert!(params.check().is_err(), "{scores:?}");
    }
}

/// The rows as GROUP BY would count them, engines and scores rounded down to a threshold.
fn grouped(rows: &[SkillRow]) -> Vec<CountedRows> {
    let params = StudyParams::default();
    let mut groups: Vec<CountedRows> = Vec::new();
    for row in rows {
        let mut one = CountedRows::of(row);
        let engines = params.engine_thresholds.iter().rev();
        one.engines = one.engines.map(|n| *engines.clone().find(|t| **t <= n).unwrap_or(&0));
        let scores = params.score_thresholds.iter().rev();
        one.score = one.score.map(|x| *scores.clone().find(|t| **t <= x).unwrap_or(&0.0));
        let same = |group: &&mut CountedRows| {
            **group == CountedRows { rows: group.rows, ran: group.ran, ..one.clone() }
        };
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.rows += 1;
                group.ran = [0, 1, 2].map(|s| group.ran[s] || one.ran[s]);
            }
            None => groups.push(one),
        }
    }
    groups
}

#[test]
fn counted_rows_give_the_results_of_the_rows() {
    let mut rows = rows(true);
    rows[5].virustotal = VirusTotalSignals::default();
    let groups = grouped(&rows);
    assert!(groups.len() < rows.len());
    let settings = params(FlagRule::Label, MissingPolicy::Exclude);
    let mut direct = study(&rows, settings.clone());
    // What needs rows: lists, judges, findings, and where the rules differ.
    direct.disagreements.clear();
    direct.missing.rates.retain(|row| row.group != "judge");
    direct.findings.retain(|row| row.rows > 0);
    let checked = settings.check().unwrap();
    let (mut owned, mut ownerless) = (Study::new(&checked), Study::without_owners(&checked));
    for group in &groups {
        owned.observe_counted(group).unwrap();
        ownerless.observe_counted(group).unwrap();
    }
    let mut found = owned.finish(&|_, _, _| {}).unwrap();
    found.findings.retain(|row| row.rows > 0);
    assert_eq!(found, direct);
    let ownerless = ownerless.finish(&|_, _, _| {}).unwrap();
    assert!(ownerless.slices.iter().all(|slice| !slice.name.starts_with("owner_size")));
    let values = |results: &AgreementResults| -> Vec<_> {
        let rows = results.pair_rows().filter(|row| !row.slice.starts_with("owner_size"));
        rows.map(|row| (row.slice, row.a, row.b, row.statistic, row.value, row.n)).collect()
    };
    assert_eq!(values(&ownerless), values(&direct));
    let methods = |results: &AgreementResults| -> Vec<_> {
        results.pair_rows().chain(results.interval_rows()).filter_map(|row| row.method).collect()
    };
    assert!(methods(&direct).iter().any(|method| method.starts_with("cluster")));
    assert!(!methods(&ownerless).iter().any(|method| method.starts_with("cluster")));
}

#[test]
fn counts_beyond_exact_numbers_are_refused() {
    let mut study = Study::new(&StudyParams::default().check().unwrap());
    let mut counted = CountedRows::of(&row(1, true, None, false, Verdict::Clean));
    counted.rows = MOST_SUBJECTS;
    study.observe_counted(&counted).unwrap();
    counted.rows = u64::MAX;
    assert_eq!(study.observe_counted(&counted), Err(StudyError::TooManyRows));
    let results = study.finish(&|_, _, _| {}).unwrap();
    assert_eq!(results.rows, MOST_SUBJECTS);
}
