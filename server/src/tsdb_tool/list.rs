//! `masthead tsdb list`: the blocks, one a line.

use crate::flags::tsdb_tool::Storage;

use super::folder::look;

pub(super) fn run(storage: &Storage, human_readable: bool) -> Result<(), String> {
    let inspection = look(storage)?;
    println!(
        "BLOCK ID\tMIN TIME\tMAX TIME\tDURATION\tLEVEL\tRESOLUTION\tSERIES\tSAMPLES\tCHUNKS\tBYTES\tB/SAMPLE"
    );
    for block in &inspection.blocks {
        let meta = block.meta();
        let time = |ms: i64| {
            if human_readable {
                rfc3339(ms)
            } else {
                ms.to_string()
            }
        };
        let size = |bytes: u64| {
            if human_readable {
                human_bytes(bytes)
            } else {
                bytes.to_string()
            }
        };
        println!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:.3}",
            meta.id,
            time(meta.min_ms),
            time(meta.max_ms),
            model::promtime::format_duration_ms(meta.max_ms.saturating_sub(meta.min_ms)),
            meta.level,
            model::promtime::format_duration_ms(meta.resolution_ms),
            meta.series,
            meta.samples,
            meta.chunks,
            size(meta.bytes),
            per(meta.bytes, meta.samples),
        );
    }
    Ok(())
}

/// A quotient for people, 0 of nothing.
#[allow(clippy::cast_precision_loss)] // for people
pub(super) fn per(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

/// A time for people; a time beyond the calendar stays a number.
pub(super) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |t| t.to_string())
}

/// A size for people.
#[allow(clippy::cast_precision_loss)] // for people
pub(super) fn human_bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return format!("{size:.1}{unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.1}TiB")
}
