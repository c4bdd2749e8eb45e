//! Selectors of series, with and without a range, and subqueries.

use super::{Flavour, Grammar, Node, Type};

const COUNTERS: [&str; 6] = [
    "http_requests_total",
    "http_requests_total",
    "http.server.requests",
    "request_seconds_bucket",
    "request_seconds_count",
    "request_seconds_sum",
];
const GAUGES: [&str; 8] = [
    "temperature",
    "queue_depth",
    "queue_depth",
    "up",
    "uneven",
    "sparse",
    "process_start_time_seconds",
    "extreme",
];
const NATIVE: [&str; 7] = [
    "rpc_seconds",
    "rpc_bytes",
    "latency_now",
    "custom_seconds",
    "custom_changing",
    "not_a_number",
    "mixed",
];
const OTHERS: [&str; 6] = [
    "mixed",
    "target_info",
    "build_info",
    "odd_bucket",
    "no_such_metric",
    "mixed",
];
const FAMILIES: [&str; 6] = [
    "up|queue_depth",
    "rpc_.*",
    "latency_now|temperature",
    "request_seconds_.*",
    "custom_.*|mixed",
    ".*total",
];

const MATCHERS: [&str; 14] = [
    r#"job="api""#,
    r#"job="api""#,
    r#"job!="web""#,
    r#"instance="a:1""#,
    r#"instance=~"a.*|d:1""#,
    r#"instance!~"b.+""#,
    r#"method="get""#,
    r#"code=~"2..|5..""#,
    r#"le!="+Inf""#,
    r#"nothing="""#,
    r#"job=~".+""#,
    r#""service.name"="münchen""#,
    r#"job=~"(?i:API)""#,
    r#"zone!="""#,
];

/// The names that are asked for.
#[cfg(test)]
pub(crate) fn names() -> Vec<&'static str> {
    [&COUNTERS[..], &GAUGES, &NATIVE, &OTHERS].concat()
}

impl Grammar {
    /// Name and matchers.
    fn series(&mut self, flavour: Flavour) -> Node {
        let flavour = if self.random.chance(6) {
            Flavour::Any
        } else {
            flavour
        };
        let names: &[&str] = match flavour {
            Flavour::Counter => &COUNTERS,
            Flavour::Gauge => &GAUGES,
            Flavour::Native => &NATIVE,
            Flavour::Any if self.random.chance(20) => {
                let family = self.random.pick(&FAMILIES);
                return Node::leaf(Type::Vector, format!("{{__name__=~\"{family}\"}}"));
            }
            Flavour::Any => [&COUNTERS[..], &GAUGES, &NATIVE, &OTHERS][self.random.below(4) as usize],
        };
        let name = self.random.pick(names);
        let mut matchers = self.random.some(&MATCHERS, 4);
        let quoted = format!("\"{name}\"");
        if name.contains('.') || self.random.chance(3) {
            matchers.insert(0, &quoted);
            return Node::leaf(Type::Vector, format!("{{{}}}", matchers.join(",")));
        }
        let node = Node::leaf(Type::Vector, name);
        if matchers.is_empty() {
            node
        } else {
            node.optional(format!("{{{}}}", matchers.join(", ")))
        }
    }

    /// An instant selector.
    pub(super) fn selector(&mut self, flavour: Flavour) -> Node {
        let mut node = self.series(flavour);
        if self.random.chance(4) {
            node = node.optional(self.random.pick(&[" smoothed", " anchored"]));
        }
        let (first, second) = self.modifiers();
        node.optional(first).optional(second)
    }

    /// A range vector: a selector with a range, or a subquery.
    pub(super) fn matrix(&mut self, depth: usize, flavour: Flavour) -> Node {
        if depth > 1 && self.random.chance(20) {
            return self.subquery(depth - 1, flavour);
        }
        let extension = if self.random.chance(10) {
            self.random.pick(&[" anchored", " smoothed"])
        } else {
            ""
        };
        self.ranged(flavour, extension)
    }

    /// A selector with a range and an extension.
    pub(super) fn ranged(&mut self, flavour: Flavour, extension: &str) -> Node {
        let mut node = self.series(flavour);
        node.gives = Type::Matrix;
        let range = self.range();
        let (first, second) = self.modifiers();
        node.fixed(format!("[{range}]"))
            .optional(extension)
            .optional(first)
            .optional(second)
    }

    fn subquery(&mut self, depth: usize, flavour: Flavour) -> Node {
        let inner = self.vector(depth, flavour);
        let (range, resolution) = (self.range(), self.resolution());
        let (first, second) = self.modifiers();
        Node::new(Type::Matrix)
            .fixed("(")
            .child(inner)
            .fixed(format!(")[{range}:{resolution}]"))
            .optional(first)
            .optional(second)
    }
}
