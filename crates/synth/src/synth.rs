//! One row from its number.

use clawsig_schema::{
    Scanner, Split, Verdict,
    raw::{BundleFile, RawRow, SYNTHETIC_MODEL},
    split_of_hash,
};
use sha2::{Digest, Sha256};

use crate::{
    ValidParams,
    draw::{Draw, Purpose},
    findings, hostile,
    joint::Cell,
    text::{Brief, DOMAIN_COUNT, Writer, skill_name},
    words::{Language, pseudo_word},
};

/// A corpus that exists row by row.
///
/// Row `i` follows from the parameters and `i` alone: rows can be made in any order, by any
/// number of threads, and a run that was stopped can be taken up again. Memory does not grow with
/// the number of rows (the language takes about half a megabyte).
pub struct Synth {
    params: ValidParams,
    language: Language,
}

/// How a row comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written for itself.
    Original,
    /// The text of an earlier row, unchanged.
    Copy {
        /// The earlier row, always an original.
        of: u64,
    },
    /// The text of an earlier row under another name, with a few words changed.
    Renamed {
        /// The earlier row, always an original.
        of: u64,
    },
    /// The text of an earlier row with a tenth of its words changed and a part added.
    Edited {
        /// The earlier row, always an original.
        of: u64,
    },
}

impl Synth {
    /// Builds the language; takes a few milliseconds.
    pub fn new(params: ValidParams) -> Synth {
        Synth { params, language: Language::new() }
    }

    /// The checked parameters.
    pub fn params(&self) -> &ValidParams {
        &self.params
    }

    /// The number of rows.
    pub fn len(&self) -> u64 {
        self.params.0.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = RawRow> + '_ {
        (0..self.len()).map(|index| self.row(index))
    }

    /// The id of a row: SHA-256, in hex, of a text that names generator, seed and number. It is
    /// the hash of no artifact, for there is none.
    pub fn id(&self, index: u64) -> String {
        hex(&Sha256::digest(format!("clawsig synthetic {} {index}", self.params.0.seed)))
    }

    /// The split of a row, by the exporter's rule with the id as key; makes no text.
    pub fn split(&self, index: u64) -> Split {
        split_of_id(&self.id(index))
    }

    /// Where a row comes from. A copy of a copy counts as a copy of the original.
    pub fn origin(&self, index: u64) -> Origin {
        let mut row = index;
        let mut kind = None;
        loop {
            let mut draw = Draw::new(self.params.0.seed, row, Purpose::Plan);
            if row == 0 || !draw.chance(self.params.0.near_duplicates) {
                break;
            }
            // The smaller of two draws: early skills are copied most.
            let earlier = draw.below_u64(row).min(draw.below_u64(row));
            kind.get_or_insert(draw.weighted(&[0.4, 0.45, 0.15]));
            row = earlier;
        }
        match kind {
            None => Origin::Original,
            Some(0) => Origin::Copy { of: row },
            Some(1) => Origin::Renamed { of: row },
            Some(_) => Origin::Edited { of: row },
        }
    }

    /// The verdict of a row that [`Synth::row`] would make; makes no text.
    pub fn verdict(&self, index: u64) -> Verdict {
        self.label(self.label_row(index)).cell.verdict
    }

    /// Row `index`, counted from 0. Rows beyond [`Synth::len`] exist too: a corpus of more rows
    /// with the same parameters begins with the same rows.
    pub fn row(&self, index: u64) -> RawRow {
        let id = self.id(index);
        let split = split_of_id(&id);
        let origin = self.origin(index);
        let source = match origin {
            Origin::Original => index,
            Origin::Copy { of } | Origin::Renamed { of } | Origin::Edited { of } => of,
        };
        let mut row = self.body(source);
        let (mut name, label) = (self.name(source), self.label(source));
        if source != index {
            let mut draw = Draw::new(self.params.0.seed, index, Purpose::Edit);
            let text = row.skill_md_content.take();
            row.skill_md_content = text.map(|text| match origin {
                Origin::Copy { .. } | Origin::Original => text,
                Origin::Renamed { .. } => {
                    let old = std::mem::replace(&mut name, self.name(index));
                    self.change_words(&text.replace(&old, &name), 0.01, &mut draw)
                }
                Origin::Edited { .. } => {
                    let mut text = self.change_words(&text, 0.1, &mut draw);
                    text.push_str("\n\n## Changes\n\n");
                    text + &Writer::new(&self.language, &mut draw, label.domain).file("md", 300)
                }
            });
            let label_row = self.label_row(index);
            if label_row != source {
                // The registry and its scanners do not always judge a copy like its original.
                let kept = std::mem::take(&mut row);
                row.skill_md_content = kept.skill_md_content;
                row.skill_bundle_content = kept.skill_bundle_content;
                self.judge(&mut row, label_row);
            }
        }
        if self.params.0.fold_newlines {
            row.skill_md_content = row.skill_md_content.map(|text| fold(&text));
        }
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Plan);
        let mut slug = "synth-".to_owned();
        let owner = if source == index { label.owner } else { self.owner(index) };
        pseudo_word(owner as u32, &mut slug);
        slug.push('/');
        slug.push_str(&name);
        row.skill_slug = draw.chance(0.995).then_some(slug);
        row.skill_version =
            format!("{}.{}.{}", draw.between(0, 3), draw.run(0.5, 20), draw.run(0.6, 40));
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Hostile);
        if draw.chance(self.params.0.hostile) {
            hostile::plant(&mut row, &mut draw);
        }
        row.id = id;
        row.split = split.as_str().to_owned();
        row
    }

    /// The row whose label a row bears: its own, or for nine of ten copies that of the original.
    fn label_row(&self, index: u64) -> u64 {
        match self.origin(index) {
            Origin::Original => index,
            Origin::Copy { of } | Origin::Renamed { of } | Origin::Edited { of } => {
                let own = Draw::new(self.params.0.seed, index, Purpose::Label).chance(0.1);
                if own { index } else { of }
            }
        }
    }

    /// Text, bundle and findings of an original row.
    fn body(&self, index: u64) -> RawRow {
        let params = &self.params.0;
        let label = self.label(index);
        let mut row = RawRow::default();
        let shown = self.judge(&mut row, index);
        let name = self.name(index);
        let mut draw = Draw::new(params.seed, index, Purpose::Text);
        if !draw.chance(0.001) {
            let tiny = draw.chance(0.002);
            let chars = (draw.log_normal() * f64::from(params.mean_text_chars)) as usize;
            let behaviours = behaviours(&label.cell, &shown, &mut draw);
            let verdict = label.cell.verdict;
            let care = match verdict {
                Verdict::Clean => 0.45,
                Verdict::Suspicious | Verdict::Malicious => 0.15,
            };
            let brief = Brief {
                name: &name,
                chars,
                behaviours: &behaviours,
                payload: verdict == Verdict::Malicious && draw.chance(0.7),
                care: draw.run(care, 3),
                foreign: draw.chance(params.other_languages),
                invisible: draw.chance(if verdict == Verdict::Clean { 0.006 } else { 0.02 }),
            };
            row.skill_md_content = Some(if tiny {
                format!("# {name}")
            } else {
                Writer::new(&self.language, &mut draw, label.domain).skill(&brief)
            });
        }
        row.skill_bundle_content = self.bundle(index, label.domain);
        row
    }

    /// Verdict, findings and the judge's columns; returns the behaviours that the findings name.
    fn judge(&self, row: &mut RawRow, index: u64) -> Vec<usize> {
        let Label { cell, domain, .. } = self.label(index);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Findings);
        let shown = findings::fill(row, cell, &mut draw);
        row.clawscan_verdict = cell.verdict.as_str().to_owned();
        row.clawscan_model = draw.chance(0.95).then(|| SYNTHETIC_MODEL.to_owned());
        if row.clawscan_model.is_some() {
            let flagged = Scanner::ALL.iter().filter(|&&scanner| cell.flag(scanner)).count();
            let sure = if (flagged > 0) == (cell.verdict != Verdict::Clean) { 0.7 } else { 0.35 };
            let confidence = if draw.chance(sure) { "high" } else { draw.pick(&["medium", "low"]) };
            row.clawscan_confidence = Some(confidence.to_owned());
            let sentence = Writer::new(&self.language, &mut draw, domain).sentence_only();
            row.clawscan_summary = Some(format!(
                "Synthetic skill, {}: {flagged} scanners flag it. {sentence}",
                cell.verdict
            ));
        }
        shown
    }

    fn bundle(&self, index: u64, domain: usize) -> Vec<BundleFile> {
        const KINDS: [(&str, &str); 10] = [
            ("py", "python"),
            ("js", "js"),
            ("ts", "ts"),
            ("sh", "bash"),
            ("json", "json"),
            ("yaml", "yaml"),
            ("md", "md"),
            ("txt", "txt"),
            ("html", "html"),
            ("sql", "sql"),
        ];
        const SHARES: [f64; 10] = [0.27, 0.13, 0.07, 0.14, 0.1, 0.05, 0.17, 0.03, 0.02, 0.02];
        let params = &self.params.0;
        let mut draw = Draw::new(params.seed, index, Purpose::Bundle);
        if !draw.chance(params.bundles) {
            return Vec::new();
        }
        let mut files: Vec<BundleFile> = Vec::new();
        for _ in 0..1 + draw.run(0.773, 60) {
            let (extension, kind) = KINDS[draw.weighted(&SHARES)];
            let mut path = ["", "scripts/", "references/", "src/"]
                [draw.weighted(&[0.3, 0.4, 0.2, 0.1])]
            .to_owned();
            pseudo_word(draw.zipf_tail(1_024, 8), &mut path);
            path.push('.');
            path.push_str(extension);
            let again = files.iter().any(|file| file.path == path);
            if again {
                path.insert(0, '_');
            }
            // A few bundles of the snapshot hold the same path twice.
            if let Some(first) = files.first().filter(|_| draw.chance(0.000_2)) {
                path.clone_from(&first.path);
            }
            let chars = (draw.log_normal() * f64::from(params.mean_file_chars)) as usize;
            let content = Writer::new(&self.language, &mut draw, domain).file(kind, chars.max(20));
            let sha256 = hex(&Sha256::digest(&content));
            let size_bytes = content.len() as u64;
            files.push(BundleFile { path, content, sha256, size_bytes });
        }
        files
    }

    fn label(&self, index: u64) -> Label {
        // Subjects that deal with money, mail and machines are held back more often.
        const CLEAN: [f64; DOMAIN_COUNT] = [3., 1.5, 1.5, 1.5, 2., 2., 3., 2., 2., 3., 1.5, 1.];
        const HELD: [f64; DOMAIN_COUNT] = [1., 3., 3., 2., 1., 2., 1.5, 1., 1.5, 1.5, 2., 3.];
        let owner = self.owner(index);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Label);
        // The first number of this stream says whether a copy is judged for itself.
        draw.unit();
        let position = findings::position(self.params.0.seed, owner, &mut draw);
        let cell = Cell::at(position, &mut draw);
        let weights = if cell.verdict == Verdict::Clean { &CLEAN } else { &HELD };
        Label { owner, cell, domain: draw.weighted(weights) }
    }

    /// The number of a row's owner: the law of 1 / (rank + 50) in octaves.
    fn owner(&self, index: u64) -> u64 {
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Owner);
        // Owners draw from the first number of their stream, rows from the second.
        draw.unit();
        let mut octaves = 1;
        while octaves < 27 && (50_u64 << octaves) - 50 < self.params.0.owners {
            octaves += 1;
        }
        u64::from(draw.zipf_tail(50, octaves)) % self.params.0.owners
    }

    fn name(&self, index: u64) -> String {
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Name);
        skill_name(&self.language, &mut draw, self.label(index).domain)
    }

    /// Replaces a share of the words that stand between blanks.
    fn change_words(&self, text: &str, share: f64, draw: &mut Draw) -> String {
        let mut changed = String::with_capacity(text.len() + 64);
        for piece in text.split_inclusive(' ') {
            let plain = piece.len() > 3 && piece.trim_end().bytes().all(|b| b.is_ascii_lowercase());
            if plain && draw.chance(share) {
                changed.push_str(self.language.nouns.word(draw));
                changed.push_str(&piece[piece.trim_end().len()..]);
            } else {
                changed.push_str(piece);
            }
        }
        changed
    }
}

struct Label {
    owner: u64,
    cell: Cell,
    domain: usize,
}

/// Which behaviours the text shows, and how often: most of what the scanners found, and some
/// that they did not find, more often where the verdict is not clean.
fn behaviours(cell: &Cell, found: &[usize], draw: &mut Draw) -> Vec<(usize, u32)> {
    let (seen, missed, more) = match cell.verdict {
        Verdict::Clean => (0.65, 0.12, 0.15),
        Verdict::Suspicious => (0.85, 0.5, 0.45),
        Verdict::Malicious => (0.8, 0.6, 0.5),
    };
    let mut shown = Vec::new();
    for &behaviour in found {
        if draw.chance(seen) {
            shown.push((behaviour, 1 + draw.run(more, 3)));
        }
    }
    let malicious = cell.verdict == Verdict::Malicious;
    for _ in 0..draw.run(missed, 2) {
        let behaviour = if malicious { draw.pick(&[3, 4, 5, 7]) } else { draw.below(14) as usize };
        shown.push((behaviour, 1 + draw.run(more, 2)));
    }
    shown
}

/// Newlines to spaces, runs of blanks to one, as the frozen snapshot has it.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split([' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

fn split_of_id(id: &str) -> Split {
    // A SHA-256 in hex always begins with eight hex digits, so the fallback never happens.
    split_of_hash(&hex(&Sha256::digest(id))).unwrap_or(Split::Train)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
