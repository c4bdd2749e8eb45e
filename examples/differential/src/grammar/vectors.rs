//! Any expression that gives a vector: the choice among all others, and aggregations.

use super::{Flavour, Grammar, Node, Type};

const PLAIN: [&str; 9] = [
    "sum", "sum", "avg", "avg", "count", "min", "max", "group", "stddev",
];

impl Grammar {
    /// A vector of about this depth.
    pub(super) fn vector(&mut self, depth: usize, flavour: Flavour) -> Node {
        if depth == 0 {
            return self.selector(flavour);
        }
        match self.random.weighted(&[10, 26, 14, 12, 20, 18, 3, 2]) {
            0 => self.selector(flavour),
            1 => self.of_matrix(depth, flavour),
            2 => self.of_vector(depth, flavour),
            3 => self.of_histograms(depth),
            4 => self.aggregation(depth, flavour),
            5 => self.binary(depth, flavour),
            6 => Node::new(Type::Vector)
                .fixed("-")
                .child(self.vector(depth - 1, flavour)),
            _ => Node::new(Type::Vector)
                .fixed("(")
                .child(self.vector(depth - 1, flavour))
                .fixed(")"),
        }
    }

    /// An expression whose order counts.
    pub(super) fn ordered(&mut self, depth: usize) -> Node {
        let flavour = self.flavour();
        let vector = self.vector(depth - 1, flavour);
        match self.random.below(4) {
            0 => Node::call(Type::Vector, "sort", vector),
            1 => Node::call(Type::Vector, "sort_desc", vector),
            n => {
                let name = if n == 2 {
                    "sort_by_label("
                } else {
                    "sort_by_label_desc("
                };
                let labels = self.random.pick(&[
                    r#", "instance")"#,
                    r#", "job", "method")"#,
                    ")",
                    r#", "nothing")"#,
                ]);
                Node::new(Type::Vector).fixed(name).child(vector).fixed(labels)
            }
        }
    }

    fn aggregation(&mut self, depth: usize, flavour: Flavour) -> Node {
        let flavour = if self.random.chance(80) {
            flavour
        } else {
            self.flavour()
        };
        let vector = self.vector(depth - 1, flavour);
        let (name, parameter) = match self.random.below(20) {
            0 => (
                self.random.pick(&["topk", "bottomk"]),
                Some(self.parameter(depth, &["1", "2", "3", "5", "0", "-1"])),
            ),
            1 => (
                self.random.pick(&["topk", "bottomk"]),
                Some(self.parameter(depth, &["1", "2", "100"])),
            ),
            2 => (
                "quantile",
                Some(self.parameter(depth, &["0.5", "0.9", "0", "1", "1.5", "NaN"])),
            ),
            3 => (
                "count_values",
                Some(Node::leaf(
                    Type::Scalar,
                    self.random.pick(&["\"value\"", "\"job\"", "\"a.b\""]),
                )),
            ),
            4 => ("limitk", Some(self.parameter(depth, &["1", "2", "3", "0"]))),
            5 => (
                "limit_ratio",
                Some(self.parameter(depth, &["0.5", "-0.5", "0.1", "1", "-1", "0", "2"])),
            ),
            6 => ("stdvar", None),
            _ => (self.random.pick(&PLAIN), None),
        };
        let grouping = match self.random.below(5) {
            0 => String::new(),
            1 => format!(" without {}", self.label_list(30)),
            2 => " by (job)".to_owned(),
            3 => " by (job, instance)".to_owned(),
            _ => format!(" by {}", self.label_list(40)),
        };
        let first = self.random.chance(70);
        let mut node = Node::new(Type::Vector).fixed(name);
        if first {
            node = node.optional(grouping.clone()).fixed(" ");
        }
        node = node.fixed("(");
        if let Some(parameter) = parameter {
            node = node.child(parameter).fixed(", ");
        }
        node = node.child(vector).fixed(")");
        if first { node } else { node.optional(grouping) }
    }
}
