//! The data dictionary: every file that a run leaves, and every column of its tables.
//!
//! A column that means the same in each table stands once, in [`COMMON`]. The tests hold both lists
//! against the files of a run: what is not described fails, and so does what no run writes.

/// A file of a run, or several of one kind.
pub(crate) struct FileEntry {
    /// Its path in the run's folder; `*` stands for any letters but `/`.
    pub(crate) path: &'static str,
    /// Its content in one sentence.
    pub(crate) meaning: &'static str,
    /// Columns that this table alone has, or that mean something of their own here.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

const fn file(path: &'static str, meaning: &'static str) -> FileEntry {
    FileEntry { path, meaning, columns: &[] }
}

const fn table(
    path: &'static str,
    meaning: &'static str,
    columns: &'static [(&'static str, &'static str)],
) -> FileEntry {
    FileEntry { path, meaning, columns }
}

/// Columns that mean the same in every table.
pub(crate) const COMMON: &[(&str, &str)] = &[
    ("id", "the skill's id, 64 hex digits"),
    ("slug", "owner/slug in the registry; empty where there is none"),
    ("split", "train, validation, test or eval_holdout"),
    ("verdict", "the registry's label of the row, under its own name"),
    ("predicted", "the class of highest probability; the first of equals"),
    ("p_value", "of the test against zero, or of the test that the statistic is; above 0"),
    ("p_*", "the probability of a class, 0 to 1; over the classes they sum to 1"),
    ("slice", "the part of the rows, for example all, split=test or missing=exclude"),
    ("scanner", "static, virustotal or skillspector"),
    ("rater", "a scanner, or the verdict as one more rater"),
    ("a", "the first rater of the pair"),
    ("b", "the second rater of the pair"),
    ("statistic", "the statistic's name; its range is the statistic's own"),
    ("scope", "a class, or macro, weighted or overall"),
    ("metric", "the metric's name; 0 to 1 but for mcc (-1 to 1) and log_loss (0 and above)"),
    ("name", "the baseline, the set of columns or the selection of rows"),
    ("value", "the statistic; empty where it is undefined"),
    ("standard_error", "of the value, in its unit; empty where the method has none"),
    ("low", "the lower end of the 95 % interval; empty where there is none"),
    ("high", "the upper end of the 95 % interval"),
    ("n", "the rows that the value rests on"),
    ("rows", "a number of rows"),
    ("used", "rows that count after the missing policy"),
    ("flagged", "rows that the scanner flags"),
    ("share", "a share of rows, 0 to 1; empty where it has no base"),
    ("undefined", "why there is no value; empty where there is one"),
    ("method", "how the interval was made"),
    ("note", "why the value is no finding, or has no interval"),
    ("static", "1 where the static scanner flags, 0 where not; empty where it has no rating"),
    ("virustotal", "1 where VirusTotal flags, 0 where not; empty where it has no rating"),
    ("skillspector", "1 where SkillSpector flags, 0 where not; empty where it has no rating"),
    ("class", "the class that is told from the rest"),
    ("group", "the group of columns: text, flags, numeric, codes or shape"),
    ("threshold", "flagged, or predicted, at or above this"),
    ("column", "the column's number in the matrix, from 0"),
    ("min", "the least"),
    ("p5", "the 5th percentile"),
    ("p25", "the lower quartile"),
    ("p50", "the median"),
    ("p75", "the upper quartile"),
    ("p95", "the 95th percentile"),
    ("max", "the greatest"),
    ("mean", "the arithmetic mean"),
];

/// What a point of a curve has.
const CURVE: &[(&str, &str)] = &[
    ("x", "recall, or the false-positive rate, 0 to 1"),
    ("y", "precision, or the true-positive rate, 0 to 1"),
    ("prevalence", "the class's share of the split's rows"),
];

/// The files, in the order of the stages.
pub(crate) const FILES: &[FileEntry] = &[
    file("run.toml", "what the run is: profile, changed keys, every setting"),
    file("clawsig-run.json", "the marker by which clawsig knows the folder as its own"),
    file(".clawsig/lock", "held while a command writes"),
    file(".clawsig/journal.jsonl", "which unfinished folders are whose, for the next command"),
    file("ledger.jsonl", "the models that have looked at the hold-out, oldest first"),
    file("*/manifest.json", "what the stage was made from and what it wrote, sealed"),
    file("*/timing.json", "seconds and threads; the only file that may differ between equal runs"),
    file(
        "ingest/signals/*.parquet",
        "the checked rows of a split; `clawsig inspect` lists the columns",
    ),
    file("ingest/rejects.jsonl", "rows that could not be read: file, line, byte offset, reason"),
    file("ingest/profile.json", "rows, nulls, labels and lengths of what was read"),
    file("ingest/source.json", "repository, commit and edition, of a source on the Hub"),
    file("agreement/agreement.json", "every result of the stage, typed"),
    table("agreement/pairs.csv", "every statistic of every pair of raters on every slice", &[]),
    table("agreement/intervals.csv", "the same statistics with intervals by every method", &[]),
    table("agreement/patterns.csv", "how many rows each combination of flags has", &[]),
    table(
        "agreement/by_verdict.csv",
        "each scanner's flags among the rows of each verdict",
        &[("rows", "rows of the verdict")],
    ),
    table(
        "agreement/missing.csv",
        "where results are missing, and the rates that they leave open",
        &[
            ("group", "all, verdict or judge"),
            ("name", "the verdict, or the judge's model; empty for all rows"),
            ("rows", "rows of the group"),
            ("missing", "rows without a result"),
            ("rate", "flagged over all rows of the group, missing as not flagged"),
            ("rate_of_rated", "flagged over the rows with a result"),
            ("lowest", "the rate if no missing result were a flag"),
            ("highest", "the rate if every missing result were one"),
        ],
    ),
    table(
        "agreement/bounds.csv",
        "Jaccard and kappa over everything that missing results could have been",
        &[
            ("missing", "rows on which one of the two has no result"),
            ("value", "with missing as not flagged"),
            ("lowest", "the least value that the missing results allow"),
            ("highest", "the greatest"),
        ],
    ),
    table(
        "agreement/choices.csv",
        "each pair under every rule, threshold and missing policy",
        &[
            ("a_flags", "when the first rater flags: a rule, or a threshold as engines>=3"),
            ("b_flags", "when the second flags"),
            ("missing", "what a missing flag counts as"),
            ("both", "rows that both flag"),
            ("only_a", "rows that the first alone flags"),
            ("only_b", "rows that the second alone flags"),
            ("neither", "rows that neither flags"),
            ("jaccard", "empty where it is undefined"),
            ("cohen_kappa", "empty where it is undefined"),
            ("published", "1 for the paper's choice: both by status, missing as not flagged"),
        ],
    ),
    table(
        "agreement/findings.csv",
        "rows that carry a finding, by verdict",
        &[
            ("kind", "category, code, owasp (the paper's Table 7) or theme (clawsig's words)"),
            ("name", "the finding"),
            ("clean", "of these, clean rows"),
            ("suspicious", "of these, suspicious rows"),
            ("malicious", "of these, malicious rows"),
            ("suspicious_over_clean", "its share of suspicious rows over that of clean ones"),
        ],
    ),
    table(
        "agreement/label_status.csv",
        "rows on which the rules label and status disagree about a scanner",
        &[
            ("status_text", "the scanner's status"),
            ("status", "1 where the rule status flags; missing counts as 0"),
            ("label", "1 where the rule label flags; missing counts as 0"),
        ],
    ),
    file("agreement/registry.json", "what the published counts of the registry say, typed"),
    table("agreement/registry_pairs.csv", "every statistic of pairs by the published counts", &[]),
    table(
        "agreement/figures.csv",
        "each published figure beside this run's",
        &[
            ("name", "the figure, as in data/published.json"),
            ("source", "where it was published"),
            ("place", "the section or table"),
            ("percent", "1 where both values are percentages"),
            ("decimals", "digits behind the point that were published"),
            ("published", "the published value; empty where only words were"),
            ("this_run", "this run's, by the same definition"),
            ("why_none", "why this run has none"),
        ],
    ),
    table(
        "agreement/coverage.csv",
        "what each scanner adds to the flagged rows, the widest first",
        &[
            ("step", "1 for the scanner that covers most alone"),
            ("added", "flagged rows that the scanner adds"),
            ("covered", "flagged rows that are covered so far"),
            ("share", "covered rows over all flagged ones; empty where nothing is flagged"),
        ],
    ),
    table(
        "agreement/sweep.csv",
        "agreement when a scanner's flag follows a threshold",
        &[
            ("quantity", "engines (malicious and suspicious ones) or score (0 to 100)"),
            ("other", "the rater that the flag is compared with"),
        ],
    ),
    table(
        "agreement/latent.csv",
        "the latent class model's parameters, each 0 to 1",
        &[
            ("model", "scanners, or scanners_and_verdict"),
            ("rater", "the rater; empty for the prevalence"),
        ],
    ),
    table(
        "agreement/disagreements.csv",
        "rows on which raters part, those first that are surest",
        &[
            ("kind", "pair or pattern"),
            ("flagged_by", "the raters that flag, joined by +"),
            ("not_flagged_by", "the raters that do not"),
            ("rank", "1 for the first to look at"),
            ("priority", "the product of the raters' confidences, 0 to 1"),
            ("version", "the skill's version"),
            ("static_findings", "findings of the static scanner"),
            ("virustotal_engines", "engines that call it malicious or suspicious"),
            ("skillspector_score", "SkillSpector's risk score, 0 to 100"),
        ],
    ),
    file("features/*.npz", "the matrix of a split, compressed rows, as SciPy's save_npz writes it"),
    file("features/vectorizer.json", "the fitted vectorizer and scaling"),
    file(
        "features/novelty.json",
        "what the training texts are like, to tell a text that is unlike them",
    ),
    table(
        "features/columns.csv",
        "the columns of the matrix",
        &[
            ("name", "the term, or for example skillspector_score"),
            ("reads", "the dataset's columns that it is made from, blanks between them"),
        ],
    ),
    table(
        "features/vocabulary.csv",
        "the terms of the text columns",
        &[
            ("term", "the word or n-gram"),
            ("document_frequency", "training texts that hold it"),
            ("idf", "its inverse document frequency"),
        ],
    ),
    table(
        "features/rows_*.csv",
        "the skill of each row of the matrix",
        &[
            ("owner", "the part of the slug before the /"),
            ("severity", "SkillSpector's band, LOW to CRITICAL; empty where there is none"),
            ("flag_static", "the flag before the missing policy; empty where there is none"),
            ("flag_virustotal", "the flag before the missing policy; empty where there is none"),
            ("flag_skillspector", "the flag before the missing policy; empty where there is none"),
            (
                "duplicate_group",
                "the number of the near-duplicate group's first row over all splits",
            ),
            ("copies_in_train", "near-duplicates among the training rows, itself not counted"),
        ],
    ),
    file("train/model*.json", "a model's classes, columns and training; its weights lie beside it"),
    file("train/model*.safetensors", "a model's weights, which numpy and PyTorch open"),
    file("train/grid.json", "the values of C that were tried, typed"),
    file("train/warnings.json", "what training has to say of the model"),
    table(
        "train/grid.csv",
        "the values of C that were tried, scored on validation",
        &[
            ("model", "all, or text-only"),
            ("c", "the inverse strength of the penalty"),
            ("macro_f1", "the mean of the classes' F1"),
            ("macro_pr_auc", "the mean of the classes' average precision"),
            ("log_loss", "mean negative log-probability of the row's own class, in nats"),
            ("objective", "the penalised loss that was reached, summed over rows"),
            ("iterations", "iterations of the solver, warm start included"),
            ("converged", "1 where the optimum was reached to the tolerance"),
            ("chosen", "1 for the one that was chosen"),
        ],
    ),
    file("evaluate/evaluation.json", "every result of the stage, typed"),
    file("evaluate/metrics.json", "metrics by split, class and name, as scikit-learn names them"),
    file("evaluate/text-only/metrics.json", "the same of the text-only model"),
    file("evaluate/predictions.json", "the rows of predictions.csv, typed"),
    file("evaluate/text-only/predictions.json", "the same of the text-only model"),
    table("evaluate/predictions.csv", "the model's probabilities for each row", &[]),
    table("evaluate/text-only/predictions.csv", "the same of the text-only model", &[]),
    file("evaluate/folds.json", "the rows of folds.csv, typed"),
    file("evaluate/text-only/folds.json", "the same of the text-only model"),
    table(
        "evaluate/folds.csv",
        "for each row, what models say that met neither its owner nor a near-duplicate",
        &[],
    ),
    table("evaluate/text-only/folds.csv", "the same of the text-only model", &[]),
    table("evaluate/confusion.csv", "labels against predictions", CONFUSION),
    table("evaluate/text-only/confusion.csv", "the same of the text-only model", CONFUSION),
    table("evaluate/errors.csv", "rows that the model gets wrong, the surest first", ERRORS),
    table("evaluate/text-only/errors.csv", "the same of the text-only model", ERRORS),
    table("evaluate/baselines.csv", "what simple rules come to", &[]),
    table("evaluate/ablation.csv", "the model without each group of columns", &[]),
    table("evaluate/leakage.csv", "the model on rows whose owner and copies it has not met", &[]),
    table("evaluate/text-only/leakage.csv", "the same of the text-only model", &[]),
    file("report/report.html", "the page"),
    file("report/DATA_CARD.md", "the data card"),
    file("report/MODEL_CARD.md", "the model card"),
    file("report/figures/*.svg", "a figure of the page; its numbers lie beside it"),
    table("report/figures/ablation.csv", "the ablation's figure", &[]),
    table("report/figures/baselines.csv", "the baselines' figure", &[]),
    table("report/figures/leakage.csv", "the figure of rows that are not met before", &[]),
    table("report/figures/*-heatmap.csv", "a statistic of every pair of raters", &[]),
    table("report/figures/*confusion.csv", "a confusion matrix", CONFUSION),
    table("report/figures/overlap.csv", "the combinations of flags", &[]),
    table("report/figures/positive-rates.csv", "each rater's share of flagged rows", &[]),
    table("report/figures/*precision-recall.csv", "precision by recall", CURVE),
    table("report/figures/*roc.csv", "true positives by false positives", CURVE),
    table(
        "report/figures/*reliability.csv",
        "probabilities in ten bins against what came",
        &[
            ("probabilities", "the model's own, or the calibrated ones"),
            ("low", "the bin's lower end"),
            ("high", "the bin's upper end"),
            ("mean_probability", "the mean of the bin's probabilities"),
            ("observed", "the share of its rows that are of the class"),
            ("observed_low", "the lower end of that share's 95 % interval"),
            ("observed_high", "the upper end of that share's 95 % interval"),
        ],
    ),
    table(
        "report/figures/rows-by-split.csv",
        "rows by split and verdict",
        &[
            ("split", "train, validation, test or eval_holdout"),
            ("rows", "rows of the split"),
            ("*", "rows of the verdict of that name"),
        ],
    ),
    table("report/figures/verdict-counts.csv", "rows by verdict", &[]),
    table("report/figures/scanner-by-verdict.csv", "each scanner's flags by verdict", &[]),
    table("report/figures/score-by-verdict.csv", "SkillSpector's score by verdict", &[]),
    table("report/figures/text-lengths.csv", "characters of the text by split", &[]),
    table("report/figures/forest-*.csv", "kappa, AC1 and Jaccard of a pair on every slice", &[]),
    table(
        "report/figures/choices-*.csv",
        "a statistic of each pair under every choice",
        &[
            ("a_flags", "when the first rater flags"),
            ("b_flags", "when the second flags"),
            ("missing", "what a missing flag counts as"),
            ("published", "1 for the paper's choice"),
        ],
    ),
    table(
        "report/figures/missing.csv",
        "rates, and what missing results leave open",
        &[
            ("rows", "the verdict, or all rows"),
            ("rate", "flagged, missing as not flagged"),
            ("lowest", "the rate if no missing result were a flag"),
            ("highest", "the rate if every missing result were one"),
        ],
    ),
    table("report/figures/sweep-*.csv", "the threshold's figure of a scanner", SWEEP),
    table("report/figures/strongest-*.csv", "the columns of greatest weight for a class", WEIGHTS),
    table("report/figures/text-only-strongest-*.csv", "the same of the text-only model", WEIGHTS),
];

const WEIGHTS: &[(&str, &str)] = &[
    ("column", "the column's name"),
    ("weight", "its weight for the class, in log-odds a unit of the column"),
];

const CONFUSION: &[(&str, &str)] =
    &[("share_of_verdict", "of the rows of that verdict; empty for a class without rows")];

const ERRORS: &[(&str, &str)] = &[
    ("explanation", "what spoke for the predicted class, in log-odds; the parts add up"),
    ("near_duplicates", "near-duplicates among the labelled training rows"),
    ("near_duplicates_other_label", "those of them with another label"),
    ("other_label_ids", "up to five of these, by id"),
];

const SWEEP: &[(&str, &str)] = &[
    ("quantity", "engines (malicious and suspicious ones) or score (0 to 100)"),
    ("other", "the rater that the flag is compared with"),
];

/// The entry of a file; `None` for one that a run does not write.
pub(crate) fn entry_of(path: &str) -> Option<&'static FileEntry> {
    // The most exact pattern speaks for the file.
    FILES.iter().filter(|entry| fits(entry.path, path)).max_by_key(|entry| entry.path.len())
}

/// Whether a name fits a pattern with at most one `*` a part.
fn fits(pattern: &str, name: &str) -> bool {
    let (patterns, names) = (pattern.split('/'), name.split('/'));
    patterns.clone().count() == names.clone().count()
        && patterns.zip(names).all(|(pattern, name)| match pattern.split_once('*') {
            Some((before, after)) => {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
            }
            None => pattern == name,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_entry_speaks_for_a_file() {
        let meaning = |path: &str| entry_of(path).map(|entry| entry.path);
        assert_eq!(meaning("train/manifest.json"), Some("*/manifest.json"));
        assert_eq!(meaning("train/model-text.json"), Some("train/model*.json"));
        assert_eq!(meaning("report/figures/text-only-roc.csv"), Some("report/figures/*roc.csv"));
        assert_eq!(meaning("report/notes.txt"), None);
        assert_eq!(meaning("a/b/manifest.json"), None);
    }
}
