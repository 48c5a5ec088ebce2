//! The Security Signals leaderboard's own score.

use clawsig_schema::{Verdict, evaluation::LeaderboardScore};

/// Scores pairs of true and predicted verdict by the leaderboard's "loose non-clean" rule:
/// suspicious or malicious is positive. Precision, recall and false-positive rate are rounded to
/// four decimals (halves away from zero), F1 is computed from the rounded values and rounded
/// again, and a share of nothing is 0: so does `scoreLooseNonClean` of openclaw/clawscan.
pub fn leaderboard_score(pairs: impl IntoIterator<Item = (Verdict, Verdict)>) -> LeaderboardScore {
    let positive = |verdict: Verdict| verdict != Verdict::Clean;
    let mut counts = [[0_u64; 2]; 2];
    for (verdict, predicted) in pairs {
        counts[usize::from(positive(verdict))][usize::from(positive(predicted))] += 1;
    }
    let [[true_negatives, false_positives], [false_negatives, true_positives]] = counts;
    let rounded = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let share = |part: u64, whole: u64| {
        if whole == 0 { 0.0 } else { rounded(part as f64 / whole as f64) }
    };
    let precision = share(true_positives, true_positives + false_positives);
    let recall = share(true_positives, true_positives + false_negatives);
    let sum = precision + recall;
    LeaderboardScore {
        true_positives,
        false_positives,
        true_negatives,
        false_negatives,
        precision,
        recall,
        false_positive_rate: share(false_positives, false_positives + true_negatives),
        f1: if sum == 0.0 { 0.0 } else { rounded(2.0 * precision * recall / sum) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Clean, Malicious, Suspicious};

    fn score(counts: [(Verdict, Verdict, usize); 4]) -> LeaderboardScore {
        let pairs = counts.into_iter();
        leaderboard_score(pairs.flat_map(|(t, p, n)| std::iter::repeat_n((t, p), n)))
    }

    #[test]
    fn always_suspicious_has_the_published_score() {
        // Published for eval_holdout's 2,119 clean and 1,249 other rows: F1 0.541.
        let pairs = std::iter::repeat_n((Clean, Suspicious), 2119)
            .chain(std::iter::repeat_n((Suspicious, Suspicious), 1241))
            .chain(std::iter::repeat_n((Malicious, Suspicious), 8));
        let score = leaderboard_score(pairs);
        assert_eq!((score.precision, score.recall), (0.3708, 1.0));
        assert_eq!((score.false_positive_rate, score.f1), (1.0, 0.541));
    }

    #[test]
    fn f1_comes_from_the_rounded_values() {
        // By hand: precision 2/3 = 0.6667, recall 2/7 = 0.2857, F1 0.38093... / 0.9524 = 0.4000.
        let counts = [
            (Suspicious, Malicious, 2),
            (Clean, Suspicious, 1),
            (Malicious, Clean, 5),
            (Clean, Clean, 15),
        ];
        let found = score(counts);
        assert_eq!((found.precision, found.recall, found.f1), (0.6667, 0.2857, 0.4));
        // 1/16 = 0.0625 exactly; 1/32 = 0.03125 is a half, rounded away from zero.
        assert_eq!(found.false_positive_rate, 0.0625);
        let half =
            [(Clean, Suspicious, 1), (Clean, Clean, 31), (Clean, Clean, 0), (Clean, Clean, 0)];
        assert_eq!(score(half).false_positive_rate, 0.0313);
    }

    #[test]
    fn a_share_of_nothing_is_zero() {
        let score = leaderboard_score([]);
        assert_eq!((score.precision, score.recall, score.f1), (0.0, 0.0, 0.0));
    }
}
