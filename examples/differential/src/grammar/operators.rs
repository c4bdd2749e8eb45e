//! Operators between vectors, and between vectors and numbers.

use super::{Flavour, Grammar, Node, Type};

const LABELS: [&str; 8] = [
    "job",
    "job",
    "instance",
    "instance",
    "method",
    "le",
    "zone",
    "service.name",
];

impl Grammar {
    pub(super) fn arithmetic(&mut self) -> &'static str {
        self.random
            .pick(&["+", "+", "-", "-", "*", "*", "/", "/", "%", "^", "atan2"])
    }

    pub(super) fn comparison(&mut self) -> &'static str {
        self.random.pick(&["==", "!=", ">", "<", ">=", "<="])
    }

    /// Some labels in parentheses.
    pub(super) fn label_list(&mut self, percent: u64) -> String {
        let mut some = self.random.some(&LABELS, percent);
        some.dedup();
        let quote = |l: &&str| {
            if l.contains('.') {
                format!("\"{l}\"")
            } else {
                (*l).to_owned()
            }
        };
        let list: Vec<String> = some.iter().map(quote).collect();
        format!("({})", list.join(", "))
    }

    /// Any operator with a vector on one side at least.
    pub(super) fn binary(&mut self, depth: usize, flavour: Flavour) -> Node {
        match self.random.below(10) {
            0..=2 => self.with_number(depth, flavour),
            3..=4 => self.set(depth, flavour),
            5 if flavour == Flavour::Native => self.trim(depth),
            _ => self.matched(depth, flavour),
        }
    }

    fn with_number(&mut self, depth: usize, flavour: Flavour) -> Node {
        let (vector, number) = (self.vector(depth - 1, flavour), self.scalar(depth - 1));
        let op = self.operator();
        let (left, right) = if self.random.chance(70) {
            (vector, number)
        } else {
            (number, vector)
        };
        Node::new(Type::Vector)
            .fixed("(")
            .child(left)
            .fixed(op)
            .child(right)
            .fixed(")")
    }

    /// Arithmetic or a comparison, with blanks around.
    fn operator(&mut self) -> String {
        if self.random.chance(60) {
            return format!(" {} ", self.arithmetic());
        }
        let bool = if self.random.chance(40) { "bool " } else { "" };
        format!(" {} {bool}", self.comparison())
    }

    fn trim(&mut self, depth: usize) -> Node {
        let vector = self.vector(depth - 1, Flavour::Native);
        let op = self.random.pick(&[" </ ", " >/ "]);
        let number = self.parameter(depth - 1, &["0", "1", "0.5", "3", "-1", "0.001", "10", "100"]);
        Node::new(Type::Vector)
            .fixed("(")
            .child(vector)
            .fixed(op)
            .child(number)
            .fixed(")")
    }

    fn set(&mut self, depth: usize, flavour: Flavour) -> Node {
        let (left, right) = (self.vector(depth - 1, flavour), self.vector(depth - 1, flavour));
        let op = self.random.pick(&[" and ", " or ", " unless "]);
        let on = match self.random.below(3) {
            0 => format!("on{} ", self.label_list(30)),
            1 => format!("ignoring{} ", self.label_list(30)),
            _ => String::new(),
        };
        Node::new(Type::Vector)
            .fixed("(")
            .child(left)
            .fixed(op)
            .optional(on)
            .child(right)
            .fixed(")")
    }

    /// Vector with vector, one to one or many to one.
    fn matched(&mut self, depth: usize, flavour: Flavour) -> Node {
        let op = self.operator();
        let fill = if self.random.chance(12) {
            self.fill()
        } else {
            String::new()
        };
        if self.random.chance(35) {
            return self.grouped(depth, flavour, &op, fill);
        }
        let left = self.vector(depth - 1, flavour);
        let same = self.random.chance(40);
        let right = if same {
            left.clone()
        } else {
            self.vector(depth - 1, flavour)
        };
        let on = match self.random.below(6) {
            0 => "on(job, instance) ".to_owned(),
            1 => format!("ignoring{} ", self.label_list(30)),
            2 => format!("on{} ", self.label_list(50)),
            _ => String::new(),
        };
        Node::new(Type::Vector)
            .fixed("(")
            .child(left)
            .fixed(op)
            .optional(on)
            .optional(fill)
            .child(right)
            .fixed(")")
    }

    /// Many to one: the one side is aggregated by what is matched on, mostly.
    fn grouped(&mut self, depth: usize, flavour: Flavour, op: &str, fill: String) -> Node {
        let many = self.vector(depth - 1, flavour);
        let on = self
            .random
            .pick(&["(job)", "(job, instance)", "(instance)", "()"]);
        let one = if self.random.chance(80) {
            let inner = self.vector(depth.saturating_sub(2).max(1), flavour);
            Node::new(Type::Vector)
                .fixed(format!("sum by {on} ("))
                .child(inner)
                .fixed(")")
        } else {
            self.vector(depth - 1, flavour)
        };
        let include = self
            .random
            .pick(&["", "", "()", "(region)", "(version, zone)", "(method)"]);
        let (left, right, side) = if self.random.chance(70) {
            (many, one, "group_left")
        } else {
            (one, many, "group_right")
        };
        Node::new(Type::Vector)
            .fixed("(")
            .child(left)
            .fixed(format!("{op}on{on} {side}"))
            .optional(include)
            .fixed(" ")
            .optional(fill)
            .child(right)
            .fixed(")")
    }

    fn fill(&mut self) -> String {
        let number = self.random.pick(&["0", "1", "-2.5", "NaN", "5"]);
        match self.random.below(4) {
            0 => format!("fill_left({number}) "),
            1 => format!("fill_right({number}) "),
            2 => format!("fill_left({number}) fill_right(3) "),
            _ => format!("fill({number}) "),
        }
    }
}
