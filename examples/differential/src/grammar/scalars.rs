//! Numbers.

use super::{Flavour, Grammar, Node, Type};

const NUMBERS: [&str; 20] = [
    "0", "1", "2", "0.5", "-1", "10", "0.9", "100", "1e3", "NaN", "Inf", "-Inf", "0x1F", "1_000", "5m", "3",
    "0.25", "-0.5", "7", "1e-7",
];

impl Grammar {
    /// A number as it is written.
    pub(super) fn number(&mut self) -> String {
        self.random.pick(&NUMBERS).to_owned()
    }

    /// Any expression that gives a number.
    pub(super) fn scalar(&mut self, depth: usize) -> Node {
        if depth <= 1 || self.random.chance(50) {
            return Node::leaf(Type::Scalar, self.number());
        }
        match self.random.below(10) {
            0 => Node::leaf(Type::Scalar, "time()"),
            1 => Node::leaf(
                Type::Scalar,
                self.random
                    .pick(&["pi()", "start()", "end()", "step()", "range()"]),
            ),
            2..=4 => {
                let flavour = self.flavour();
                let vector = self.vector(depth - 1, flavour);
                Node::call(Type::Scalar, "scalar", vector)
            }
            5 => {
                let (a, b) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let name = self.random.pick(&["min_of(", "max_of("]);
                Node::new(Type::Scalar)
                    .fixed(name)
                    .child(a)
                    .fixed(", ")
                    .child(b)
                    .fixed(")")
            }
            6 => Node::new(Type::Scalar)
                .fixed("-(")
                .child(self.scalar(depth - 1))
                .fixed(")"),
            7 => {
                let (a, b) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let op = self.comparison();
                Node::new(Type::Scalar)
                    .fixed("(")
                    .child(a)
                    .fixed(format!(" {op} bool "))
                    .child(b)
                    .fixed(")")
            }
            _ => {
                let (a, b) = (self.scalar(depth - 1), self.scalar(depth - 1));
                let op = self.arithmetic();
                Node::new(Type::Scalar)
                    .fixed("(")
                    .child(a)
                    .fixed(format!(" {op} "))
                    .child(b)
                    .fixed(")")
            }
        }
    }

    /// A parameter: mostly one that has sense.
    pub(super) fn parameter(&mut self, depth: usize, sensible: &[&str]) -> Node {
        if self.random.chance(85) {
            return Node::leaf(Type::Scalar, self.random.pick(sensible));
        }
        if self.random.chance(20) {
            let vector = self.selector(Flavour::Gauge);
            return Node::call(Type::Scalar, "scalar", vector);
        }
        self.scalar(depth)
    }
}
