//! Counts in sentences.

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
