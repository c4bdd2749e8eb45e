//! Between which times samples are taken: Prometheus' rules, as three numbers a batch.
//!
//! Samples newer than their series' last are in order; the rest is taken if it is not older than the out-of-order
//! window behind the newest sample of the head; the same value at the same time is a repetition, another value a
//! duplicate. In one point we are more generous than Prometheus: what is in order is taken however old it is, as long
//! as it would not expire at once. There a sender that was cut off for hours loses what it kept; here blocks of any
//! time can be written, so it does not.

use model::metrics::Rejected;

use crate::Options;

/// Between which times a batch's samples are taken, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// What is newer than its series' last is taken from here on.
    pub in_order_from_ms: i64,
    /// What is not is taken from here on; `i64::MAX` takes none.
    pub late_from_ms: i64,
    /// Nothing after this.
    pub until_ms: i64,
}

impl Bounds {
    /// Everything is taken.
    pub const NONE: Bounds = Bounds {
        in_order_from_ms: i64::MIN,
        late_from_ms: i64::MIN,
        until_ms: i64::MAX,
    };

    /// The bounds when the newest sample of all is `newest_ms` (`None`: there is none yet) and the clock says `now_ms`.
    pub fn new(newest_ms: Option<i64>, now_ms: i64, options: &Options) -> Bounds {
        let until_ms = now_ms.saturating_add(options.max_future_ms);
        let Some(newest_ms) = newest_ms else {
            return Bounds {
                until_ms,
                ..Bounds::NONE
            };
        };
        Bounds {
            in_order_from_ms: match options.retention_ms {
                Some(retention_ms) => newest_ms.saturating_sub(retention_ms),
                None => i64::MIN,
            },
            late_from_ms: match options.out_of_order_window_ms {
                0 => i64::MAX,
                window => newest_ms.saturating_sub(window),
            },
            until_ms,
        }
    }

    /// Whether a sample that is newer than its series' last is taken.
    pub(crate) fn takes_in_order(&self, timestamp_ms: i64) -> bool {
        timestamp_ms >= self.in_order_from_ms || timestamp_ms >= self.late_from_ms
    }

    /// Judges a sample that is not newer than its series' last, and whose time is free.
    pub(crate) fn judge_late(&self, timestamp_ms: i64) -> Result<(), Rejected> {
        if timestamp_ms >= self.late_from_ms {
            Ok(())
        } else if timestamp_ms < self.in_order_from_ms {
            Err(Rejected::TooOld)
        } else {
            Err(Rejected::OutOfOrder)
        }
    }
}
