use super::{BlockAge, plan};
use crate::options::Options;

fn options(retention_ms: i64, retention_bytes: u64) -> Options {
    Options {
        retention_ms,
        retention_bytes,
        ..Options::default()
    }
}

fn blocks(list: &[(i64, u64)]) -> Vec<BlockAge> {
    list.iter()
        .map(|(created_ms, bytes)| BlockAge {
            created_ms: *created_ms,
            bytes: *bytes,
        })
        .collect()
}

#[test]
fn blocks_over_age_go_and_one_at_the_edge_stays() {
    let blocks = blocks(&[(100, 1), (200, 1), (300, 1)]);
    assert_eq!(plan(&blocks, 300, &options(100, 10)), 1);
    assert_eq!(plan(&blocks, 1000, &options(100, 10)), 3);
}

#[test]
fn the_oldest_go_until_the_rest_fits() {
    let blocks = blocks(&[(1, 10), (2, 10), (3, 10)]);
    assert_eq!(plan(&blocks, 3, &options(100, 30)), 0);
    assert_eq!(plan(&blocks, 3, &options(100, 29)), 1);
    assert_eq!(plan(&blocks, 3, &options(100, 5)), 3);
    assert_eq!(plan(&[], 3, &options(100, 0)), 0);
}
