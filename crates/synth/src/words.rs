//! The words of the synthetic language: a small English list, pseudo-words by number, scripts.

use crate::draw::{Draw, Zipf};

pub(crate) const NOUNS: &str = "api user file data skill command output agent key token request config \
script tool name path list search content message project server model query page report task result \
response client service session account record folder table field value type format option error \
version package library test input step section example template link image text line code function \
workflow browser event log status update document memory prompt context channel image video plan \
number date time day week price order item group team schedule summary note source target rule \
policy limit rate queue job worker cache store database schema index backup release branch commit \
issue review comment label filter view chart board dashboard alert webhook endpoint header body";
pub(crate) const VERBS: &str = "use run get create list search read write send check set add update \
install open call return fetch build parse load save delete start stop show find generate analyze \
export import convert validate configure extract filter schedule monitor publish review summarize \
track compare collect store post query sync render replace merge split sort translate download upload";
pub(crate) const ADJECTIVES: &str = "new current default local remote simple optional available \
specific full single multiple custom existing valid required public private recent daily automatic \
manual fast secure external internal short long detailed structured relevant active";
const TECH: &str = "python bash json http https node npm docker git curl yaml markdown csv html sql env \
cli sdk oauth url id md sh py js ai llm mcp gpt ssh ssl regex cron linux macos github";
const DETERMINERS: &str = "the your this each any an that every its our all another no some their these \
which one both";
const PREPOSITIONS: &str = "for with to from in of by on when via as into per if under after before at \
without between within using through over against during inside toward";
const CONNECTIVES: &str = "and or then but so also only not never always can will must should may once \
unless because where often already instead";
/// Subjects and the words that belong to each.
pub(crate) const DOMAINS: [(&str, &str); 12] = [
    ("weather", "forecast temperature rain wind humidity station city climate storm radar"),
    ("trading", "wallet swap liquidity exchange crypto position leverage order chain balance gas"),
    ("browser", "tab cookie screenshot selector click navigate form login captcha scrape"),
    ("email", "inbox mail recipient attachment subject draft reply newsletter spam thread"),
    ("calendar", "meeting event invite reminder timezone availability slot agenda attendee"),
    ("devops", "cluster deploy container pod pipeline rollback terraform node ingress metrics"),
    ("research", "paper citation abstract arxiv dataset author journal survey method finding"),
    ("music", "playlist song album artist audio track volume speaker queue lyrics"),
    ("home", "light thermostat sensor room device switch scene camera energy automation"),
    ("writing", "draft tone style grammar paragraph outline headline audience editor blog"),
    ("finance", "invoice budget expense tax ledger payment receipt revenue forecast bank"),
    ("shell", "process terminal daemon root permission sudo port socket kernel registry"),
];
/// Words of prose in other Latin-script languages, enough for the look and for the bytes.
pub(crate) const LATIN: [&str; 5] = [
    "el la de que para con una usuario archivo configuración búsqueda también según año información \
     ejecutar clave servicio cuando datos más aquí página código respuesta",
    "der die das und für mit nicht über Straße Größe Schlüssel Datei Benutzer ausführen können Übersicht \
     Prüfung während Daten Abfrage GROẞ ändern öffnen Maß heißt",
    "le la les des pour avec être données créer fichier clé réponse où déjà requête système cœur français \
     utiliser lorsque après reçu paramètre",
    "ve bir için ile kullanıcı dosya İstanbul ılık ayarlar çalıştır şifre güncelle yanıt örnek IŞIK değil \
     günlük arama sonuç",
    "và của không người dùng tệp tạo cấu hình được trả lời dữ liệu tìm kiếm khóa ví dụ thực hiện",
];
/// Letters that other scripts build words from: onsets, vowels or marks.
const SCRIPTS: [(&[&str], &[&str]); 6] = [
    (
        &["п", "р", "к", "т", "н", "с", "в", "л", "д", "м", "ст", "пр", "б", "ж"],
        &["а", "о", "е", "и", "у", "ё", "ы", "ой"],
    ),
    (
        &["क", "म", "न", "र", "स", "प", "त", "ल", "द", "ब", "क्ष"],
        &["ा", "ि", "ी", "ु", "े", "ो", "ं", "्य"],
    ),
    (&["م", "ن", "ل", "ك", "س", "ر", "ب", "ت", "ع", "د"], &["ا", "و", "ي", "ة", "َ", "ُ"]),
    (
        &["가", "나", "다", "사", "이", "한", "정", "기", "자", "로", "시"],
        &["는", "을", "에", "고", "지", "스", "해"],
    ),
    (
        &[
            "设", "用", "数", "文", "请", "运", "配", "搜", "输", "系", "工", "信", "技", "查",
            "安", "登", "模",
        ],
        &[
            "置", "户", "据", "件", "求", "行", "索", "出", "统", "具", "息", "能", "询", "全",
            "录", "型",
        ],
    ),
    (
        &["設", "使", "作", "検", "確", "デ", "ファ", "スキ", "取", "実", "更"],
        &["定", "用", "成", "索", "認", "ータ", "イル", "ル", "する", "行", "新", "の"],
    ),
];
/// The number of scripts beside the Latin one.
pub(crate) const SCRIPT_COUNT: u32 = SCRIPTS.len() as u32;

/// The pseudo-word with a number; different numbers below 37 million give different words, since
/// runs of consonants and of vowels alternate and the ending adds to the last run.
pub(crate) fn pseudo_word(number: u32, out: &mut String) {
    const ONSETS: [&str; 24] = [
        "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z",
        "st", "tr", "pl", "cr", "gr", "sh",
    ];
    const VOWELS: [&str; 7] = ["a", "e", "i", "o", "u", "ai", "ou"];
    const ENDINGS: [&str; 8] = ["", "n", "r", "l", "x", "ns", "rt", "y"];
    const SYLLABLES: u32 = 24 * 7;
    // A step that shares no factor with the number of stems puts neighbouring numbers apart.
    let mut stem = (u64::from(number / 8) * 1_000_003 % u64::from(SYLLABLES.pow(3))) as u32;
    for _ in 0..3 {
        let syllable = stem % SYLLABLES;
        stem /= SYLLABLES;
        out.push_str(ONSETS[(syllable / 7) as usize]);
        out.push_str(VOWELS[(syllable % 7) as usize]);
    }
    out.push_str(ENDINGS[(number % 8) as usize]);
}

/// A word of a script other than the Latin one, out of some 8,000 under Zipf's law.
pub(crate) fn script_word(script: u32, draw: &mut Draw, out: &mut String) {
    let (heads, tails) = SCRIPTS[script as usize];
    let mut number = draw.zipf_tail(16, 9) as usize;
    loop {
        out.push_str(heads[number % heads.len()]);
        number /= heads.len();
        out.push_str(tails[number % tails.len()]);
        number /= tails.len();
        if number == 0 {
            break;
        }
    }
}

/// Words with Zipf's law over them.
pub(crate) struct Pool {
    words: Vec<String>,
    zipf: Zipf,
}

impl Pool {
    /// The listed words, then `pseudo` pseudo-words from number `first` on.
    fn new(listed: &str, first: u32, pseudo: u32, shift: f64) -> Pool {
        let mut words: Vec<String> = listed.split_whitespace().map(str::to_owned).collect();
        for number in first..first + pseudo {
            let mut word = String::new();
            pseudo_word(number * 7, &mut word);
            words.push(word);
        }
        let zipf = Zipf::new(words.len(), shift);
        Pool { words, zipf }
    }

    pub(crate) fn word(&self, draw: &mut Draw) -> &str {
        &self.words[self.zipf.draw(draw)]
    }
}

/// Every pool of the language; it is the same for every seed.
pub(crate) struct Language {
    pub(crate) nouns: Pool,
    pub(crate) verbs: Pool,
    pub(crate) adjectives: Pool,
    pub(crate) tech: Pool,
    pub(crate) determiners: Pool,
    pub(crate) prepositions: Pool,
    pub(crate) connectives: Pool,
    pub(crate) domains: Vec<Pool>,
    pub(crate) latin: Vec<Pool>,
}

impl Language {
    pub(crate) fn new() -> Language {
        Language {
            nouns: Pool::new(NOUNS, 0, 1_600, 13.0),
            verbs: Pool::new(VERBS, 3_000, 200, 7.0),
            adjectives: Pool::new(ADJECTIVES, 4_000, 300, 10.0),
            determiners: Pool::new(DETERMINERS, 0, 0, 1.0),
            prepositions: Pool::new(PREPOSITIONS, 0, 0, 2.0),
            connectives: Pool::new(CONNECTIVES, 0, 0, 2.0),
            tech: Pool::new(TECH, 5_000, 100, 3.0),
            domains: DOMAINS
                .iter()
                .enumerate()
                .map(|(i, (_, words))| Pool::new(words, 6_000 + 500 * i as u32, 200, 4.0))
                .collect(),
            latin: LATIN
                .iter()
                .enumerate()
                .map(|(i, words)| Pool::new(words, 13_000 + 800 * i as u32, 300, 2.0))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_give_different_words() {
        let mut seen = HashSet::new();
        for number in (0..300_000).chain(20_000_000..20_100_000) {
            let mut word = String::new();
            pseudo_word(number, &mut word);
            assert!(word.is_ascii() && seen.insert(word), "{number}");
        }
    }
}
