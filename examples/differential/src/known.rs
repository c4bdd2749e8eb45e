//! Differences that are known, with the reason why they stay. docs/differential.md lists them too.

use crate::compare::{Difference, Kind};

/// A difference that stays.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Whether it is this one, by the smallest query that has it and what differs.
    holds: fn(&str, &Difference) -> bool,
}

const KNOWN: &[Known] = &[
    Known {
        name: "info-elsewhere",
        holds: |query, difference| {
            let moved = query.contains(" offset ") || query.contains(" @ ");
            moved && query.contains("info(") && is_about_data(difference)
        },
    },
    Known {
        name: "timestamp-offset-at",
        holds: |query, difference| {
            let both = query.contains(" offset ") && query.contains(" @ ");
            both && query.contains("timestamp(") && is_about_data(difference)
        },
    },
    Known {
        name: "quantiles-of-equal-bounds",
        holds: |query, difference| {
            let of_these = query.contains("histogram_quantiles(") && query.contains("odd_bucket");
            of_these && matches!(difference.kind, Kind::Floats | Kind::Infos)
        },
    },
    Known {
        name: "nan-beside-empty-bucket",
        holds: |query, difference| {
            let of_these = query.contains("histogram_quantile") && query.contains("not_a_number");
            of_these && difference.kind == Kind::Floats && difference.text.contains(" inf, ours ")
        },
    },
    Known {
        name: "date-beyond-time",
        holds: |query, difference| {
            let dates = ["day_of_", "days_in_month", "hour(", "minute(", "month(", "year("];
            difference.kind == Kind::Floats && dates.iter().any(|date| query.contains(date))
        },
    },
    Known {
        name: "nan-note-place",
        holds: |_, difference| {
            difference.kind == Kind::Infos && difference.text.contains("has NaN observations")
        },
    },
    Known {
        name: "subquery-at",
        holds: |query, difference| {
            let moving = ["predict_linear(", "double_exponential_smoothing("];
            let at = query.contains(" @ ") && moving.iter().any(|function| query.contains(function));
            at && is_about_data(difference)
        },
    },
    Known {
        name: "duplicates-in-order",
        holds: |_, difference| {
            let duplicates = difference
                .text
                .matches("found duplicate series for the match group");
            difference.kind == Kind::ErrorText && duplicates.count() == 2
        },
    },
    Known {
        name: "changes-of-layout",
        holds: |query, difference| difference.kind == Kind::Floats && query.contains("changes("),
    },
    Known {
        name: "peer-panics",
        holds: |_, difference| {
            let panics = "only the peer fails: unexpected error: runtime error";
            difference.kind == Kind::OnlyOneFails && difference.text.starts_with(panics)
        },
    },
    Known {
        name: "quantile-asked-twice",
        holds: |query, difference| {
            let twice = "vector cannot contain metrics with the same labelset";
            query.contains("histogram_quantiles(")
                && difference.kind == Kind::OnlyOneFails
                && difference.text.contains(twice)
        },
    },
    Known {
        name: "sum-of-all-kinds",
        holds: |query, difference| {
            let sums = query.contains("sum") || query.contains("avg");
            let about = [
                "mix of histograms with exponential and custom buckets",
                "mix of histograms and floats for aggregation",
                "custom buckets were reconciled during aggregation",
                "conflicting counter resets during histogram aggregation",
            ];
            let told = matches!(difference.kind, Kind::Warnings | Kind::Infos);
            sums && told && about.iter().any(|text| difference.text.contains(text))
        },
    },
];

fn is_about_data(difference: &Difference) -> bool {
    use Kind::{Floats, Histograms, LabelSets, OnlyOneFails, Presence};
    matches!(
        difference.kind,
        Floats | Histograms | LabelSets | OnlyOneFails | Presence
    )
}

/// The known difference that this one is.
pub(crate) fn find(query: &str, difference: &Difference) -> Option<&'static Known> {
    KNOWN.iter().find(|known| (known.holds)(query, difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_documented() {
        let page = include_str!("../../../docs/differential.md");
        for known in KNOWN {
            assert!(page.contains(&format!("| `{}` |", known.name)), "{}", known.name);
        }
    }

    #[test]
    fn a_known_difference_is_only_that() {
        let of = |kind| Difference {
            kind,
            text: String::new(),
            at_ms: None,
        };
        assert!(find("year(extreme)", &of(Kind::Floats)).is_some());
        assert!(find("year(extreme)", &of(Kind::LabelSets)).is_none());
        assert!(find("timestamp(up @ 5)", &of(Kind::Floats)).is_none());
        assert!(find("timestamp(up @ 5 offset 1m)", &of(Kind::Floats)).is_some());
        assert!(find("sum(up)", &of(Kind::Warnings)).is_none());
    }
}
