//! Tables of text cells.

use std::{
    env,
    fmt::Write as _,
    io::{self, IsTerminal},
};

/// Blanks before the first column and between two of them, where there is room.
const GAP: usize = 2;
/// No wrapped column is made narrower than this.
const NARROWEST: usize = 10;
/// No clipped one is made narrower than this.
const NARROWEST_CLIPPED: usize = 5;

/// A table of text cells: columns as wide as their widest cell, numbers flush right. On a terminal
/// that is too narrow for it, the widest columns of text are wrapped.
pub(crate) struct Table {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    clipped: bool,
    last_below: bool,
}

/// The width that lines may have: what `COLUMNS` says, or the terminal that standard output is;
/// `None` where it is none.
pub(crate) fn terminal_width() -> Option<usize> {
    let asked = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    if let Some(columns) = asked.filter(|&columns| columns > 0) {
        return Some(columns);
    }
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Sentences, one a line, broken so that they fit the terminal; what is broken off is indented.
pub(crate) fn sentence(text: &str) -> String {
    let Some(width) = terminal_width() else { return text.to_owned() };
    text.split('\n').map(|line| sentence_within(line, width)).collect::<Vec<_>>().join("\n")
}

fn sentence_within(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let lines = wrap(text, width.saturating_sub(indent + GAP).max(NARROWEST));
    let (first, later) = (" ".repeat(indent), " ".repeat(indent + GAP));
    format!("{first}{}", lines.join(&format!("\n{later}")))
}

impl Table {
    /// A table with a heading; a column whose heading begins with `>` is flush right.
    pub(crate) fn new(heading: &[&str]) -> Table {
        let right = heading.iter().map(|h| h.starts_with('>')).collect();
        let row = heading.iter().map(|h| h.trim_start_matches('>').to_owned()).collect();
        Table { right, rows: vec![row], clipped: false, last_below: false }
    }

    /// The same table, whose cells are cut rather than wrapped on a narrow terminal.
    pub(crate) fn clipped(mut self) -> Table {
        self.clipped = true;
        self
    }

    /// The same table, whose last column stands below each row where the terminal is too narrow.
    pub(crate) fn last_below(mut self) -> Table {
        self.last_below = true;
        self
    }

    /// Adds a row. Cells hold text that is fit to be shown (`hostile::printable` if a skill's).
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, each indented by two blanks; as wide as it has to be where standard
    /// output is no terminal, so that programs read one row a line.
    pub(crate) fn render(&self) -> String {
        self.render_within(terminal_width())
    }

    fn render_within(&self, limit: Option<usize>) -> String {
        let columns = self.right.len();
        let natural = (0..columns).map(|c| self.natural_width(c) + GAP).sum::<usize>();
        let below = limit.filter(|&limit| self.last_below && natural > limit);
        let beside = columns - usize::from(below.is_some());
        let (widths, gap) = self.widths(beside, limit);
        let mut text = String::new();
        for row in &self.rows {
            let cells: Vec<Vec<String>> = widths
                .iter()
                .enumerate()
                .map(|(c, &width)| {
                    let cell = row.get(c).map_or("", String::as_str);
                    if self.clipped { vec![clip(cell, width)] } else { wrap(cell, width) }
                })
                .collect();
            let lines = cells.iter().map(Vec::len).max().unwrap_or_default();
            for line in 0..lines {
                let mut shown = String::new();
                for (c, &width) in widths.iter().enumerate() {
                    let cell = cells[c].get(line).map_or("", String::as_str);
                    let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                    let (before, after) =
                        if self.right[c] { (pad.as_str(), "") } else { ("", pad.as_str()) };
                    // Writing to a String can't fail.
                    let _ = write!(shown, "{}{before}{cell}{after}", " ".repeat(gap));
                }
                text.push_str(shown.trim_end());
                text.push('\n');
            }
            if let (Some(limit), Some(last)) = (below, row.get(beside)) {
                let indent = 3 * GAP;
                for line in wrap(last, limit.saturating_sub(indent).max(NARROWEST)) {
                    // Writing to a String can't fail.
                    let _ = writeln!(text, "{}{line}", " ".repeat(indent));
                }
            }
        }
        text
    }

    fn natural_width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    }

    /// The first columns' widths and the gap between two: the width of its widest cell, less what the
    /// limit takes, from the gaps first and then from the widest columns of text.
    fn widths(&self, columns: usize, limit: Option<usize>) -> (Vec<usize>, usize) {
        let mut widths: Vec<usize> = (0..columns).map(|c| self.natural_width(c)).collect();
        let Some(limit) = limit else { return (widths, GAP) };
        let total = |widths: &[usize], gap: usize| widths.iter().map(|w| w + gap).sum::<usize>();
        let gap = if total(&widths, GAP) > limit && total(&widths, 1) <= limit { 1 } else { GAP };
        let narrowest = if self.clipped { NARROWEST_CLIPPED } else { NARROWEST };
        while total(&widths, gap) > limit {
            let texts = (0..widths.len()).filter(|&c| !self.right[c] && widths[c] > narrowest);
            let Some(widest) = texts.max_by_key(|&c| (widths[c], c)) else { break };
            widths[widest] -= 1;
        }
        (widths, gap)
    }
}

/// The cell in one line of at most `width` characters, with `…` where it was cut.
fn clip(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    let mut kept: String = cell.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// The cell in lines of at most `width` characters, broken at blanks outside square brackets, so that an interval
/// stays in one piece; one that is wider than the column is broken between its ends, and a longer word where
/// it has to be.
fn wrap(cell: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    let mut depth = 0_u32;
    let words = cell.split(|c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ' ' && depth == 0
    });
    let words = words.flat_map(|word| {
        let whole = word.chars().count() <= width;
        word.split(move |c: char| c == ' ' && !whole)
    });
    for word in words {
        let mut word: Vec<char> = word.chars().collect();
        let is_first = lines.last().is_none_or(String::is_empty);
        let needed = word.len() + usize::from(!is_first);
        if needed > room && !is_first {
            lines.push(String::new());
            room = width;
        } else if !is_first && let Some(line) = lines.last_mut() {
            line.push(' ');
            room -= 1;
        }
        while word.len() > room && room > 0 {
            let rest = word.split_off(room);
            if let Some(line) = lines.last_mut() {
                line.extend(word);
            }
            word = rest;
            lines.push(String::new());
            room = width;
        }
        room = room.saturating_sub(word.len());
        if let Some(line) = lines.last_mut() {
            line.extend(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["name", ">rows"]);
        table.row(["a".to_owned(), "1".to_owned()]);
        table.row(["longer".to_owned(), "1,000".to_owned()]);
        assert_eq!(
            table.render_within(None),
            "  name     rows\n  a           1\n  longer  1,000\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_the_widest_texts_and_no_interval() {
        let mut table = Table::new(&["stage", ">rows", "why"]);
        let why = "input changed and 0.1234 [0.1111, 0.2222] is other".to_owned();
        table.row(["ingest".to_owned(), "12".to_owned(), why]);
        assert_eq!(
            table.render_within(Some(36)),
            "  stage   rows  why\n  ingest    12  input changed and\n                0.1234\n                \
             [0.1111, 0.2222] is\n                other\n"
        );
        for line in table.render_within(Some(30)).lines() {
            assert!(line.chars().count() <= 30, "{line}");
        }
    }

    #[test]
    fn an_interval_wider_than_its_column_breaks_between_its_ends() {
        assert_eq!(wrap("0.74 [0.7400, 0.8768]", 14), ["0.74 [0.7400,", "0.8768]"]);
        assert_eq!(wrap("0.74 [0.7400, 0.8768]", 10), ["0.74", "[0.7400,", "0.8768]"]);
        assert_eq!(wrap("0.74 [0.7400, 0.8768]", 16), ["0.74", "[0.7400, 0.8768]"]);
        assert_eq!(wrap("0.74 [0.7400, 0.8768]", 5), ["0.74", "[0.74", "00,", "0.876", "8]"]);
    }

    #[test]
    fn a_table_that_nearly_fits_gets_narrower_gaps_and_a_clipped_one_stays_on_its_lines() {
        let mut table = Table::new(&["a", ">b"]);
        table.row(["xxxx".to_owned(), "12".to_owned()]);
        assert_eq!(table.render_within(Some(9)), " a     b\n xxxx 12\n");
        let mut table = Table::new(&["a", "b"]).clipped();
        table.row(["x".to_owned(), "abcdefghijklmnopqrstuvwxyz".to_owned()]);
        assert_eq!(table.render_within(Some(16)), "  a  b\n  x  abcdefghij…\n");
    }

    #[test]
    fn a_last_column_goes_below_where_there_is_no_room_beside() {
        let mut table = Table::new(&["skill", ">p", "why"]).last_below();
        table.row(["mail".to_owned(), "0.9".to_owned(), "the one and the other".to_owned()]);
        let beside = "  skill    p  why\n  mail   0.9  the one and the other\n";
        assert_eq!(table.render_within(None), beside);
        assert_eq!(table.render_within(Some(35)), beside);
        assert_eq!(
            table.render_within(Some(20)),
            "  skill    p\n      why\n  mail   0.9\n      the one and\n      the other\n"
        );
    }

    #[test]
    fn a_long_sentence_is_broken_at_a_blank() {
        assert_eq!(sentence_within("  one two three", 20), "  one two three");
        assert_eq!(sentence_within("  one two three", 14), "  one two\n    three");
    }

    #[test]
    fn a_word_longer_than_its_column_is_broken() {
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("a  b", 4), ["a  b"]);
    }
}
