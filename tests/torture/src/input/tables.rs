//! Parquet files that were cut, mutated or exchanged.

use std::{fs, path::Path};

use clawsig_ingest::RawParquetWriter;
use clawsig_schema::raw::RawRow;

use super::{Case, Material};
use crate::{Failure, rng::CaseRng};

/// A few sound files of different shapes.
pub(super) fn sound(scratch: &Path, rows: &[RawRow]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut tables = Vec::new();
    let path = scratch.join("sound.parquet");
    for part in [&rows[..1], &rows[1..4], &rows[4..], &[]] {
        let mut writer = RawParquetWriter::create(&path)?;
        for row in part {
            writer.push(row)?;
        }
        writer.finish()?;
        tables.push(fs::read(&path)?);
    }
    fs::remove_file(&path)?;
    Ok(tables)
}

/// Where the footer begins, by the length before the last magic.
fn footer(bytes: &[u8]) -> usize {
    let Some((_, tail)) = bytes.split_last_chunk::<8>() else { return 0 };
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    bytes.len().saturating_sub(8 + length)
}

/// The case of that number: kinds in turn, their content by chance.
pub(super) fn case(material: &Material, number: u64, rng: &mut CaseRng) -> Case {
    let mut bytes = rng.pick(&material.tables).clone();
    let footer = footer(&bytes);
    let flips = 1 + rng.below(4);
    let flip = |bytes: &mut Vec<u8>, from: usize, to: usize, rng: &mut CaseRng| {
        for _ in 0..flips {
            let at = from + rng.below(to.saturating_sub(from).max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
    };
    let kind = match number % 8 {
        0 => {
            bytes.truncate(rng.below(bytes.len()));
            "Parquet cut"
        }
        1 | 2 => {
            let end = bytes.len() - 8;
            flip(&mut bytes, footer, end, rng);
            "Parquet footer changed"
        }
        3 | 4 => {
            flip(&mut bytes, 4, footer, rng);
            "Parquet pages changed"
        }
        5 => {
            let at = rng.below(bytes.len());
            let end = (at + rng.below(200)).min(bytes.len());
            let noise = rng.bytes(end - at);
            bytes[at..end].copy_from_slice(&noise);
            "Parquet overwritten"
        }
        6 => {
            let at = bytes.len() - 8;
            let length = *rng.pick(&[0, 1, 7, u32::MAX, i32::MAX as u32, 1 << 20]);
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            "Parquet footer's length changed"
        }
        _ => {
            bytes = match rng.below(3) {
                0 => rng.pick(&material.lines).clone(),
                1 => b"PAR1PAR1PAR1".to_vec(),
                _ => [&bytes[..footer], &bytes[..]].concat(),
            };
            "not quite Parquet"
        }
    };
    Case { kind, name: "train.parquet", bytes }
}
