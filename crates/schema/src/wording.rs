//! Counts and errors in sentences.

use std::error::Error;

/// `12345` as `12,345`.
///
/// ```
/// use clawsig_schema::wording::grouped;
/// assert_eq!([0, 999, 1000, 1_081_476_464].map(grouped), ["0", "999", "1,000", "1,081,476,464"]);
/// ```
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something whose plural ends in `s`.
///
/// ```
/// use clawsig_schema::wording::counted;
/// assert_eq!([0, 1, 2000].map(|n| counted(n, "row")), ["0 rows", "1 row", "2,000 rows"]);
/// ```
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// An error and its causes, each once: `cannot read a.csv: access denied`.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let shown = error.to_string();
        // A wrapper repeats its cause at its end, or is nothing else.
        if !text.ends_with(&shown) {
            text += &format!(": {shown}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Caused {
        text: &'static str,
        source: Option<Box<Caused>>,
    }

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.text)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.source.as_deref().map(|source| source as _)
        }
    }

    #[test]
    fn each_cause_is_told_once() {
        let told = |texts: &[&'static str]| {
            let of = |source, text: &&'static str| Some(Box::new(Caused { text, source }));
            with_causes(&texts.iter().rev().fold(None, of).unwrap())
        };
        assert_eq!(told(&["no answer"]), "no answer");
        assert_eq!(told(&["no answer", "io", "refused"]), "no answer: io: refused");
        assert_eq!(told(&["io: refused", "refused", "by 1"]), "io: refused: by 1");
        // A name that holds the cause's words by chance does not tell it.
        assert_eq!(told(&["cannot read denied.csv", "denied"]), "cannot read denied.csv: denied");
    }
}
