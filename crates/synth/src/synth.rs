//! One row from its number.

use clawsig_schema::{
    Scanner, Split, Verdict,
    raw::{BundleFile, RawRow, SYNTHETIC_MODEL},
};
use sha2::{Digest, Sha256};

use crate::{
    ValidSynthParams,
    census::{MEAN_CHARS, MIN_FILE_BYTES, Member, Side},
    draw::{Draw, Purpose},
    findings, hostile,
    text::{Brief, DOMAIN_COUNT, DocumentWriter, skill_name},
    words::{Language, pseudo_word},
};

/// A corpus that exists row by row.
///
/// Row `i` follows from the parameters and `i` alone: rows can be made in any order, by any
/// number of threads, and a run that was stopped can be taken up again. Memory does not grow with
/// the number of rows (the language takes about half a megabyte).
pub struct Synth {
    params: ValidSynthParams,
    language: Language,
}

/// Earlier rows that are tried as a copy's original.
const MAX_ORIGINALS_TRIED: u32 = 64;

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
    pub fn new(params: ValidSynthParams) -> Synth {
        Synth { params, language: Language::new() }
    }

    /// The checked parameters.
    pub fn params(&self) -> &ValidSynthParams {
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

    /// The split of a row, as the census has it (the exporter's rule on the id gives another, as
    /// with the frozen snapshot); makes no text.
    pub fn split(&self, index: u64) -> Split {
        self.member(index).split()
    }

    /// Where a row comes from. The original has the verdict of its copy and, nine times of ten,
    /// the same scanner flags. A row for which no such original is found is one itself.
    pub fn origin(&self, index: u64) -> Origin {
        let mut draw = self.plan(index);
        let Some(kind) = self.is_a_copy(index, &mut draw) else { return Origin::Original };
        let member = self.member(index);
        let (_, _, side) = member.length(self.text_scale());
        let exact = draw.chance(0.9);
        for _ in 0..MAX_ORIGINALS_TRIED {
            // The smaller of two draws: early skills are copied most.
            let of = draw.below_u64(index).min(draw.below_u64(index));
            let original = self.member(of);
            // A copy has the length of its original, so both lie on one side of the median.
            let fits = original.verdict() == member.verdict()
                && (!exact || original.is_like(&member))
                && side != Side::Middle
                && original.length(self.text_scale()).2 == side;
            if fits && self.is_a_copy(of, &mut self.plan(of)).is_none() {
                return match kind {
                    0 => Origin::Copy { of },
                    1 => Origin::Renamed { of },
                    _ => Origin::Edited { of },
                };
            }
        }
        Origin::Original
    }

    fn plan(&self, index: u64) -> Draw {
        Draw::new(self.params.0.seed, index, Purpose::Plan)
    }

    /// Whether a row is to be a copy, and of which kind.
    fn is_a_copy(&self, index: u64, draw: &mut Draw) -> Option<usize> {
        (draw.chance(self.params.0.near_duplicates) && index > 0)
            .then(|| draw.weighted(&[0.4, 0.45, 0.15]))
    }

    fn member(&self, index: u64) -> Member {
        Member::of(self.params.0.seed, index)
    }

    /// How many times the lengths of the census a text has.
    fn text_scale(&self) -> f64 {
        f64::from(self.params.0.mean_text_chars) / f64::from(MEAN_CHARS)
    }

    /// The verdict of a row that [`Synth::row`] would make; makes no text.
    pub fn verdict(&self, index: u64) -> Verdict {
        self.member(index).verdict()
    }

    /// Row `index`, counted from 0. Rows beyond [`Synth::len`] exist too: a corpus of more rows
    /// with the same parameters begins with the same rows.
    pub fn row(&self, index: u64) -> RawRow {
        let origin = self.origin(index);
        let source = match origin {
            Origin::Original => index,
            Origin::Copy { of } | Origin::Renamed { of } | Origin::Edited { of } => of,
        };
        let mut name = self.name(source);
        let mut text = self.fitted(self.text(source, &name), source, source);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Edit);
        match origin {
            Origin::Copy { .. } | Origin::Original => {}
            Origin::Renamed { .. } => {
                let old = std::mem::replace(&mut name, self.name(index));
                text = self.change_words(&text.replace(&old, &name), 0.01, &mut draw);
            }
            Origin::Edited { .. } => {
                text = self.change_words(&text, 0.1, &mut draw);
                text.push_str("\n\n## Changes\n\n");
                let domain = self.label(source).domain;
                text += &DocumentWriter::new(&self.language, &mut draw, domain).file("md", 300);
            }
        }
        let mut row = RawRow::default();
        self.judge(&mut row, index);
        let copied = source != index;
        row.skill_md_content = Some(if copied { self.fitted(text, index, source) } else { text });
        let label = self.label(source);
        row.skill_bundle_content = self.bundle(index, label.domain);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Plan);
        let mut slug = "synth-".to_owned();
        let owner = if source == index { label.owner } else { self.label(index).owner };
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
        row.id = self.id(index);
        row.split = self.split(index).as_str().to_owned();
        row
    }

    /// The text of an original row, at least as long as the census has it.
    fn text(&self, index: u64, name: &str) -> String {
        let params = &self.params.0;
        let Label { member, domain, .. } = self.label(index);
        let mut findings = Draw::new(params.seed, index, Purpose::Findings);
        let shown = findings::fill(&mut RawRow::default(), &member, &mut findings);
        let mut draw = Draw::new(params.seed, index, Purpose::Text);
        let behaviours = behaviours(&member, &shown, &mut draw);
        let verdict = member.verdict();
        let care = match verdict {
            Verdict::Clean => 0.45,
            Verdict::Suspicious | Verdict::Malicious => 0.15,
        };
        let brief = Brief {
            name,
            chars: member.length(self.text_scale()).0,
            folded: params.fold_newlines,
            behaviours: &behaviours,
            payload: verdict == Verdict::Malicious && draw.chance(0.7),
            care: draw.run(care, 3),
            foreign: draw.chance(params.other_languages),
            invisible: draw.chance(if verdict == Verdict::Clean { 0.006 } else { 0.02 }),
        };
        DocumentWriter::new(&self.language, &mut draw, domain).skill(&brief)
    }

    /// A text as the corpus has it: folded if it is to be, an original of exactly its length, a
    /// copy on its side of the median.
    fn fitted(&self, text: String, index: u64, source: u64) -> String {
        let mut text = if self.params.0.fold_newlines { fold(&text) } else { text };
        let (chars, median, side) = self.member(index).length(self.text_scale());
        let found = text.chars().count();
        let wanted = match side {
            _ if source == index => chars,
            Side::Below => found.min(median),
            Side::Middle | Side::Above => found.max(median),
        };
        text.extend(std::iter::repeat_n('.', wanted.saturating_sub(found)));
        if let Some((at, _)) = text.char_indices().nth(wanted) {
            text.truncate(at);
        }
        text
    }

    /// Verdict, findings and the judge's columns.
    fn judge(&self, row: &mut RawRow, index: u64) {
        let Label { member, domain, .. } = self.label(index);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Findings);
        findings::fill(row, &member, &mut draw);
        let verdict = member.verdict();
        row.clawscan_verdict = verdict.as_str().to_owned();
        let model = if member.usual_model() { "GPT-5.5 high" } else { "another model" };
        row.clawscan_model = Some(format!("{SYNTHETIC_MODEL} {model}"));
        row.clawscan_confidence = Some(member.confidence().to_owned());
        let flagged = Scanner::ALL.iter().filter(|&&scanner| member.flag(scanner)).count();
        let sentence = DocumentWriter::new(&self.language, &mut draw, domain).sentence_only();
        row.clawscan_summary =
            Some(format!("Synthetic skill, {verdict}: {flagged} scanners flag it. {sentence}"));
    }

    fn bundle(&self, index: u64, domain: usize) -> Vec<BundleFile> {
        // The first four are code.
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
        const CODE: [f64; 10] = [0.27, 0.13, 0.07, 0.14, 0.1, 0.05, 0.17, 0.03, 0.02, 0.02];
        const NO_CODE: [f64; 10] = [0.0, 0.0, 0.0, 0.0, 0.25, 0.13, 0.42, 0.1, 0.05, 0.05];
        let params = &self.params.0;
        let held = self.member(index).bundle(params.bundles, params.mean_file_chars);
        let Some(held) = held else { return Vec::new() };
        let mut draw = Draw::new(params.seed, index, Purpose::Bundle);
        let mut files: Vec<BundleFile> = Vec::new();
        let mut left = held.bytes;
        for number in 0..held.files {
            let which = match held.code {
                true if number == 0 => draw.weighted(&CODE[..4]),
                true => draw.weighted(&CODE),
                false => draw.weighted(&NO_CODE),
            };
            let (extension, kind) = KINDS[which];
            let mut path = ["", "scripts/", "references/", "src/"]
                [draw.weighted(&[0.3, 0.4, 0.2, 0.1])]
            .to_owned();
            pseudo_word(draw.zipf_tail(1_024, 8), &mut path);
            path.push('.');
            path.push_str(extension);
            while files.iter().any(|file| file.path == path) {
                path.insert(0, '_');
            }
            if let Some(first) = files.first().filter(|_| number == 1 && held.repeats_a_path) {
                path.clone_from(&first.path);
            }
            // Each file takes a part of what the files after it can spare; the last takes the rest.
            let after = held.files - 1 - number;
            let spare = left - (after + 1) * MIN_FILE_BYTES;
            let bytes = match after {
                0 => left,
                _ => {
                    MIN_FILE_BYTES
                        + (f64::from(spare) * draw.unit() * 2.0 / f64::from(after + 2)) as u32
                }
            };
            left -= bytes;
            let bytes = bytes as usize;
            let mut content =
                DocumentWriter::new(&self.language, &mut draw, domain).file(kind, bytes);
            content.truncate(content.floor_char_boundary(bytes));
            content.extend(std::iter::repeat_n('\n', bytes - content.len()));
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
        let member = self.member(index);
        let mut draw = Draw::new(self.params.0.seed, index, Purpose::Label);
        let weights = if member.verdict() == Verdict::Clean { &CLEAN } else { &HELD };
        Label { owner: self.owner(index, &member), member, domain: draw.weighted(weights) }
    }

    /// The number of a row's owner: the law of 1 / (rank + 50) in octaves. An owner leans to one
    /// verdict: skills of another one go to someone else now and then.
    fn owner(&self, index: u64, member: &Member) -> u64 {
        let params = &self.params.0;
        let mut draw = Draw::new(params.seed, index, Purpose::Owner);
        // Owners draw from the first number of their stream, rows from the second.
        draw.unit();
        let mut octaves = 1;
        while octaves < 27 && (50_u64 << octaves) - 50 < params.owners {
            octaves += 1;
        }
        let mut owner = 0;
        for _ in 0..4 {
            owner = u64::from(draw.zipf_tail(50, octaves)) % params.owners;
            let leans_to_clean = Draw::new(params.seed, owner, Purpose::Owner).chance(0.62);
            if leans_to_clean == (member.verdict() == Verdict::Clean) || draw.chance(0.5) {
                break;
            }
        }
        owner
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
    member: Member,
    domain: usize,
}

/// Which behaviours the text shows, and how often: most of what the scanners found, and some
/// that they did not find, more often where the verdict is not clean.
fn behaviours(member: &Member, found: &[usize], draw: &mut Draw) -> Vec<(usize, u32)> {
    let (seen, missed, more) = match member.verdict() {
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
    let malicious = member.verdict() == Verdict::Malicious;
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

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
