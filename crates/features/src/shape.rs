//! The shape of a document and its bundle, in one pass over the text.
//!
//! The frozen snapshot has its newlines folded to blanks, so nothing here looks for line ends, and a
//! parser of CommonMark would find no block in most texts. A heading is a run of one to six `#`
//! between blanks, a front-matter key a word with a colon between the first two `---`. A fence
//! follows CommonMark as far as words tell: a word that begins with three or more back-ticks or
//! tildes opens it, and a word of as many or more of the same character, with nothing behind them,
//! closes it. Only the language that is glued to the fence is its name, since behind a blank it may
//! have been the next line; and two runs of back-ticks with blanks between them are a fence, though
//! on one line they would be code.
//!
//! A link is an `http` or `https` URL with a host, in any case; its host is that of RFC 3986, after
//! the user and before the port, lower-cased. A full parser of URLs (`url`: 46 packages with the
//! tables of international names) would also tell invalid ports and take the two spellings of an
//! international name for one.

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

/// A run of three or more back-ticks or tildes at the start of a word.
#[derive(Clone, Copy)]
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

impl Fence<'_> {
    fn at_start(word: &str) -> Option<Fence<'_>> {
        // A quoted line begins with these.
        let word = word.trim_start_matches('>');
        let mark = word.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = word.trim_start_matches(mark);
        let length = word.len() - info.len();
        (length >= 3).then_some(Fence { mark, length, info })
    }

    /// Behind back-ticks there is no other before the line ends; else they are code within a line.
    fn opens(&self) -> bool {
        self.mark == '~' || !self.info.contains('`')
    }

    fn closes(&self, opened: &Fence<'_>) -> bool {
        self.mark == opened.mark && self.length >= opened.length && self.info.is_empty()
    }

    fn language(&self) -> &str {
        let end = self.info.find(|c: char| !c.is_ascii_alphanumeric());
        &self.info[..end.unwrap_or(self.info.len())]
    }
}

/// The host of every `http` and `https` URL in a word.
fn hosts_in(word: &str) -> impl Iterator<Item = String> {
    word.match_indices("://").filter_map(|(at, separator)| {
        // Both searches end at the separator before or behind, so that a word of many takes linear
        // time.
        let before = &word[..at];
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let scheme = &before[before.trim_end_matches(is_scheme).len()..];
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return None;
        }
        let rest = &word[at + separator.len()..];
        let is_end = |c: char| "/\\?#\"'<>(){}|^`".contains(c);
        let authority = rest.split(is_end).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            Some((address, _)) => address,
            None => {
                let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
                &host[..host.find(|c| !is_host(c)).unwrap_or(host.len())]
            }
        };
        let host = host.trim_end_matches('.').to_lowercase();
        (!host.is_empty()).then_some(host)
    })
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
    let mut hosts: BTreeSet<String> = BTreeSet::new();
    let mut fences = [0_usize; 6];
    let mut open: Option<Fence<'_>> = None;
    for word in text.split_whitespace() {
        if word.len() <= 6 && word.bytes().all(|b| b == b'#') && open.is_none() {
            headings += 1;
        }
        if let Some(fence) = Fence::at_start(word) {
            match &open {
                Some(opened) if fence.closes(opened) => open = None,
                Some(_) => {}
                None if fence.opens() => {
                    fences[fence_family(fence.language())] += 1;
                    open = Some(fence);
                }
                None => {}
            }
        }
        for host in hosts_in(word) {
            links += 1;
            hosts.insert(host);
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
    fn keys_are_names_that_end_with_a_colon() {
        for (text, keys) in [
            ("--- a_b: 1 c-d: 2 E9: 3 --- f: 4", 3),
            ("\u{feff} ---\n: x\né: y\na.b: z\nno key\n---", 0),
            ("--- a: 1", 0),
            ("a: 1 --- b: 2 ---", 0),
        ] {
            assert_eq!(front_matter_keys(text), keys, "{text}");
        }
    }

    fn fences(text: &str) -> usize {
        let values = shape(Some(text), &BundleStats::default());
        let counts = SHAPE_COLUMNS.iter().zip(values).filter(|(c, _)| c.starts_with("log_fences"));
        counts.map(|(_, value)| value.exp_m1().round() as usize).sum()
    }

    #[test]
    fn fences_are_those_of_commonmark() {
        // Examples of the CommonMark specification 0.31.2, by number where they are its own.
        for (text, expected) in [
            ("```\n<\n >\n```", 1),        // 119
            ("~~~\n<\n >\n~~~", 1),        // 120
            ("``\nfoo\n``", 0),            // 121
            ("```\naaa\n~~~\n```", 1),     // 122
            ("~~~\naaa\n```\n~~~", 1),     // 123
            ("````\naaa\n```\n``````", 1), // 124
            ("~~~~\naaa\n~~~\n~~~~", 1),   // 125
            ("```", 1),                    // 126
            ("`````\n\n```\naaa", 1),      // 127
            ("> ```\n> aaa\n\nbbb", 1),    // 128
            ("~~~~\naaa\n~~~~~~\n```\nb\n```", 2),
            ("~~~~    ruby startline=3 $%@#$\ndef foo(x)\n~~~~~~~", 1), // 143
            ("````;\n````", 1),                                         // 144
            ("code ```x``` within a line", 0),
            ("````md\n```bash\nls\n```\n````\n```py\n1\n```", 2),
        ] {
            assert_eq!(fences(text), expected, "{text}");
        }
    }

    #[test]
    fn hosts_are_those_of_the_standard() {
        // `urllib.parse.urlsplit(url).hostname` of Python 3.11.7, without a last dot.
        for (word, expected) in [
            ("HTTP://A.example", &["a.example"][..]),
            ("(https://user:pw@Host.example:8443/p?q=http)", &["host.example"]),
            ("http://user@host", &["host"]),
            ("http://[2001:DB8::1]:80/", &["2001:db8::1"]),
            ("<https://a.example.>", &["a.example"]),
            ("[x](https://a.example),https://b.example", &["a.example", "b.example"]),
            ("https://a.example#me@b.example", &["a.example"]),
            ("https://a.example?u=https://c.example/", &["a.example", "c.example"]),
            ("https://bücher.example/ü", &["bücher.example"]),
            ("ftp://a.example xhttp://b git+http://c", &[]),
            ("http:// https:///x http://{host}/ http://@/ http://", &[]),
        ] {
            let found: Vec<String> = word.split(' ').flat_map(hosts_in).collect();
            assert_eq!(found, expected, "{word}");
        }
    }

    #[test]
    fn no_document_is_told_from_an_empty_one() {
        let bundle = BundleStats::default();
        assert_eq!(shape(None, &bundle)[0], 1.0);
        assert_eq!(shape(Some(""), &bundle)[0], 0.0);
    }
}
