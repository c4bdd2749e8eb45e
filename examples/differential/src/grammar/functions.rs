//! Function calls with arguments of sensible types.

use super::{Flavour, Grammar, Node, Type};

const MATH: [&str; 24] = [
    "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "deg", "rad", "round",
];
const DATES: [&str; 8] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];
const OF_COUNTERS: [&str; 6] = ["rate", "rate", "increase", "irate", "resets", "changes"];
const OF_GAUGES: [&str; 5] = ["delta", "idelta", "deriv", "changes", "resets"];
const OF_ANY: [&str; 16] = [
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "present_over_time",
    "absent_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];
const OF_NATIVE: [&str; 9] = [
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "sum_over_time",
    "avg_over_time",
    "count_over_time",
    "last_over_time",
];
const HISTOGRAM: [&str; 5] = [
    "histogram_avg",
    "histogram_count",
    "histogram_sum",
    "histogram_stddev",
    "histogram_stdvar",
];

impl Grammar {
    /// A function of a vector of floats, or of anything.
    pub(super) fn of_vector(&mut self, depth: usize, flavour: Flavour) -> Node {
        match self.random.below(12) {
            0 => {
                let (low, high) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let vector = self.vector(depth - 1, flavour);
                Node::new(Type::Vector)
                    .fixed("clamp(")
                    .child(vector)
                    .fixed(", ")
                    .child(low)
                    .fixed(", ")
                    .child(high)
                    .fixed(")")
            }
            1 => {
                let name = self.random.pick(&["clamp_min(", "clamp_max(", "round("]);
                let (vector, number) = (self.vector(depth - 1, flavour), self.scalar(depth - 1));
                Node::new(Type::Vector)
                    .fixed(name)
                    .child(vector)
                    .fixed(", ")
                    .child(number)
                    .fixed(")")
            }
            2 => {
                let name = self.random.pick(&DATES);
                match self.random.below(4) {
                    0 => Node::leaf(Type::Vector, format!("{name}()")),
                    1 => Node::leaf(Type::Vector, format!("{name}(vector(time() * 1.37))")),
                    2 => Node::leaf(Type::Vector, format!("{name}(process_start_time_seconds)")),
                    _ => Node::call(Type::Vector, name, self.vector(depth - 1, flavour)),
                }
            }
            3 => {
                let name = self.random.pick(&["timestamp", "timestamp", "start_timestamp"]);
                Node::call(Type::Vector, name, self.vector(depth - 1, flavour))
            }
            4 => Node::call(Type::Vector, "absent", self.vector(depth - 1, Flavour::Any)),
            5 => Node::call(Type::Vector, "vector", self.scalar(depth)),
            6 => self.labelled(depth, flavour),
            7 => self.info(depth, flavour),
            _ => Node::call(
                Type::Vector,
                self.random.pick(&MATH),
                self.vector(depth - 1, flavour),
            ),
        }
    }

    /// `label_replace` and `label_join`
    fn labelled(&mut self, depth: usize, flavour: Flavour) -> Node {
        let arguments = self.random.pick(&[
            r#"label_replace|, "copy", "$1-$2", "instance", "(.*):(.*)")"#,
            r#"label_replace|, "instance", "", "job", "api")"#,
            r#"label_replace|, "new.one", "${first}x", "job", "(?P<first>.).*")"#,
            r#"label_replace|, "__name__", "$1", "job", "(.*)")"#,
            r#"label_replace|, "job", "same", "", "")"#,
            r#"label_join|, "all", "/", "job", "instance", "method")"#,
            r#"label_join|, "job", "-", "instance")"#,
            r#"label_join|, "none", ",")"#,
        ]);
        let (name, rest) = arguments.split_once('|').unwrap_or((arguments, ")"));
        Node::new(Type::Vector)
            .fixed(format!("{name}("))
            .child(self.vector(depth - 1, flavour))
            .fixed(rest)
    }

    fn info(&mut self, depth: usize, flavour: Flavour) -> Node {
        let selector = self.random.pick(&[
            "",
            "",
            r#", {version=~".+"}"#,
            r#", {region="eu"}"#,
            r#", {__name__="build_info"}"#,
            r#", {__name__=~".*_info"}"#,
            r#", {nothing="x"}"#,
            r#", {version=~".*", region!="us"}"#,
        ]);
        Node::new(Type::Vector)
            .fixed("info(")
            .child(self.vector(depth - 1, flavour))
            .optional(selector)
            .fixed(")")
    }

    /// A function of a range.
    pub(super) fn of_matrix(&mut self, depth: usize, flavour: Flavour) -> Node {
        match self.random.below(14) {
            0 => {
                let number = self.parameter(depth, &["0.5", "0.9", "0", "1", "0.25", "2", "-1", "NaN"]);
                let matrix = self.matrix(depth, flavour);
                Node::new(Type::Vector)
                    .fixed("quantile_over_time(")
                    .child(number)
                    .fixed(", ")
                    .child(matrix)
                    .fixed(")")
            }
            1 => {
                let number = self.parameter(depth, &["60", "3600", "-10", "0"]);
                let matrix = self.matrix(depth, flavour);
                Node::new(Type::Vector)
                    .fixed("predict_linear(")
                    .child(matrix)
                    .fixed(", ")
                    .child(number)
                    .fixed(")")
            }
            2 => {
                let (a, b) = (
                    self.parameter(depth, &["0.3", "0.5", "0.9"]),
                    self.parameter(depth, &["0.1", "0.6"]),
                );
                let matrix = self.matrix(depth, flavour);
                let node = Node::new(Type::Vector)
                    .fixed("double_exponential_smoothing(")
                    .child(matrix);
                node.fixed(", ").child(a).fixed(", ").child(b).fixed(")")
            }
            3 => self.extended(flavour),
            4..=7 => Node::call(
                Type::Vector,
                self.random.pick(&OF_ANY),
                self.matrix(depth, flavour),
            ),
            _ => {
                let names: &[&str] = match flavour {
                    Flavour::Counter | Flavour::Any => &OF_COUNTERS,
                    Flavour::Gauge => &OF_GAUGES,
                    Flavour::Native => &OF_NATIVE,
                };
                Node::call(Type::Vector, self.random.pick(names), self.matrix(depth, flavour))
            }
        }
    }

    /// A function with a range whose ends are treated in another way.
    fn extended(&mut self, flavour: Flavour) -> Node {
        let (name, extension) = match self.random.below(8) {
            0..=3 => (self.random.pick(&["rate", "increase", "delta"]), " smoothed"),
            _ => (
                self.random
                    .pick(&["rate", "increase", "delta", "changes", "resets"]),
                " anchored",
            ),
        };
        Node::call(Type::Vector, name, self.ranged(flavour, extension))
    }

    /// A function of histograms, native or classic.
    pub(super) fn of_histograms(&mut self, depth: usize) -> Node {
        match self.random.below(10) {
            0..=3 => Node::call(
                Type::Vector,
                self.random.pick(&HISTOGRAM),
                self.vector(depth - 1, Flavour::Native),
            ),
            4..=6 => {
                let number = self.parameter(depth, &["0.5", "0.9", "0.99", "0", "1", "-1", "2", "NaN"]);
                let vector = self.distribution(depth - 1);
                Node::new(Type::Vector)
                    .fixed("histogram_quantile(")
                    .child(number)
                    .fixed(", ")
                    .child(vector)
                    .fixed(")")
            }
            7 => {
                let vector = self.distribution(depth - 1);
                let (a, b) = (
                    self.parameter(depth, &["0.5", "0.9"]),
                    self.parameter(depth, &["0.1", "1"]),
                );
                let node = Node::new(Type::Vector)
                    .fixed("histogram_quantiles(")
                    .child(vector)
                    .fixed(", \"q\", ");
                node.child(a).fixed(", ").child(b).fixed(")")
            }
            _ => {
                let low = self.parameter(depth, &["0", "-Inf", "0.1", "-1"]);
                let high = self.parameter(depth, &["1", "+Inf", "2.5", "0.5"]);
                let vector = self.distribution(depth - 1);
                let node = Node::new(Type::Vector)
                    .fixed("histogram_fraction(")
                    .child(low)
                    .fixed(", ")
                    .child(high);
                node.fixed(", ").child(vector).fixed(")")
            }
        }
    }

    /// What has quantiles.
    fn distribution(&mut self, depth: usize) -> Node {
        let classic = self.random.pick(&[
            "rate(request_seconds_bucket[5m])",
            "sum by (le) (rate(request_seconds_bucket[2m]))",
            "request_seconds_bucket",
            "odd_bucket",
            "sum by (le, job) (request_seconds_bucket)",
            r#"{__name__=~"rpc_seconds|request_seconds_bucket"}"#,
        ]);
        if self.random.chance(40) {
            Node::leaf(Type::Vector, classic)
        } else {
            self.vector(depth, Flavour::Native)
        }
    }
}
