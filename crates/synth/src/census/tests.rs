//! Tests of the census against the published counts.

use super::*;

fn whole_census() -> Vec<Member> {
    (0..u64::from(TOTAL)).map(|index| Member::of(7, index)).collect()
}

fn count(members: &[Member], holds: impl Fn(&Member) -> bool) -> usize {
    members.iter().filter(|member| holds(member)).count()
}

#[test]
fn a_shuffle_is_a_bijection() {
    for n in [1, 2, 3, 14, 206, 1_000] {
        let mut seen: Vec<u32> = (0..n).map(|value| shuffled(value, n, 99)).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..n), "{n}");
    }
}

#[test]
fn patterns_verdicts_and_splits_are_the_published_ones() {
    let members = whole_census();
    let rows = |verdict: Verdict| count(&members, |m| m.verdict() == verdict);
    assert_eq!(Verdict::ALL.map_rows(rows), [41_743, 25_504, 206]);
    let patterns: Vec<usize> = (0..8).map(|flags| count(&members, |m| m.flags == flags)).collect();
    assert_eq!(patterns, [31_853, 805, 1_821, 118, 26_527, 3_043, 2_818, 468]);
    let flagged = |scanner, verdict| count(&members, |m| m.verdict() == verdict && m.flag(scanner));
    let of = |scanner| Verdict::ALL.map_rows(|verdict| flagged(scanner, verdict));
    assert_eq!(of(Scanner::VirusTotal), [1_847, 3_228, 150]);
    assert_eq!(of(Scanner::Static), [1_355, 3_053, 26]);
    assert_eq!(of(Scanner::SkillSpector), [13_633, 19_209, 14]);
    let none = |verdict| count(&members, |m| m.verdict() == verdict && m.flags == 0);
    assert_eq!(Verdict::ALL.map_rows(none), [26_470, 5_333, 50]);
    let splits = |verdict: Verdict| {
        Split::ALL.iter().map(move |&split| (verdict, split)).collect::<Vec<_>>()
    };
    let found: Vec<usize> = Verdict::ALL
        .iter()
        .flat_map(|&verdict| splits(verdict))
        .map(|(verdict, split)| count(&members, |m| (m.verdict(), m.split()) == (verdict, split)))
        .collect();
    let locked = [29_250, 6_256, 4_118, 2_119, 17_853, 3_797, 2_613, 1_241, 159, 23, 16, 8];
    assert_eq!(found, locked);
    let in_split = |scanner, split| count(&members, |m| m.split() == split && m.flag(scanner));
    assert_eq!(in_split(Scanner::Static, Split::Test), 447);
    assert_eq!(in_split(Scanner::Static, Split::EvalHoldout), 215);
    assert_eq!(in_split(Scanner::SkillSpector, Split::Test), 3_334);
    assert_eq!(in_split(Scanner::SkillSpector, Split::EvalHoldout), 1_621);
}

#[test]
fn scans_scores_and_issues_are_the_published_ones() {
    let members = whole_census();
    let scans = |scanner, scan| count(&members, |m| m.scan(scanner) == scan);
    assert_eq!(scans(Scanner::VirusTotal, ScanResult::Missing), 1_580);
    assert_eq!(
        count(&members, |m| matches!(m.scan(Scanner::VirusTotal), ScanResult::Stale { .. })),
        233
    );
    assert_eq!(scans(Scanner::Static, ScanResult::Missing), 67_453 - 66_185);
    assert_eq!(scans(Scanner::SkillSpector, ScanResult::Missing), 67_453 - 66_222);
    assert_eq!(scans(Scanner::SkillSpector, ScanResult::Clean), 33_350);
    assert_eq!(scans(Scanner::SkillSpector, ScanResult::Error), 16);
    let malicious = |m: &Member| m.verdict() == Verdict::Malicious;
    assert_eq!(
        count(&members, |m| malicious(m) && m.scan(Scanner::SkillSpector) == ScanResult::Missing),
        192
    );
    for (verdict, score, issues, digits) in [
        (Verdict::Clean, 22.1, 1.9, 1.0),
        (Verdict::Suspicious, 59.3, 6.5, 1.0),
        (Verdict::Malicious, 82.4, 0.57, 10.0),
    ] {
        let of: Vec<&Member> = members.iter().filter(|m| m.verdict() == verdict).collect();
        let scores: Vec<u32> = of.iter().filter_map(|m| m.score()).collect();
        let mean = f64::from(scores.iter().sum::<u32>()) / scores.len() as f64;
        assert!((mean - score).abs() < 0.049, "{verdict}: score {mean}");
        let mean = f64::from(of.iter().map(|m| m.issues()).sum::<u32>()) / of.len() as f64;
        assert!((mean - issues).abs() < 0.049 / digits, "{verdict}: issues {mean}");
        let medians = of.iter().filter(|m| m.issues() > 0).count() * 2;
        assert_eq!(medians > of.len(), verdict == Verdict::Suspicious);
    }
    for member in &members {
        let named = !member.categories().is_empty();
        assert_eq!(named, member.issues() > 0);
    }
}

#[test]
fn every_mark_is_on_as_many_rows_as_published() {
    let members = whole_census();
    let mut categories = [[0; 3]; CATEGORIES.len()];
    let mut reasons = [0; REASONS.len()];
    for member in &members {
        for category in member.categories() {
            categories[category][member.verdict] += 1;
        }
        for reason in member.reasons() {
            reasons[reason] += 1;
        }
        assert_eq!(member.reasons().is_empty(), !member.flag(Scanner::Static));
    }
    assert_eq!(categories, CATEGORIES.map(|category| category.rows));
    assert_eq!(reasons, REASONS.map(|(_, rows, _)| rows));
    let all: u32 = categories[0].iter().sum();
    assert_eq!((CATEGORIES[0].name, all), ("MCP Least Privilege", 9_641));
}

#[test]
fn lengths_have_the_published_medians() {
    let members = whole_census();
    for (verdict, median) in [(Verdict::Clean, 3_955), (Verdict::Suspicious, 5_562)] {
        let of = members.iter().filter(|m| m.verdict() == verdict);
        let mut lengths: Vec<usize> = of.map(|m| m.length(1.0).0).collect();
        lengths.sort_unstable();
        let middle = lengths.len() / 2;
        assert_eq!(lengths[middle], median);
        assert_eq!(lengths[(lengths.len() - 1) / 2], median);
    }
    let all: usize = members.iter().map(|m| m.length(1.0).0).sum();
    let mean = all as f64 / f64::from(TOTAL);
    assert!((mean - f64::from(MEAN_CHARS)).abs() < 60.0, "{mean}");
}

#[test]
fn judges_are_as_sure_as_published() {
    let members = whole_census();
    assert_eq!(count(&members, Member::usual_model), 67_183);
    let sure = |confidence: &str| count(&members, |m| m.confidence() == confidence);
    assert_eq!([sure("high"), sure("medium"), sure("low")], [58_752, 8_432, 269]);
}

#[test]
fn bundles_hold_what_is_published() {
    let share = f64::from(BUNDLES) / f64::from(TOTAL);
    let bundles: Vec<Bundle> =
        whole_census().iter().filter_map(|member| member.bundle(share, MEAN_FILE_BYTES)).collect();
    assert_eq!(bundles.len(), 13_255);
    assert_eq!(bundles.iter().map(|b| b.files).sum::<u32>(), 58_516);
    assert_eq!(bundles.iter().filter(|b| b.code).count(), 6_785);
    assert_eq!(bundles.iter().filter(|b| b.repeats_a_path).count(), 9);
    let bytes: u64 = bundles.iter().map(|b| u64::from(b.bytes)).sum();
    assert!(bytes.abs_diff(278_900_000) < 20_000, "{bytes}");
}

/// Arrays of one number a verdict.
trait MapRows {
    fn map_rows(&self, rows: impl Fn(Verdict) -> usize) -> [usize; 3];
}

impl MapRows for [Verdict] {
    fn map_rows(&self, rows: impl Fn(Verdict) -> usize) -> [usize; 3] {
        [rows(self[0]), rows(self[1]), rows(self[2])]
    }
}
