//! The shape of a document and its bundle, in one pass over the text.
//!
//! The frozen snapshot has its newlines folded to blanks, so nothing here looks for line ends: a
//! heading is a run of one to six `#` between blanks, a fence three back-ticks, a front-matter
//! key a word with a colon between the first two `---`.

use std::collections::BTreeSet;

use clawsig_schema::{BundleStats, hostile::is_deceptive};

/// The columns of the group, in order. Counts enter as `ln(1 + count)`, shares as they are.
pub const SHAPE_COLUMNS: [&str; 17] = [
    "document_missing",
    "log_characters",
    "log_headings",
    "log_fences_shell",
    "log_fences_python",
    "log_fences_javascript",
    "log_fences_data",
    "log_fences_other",
    "log_fences_plain",
    "log_links",
    "log_link_hosts",
    "log_front_matter_keys",
    "log_bundle_files",
    "bundle_script_share",
    "non_ascii_share",
    "log_invisible_characters",
    "log_bidirectional_characters",
];

/// The fence families, in the order of their columns; the last is for fences without a name.
fn fence_family(name: &str) -> usize {
    match name.to_ascii_lowercase().as_str() {
        "" => 5,
        "bash" | "sh" | "zsh" | "shell" | "console" | "fish" | "powershell" | "ps1" | "bat" => 0,
        "python" | "py" | "python3" => 1,
        "javascript" | "js" | "typescript" | "ts" | "jsx" | "tsx" | "node" => 2,
        "json" | "jsonc" | "yaml" | "yml" | "toml" | "xml" | "csv" | "ini" => 3,
        _ => 4,
    }
}

const SCRIPTS: [&str; 16] = [
    "bash", "bat", "cjs", "fish", "js", "lua", "mjs", "php", "pl", "ps1", "py", "rb", "sh", "ts",
    "tsx", "zsh",
];

fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The number of keys in a front matter, 0 without one.
fn front_matter_keys(text: &str) -> usize {
    let Some(rest) = text.trim_start_matches('\u{feff}').trim_start().strip_prefix("---") else {
        return 0;
    };
    // A front matter that does not end is none.
    let Some(end) = rest.find("---") else { return 0 };
    let is_key = |word: &str| {
        word.strip_suffix(':').is_some_and(|key| {
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
    };
    rest[..end].split_whitespace().filter(|word| is_key(word)).count()
}

/// The values of [`SHAPE_COLUMNS`] for a document and its bundle; all are finite.
pub fn shape(text: Option<&str>, bundle: &BundleStats) -> [f64; SHAPE_COLUMNS.len()] {
    let log = |count: usize| (count as f64).ln_1p();
    let missing = text.is_none();
    let text = text.unwrap_or("");
    let (mut chars, mut non_ascii, mut invisible, mut bidirectional) = (0_usize, 0, 0, 0);
    for c in text.chars() {
        chars += 1;
        if !c.is_ascii() {
            non_ascii += 1;
            if is_bidirectional(c) {
                bidirectional += 1;
            } else if is_deceptive(c) {
                invisible += 1;
            }
        }
    }
    let mut headings = 0;
    let mut links = 0;
    let mut hosts: BTreeSet<&str> = BTreeSet::new();
    let mut fences = [0_usize; 6];
    let mut open = false;
    for word in text.split_whitespace() {
        if word.len() <= 6 && word.bytes().all(|b| b == b'#') && !open {
            headings += 1;
        }
        for (at, _) in word.match_indices("```") {
            if !open {
                let name = &word[at + 3..];
                let end = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
                fences[fence_family(&name[..end])] += 1;
            }
            open = !open;
        }
        for (at, _) in word.match_indices("://") {
            if word[..at].ends_with("http") || word[..at].ends_with("https") {
                links += 1;
                let host = &word[at + 3..];
                let is_end = |c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
                let host = &host[..host.find(is_end).unwrap_or(host.len())];
                hosts.insert(host.trim_end_matches('.'));
            }
        }
    }
    let is_script = |extension: &str| SCRIPTS.binary_search(&extension).is_ok();
    let scripts: u32 =
        bundle.extensions.iter().filter(|e| is_script(&e.extension)).map(|e| e.files).sum();
    let share = |part: usize, whole: usize| {
        if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
    };
    [
        f64::from(u8::from(missing)),
        log(chars),
        log(headings),
        log(fences[0]),
        log(fences[1]),
        log(fences[2]),
        log(fences[3]),
        log(fences[4]),
        log(fences[5]),
        log(links),
        log(hosts.len()),
        log(front_matter_keys(text)),
        log(bundle.files as usize),
        share(scripts as usize, bundle.files as usize),
        share(non_ascii, chars),
        log(invisible),
        log(bidirectional),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "---\nname: x\ndescription: does y\n---\n# Title\n## Part\n```bash\n# no \
        heading\ncurl https://a.example/x\n```\n```\nplain\n```\nSee http://a.example and \
        https://b.example.\u{202e}\u{200b}é\n";

    #[test]
    fn folded_newlines_change_nothing() {
        let bundle = BundleStats::default();
        let folded = DOCUMENT.replace('\n', " ");
        assert_eq!(shape(Some(DOCUMENT), &bundle), shape(Some(&folded), &bundle));
    }

    #[test]
    fn every_figure_is_counted() {
        let values = shape(Some(DOCUMENT), &BundleStats::default());
        let count = |name: &str| {
            let at = SHAPE_COLUMNS.iter().position(|column| *column == name).unwrap();
            values[at].exp_m1().round() as usize
        };
        assert_eq!(count("log_headings"), 2);
        assert_eq!((count("log_fences_shell"), count("log_fences_plain")), (1, 1));
        assert_eq!((count("log_links"), count("log_link_hosts")), (3, 2));
        assert_eq!(count("log_front_matter_keys"), 2);
        assert_eq!(count("log_invisible_characters"), 1);
        assert_eq!(count("log_bidirectional_characters"), 1);
    }

    #[test]
    fn no_document_is_told_from_an_empty_one() {
        let bundle = BundleStats::default();
        assert_eq!(shape(None, &bundle)[0], 1.0);
        assert_eq!(shape(Some(""), &bundle)[0], 0.0);
    }
}
