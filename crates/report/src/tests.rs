//! Tests of whole pages: hostile, extreme and undefined input.

use std::collections::BTreeMap;

use clawsig_schema::{
    FlagRule, MissingPolicy,
    agreement::{
        AGREEMENT_FORMAT, AgreementParameters, AgreementResults, ChoiceRow, FindingRow,
        LatentRates, LatentResult, MissingResults, MissingRow, NamedEstimate, OverlapResult,
        PairBounds, PairCounts, PairResult, Pattern, RaterSummary, RuleDifferences, SliceKind,
        SliceResult,
    },
    estimate::Estimate,
    evaluation::{
        EVALUATION_FORMAT, ErrorRow, EvaluationResults, Explanation, MetricTable, ModelName,
        ModelResults, TermWeight,
    },
    matrix::ColumnGroup,
    profile::{BundleProfile, DataProfile, PROFILE_FORMAT, SplitProfile},
    registry::{FigureRow, PatternResults, REGISTRY_FORMAT, ReadingCheck, RegistryResults},
};

use super::*;

const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;[a](javascript:x) \
                       `|` {{ 7*7 }} http://evil.example \u{1b}[2J\u{202e}\u{0}\n---\n";

fn hostile() -> String {
    format!("=cmd()|'{HOSTILE}{}", "A".repeat(10_000))
}

fn absent() -> StudyResults {
    StudyResults {
        run: RunInfo { name: "r".to_owned(), ..RunInfo::default() },
        data: Part::absent("not run"),
        duplicates: Part::absent("not run"),
        agreement: Part::absent("not run"),
        registry: Part::absent("not run"),
        evaluation: Part::absent("not run"),
    }
}

/// A study in which every text is hostile, every estimate undefined and every list long.
fn extreme() -> StudyResults {
    let text = hostile();
    let many = |n: usize| (0..n).map(|i| (format!("{i}{text}"), text.clone())).collect::<Vec<_>>();
    let undefined = || Estimate::undefined(hostile(), 0);
    let codes: BTreeMap<String, u64> = (0..500).map(|i| (format!("{text}{i}"), i)).collect();
    let split = SplitProfile {
        split: text.clone(),
        verdicts: BTreeMap::from([(text.clone(), 1)]),
        ..Default::default()
    };
    let data = DataProfile {
        format: PROFILE_FORMAT,
        synthetic: true,
        files: Vec::new(),
        rows: 0,
        sampled_out: 0,
        rejected: u64::MAX,
        rejected_by_reason: codes.clone(),
        extra_columns: codes.clone(),
        columns: Vec::new(),
        splits: vec![split; 300],
        reason_codes: codes.clone(),
        issue_categories: codes,
        score_by_verdict: BTreeMap::new(),
        bundles: BundleProfile::default(),
        examples: BTreeMap::new(),
        warnings: (0..300).map(|i| format!("{i}{text}")).collect(),
    };
    let pair = PairResult {
        a: text.clone(),
        b: "static".to_owned(),
        counts: PairCounts::default(),
        statistics: Vec::new(),
        intervals: Vec::new(),
        readings: Vec::new(),
    };
    let missing = MissingResults {
        rates: vec![
            MissingRow {
                group: "judge".to_owned(),
                name: text.clone(),
                scanner: text.clone(),
                rows: 1,
                missing: None,
                flagged: 1,
                rate: Some(f64::NAN),
                rate_of_rated: None,
                lowest: Some(f64::INFINITY),
                highest: Some(2.0),
            };
            500
        ],
        pairs: vec![
            PairBounds {
                a: text.clone(),
                b: text.clone(),
                statistic: text.clone(),
                missing: None,
                value: None,
                lowest: None,
                highest: Some(f64::NAN),
            };
            500
        ],
        warnings: vec![text.clone(); 100],
    };
    let choice = ChoiceRow {
        a: text.clone(),
        b: text.clone(),
        a_flags: text.clone(),
        b_flags: text.clone(),
        missing: MissingPolicy::ALL[0],
        both: 0,
        only_a: 0,
        only_b: 0,
        neither: 0,
        jaccard: Some(f64::NAN),
        cohen_kappa: None,
        published: 1,
    };
    let finding = FindingRow {
        kind: "category".to_owned(),
        name: text.clone(),
        rows: 1,
        clean: 1,
        suspicious: 0,
        malicious: 0,
        suspicious_over_clean: Some(f64::NAN),
    };
    let slice = SliceResult {
        name: "all".to_owned(),
        kind: SliceKind::Overall,
        rule: FlagRule::ALL[0],
        missing: MissingPolicy::ALL[0],
        rows: 0,
        owners: 0,
        raters: vec![
            RaterSummary {
                rater: text.clone(),
                rated: 0,
                used: 0,
                flagged: 0,
                rate: undefined()
            };
            50
        ],
        pairs: vec![pair.clone(); 200],
        scanners: Vec::new(),
        patterns: vec![Pattern { flags: vec![None, Some(true)], rows: 3, share: f64::NAN }; 40],
        overlap: OverlapResult {
            scanners: Vec::new(),
            rows: 0,
            union: 0,
            flagged_by: Vec::new(),
            total_overlap: undefined(),
            conditional: Vec::new(),
            unique: Vec::new(),
            coverage: Vec::new(),
        },
    };
    let agreement = AgreementResults {
        format: AGREEMENT_FORMAT,
        parameters: AgreementParameters {
            rule: FlagRule::ALL[0],
            missing: MissingPolicy::ALL[0],
            replicates: 0,
            seed: 0,
            level: 0.95,
            top: 0,
        },
        rows: 0,
        owners: 0,
        raters: vec![text.clone(); 50],
        unrated: vec!["virustotal".to_owned(), text.clone()],
        unjudged: BTreeMap::from([(text.clone(), 1)]),
        slices: vec![slice.clone()],
        by_verdict: Vec::new(),
        sweep: Vec::new(),
        latent: Vec::new(),
        disagreements: Vec::new(),
        missing: missing.clone(),
        choices: vec![choice; 3_000],
        rule_differences: RuleDifferences::default(),
        findings: vec![finding; 2_000],
    };
    let registry = RegistryResults {
        format: REGISTRY_FORMAT,
        source: text.clone(),
        agreement: PatternResults {
            format: REGISTRY_FORMAT,
            missing: MissingPolicy::ALL[0],
            replicates: 0,
            seed: 0,
            rows: u64::MAX,
            raters: Vec::new(),
            pairs: vec![pair; 40],
            together: Vec::new(),
            patterns: Vec::new(),
            overlap: slice.overlap.clone(),
            latent: Vec::new(),
        },
        with_verdict: Vec::new(),
        by_verdict: Vec::new(),
        missing,
        figures: vec![
            FigureRow {
                name: format!("pattern {text}"),
                source: text.clone(),
                place: text.clone(),
                percent: 1,
                decimals: 1,
                published: Some(f64::NAN),
                this_run: None,
                why_none: Some(text.clone()),
            };
            1_000
        ],
        readings: vec![
            ReadingCheck {
                reading: text.clone(),
                registry: text.clone(),
                this_run: Some(text.clone()),
            };
            50
        ],
    };
    let error = ErrorRow {
        split: text.clone(),
        id: text.clone(),
        slug: Some(text.clone()),
        verdict: text.clone(),
        predicted: text.clone(),
        probabilities: vec![f64::NAN],
        explanation: Some(Explanation {
            class: text.clone(),
            against: text.clone(),
            log_odds: f64::NAN,
            intercept: f64::INFINITY,
            contributions: Vec::new(),
            rest: 0.0,
        }),
        near_duplicates: 0,
        near_duplicates_other_label: 0,
        other_label_ids: Vec::new(),
    };
    let metrics = BTreeMap::from([(
        text.clone(),
        BTreeMap::from([(text.clone(), BTreeMap::from([(text.clone(), undefined())]))]),
    )]);
    let term = TermWeight {
        class: text.clone(),
        group: ColumnGroup::Text,
        name: text.clone(),
        weight: f64::INFINITY,
    };
    let model = |name| ModelResults {
        name,
        sha256: text.clone(),
        groups: vec![ColumnGroup::Text],
        c: f64::NAN,
        training_rows: BTreeMap::from([(text.clone(), 3)]),
        grid: Vec::new(),
        metrics: MetricTable(metrics.clone()),
        confusion: Vec::new(),
        reliability: Vec::new(),
        curves: Vec::new(),
        operating_points: Vec::new(),
        calibration: Vec::new(),
        leakage: Vec::new(),
        paired_tests: Vec::new(),
        strongest: vec![term.clone(); 500],
        errors: vec![error.clone(); 2_000],
    };
    let evaluation = EvaluationResults {
        format: EVALUATION_FORMAT,
        target: text.clone(),
        classes: vec![text.clone(); 40],
        counts: Vec::new(),
        folds: None,
        models: vec![model(ModelName::All), model(ModelName::TextOnly)],
        baselines: Vec::new(),
        ablation: Vec::new(),
        warnings: vec![text.clone()],
    };
    StudyResults {
        run: RunInfo {
            name: text.clone(),
            profile: text.clone(),
            command: text.clone(),
            source: text.clone(),
            synthetic: true,
            versions: many(300),
            inputs: many(300),
            parameters: many(300),
            warnings: vec![text],
        },
        data: Part::present(data),
        duplicates: Part::present(DuplicateSummary::default()),
        agreement: Part::present(agreement),
        registry: Part::present(registry),
        evaluation: Part::present(evaluation),
    }
}

fn rendered(study: &StudyResults) -> Rendered {
    match render(study) {
        Ok(rendered) => rendered,
        Err(error) => unreachable!("the page must render: {error}"),
    }
}

#[test]
fn the_same_results_give_the_same_bytes() {
    assert_eq!(rendered(&extreme()), rendered(&extreme()));
}

#[test]
fn absent_parts_say_why() {
    let html = rendered(&absent()).html;
    assert!(html.matches("undefined: not run").count() >= 6, "{html}");
}

#[test]
fn a_page_of_extreme_input_stays_small() {
    let size = rendered(&extreme()).html.len();
    assert!(size < PAGE_LIMIT, "{size} bytes");
}

#[test]
fn hostile_texts_are_texts_everywhere() {
    let report = rendered(&extreme());
    let mut all = vec![report.html.clone()];
    all.extend(report.figures.iter().map(|figure| figure.svg.clone()));
    for markup in &all {
        assert!(!markup.contains("<script") && !markup.contains("<img"));
        assert!(!markup.contains(['\u{1b}', '\u{202e}', '\u{0}']));
    }
    assert!(!report.html.contains("href=\"http"));
    for figure in &report.figures {
        assert!(!figure.csv.contains("\n=cmd") && !figure.csv.contains(",=cmd"));
        assert!(
            figure.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        );
    }
    for card in [&report.model_card, &report.data_card] {
        assert!(!card.contains(['\u{1b}', '\u{202e}', '\u{0}']));
        // Exactly the two lines of the front matter's own fence.
        assert_eq!(card.lines().filter(|line| *line == "---").count(), 2);
    }
}

#[test]
fn every_svg_is_well_formed() {
    for figure in rendered(&extreme()).figures {
        let mut open: Vec<String> = Vec::new();
        for piece in figure.svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
            assert!(!text.contains('>'), "{}: stray bracket after {tag}", figure.name);
            let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or_default();
            if tag.starts_with('/') {
                assert_eq!(open.pop().as_deref(), Some(name), "{}", figure.name);
            } else if !tag.ends_with('/') {
                open.push(name.to_owned());
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", figure.name);
    }
}

#[test]
fn synthetic_rows_are_called_so() {
    let mut study = absent();
    assert!(!rendered(&study).html.contains("Synthetic data."));
    study.run.synthetic = true;
    let report = rendered(&study);
    for part in [report.html, report.model_card, report.data_card] {
        assert!(part.contains("Synthetic data."));
    }
}

#[test]
fn the_page_says_what_speaks_against_a_figure() {
    let mut study = extreme();
    let Ok(mut found) = study.agreement.as_result().cloned() else { unreachable!("it is there") };
    let reason = "the data show no variation";
    let edge = || Estimate {
        note: Some("a rater is constant".to_owned()),
        no_interval: Some(reason.to_owned()),
        ..Estimate::point(0.0, 9)
    };
    found.raters = vec!["static".to_owned(), "virustotal".to_owned()];
    found.slices[0].pairs = vec![PairResult {
        a: "static".to_owned(),
        b: "virustotal".to_owned(),
        counts: PairCounts::default(),
        statistics: vec![NamedEstimate { statistic: "cohen_kappa".to_owned(), estimate: edge() }],
        intervals: Vec::new(),
        readings: Vec::new(),
    }];
    found.latent = vec![LatentResult {
        model: "scanners".to_owned(),
        raters: vec!["static".to_owned()],
        assumptions: Vec::new(),
        prevalence: edge(),
        rates: vec![LatentRates {
            rater: "static".to_owned(),
            sensitivity: edge(),
            specificity: edge(),
        }],
        rows: 9,
        log_likelihood: None,
        iterations: 2,
        converged: false,
        degrees_of_freedom: 0,
        doubts: vec!["the fit had not come to rest".to_owned(), "a <b>".to_owned()],
    }];
    study.agreement = Part::present(found);
    let report = rendered(&study);
    assert!(report.html.contains("0.000 (a rater is constant; no interval: the data show"));
    assert!(report.html.contains(
        "Against the latent class model of Static scanner: the fit had not come to rest; a &#60;b"
    ));
    let heat = report.figures.iter().find(|figure| figure.name == "kappa-heatmap");
    let Some(heat) = heat else { unreachable!("the figure is there") };
    assert!(heat.svg.contains("no interval"), "{}", heat.svg);
    assert!(heat.csv.contains(&format!("a rater is constant; no interval: {reason}")));
}

#[test]
fn a_pair_without_figures_is_a_sentence_and_no_plot() {
    let mut study = extreme();
    let Ok(mut found) = study.agreement.as_result().cloned() else { unreachable!("it is there") };
    let pair = |b: &str, estimate: Estimate| PairResult {
        a: "static".to_owned(),
        b: b.to_owned(),
        counts: PairCounts::default(),
        statistics: vec![NamedEstimate { statistic: "cohen_kappa".to_owned(), estimate }],
        intervals: Vec::new(),
        readings: Vec::new(),
    };
    found.slices[0].pairs = vec![
        pair("virustotal", Estimate::undefined("virustotal rated no row", 0)),
        pair("skillspector", Estimate::point(0.25, 9)),
        pair("verdict", Estimate::undefined("static is constant", 9)),
    ];
    study.agreement = Part::present(found);
    let report = rendered(&study);
    let forests: Vec<&str> = report
        .figures
        .iter()
        .map(|figure| figure.name.as_str())
        .filter(|name| name.starts_with("forest-"))
        .collect();
    assert_eq!(forests, ["forest-static-skillspector"]);
    let sentence =
        "undefined on every slice for Static scanner and VirusTotal: virustotal rated no row.";
    assert!(report.html.contains(sentence), "{}", report.html);
    // Each pair has its own reason.
    let sentence =
        "undefined on every slice for Static scanner and Registry verdict: static is constant.";
    assert!(report.html.contains(sentence), "{}", report.html);
}
