//! SKILL.md and bundled files: front matter, headings, prose, code, tables, links.
//!
//! Everything is put together from templates whose slots start with `^`: `^n` noun, `^d` noun of
//! the document's subject, `^v` verb, `^a` adjective, `^p` determiner, `^o` preposition, `^c`
//! connective, `^x` technical word, `^t` a word of the document's own, `^T` the same with a capital,
//! `^w` any pseudo-word, `^i` identifier, `^U` upper-case name, `^u` address, `^f` file name,
//! `^9` number, `^h` hex digits.

use crate::{
    code::{CODE, FRAMES, HEADINGS, LOOSE},
    draw::Draw,
    risk::{BEHAVIOURS, CARE, PAYLOAD},
    words::{DOMAINS, Language, SCRIPT_COUNT, pseudo_word, script_word},
};

/// Invisible and bidirectional characters, one of which ends up in a few texts.
const INVISIBLE: [&str; 6] =
    ["\u{200b}", "\u{202e}", "\u{2066}\u{2069}", "\u{200d}", "\u{feff}", "\u{e0041}\u{e0042}"];
const EMOJI: [&str; 8] = ["🔧", "🚀", "⚠️", "📦", "🔒", "👩‍💻", "✅", "🇪🇺"];

/// What the text of one skill is to be like.
pub(crate) struct Brief<'a> {
    /// The skill's own name, `two-words`.
    pub(crate) name: &'a str,
    /// The least length in characters.
    pub(crate) chars: usize,
    /// Whether the length is that after [`crate::synth::fold`].
    pub(crate) folded: bool,
    /// Behaviours to show, with the number of times.
    pub(crate) behaviours: &'a [(usize, u32)],
    /// Whether to show what only malware says.
    pub(crate) payload: bool,
    /// Sentences of a careful author.
    pub(crate) care: u32,
    /// Whether the prose is in another language.
    pub(crate) foreign: bool,
    /// Whether an invisible character is hidden in it.
    pub(crate) invisible: bool,
}

/// Writes one document.
pub(crate) struct DocumentWriter<'a> {
    language: &'a Language,
    draw: &'a mut Draw,
    domain: usize,
    own: Vec<String>,
    /// Where the sentences so far are, for authors repeat themselves.
    said: Vec<(usize, usize)>,
    out: String,
}

/// The length of a text that grows by whole sections, which end in white space.
#[derive(Default)]
struct Measured {
    bytes: usize,
    chars: usize,
}

impl Measured {
    /// Measures what was added and gives the length of all of it.
    fn add(&mut self, text: &str, folded: bool) -> usize {
        let added = &text[self.bytes..];
        self.bytes = text.len();
        self.chars += match folded {
            true => added.split_whitespace().map(|word| word.chars().count() + 1).sum(),
            false => added.chars().count(),
        };
        // Folding leaves no blank at the end.
        self.chars.saturating_sub(usize::from(folded))
    }
}

#[derive(Clone, Copy)]
enum Tongue {
    English,
    Latin(usize),
    Script(u32),
}

impl<'a> DocumentWriter<'a> {
    pub(crate) fn new(
        language: &'a Language,
        draw: &'a mut Draw,
        domain: usize,
    ) -> DocumentWriter<'a> {
        DocumentWriter {
            language,
            draw,
            domain,
            own: Vec::new(),
            said: Vec::new(),
            out: String::new(),
        }
    }

    /// A whole SKILL.md.
    pub(crate) fn skill(mut self, brief: &Brief<'_>) -> String {
        self.own_words(4 + brief.chars / 450);
        let tongue = match (brief.foreign, self.draw.below(2)) {
            (false, _) => Tongue::English,
            (true, 0) => Tongue::Latin(self.draw.below(self.language.latin.len() as u32) as usize),
            (true, _) => Tongue::Script(self.draw.below(SCRIPT_COUNT)),
        };
        self.front_matter(brief, tongue);
        self.line("\n# ");
        for part in brief.name.split('-') {
            self.capital(part);
            self.out.push(' ');
        }
        if self.draw.chance(0.25) {
            let emoji = self.draw.pick(&EMOJI);
            self.line(emoji);
        }
        self.line("\n\n");
        self.paragraph(tongue);
        let mut told: Vec<&str> = Vec::new();
        for &(behaviour, times) in brief.behaviours {
            for _ in 0..times {
                told.push(self.draw.pick(BEHAVIOURS[behaviour]));
            }
        }
        if brief.payload {
            for _ in 0..1 + self.draw.below(2) {
                told.push(self.draw.pick(PAYLOAD));
            }
        }
        for _ in 0..brief.care {
            told.push(self.draw.pick(CARE));
        }
        // What matters is said early enough to survive a cut, in an order of its own.
        while !told.is_empty() {
            let next = told.swap_remove(self.draw.below(told.len() as u32) as usize);
            let fenced = !next.ends_with('.') && self.draw.chance(0.6);
            self.line(if fenced { "```bash\n" } else { "- " });
            self.template(next);
            self.line(if fenced { "\n```\n\n" } else { "\n" });
            if self.draw.chance(0.5) {
                self.section(tongue, brief.chars);
            }
        }
        let mut measured = Measured::default();
        while measured.add(&self.out, brief.folded) < brief.chars {
            self.section(tongue, brief.chars);
        }
        if brief.invisible {
            let mark = self.draw.pick(&INVISIBLE);
            let at = self.out.floor_char_boundary(self.draw.below(self.out.len() as u32) as usize);
            self.out.insert_str(at, mark);
        }
        self.out
    }

    /// The content of a bundled file.
    pub(crate) fn file(mut self, extension: &str, chars: usize) -> String {
        self.own_words(4 + chars / 800);
        while self.out.len() < chars {
            match extension {
                "md" | "txt" => self.section(Tongue::English, chars),
                _ => {
                    let kind = CODE.iter().find(|(kind, _)| *kind == extension);
                    let (_, blocks) = kind.unwrap_or(&CODE[0]);
                    let block = self.draw.pick(blocks);
                    self.template(block);
                    self.line("\n\n");
                }
            }
        }
        self.out
    }

    /// One sentence of the subject, for an issue or a summary.
    pub(crate) fn sentence_only(mut self) -> String {
        self.own_words(2);
        self.sentence(Tongue::English);
        self.out
    }

    fn own_words(&mut self, count: usize) {
        for _ in 0..count.min(400) {
            let mut word = String::new();
            let first = self.draw.zipf_tail(1_024, 7);
            pseudo_word(100_000 + first, &mut word);
            match self.draw.below(12) {
                0 => {
                    word.push('_');
                    word.push_str(self.language.nouns.word(self.draw));
                }
                1 => {
                    let noun = self.language.nouns.word(self.draw);
                    word.push_str(&noun[..1].to_uppercase());
                    word.push_str(&noun[1..]);
                }
                _ => {}
            }
            self.own.push(word);
        }
    }

    fn front_matter(&mut self, brief: &Brief<'_>, tongue: Tongue) {
        self.line("---\nname: ");
        self.line(brief.name);
        self.line("\ndescription: ");
        self.sentence(tongue);
        if self.draw.chance(0.4) {
            self.template("\nversion: ^9.^9.0");
        }
        if self.draw.chance(0.3) {
            self.template("\nmetadata: {\"openclaw\":{\"requires\":{\"bins\":[\"^x\"],\"env\":[\"^U_KEY\"]}}}");
        }
        if self.draw.chance(0.2) {
            self.template("\ntags: [^d, ^n, ^x]");
        }
        self.line("\nlicense: synthetic\n---\n");
    }

    fn section(&mut self, tongue: Tongue, chars: usize) {
        let heading = self.draw.pick(HEADINGS);
        self.line("\n## ");
        self.template(heading);
        self.line("\n\n");
        match self.draw.below(10) {
            0..=2 => {
                for _ in 0..1 + self.draw.below(3) {
                    self.paragraph(tongue);
                }
            }
            3..=5 => {
                for number in 1..=3 + self.draw.below(5) {
                    if self.out.len() > chars + 200 {
                        break;
                    }
                    if self.draw.chance(0.3) {
                        self.line(&format!("{number}. "));
                    } else {
                        self.line("- ");
                    }
                    if self.draw.chance(0.3) {
                        self.template("**^n ^t** — ");
                    }
                    self.sentence(tongue);
                    self.line("\n");
                }
            }
            6 => {
                self.template("| ^n | ^n | ^x |\n|------------------|------------------|------------------|\n");
                for _ in 0..2 + self.draw.below(5) {
                    self.template("| `^i` | ^a ^n | ^d ^n |\n");
                }
            }
            7 => self.template("See [^n ^n](^u/^w) and [the ^d ^n](^u).\n"),
            _ => {
                self.sentence(tongue);
                let (kind, blocks) = self.draw.pick(&CODE);
                self.line("\n\n```");
                self.line(kind);
                self.line("\n");
                for _ in 0..1 + self.draw.below(3) {
                    let block = self.draw.pick(blocks);
                    self.template(block);
                    self.line("\n");
                }
                self.line("```\n");
            }
        }
    }

    fn paragraph(&mut self, tongue: Tongue) {
        for _ in 0..1 + self.draw.below(4) {
            self.sentence(tongue);
            self.out.push(' ');
        }
        self.line("\n\n");
    }

    fn sentence(&mut self, tongue: Tongue) {
        match tongue {
            Tongue::English => {
                if !self.said.is_empty() && self.draw.chance(0.26) {
                    let (start, end) = self.draw.pick(&self.said);
                    let again = self.out[start..end].to_owned();
                    self.out.push_str(&again);
                    return;
                }
                let start = self.out.len();
                let sentence = if self.draw.chance(0.66) {
                    self.draw.pick(LOOSE)
                } else {
                    let frames = FRAMES.len() as u32;
                    FRAMES[self.draw.below(frames).min(self.draw.below(90)) as usize]
                };
                self.template(sentence);
                self.said.push((start, self.out.len()));
            }
            Tongue::Latin(which) => {
                for _ in 0..5 + self.draw.below(8) {
                    self.out.push_str(self.language.latin[which].word(self.draw));
                    self.out.push(' ');
                }
                self.template("^t.");
            }
            Tongue::Script(script) => {
                for i in 0..3 + self.draw.below(6) {
                    // Han and kana run on without blanks; a comma parts them.
                    if i > 0 {
                        self.out.push_str(if script >= 4 && i % 2 == 1 { "，" } else { " " });
                    }
                    script_word(script, self.draw, &mut self.out);
                }
                self.out.push_str(if script >= 4 { "。" } else { "." });
                if self.draw.chance(0.3) {
                    self.template(" `^i` ^x");
                }
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn capital(&mut self, word: &str) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            self.out.extend(first.to_uppercase());
            self.out.push_str(letters.as_str());
        }
    }

    fn own_word(&mut self) -> usize {
        let n = self.own.len() as u32;
        self.draw.below(n).min(self.draw.below(n)) as usize
    }

    /// Writes a template with its slots filled.
    fn template(&mut self, template: &str) {
        let mut pieces = template.split('^');
        self.out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let mut rest = piece.chars();
            match rest.next() {
                Some('n') => self.out.push_str(self.language.nouns.word(self.draw)),
                Some('d') => self.out.push_str(self.language.domains[self.domain].word(self.draw)),
                Some('v') => self.out.push_str(self.language.verbs.word(self.draw)),
                Some('a') => self.out.push_str(self.language.adjectives.word(self.draw)),
                Some('p') => self.out.push_str(self.language.determiners.word(self.draw)),
                Some('o') => self.out.push_str(self.language.prepositions.word(self.draw)),
                Some('c') => self.out.push_str(self.language.connectives.word(self.draw)),
                Some('x') => self.out.push_str(self.language.tech.word(self.draw)),
                Some('t') => {
                    let at = self.own_word();
                    self.out.push_str(&self.own[at]);
                }
                Some('T') => {
                    let at = self.own_word();
                    let word = std::mem::take(&mut self.own[at]);
                    self.capital(&word);
                    self.own[at] = word;
                }
                Some('w') => pseudo_word(self.draw.zipf_tail(1_024, 5), &mut self.out),
                Some('i') => {
                    self.out.push_str(self.language.verbs.word(self.draw));
                    self.out.push('_');
                    self.out.push_str(self.language.domains[self.domain].word(self.draw));
                }
                Some('U') => {
                    let noun = self.language.nouns.word(self.draw).to_uppercase();
                    self.out.push_str(&noun);
                }
                Some('u') => {
                    self.out.push_str("https://api.");
                    let at = self.own_word();
                    let host: String = self.own[at].replace('_', "-").to_lowercase();
                    self.out.push_str(&host);
                    self.out.push_str(".example");
                }
                Some('f') => {
                    self.out.push_str(self.language.nouns.word(self.draw));
                    self.out
                        .push_str(self.draw.pick(&[".py", ".sh", ".json", ".md", ".ts", ".yaml"]));
                }
                Some('9') => {
                    let high = self.draw.pick(&[9, 9, 60, 100, 5_000]);
                    let number = self.draw.between(1, high);
                    self.out.push_str(&number.to_string());
                }
                Some('h') => {
                    let digits = format!("{:08x}{:08x}", self.draw.bits(), self.draw.bits());
                    self.out.push_str(&digits);
                }
                _ => {}
            }
            self.out.push_str(rest.as_str());
        }
    }
}

/// The name of a skill of a subject: two or three words joined by `-`.
pub(crate) fn skill_name(language: &Language, draw: &mut Draw, domain: usize) -> String {
    let mut name = language.domains[domain].word(draw).to_owned();
    name.push('-');
    name.push_str(language.nouns.word(draw));
    if draw.chance(0.7) {
        name.push('-');
        pseudo_word(draw.zipf_tail(1_024, 8), &mut name);
    }
    name
}

/// The number of subjects.
pub(crate) const DOMAIN_COUNT: usize = DOMAINS.len();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;

    #[test]
    fn templates_use_known_slots_only() {
        let code = CODE.iter().flat_map(|(_, blocks)| blocks.iter());
        let risk = BEHAVIOURS.iter().flat_map(|phrases| phrases.iter());
        let rest = HEADINGS.iter().chain(FRAMES).chain(LOOSE).chain(PAYLOAD).chain(CARE);
        for template in code.chain(risk).chain(rest) {
            for piece in template.split('^').skip(1) {
                assert!(piece.starts_with(|c| "ndvapocxtTwiUuf9h".contains(c)), "{template}");
            }
        }
    }

    #[test]
    fn a_text_has_front_matter_headings_and_what_it_was_asked_to_show() {
        let language = Language::new();
        let brief = Brief {
            name: "mail-watch",
            chars: 4_000,
            folded: false,
            behaviours: &[(8, 1)],
            payload: false,
            care: 0,
            foreign: false,
            invisible: true,
        };
        let mut fences = 0;
        for row in 0..50 {
            let mut draw = Draw::new(1, row, Purpose::Text);
            let text = DocumentWriter::new(&language, &mut draw, 3).skill(&brief);
            let plain: String = text.chars().filter(|c| !INVISIBLE.concat().contains(*c)).collect();
            assert!(plain.len() < text.len());
            assert!(plain.starts_with("---\nname: mail-watch\ndescription: "), "{plain}");
            assert!(plain.contains("\n# Mail Watch ") && plain.contains("\n## "));
            let shown = ["curl -k", "verify=False", "TLS_REJECT", "certificate validation"];
            assert!(shown.iter().any(|phrase| plain.contains(phrase)), "{plain}");
            assert!(plain.len() >= 3_900 && plain.len() < 6_000, "{}", plain.len());
            fences += plain.matches("```").count();
        }
        assert!(fences > 100, "{fences}");
    }
}
