//! What the figures say against the paper's own reading of them. The same sentences are made of the
//! published figures and of a run's.

use clawsig_schema::wording::grouped;

/// The categories of the paper's Table 6.
const CATEGORIES: [&str; 10] = [
    "MCP Least Privilege",
    "MCP Tool Poisoning",
    "Data Exfiltration",
    "Dangerous Code Execution",
    "Rogue Agent",
    "Supply Chain",
    "Data Flow",
    "Privilege Escalation",
    "Tool Misuse",
    "Excessive Agency",
];

const PAIRS: [&str; 3] =
    ["virustotal / static", "virustotal / skillspector", "static / skillspector"];

/// Each reading, and the sentence about it; `value` gives a published figure by its name, a
/// percentage as the number before the sign.
pub(crate) fn readings(value: &dyn Fn(&str) -> Option<f64>) -> [(&'static str, String); 6] {
    let unknown =
        |found: Option<String>| found.unwrap_or_else(|| "the rows give no answer".to_owned());
    [
        (
            "SkillSpector flags fewest of the malicious skills, so it sees another kind of risk (6.3)",
            unknown(missing(value)),
        ),
        ("Kappa near 0 means that the scanners hardly agree (6.1)", unknown(prevalence(value))),
        ("Data Exfiltration is more common among clean skills (6.4)", unknown(categories(value))),
        (
            "Malicious skills have the highest mean score and the lowest mean issue count (6.3, 6.4)",
            unknown(means(value)),
        ),
        (
            "Fewer than one in ten flagged skills are flagged by two scanners of a pair, so the scanners \
             complement one another (abstract)",
            unknown(overlap(value)),
        ),
        (
            "Static and VirusTotal findings identify the malicious skills (7.1)",
            unknown(malicious(value)),
        ),
    ]
}

fn whole(value: f64) -> String {
    grouped(value.max(0.0).round() as u64)
}

fn missing(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let malicious = value("malicious rows")?;
    let without = value("malicious rows without a skillspector result")?;
    let flagged = value("skillspector positive of malicious")?;
    let (rows, source) = (value("rows")?, value("skillspector: rows with source")?);
    if malicious == 0.0 || rows <= malicious {
        return Some("there are not both malicious and other rows".to_owned());
    }
    let elsewhere = (rows - source - without) / (rows - malicious);
    Some(format!(
        "SkillSpector has a result for {} of {} malicious rows and flags {} of them; without a result are {:.1} % of \
         the malicious rows and {:.2} % of the others.",
        whole(malicious - without),
        whole(malicious),
        whole(flagged),
        100.0 * without / malicious,
        100.0 * elsewhere,
    ))
}

fn prevalence(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let mut parts = Vec::new();
    for pair in PAIRS {
        let kappa = value(&format!("cohen kappa {pair}"))?;
        let largest = value(&format!("largest kappa that the margins allow, {pair}"))?;
        let share = match largest > 0.0 {
            true => format!(", {:.0} % of it", 100.0 * kappa / largest),
            false => String::new(),
        };
        parts.push(format!("{pair} {kappa:.3} where the positive rates allow {largest:.3}{share}"));
    }
    Some(format!("{}.", parts.join("; ")))
}

fn categories(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let (clean, suspicious) = (value("clean rows")?, value("suspicious rows")?);
    if clean == 0.0 || suspicious == 0.0 {
        return Some("there are not both clean and suspicious rows".to_owned());
    }
    let mut parts = Vec::new();
    for category in CATEGORIES {
        let of_clean = value(&format!("category {category}, clean"))?;
        let of_suspicious = value(&format!("category {category}, suspicious"))?;
        let ratio = (of_suspicious / suspicious) / (of_clean / clean);
        if of_clean > of_suspicious && ratio > 1.0 {
            parts.push(format!(
                "{category} is on {} clean rows and {} suspicious ones, but a suspicious row has it {ratio:.2} times \
                 as often",
                whole(of_clean),
                whole(of_suspicious),
            ));
        }
    }
    Some(match parts.is_empty() {
        true => "no category of Table 6 is on more clean rows than suspicious ones and yet more frequent among the \
                 suspicious."
            .to_owned(),
        false => format!("{}.", parts.join("; ")),
    })
}

fn means(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let malicious = value("malicious rows")?;
    let with = malicious - value("malicious rows without a skillspector result")?;
    let issues = value("mean issue count, malicious")?;
    if with <= 0.0 {
        return Some(format!(
            "None of the {} malicious rows has a result: there is no mean score, and the mean issue count of \
             {issues:.2} takes all of them as 0.",
            whole(malicious)
        ));
    }
    let score = value("mean skillspector score, malicious");
    let score = score.map_or_else(|| "undefined".to_owned(), |score| format!("{score:.1}"));
    Some(format!(
        "The mean score of {score} leaves the {} malicious rows without a result out, the mean issue count of {issues:.2} \
         takes them as 0; over the {} with a result it is {:.1}.",
        whole(malicious - with),
        whole(with),
        issues * malicious / with
    ))
}

fn overlap(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let largest = value("largest overlap of a pair")?;
    let one = value("exactly one positive")?;
    let mut alone = Vec::new();
    for scanner in ["virustotal", "static", "skillspector"] {
        alone.push((value(&format!("pattern {scanner} only"))?, scanner));
    }
    let most = alone.into_iter().max_by(|x, y| x.0.total_cmp(&y.0));
    let of_one = match most.filter(|_| one > 0.0) {
        Some((rows, scanner)) => format!(
            "; of the {} rows that one scanner alone flags {:.1} % are {scanner}'s",
            whole(one),
            100.0 * rows / one
        ),
        None => String::new(),
    };
    Some(format!("The largest overlap of a pair is {largest:.1} %{of_one}."))
}

fn malicious(value: &dyn Fn(&str) -> Option<f64>) -> Option<String> {
    let rows = value("malicious rows")?;
    let none = value("no positive of malicious")?;
    let alone = value("malicious rows that SkillSpector alone flags")?;
    let both = value("malicious rows that VirusTotal and the static scanner flag")?;
    let statics = value("static positive of malicious")?;
    let engines = value("virustotal positive of malicious")?;
    Some(format!(
        "Of {} malicious rows VirusTotal flags {} and the static scanner {}, {} of them alike; SkillSpector alone \
         flags {}, and no scanner flags {}.",
        whole(rows),
        whole(engines),
        whole(statics),
        whole(both),
        whole(alone),
        whole(none),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_clean_or_suspicious_rows_no_category_is_compared() {
        for (clean, suspicious, compared) in
            [(0.0, 5.0, false), (5.0, 0.0, false), (5.0, 5.0, true)]
        {
            let value = |name: &str| {
                Some(match name {
                    "clean rows" => clean,
                    "suspicious rows" => suspicious,
                    _ => 1.0,
                })
            };
            let found = categories(&value).unwrap();
            assert_eq!(found.contains("not both"), !compared, "{found}");
        }
    }

    #[test]
    fn without_a_row_of_one_flag_no_share_of_them_is_told() {
        let of =
            |rows: f64| overlap(&|name| Some(if name.starts_with("largest") { 9.0 } else { rows }));
        assert_eq!(of(0.0).unwrap(), "The largest overlap of a pair is 9.0 %.");
        assert!(of(2.0).unwrap().contains("of the 2 rows that one scanner alone flags 100.0 %"));
    }

    #[test]
    fn missing_results_are_compared_where_there_are_both_kinds_of_rows() {
        for (malicious, rows, compared) in [(0.0, 9.0, false), (5.0, 5.0, false), (5.0, 9.0, true)]
        {
            let value = |name: &str| {
                Some(match name {
                    "malicious rows" => malicious,
                    "rows" => rows,
                    _ => 1.0,
                })
            };
            let found = missing(&value).unwrap();
            assert_eq!(found.contains("not both"), !compared, "{found}");
        }
    }

    #[test]
    fn a_category_is_told_where_its_rows_and_its_share_point_to_different_verdicts() {
        for (of_clean, of_suspicious, told) in
            [(2.0, 1.0, false), (3.0, 2.0, true), (2.0, 2.0, false), (9.0, 1.0, false)]
        {
            let value = |name: &str| {
                Some(match name {
                    "clean rows" => 4.0,
                    "suspicious rows" => 2.0,
                    name if name.ends_with("clean") => of_clean,
                    _ => of_suspicious,
                })
            };
            let found = categories(&value).unwrap();
            assert_eq!(!found.starts_with("no category"), told, "{found}");
        }
    }
}
