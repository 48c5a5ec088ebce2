//! SHA-256 of files and bytes, as lower-case hex.

use std::{
    fmt,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use sha2::{Digest, Sha256};

use crate::{StoreError, error::io, known::Identity};

/// A SHA-256 in 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(digest: &[u8]) -> Sha256Hex {
        use fmt::Write as _;
        let mut hex = String::with_capacity(digest.len() * 2);
        for byte in digest {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Sha256Hex(hex)
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sha256Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Sha256Hex, Self::Err> {
        let hex = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex { Ok(Sha256Hex(text.to_owned())) } else { Err("expected 64 lower-case hex digits") }
    }
}

impl<'de> Deserialize<'de> for Sha256Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sha256Hex, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A file's hash and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHash {
    /// The SHA-256 of the content.
    pub sha256: Sha256Hex,
    /// The content's length in bytes.
    pub bytes: u64,
}

/// The SHA-256 of some bytes.
pub fn hash_bytes(bytes: &[u8]) -> Sha256Hex {
    Sha256Hex::of(&Sha256::digest(bytes))
}

/// The SHA-256 and length of a file's content, read once from start to end. A file that this
/// process has hashed before and that has not been written to since, by its inode and its times,
/// is not read again.
pub fn hash_file(path: &Path) -> Result<FileHash, StoreError> {
    let file = File::open(path).map_err(io("open", path))?;
    let identity = Identity::settled(&file);
    if let Some(identity) = &identity
        && let Some(sha256) = identity.hash()
    {
        return Ok(FileHash { sha256, bytes: identity.bytes() });
    }
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(io("read", path)(e)),
        };
        if chunk.is_empty() {
            break;
        }
        hasher.update(chunk);
        let taken = chunk.len();
        bytes += taken as u64;
        reader.consume(taken);
    }
    let sha256 = Sha256Hex::of(&hasher.finalize());
    if let Some(identity) = identity.filter(|identity| identity.bytes() == bytes) {
        identity.remember(reader.get_ref(), &sha256);
    }
    Ok(FileHash { sha256, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The test vector of FIPS 180-4 for the message "abc".
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_file_hashes_like_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let hash = hash_file(&path).unwrap();
        assert_eq!(hash.sha256.as_str(), ABC);
        assert_eq!(hash.bytes, 3);
        assert_eq!(hash_bytes(b"abc"), hash.sha256);
    }

    #[test]
    fn a_large_file_is_hashed_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|i| (i % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let hash = hash_file(&path).unwrap();
        assert_eq!((hash.sha256, hash.bytes), (hash_bytes(&bytes), 3_000_001));
    }

    #[test]
    fn a_hash_is_shown_and_stored_as_its_digits() {
        let hash = hash_bytes(b"abc");
        assert_eq!(hash.to_string(), ABC);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, format!("\"{ABC}\""));
        assert_eq!(serde_json::from_str::<Sha256Hex>(&json).unwrap(), hash);
        assert!(serde_json::from_str::<Sha256Hex>("\"abc\"").is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let err = hash_file(Path::new("not/there")).unwrap_err();
        assert_eq!(err.to_string(), "cannot open not/there");
    }

    #[test]
    fn only_lower_case_hex_of_the_right_length_reads_back() {
        assert!(ABC.parse::<Sha256Hex>().is_ok());
        assert!(ABC.to_uppercase().parse::<Sha256Hex>().is_err());
        assert!(ABC[1..].parse::<Sha256Hex>().is_err());
        assert!(ABC.replacen('b', "g", 1).parse::<Sha256Hex>().is_err());
        assert!(ABC.replacen('b', "/", 1).parse::<Sha256Hex>().is_err());
    }
}
