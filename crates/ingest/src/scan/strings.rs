//! The strings of a line: where they end, and what their escapes stand for.

use std::borrow::Cow;

use super::Scan;

impl<'a> Scan<'a> {
    /// A string or null.
    pub(super) fn text(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.null() {
            return Some(None);
        }
        self.take(b'"')?;
        let mut start = self.at;
        if self.special()? == b'"' {
            return Some(Some(self.end(start)?.into()));
        }
        // Most texts with an escape are long.
        let mut text = String::with_capacity(512.max(4 * (self.at - start)));
        loop {
            text.push_str(self.text.get(start..self.at)?);
            match self.escape()? {
                '\0' | SURROGATE => return None,
                char => text.push(char),
            }
            start = self.at;
            if self.special()? == b'"' {
                text.push_str(self.end(start)?);
                return Some(Some(text.into()));
            }
        }
    }

    /// A key: a string without escapes.
    pub(super) fn key(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        if self.special()? == b'"' { self.end(start) } else { None }
    }

    /// A string that is not kept: no control character in it, and every escape whole.
    pub(super) fn skip_text(&mut self) -> Option<()> {
        self.take(b'"')?;
        while self.special()? != b'"' {
            if self.escape()? == SURROGATE {
                return None;
            }
        }
        self.at += 1;
        Some(())
    }

    /// What stands from `start` to the quote at the present position, which is passed.
    fn end(&mut self, start: usize) -> Option<&'a str> {
        let text = self.text.get(start..self.at);
        self.at += 1;
        text
    }

    /// Goes to the next quote, backslash or control character and says which.
    #[inline]
    fn special(&mut self) -> Option<u8> {
        loop {
            if self.at / 64 != self.block {
                self.look();
            }
            let rest = self.specials >> (self.at % 64);
            if rest != 0 {
                self.at += rest.trailing_zeros() as usize;
                return self.bytes.get(self.at).copied();
            }
            self.at = 64 * (self.block + 1);
            if self.at >= self.bytes.len() {
                return None;
            }
        }
    }

    /// Sets `specials` for the sixty-four bytes around the present position.
    pub(super) fn look(&mut self) {
        self.block = self.at / 64;
        let rest = self.bytes.get(64 * self.block..).unwrap_or_default();
        self.specials = match rest.first_chunk() {
            Some(chunk) => specials(chunk),
            None => {
                let mut last = [b' '; 64];
                last[..rest.len()].copy_from_slice(rest);
                specials(&last)
            }
        };
    }

    /// Passes an escape and gives its character, [`SURROGATE`] for half of one; `None` where there
    /// is no escape, or none that JSON knows.
    #[inline]
    fn escape(&mut self) -> Option<char> {
        if self.bytes.get(self.at) != Some(&b'\\') {
            return None;
        }
        let letter = *self.bytes.get(self.at + 1)?;
        match ESCAPES[usize::from(letter)] {
            0 if letter == b'u' => {
                let unit = hex(self.bytes.get(self.at + 2..self.at + 6)?)?;
                self.at += 6;
                Some(char::from_u32(unit).unwrap_or(SURROGATE))
            }
            0 => None,
            byte => {
                self.at += 2;
                Some(char::from(byte))
            }
        }
    }
}

/// What the byte after a backslash stands for; 0 where that is no character by itself.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let known = b"\"\"\\\\//b\x08f\x0cn\nr\rt\t";
    let mut at = 0;
    while at < known.len() {
        table[known[at] as usize] = known[at + 1];
        at += 2;
    }
    table
};

/// Stands for an escape that is a character only together with the one after it. It is itself no
/// character that four hex digits can be.
const SURROGATE: char = char::MAX;

/// Four hex digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |value, &digit| char::from(digit).to_digit(16).map(|digit| 16 * value + digit))
}

/// Bit `i` says that byte `i` is a quote, a backslash or a control character.
#[inline]
fn specials(bytes: &[u8; 64]) -> u64 {
    // The compiler compares many bytes at a time in this loop, which it does not in one that
    // makes the bits of the result.
    let mut marks = [0; 64];
    for (at, (mark, &byte)) in marks.iter_mut().zip(bytes).enumerate() {
        let special = (byte == b'"') | (byte == b'\\') | (byte < b' ');
        *mark = if special { 1 << (at / 8) } else { 0_u8 };
    }
    // Bit `j` of byte `i` is for byte `8j + i`: rows and columns have to change places.
    let (words, _) = marks.as_chunks::<8>();
    let marks = words.iter().fold(0, |marks, word| marks | u64::from_le_bytes(*word));
    let swap = |bits: u64, by: u32, which: u64| {
        let differ = (bits ^ (bits >> by)) & which;
        bits ^ differ ^ (differ << by)
    };
    let marks = swap(marks, 7, 0x00aa_00aa_00aa_00aa);
    let marks = swap(marks, 14, 0x0000_cccc_0000_cccc);
    swap(marks, 28, 0x0000_0000_f0f0_f0f0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_wherever_they_are() {
        for byte in 0..=u8::MAX {
            let special = byte < b' ' || byte == b'"' || byte == b'\\';
            for at in 0..64 {
                let mut bytes = [b'\x7f'; 64];
                bytes[at] = byte;
                assert_eq!(specials(&bytes), u64::from(special) << at, "{byte} at {at}");
            }
        }
        assert_eq!(specials(&[b'"'; 64]), u64::MAX);
        for length in 0..200 {
            for at in 0..length {
                let mut text = "~".repeat(length);
                text.replace_range(at..=at, "\"");
                let mut scan = Scan::new(&text);
                assert_eq!((scan.special(), scan.at), (Some(b'"'), at));
                scan.at += 1;
                assert_eq!(scan.special(), None);
            }
        }
    }
}
