//! `masthead tsdb verify`: every checksum.

use durable::RealFs;
use tsdb::inspect::Inspection;

use super::folder::metrics;
use crate::flags::tsdb_tool::Storage;

pub(super) fn run(storage: &Storage) -> Result<(), String> {
    let dir = metrics(storage);
    let inspection = Inspection::open(&RealFs, &dir).map_err(|e| e.to_string())?;
    let mut broken = inspection.damage.clone();
    for block in &inspection.blocks {
        match block.verify() {
            Ok(()) => println!("{}: whole", block.dir().display()),
            Err(error) => broken.push(format!("{}: {error}", block.dir().display())),
        }
    }
    let log = tsdb::inspect::verify_log(&RealFs, &dir).map_err(|e| e.to_string())?;
    println!("log: {} records in {} segments", log.records, log.segments);
    broken.extend(log.damage);
    for what in &broken {
        eprintln!("BROKEN: {what}");
    }
    match broken.len() {
        0 => Ok(()),
        n => Err(format!("{n} things do not check out")),
    }
}
