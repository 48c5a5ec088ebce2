//! Parquet files that were cut, mutated or exchanged.

use std::{fs, path::Path};

use clawsig_ingest::RawParquetWriter;
use clawsig_schema::raw::RawRow;

use super::{Case, Material};
use crate::{Failure, dice::Dice};

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
pub(super) fn case(material: &Material, number: u64, dice: &mut Dice) -> Case {
    let mut bytes = dice.pick(&material.tables).clone();
    let footer = footer(&bytes);
    let flips = 1 + dice.below(4);
    let flip = |bytes: &mut Vec<u8>, from: usize, to: usize, dice: &mut Dice| {
        for _ in 0..flips {
            let at = from + dice.below(to.saturating_sub(from).max(1));
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    };
    let kind = match number % 8 {
        0 => {
            bytes.truncate(dice.below(bytes.len()));
            "Parquet cut"
        }
        1 | 2 => {
            let end = bytes.len() - 8;
            flip(&mut bytes, footer, end, dice);
            "Parquet footer changed"
        }
        3 | 4 => {
            flip(&mut bytes, 4, footer, dice);
            "Parquet pages changed"
        }
        5 => {
            let at = dice.below(bytes.len());
            let end = (at + dice.below(200)).min(bytes.len());
            let noise = dice.bytes(end - at);
            bytes[at..end].copy_from_slice(&noise);
            "Parquet overwritten"
        }
        6 => {
            let at = bytes.len() - 8;
            let length = *dice.pick(&[0, 1, 7, u32::MAX, i32::MAX as u32, 1 << 20]);
            bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
            "Parquet footer's length changed"
        }
        _ => {
            bytes = match dice.below(3) {
                0 => dice.pick(&material.lines).clone(),
                1 => b"PAR1PAR1PAR1".to_vec(),
                _ => [&bytes[..footer], &bytes[..]].concat(),
            };
            "not quite Parquet"
        }
    };
    Case { kind, name: "train.parquet", bytes }
}
