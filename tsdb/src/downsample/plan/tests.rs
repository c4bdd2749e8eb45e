use super::*;

const R: i64 = 10;

/// Blocks of 100, which may be reduced 200 behind the newest.
fn options() -> Options {
    Options {
        block_duration_ms: 100,
        out_of_order_window_ms: 0,
        retention_ms: None,
        downsample: vec![Downsampling {
            resolution_ms: R,
            after_ms: 200,
            retention_ms: Some(1000),
        }],
        ..Options::default()
    }
}

fn block(id: u64, min_ms: i64, max_ms: i64, resolution_ms: i64) -> BlockMeta {
    BlockMeta {
        resolution_ms,
        ..BlockMeta::for_tests(id, min_ms, max_ms, 1)
    }
}

fn job(start_ms: i64, end_ms: i64, sources: &[u64], replaces: &[u64]) -> Option<Job> {
    Some(Job {
        resolution_ms: R,
        start_ms,
        end_ms,
        sources: sources.to_vec(),
        replaces: replaces.to_vec(),
    })
}

#[test]
fn a_block_is_due_when_all_of_it_is_old_enough() {
    let metas = [block(1, 3, 98, 0), block(2, 101, 199, 0)];
    assert_eq!(plan(&metas, 299, &options()), None);
    assert_eq!(plan(&metas, 300, &options()), job(0, 100, &[1], &[]));
    assert_eq!(pending(&metas, 400, &options()), [1, 2]);
    assert_eq!(
        plan(
            &metas,
            300,
            &Options {
                downsample: Vec::new(),
                ..options()
            }
        ),
        None
    );
    // What would be deleted at once is not written.
    assert_eq!(plan(&metas, 1098, &options()), job(100, 200, &[2], &[]));
}

#[test]
fn what_is_done_is_not_done_again_though_blocks_are_merged() {
    let mut metas = vec![block(1, 3, 98, 0), block(2, 101, 199, 0), block(3, 0, 100, R)];
    assert_eq!(plan(&metas, 400, &options()), job(100, 200, &[2], &[]));
    let merged = BlockMeta {
        sources: vec![1, 2],
        ..block(4, 3, 199, 0)
    };
    metas = vec![merged, block(3, 0, 100, R)];
    assert_eq!(plan(&metas, 400, &options()), job(100, 200, &[4], &[]));
    metas.push(block(5, 100, 200, R));
    assert_eq!(plan(&metas, 400, &options()), None);
    assert_eq!(pending(&metas, 400, &options()), [0u64; 0]);
}

#[test]
fn what_came_late_is_done_together_with_what_is_there() {
    let done = [block(1, 3, 98, 0), block(2, 101, 199, 0), block(3, 0, 200, R)];
    let late = [&done[..], &[block(4, 55, 64, 0)]].concat();
    assert_eq!(plan(&late, 400, &options()), job(0, 200, &[1, 2, 4], &[3]));
    let replaced = BlockMeta {
        sources: vec![3],
        ..block(5, 0, 200, R)
    };
    let again = [&late[..2], &late[3..], &[replaced]].concat();
    assert_eq!(plan(&again, 400, &options()), None);
}

#[test]
fn samples_are_reduced_before_they_are_deleted_and_after_they_can_come_late() {
    let to = Downsampling {
        resolution_ms: R,
        after_ms: 1000,
        retention_ms: None,
    };
    let after = |retention_ms, out_of_order_window_ms| {
        let options = Options {
            retention_ms,
            out_of_order_window_ms,
            ..options()
        };
        options.downsample_after_ms(&to)
    };
    assert_eq!(after(None, 0), 1000);
    assert_eq!(after(Some(600), 0), 400);
    assert_eq!(after(Some(600), 500), 600);
}
