//! The tree of a query as text with holes: enough to print it, and to take it apart without knowing the language.

use std::fmt;

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Scalar,
    Vector,
    Matrix,
}

/// A piece of an expression.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// What has to be there.
    Fixed(String),
    /// What can be left out, and the query still has sense.
    Optional(String),
    Child(Node),
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) gives: Type,
    pub(crate) parts: Vec<Part>,
}

impl Node {
    pub(crate) fn new(gives: Type) -> Node {
        Node {
            gives,
            parts: Vec::new(),
        }
    }

    /// An expression without parts.
    pub(crate) fn leaf(gives: Type, text: impl Into<String>) -> Node {
        Node::new(gives).fixed(text)
    }

    /// `name(child)`
    pub(crate) fn call(gives: Type, name: &str, child: Node) -> Node {
        Node::new(gives).fixed(format!("{name}(")).child(child).fixed(")")
    }

    pub(crate) fn fixed(mut self, text: impl Into<String>) -> Node {
        self.parts.push(Part::Fixed(text.into()));
        self
    }

    pub(crate) fn optional(mut self, text: impl Into<String>) -> Node {
        self.parts.push(Part::Optional(text.into()));
        self
    }

    pub(crate) fn child(mut self, node: Node) -> Node {
        self.parts.push(Part::Child(node));
        self
    }

    /// The expressions within, the next first.
    pub(crate) fn descendants(&self) -> Vec<&Node> {
        let mut out: Vec<&Node> = self.children().collect();
        let mut at = 0;
        while at < out.len() {
            out.extend(out[at].children());
            at += 1;
        }
        out
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        self.parts.iter().filter_map(|part| match part {
            Part::Child(node) => Some(node),
            _ => None,
        })
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Fixed(text) | Part::Optional(text) => f.write_str(text),
            Part::Child(node) => node.fmt(f),
        })
    }
}
