//! The fast way through a line that is as it should be.
//!
//! Nearly every row is plain: its columns have their types, its objects no key twice, its numbers
//! no exponent. Such a row is taken in one pass that skips what is not kept (bundle contents, the
//! scanners' full outputs) and finds the ends of strings and their escapes sixty-four bytes at a
//! time. Whatever is unusual ends the scan with
//! `None`, and [`crate::json`] reads the line again: it decides what is wrong, if anything is.
//! So this scanner may refuse any line, but may take none that the other one would not, and must
//! then give the same row.

mod strings;

use std::borrow::Cow;

use clawsig_schema::{BundleStats, column::COLUMNS};

use crate::row::{BundleTally, Context, Row};

/// Objects and lists in one another; what is deeper is left to the other parser.
const DEPTH: u32 = 64;

/// Reads one line that holds one JSON object; `None` leaves it to [`crate::json::parse`].
pub(crate) fn parse(line: &str) -> Option<Row<'_>> {
    let mut scan = Scan::new(line);
    let row = scan.row()?;
    scan.blank();
    (scan.at == scan.bytes.len()).then_some(row)
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Which sixty-four bytes of the line `specials` is about, counted from 0.
    block: usize,
    /// Those of them that end a string or need a look; see `strings`.
    specials: u64,
}

impl<'a> Scan<'a> {
    fn new(line: &'a str) -> Self {
        let mut scan = Scan { text: line, bytes: line.as_bytes(), at: 0, block: 0, specials: 0 };
        scan.look();
        scan
    }

    fn row(&mut self) -> Option<Row<'a>> {
        let mut row = Row::default();
        let mut expected = 0;
        self.members(|scan, key| {
            // The columns nearly always come in the schema's order.
            let column = match COLUMNS.get(expected) {
                Some(column) if column.name == key => Some(expected),
                _ => COLUMNS.iter().position(|column| column.name == key),
            };
            let Some(column) = column else {
                row.unknown.push(key.to_owned());
                return scan.skip(DEPTH);
            };
            expected = column + 1;
            if row.seen & (1 << column) != 0 {
                return None;
            }
            row.seen |= 1 << column;
            match column {
                0 => row.id = scan.text()??,
                1 => row.slug = scan.text()?,
                2 => row.version = scan.text()??,
                3 => row.text = scan.text()?,
                4 => row.bundle = scan.bundle()?,
                5 => row.verdict = scan.text()??,
                6 => row.confidence = scan.text()?,
                7 => row.model = scan.text()?,
                8 => row.summary = scan.text()?,
                9 => row.static_status = scan.text()?,
                10 => row.finding_count = scan.count()??,
                11 => row.reason_codes = scan.texts()?,
                12 => row.virustotal_status = scan.text()?,
                13..=16 => row.engines[column - 13] = scan.count()?,
                17 => row.skillspector_status = scan.text()?,
                18 => row.score = scan.score()?,
                19 => row.severity = scan.text()?,
                20 => row.issue_count = scan.count()??,
                21 => row.issue_codes = scan.texts()?,
                22 => row.issue_categories = scan.texts()?,
                23 => row.context = scan.context()?,
                _ => row.split = scan.text()?,
            }
            Some(())
        })?;
        Some(row)
    }

    fn bundle(&mut self) -> Option<BundleStats> {
        let mut tally = BundleTally::default();
        self.items(|scan| {
            let (mut path, mut bytes) = (None, None);
            scan.members(|scan, key| match key {
                "path" if path.is_none() => {
                    path = Some(scan.text()??);
                    Some(())
                }
                "sizeBytes" if bytes.is_none() => {
                    bytes = Some(scan.whole()?);
                    Some(())
                }
                "path" | "sizeBytes" => None,
                _ => scan.skip(DEPTH),
            })?;
            tally.add(path?, bytes?);
            Some(())
        })?;
        Some(tally.finish())
    }

    fn context(&mut self) -> Option<Context<'a>> {
        let mut context = Context::default();
        let mut seen = [false; 3];
        self.members(|scan, key| {
            let at = match key {
                "static" => 0,
                "virustotal" => 1,
                "skillspector" => 2,
                _ => return scan.skip(DEPTH),
            };
            if std::mem::replace(&mut seen[at], true) {
                return None;
            }
            let (mut verdict, mut recommendation) = (None, None);
            context.has_output[at] = scan.output(&mut verdict, &mut recommendation)?;
            match at {
                1 => context.virustotal_verdict = verdict,
                2 => {
                    context.skillspector_verdict = verdict;
                    context.skillspector_recommendation = recommendation;
                }
                _ => {}
            }
            Some(())
        })?;
        Some(context)
    }

    /// One scanner's output: whether there is any, and two of its texts.
    fn output(
        &mut self,
        verdict: &mut Option<Cow<'a, str>>,
        recommendation: &mut Option<Cow<'a, str>>,
    ) -> Option<bool> {
        if self.next()? != b'{' {
            // A text or a list in its place is rare enough.
            return self.null().then_some(false);
        }
        let mut present = false;
        self.members(|scan, key| {
            let kept = match key {
                "verdict" => &mut *verdict,
                "recommendation" => &mut *recommendation,
                _ => {
                    present |= scan.next()? != b'n';
                    return scan.skip(DEPTH);
                }
            };
            if kept.is_some() {
                return None;
            }
            *kept = scan.text()?;
            present |= kept.is_some();
            Some(())
        })?;
        Some(present)
    }

    /// The next byte that is no blank, which stays where it is.
    fn next(&mut self) -> Option<u8> {
        self.blank();
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Takes one given byte after blanks.
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// An object, its members one by one. A key with an escape is unusual.
    fn members(&mut self, mut each: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.next()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.key()?;
            self.take(b':')?;
            each(self, key)?;
            match self.next()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// A list, its items one by one.
    fn items(&mut self, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.next()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            each(self)?;
            match self.next()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// A value of any type, checked and left.
    fn skip(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.next()? {
            b'"' => self.skip_text(),
            b'{' => self.members(|scan, _| scan.skip(depth)),
            b'[' => self.items(|scan| scan.skip(depth)),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number().map(|_| ()),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.bytes.get(self.at..)?.starts_with(word.as_bytes());
        found.then(|| self.at += word.len())
    }

    fn null(&mut self) -> bool {
        self.next() == Some(b'n') && self.word("null").is_some()
    }

    /// A number in plain notation, short enough that it is in every type's range.
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let whole = self.digits();
        let leading_zero = whole > 1 && self.bytes[self.at - whole] == b'0';
        let mut fraction = 0;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            fraction = self.digits();
            if fraction == 0 {
                return None;
            }
        }
        let unusual = whole == 0
            || leading_zero
            || whole + fraction > 18
            || matches!(self.bytes.get(self.at), Some(b'e' | b'E'));
        if unusual { None } else { self.text.get(start..self.at) }
    }

    /// Passes digits and says how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    /// A whole number without sign.
    fn whole(&mut self) -> Option<u64> {
        self.blank();
        self.number()?.parse().ok()
    }

    fn count(&mut self) -> Option<Option<u32>> {
        if self.null() {
            return Some(None);
        }
        u32::try_from(self.whole()?).ok().map(Some)
    }

    fn score(&mut self) -> Option<Option<f64>> {
        if self.null() {
            return Some(None);
        }
        let value: f64 = self.number()?.parse().ok()?;
        (0.0..=100.0).contains(&value).then_some(Some(value))
    }

    fn texts(&mut self) -> Option<Vec<Cow<'a, str>>> {
        let mut list = Vec::new();
        self.items(|scan| {
            list.push(scan.text()??);
            Some(())
        })?;
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    const PLAIN: &str = r#"{"id":"ab","skill_slug":"o/s","skill_version":"1.0","skill_md_content":"caf\u00e9 \\ \"q\"\n# é","skill_bundle_content":[{"path":"a.py","content":"x\ty \ud83d\ude00","sha256":"00","sizeBytes":12},{"path":"b","sizeBytes":0,"mode":[1,{"k":-2.5}]}],"clawscan_verdict":"clean","clawscan_confidence":null,"clawscan_model":"m","clawscan_summary":"","static_status":"clean","static_finding_count":3,"static_reason_codes":["a.b","c"],"virustotal_status":null,"virustotal_malicious_count":null,"virustotal_suspicious_count":0,"virustotal_harmless_count":7,"virustotal_undetected_count":60,"skillspector_status":"x","skillspector_score":12.5,"skillspector_severity":"LOW","skillspector_issue_count":0,"skillspector_issue_codes":[],"skillspector_issue_categories":["MCP"],"clawscan_context":{"static":{"n":null},"virustotal":{"verdict":"benign","x":[true,false]},"skillspector":null,"more":1},"split":"train","novel":{"a":1}}"#;

    /// What this scanner takes, the parser takes as the same row; gives how many it took.
    fn agree(lines: impl IntoIterator<Item = String>) -> usize {
        let mut taken = 0;
        for line in lines {
            if let Some(row) = parse(&line) {
                let slow = json::parse(&line);
                assert_eq!(
                    format!("{:?}", Ok::<_, ()>(row)),
                    format!("{:?}", slow.map_err(|_| ())),
                    "{line}"
                );
                taken += 1;
            }
        }
        taken
    }

    #[test]
    fn a_plain_row_is_taken() {
        // The pair of surrogates is left to the parser, and is in a text that is not kept.
        assert!(parse(PLAIN).is_none());
        let plain = PLAIN.replace(r"\ud83d\ude00", "");
        assert_eq!(agree([plain.clone(), plain.replace(',', " , ").replace(':', "\t:\r ")]), 2);
        let row = parse(&plain).unwrap();
        assert_eq!(row.text.as_deref(), Some("café \\ \"q\"\n# é"));
        assert_eq!((row.bundle.files, row.bundle.bytes, row.score), (2, 12, Some(12.5)));
        assert_eq!(row.context.has_output, [false, true, false]);
        assert_eq!(row.unknown, ["novel"]);
    }

    /// Every byte of a row replaced, removed and preceded by bytes that mean something in JSON.
    #[test]
    fn no_damaged_row_is_taken_otherwise_than_by_the_parser() {
        let plain = PLAIN.replace(r"\ud83d\ude00", "");
        let mut damaged = Vec::new();
        for at in (0..plain.len()).filter(|&at| plain.is_char_boundary(at)) {
            let end = at + plain[at..].chars().next().unwrap().len_utf8();
            for with in [
                "", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "n", " ",
                "\u{1}", "\u{7f}",
            ] {
                damaged.push(format!("{}{with}{}", &plain[..at], &plain[end..]));
                damaged.push(format!("{}{with}{}", &plain[..at], &plain[at..]));
            }
        }
        let all = damaged.len();
        let taken = agree(damaged);
        // Damage inside a text leaves a row; damage to the grammar does not.
        assert!(taken > all / 4 && taken < all, "{taken} of {all}");
    }

    #[test]
    fn odd_values_are_taken_as_by_the_parser_or_left_to_it() {
        let plain = PLAIN.replace(r"\ud83d\ude00", "");
        let values = [
            "0",
            "-0",
            "00",
            "01",
            "1.0",
            "1.",
            ".5",
            "1e2",
            "1E400",
            "-1",
            "4294967295",
            "4294967296",
            "99999999999999999999",
            "0.1234567890123456789",
            "100",
            "100.0001",
            "NaN",
            "true",
            "nul",
            "null",
            "\"\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"\\uD83D\\uDE00\"",
            "\"\\x\"",
            "\"\\u12\"",
            "[]",
            "[null]",
            "[1,]",
            "{}",
            "{\"a\":}",
            "{\"verdict\":\"\\u0000\"}",
            "{\"verdict\":null,\"verdict\":\"a\"}",
            "{\"verdict\":1e999}",
            "{\"x\":1e999}",
            "[{\"path\":\"a\"}]",
            "[[\"a\",1]]",
            "[{\"path\":\"a\",\"sizeBytes\":1,\"sizeBytes\":2}]",
            "[{\"path\":\"a\",\"sizeBytes\":-1}]",
        ];
        let fields = [
            r#""id":"ab""#,
            r#""skill_slug":"o/s""#,
            r#""static_finding_count":3"#,
            r#""skillspector_score":12.5"#,
            r#""skillspector_issue_codes":[]"#,
            r#""virustotal_harmless_count":7"#,
            r#""static":{"n":null}"#,
            r#""virustotal":{"verdict":"benign","x":[true,false]}"#,
            r#""more":1"#,
            r#""novel":{"a":1}"#,
            r#""k":-2.5"#,
        ];
        let mut lines = Vec::new();
        for field in fields {
            let (key, _) = field.split_once(':').unwrap();
            assert!(plain.contains(field), "{field}");
            lines.extend(values.map(|value| plain.replacen(field, &format!("{key}:{value}"), 1)));
        }
        for value in values {
            lines.push(plain.replacen(
                r#""clawscan_verdict""#,
                &format!("\"skill_bundle_content\":{value},\"x\""),
                1,
            ));
            let (head, tail) = plain.split_once(r#""skill_bundle_content":"#).unwrap();
            let (_, tail) = tail.split_once(r#","clawscan_verdict""#).unwrap();
            lines
                .push(format!("{head}\"skill_bundle_content\":{value},\"clawscan_verdict\"{tail}"));
        }
        lines.push("[".repeat(100_000));
        lines.push(plain.replacen(
            "\"a\":1",
            &format!("\"a\":{}1{}", "[".repeat(200), "]".repeat(200)),
            1,
        ));
        assert!(agree(lines) > 50);
    }
}
