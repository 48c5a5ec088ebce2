//! The examples that stand at the end of each command's help.

pub(super) const PROGRAM: &str = "\
Examples:
  clawsig run                                  the bundled sample
  clawsig run --profile tutorial --set source.kind=path --set source.path=FOLDER
  clawsig run --profile paper                  the paper's data, from the Hub
  clawsig train --set model.c=0.5 --set 'model.grid=[]'   one stage of it again
  clawsig status                               what would run, and why
  clawsig settings tfidf                       what can be set, and to what
  clawsig verify runs/paper                    is it as published?
  clawsig inspect FOLDER                       what a dataset holds
  clawsig diff runs/last-week runs/this-week   what changed between two runs

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check that was asked for does not hold.";

pub(super) const RUN: &str = "\
Examples:
  clawsig run                                     the bundled sample
  clawsig run --profile seed --set source.kind=path --set source.path=FOLDER
  clawsig run --set flags.rule=label --dry-run    what that runs again
  clawsig run --force-stage train                 train and what follows
  clawsig run --out runs/mine                     that run again, with its own settings

A run keeps its settings in run.toml; a later command starts from them and --set changes them.";

pub(super) const INGEST: &str = "\
Examples:
  clawsig ingest --set source.kind=path --set source.path=FOLDER --out runs/mine
  clawsig ingest --strict   fail on the first rejected row
  clawsig ingest --replace --set source.kind=sample --out runs/mine   another source instead";

pub(super) const AGREEMENT: &str = "\
Examples:
  clawsig agreement --set flags.rule=label
  clawsig agreement --set agreement.replicates=5000 --set flags.missing=exclude
  clawsig agreement --published                  the registry's scanners, without a download
  clawsig agreement --counts patterns.csv        pattern,count of any raters
  clawsig agreement --counts counts.jsonl --out runs/counted
  clawsig agreement --ratings ratings.csv   columns item, rater, rating: any raters, any labels
  clawsig agreement --ratings a.jsonl b.parquet --scale ordinal --labels low,medium,high --out found
  clawsig agreement --ratings wide.csv --raters ann,bob --column item=skill   a column a rater
  clawsig agreement --ratings cisco.json spector/*.json semgrep.sarif   what scanners wrote

A pattern is the names of the raters that flag, joined by +, or none:
  pattern,count
  none,31853
  virustotal,1821
  virustotal+static,118";

pub(super) const FEATURES: &str = "\
Examples:
  clawsig features --set 'features.groups=[\"text\"]'
  clawsig features --set tfidf.max_features=5000 --set 'tfidf.ngrams=[1,3]'";

pub(super) const TRAIN: &str = "\
Examples:
  clawsig train --set model.c=0.5 --set 'model.grid=[]'
  clawsig train --set model.penalty=l1
  clawsig train --set model.target=severity --with-upstream   the matrix for it first";

pub(super) const EVALUATE: &str = "\
Examples:
  clawsig evaluate --set evaluate.replicates=5000
  clawsig evaluate --final   look at the hold-out, once";

pub(super) const REPORT: &str = "\
Examples:
  clawsig report   write runs/sample/report/report.html
  clawsig report --with-upstream --out runs/mine   what it shows first, where needed";

pub(super) const STATUS: &str = "\
Examples:
  clawsig status                        every stage of runs/sample
  clawsig status --set tfidf.min_df=5   what that runs again
  clawsig status --format json | jq '.stages[].reasons'";

pub(super) const LOCK: &str = "\
Examples:
  clawsig lock --set source.kind=hub --set source.revision=main > lock.json
  clawsig lock --set source.kind=path --set source.path=FOLDER --name mine";

pub(super) const VERIFY: &str = "\
Examples:
  clawsig verify   runs/sample
  clawsig verify runs/paper --format json | jq .counts
  clawsig verify runs/mine --rebuild
  clawsig verify runs/mine --lock lock.json --published published.json";

pub(super) const INSPECT: &str = "\
Examples:
  clawsig inspect                    the bundled sample
  clawsig inspect FOLDER --rows 10   a folder of JSONL or Parquet files
  clawsig inspect runs/sample        what a finished run has read";

pub(super) const DIFF: &str = "\
Examples:
  clawsig diff runs/last-week runs/this-week
  clawsig diff runs/a runs/b --fail-on drift   exit code 3 if scanners shifted
  clawsig diff runs/a runs/b --fail-on coverage --fail-on rejects
  clawsig diff runs/a runs/b --format json | jq .findings";

pub(super) const ADJUDICATE: &str = "\
Examples:
  clawsig adjudicate sample runs/sample --out review
  clawsig adjudicate sample runs/sample --reviews 200 --seed 7 --hide findings --out review
  clawsig adjudicate score runs/sample label-studio-export.json --sample review --out scored
  clawsig adjudicate score runs/sample ann.csv bob.csv --sample review --decides carol";

pub(super) const SYNTH: &str = "\
Examples:
  clawsig synth --rows 1000 --seed 7 --out DIR
  clawsig synth --rows 67453 --as parquet --out DIR   of the study's size";

pub(super) const PROFILE: &str = "\
Examples:
  clawsig profile   every key of `sample` with its value
  clawsig profile --profile tutorial --set tfidf.min_df=5";

pub(super) const SETTINGS: &str = "\
Examples:
  clawsig settings                    every key
  clawsig settings model              a section
  clawsig settings tfidf.min_df       a key
  clawsig settings --format json | jq '.settings[].key'";

pub(super) const DICTIONARY: &str = "\
Examples:
  clawsig dictionary                          every file and column
  clawsig dictionary agreement/pairs.csv      one table
  clawsig dictionary --format json | jq '.files[].path'";

pub(super) const COMPLETIONS: &str = "\
Examples:
  clawsig completions bash > /etc/bash_completion.d/clawsig
  clawsig completions fish > ~/.config/fish/completions/clawsig.fish";

pub(super) const MAN: &str = "\
Examples:
  clawsig man | man -l -
  clawsig man --out ~/.local/share/man/man1   one page a command";

pub(super) const SHOW: &str = "\
Examples:
  clawsig show owner/skill
  clawsig show 3f5a9c01 runs/paper --top 20
  clawsig show owner/skill --format json";

pub(super) const PREDICT: &str = "\
Examples:
  clawsig predict skills/mail/SKILL.md           one file, by its text alone
  clawsig predict skills --as csv > scores.csv   folders with a SKILL.md
  clawsig predict new.jsonl --model runs/paper   rows of the dataset
  clawsig predict - < new.jsonl > scores.jsonl   a line out for a line in
  clawsig predict skills --as sarif --threshold malicious@fpr=0.01
  clawsig predict skills --threshold malicious@fpr=0.01 --fail-on flagged --baseline reviewed.toml
  clawsig predict - --as install-policy --threshold malicious@fpr=0.01

A skill without scanner results (a file, a folder, a row without any of the scanners' columns) is
scored by the run's text-only model. Of a folder, the files beside SKILL.md count as its bundle,
hidden ones aside.
A term's figure is its value times its weight, in log-odds for the verdict against the runner-up.
Exit code 1 if an input could not be scored; its place in the output says why. 2 if a threshold is not
there for the model, before anything is scored. 3 if a skill fails --fail-on. The scores are
concordance with the registry's verdict, not proof: read the run's report first.";

pub(super) const TRANSFER: &str = "\
Examples:
  clawsig transfer skills.jsonl --out transfer
  clawsig transfer MaliciousSkillBench SkillTrustBench --suspicious malicious
  clawsig transfer skills.jsonl runs/paper --set tfidf.ngrams=1,1

Each line of the table trains a model of the text (the profile's vectorizer, logistic regression at
model.c) on some rows and tests it on others: at random, with owners or families of near-duplicates
kept apart, on a source that training lacks, on another corpus. Rows without a text, of a label that
is neither class, and repeated texts are left out and counted.";

pub(super) const EXPORT: &str = "\
Examples:
  clawsig export csv runs/sample --out skills.csv
  clawsig export npz runs/sample --out matrices
  clawsig export sarif runs/sample --out skills.sarif
  clawsig export sql --engine duckdb --over jsonl FOLDER --out sql
  clawsig export leaderboard runs/paper --out submission   after `run --final`

A run is never changed by an export. What exists already is kept unless --force is given.";
