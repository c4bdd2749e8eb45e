//! The tree a template is parsed into. `at` is always a byte offset into the template's text.

/// A piece of a template, in order of output.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Text between actions, trimmed already.
    Text(Box<str>),
    /// `{{ pipeline }}`
    Action(Pipe),
    /// `{{ if }}`
    If(Branch),
    /// `{{ with }}`
    With(Branch),
    /// `{{ range }}`
    Range(Branch),
    /// `{{ template "name" pipeline }}`, and what `{{ block }}` leaves in place.
    Template {
        at: usize,
        name: String,
        data: Option<Pipe>,
    },
    /// `{{ break }}`
    Break,
    /// `{{ continue }}`
    Continue,
}

/// A control structure with an optional `else`.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) at: usize,
    pub(super) pipe: Pipe,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// Commands whose values flow from left to right, the last one's possibly into variables.
#[derive(Debug, Clone)]
pub(super) struct Pipe {
    pub(super) at: usize,
    /// Names with their `$`; two only in `range`.
    pub(super) variables: Vec<String>,
    /// `=` instead of `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A head and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) head: Operand,
    pub(super) args: Vec<Operand>,
}

/// One word of a command.
#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) kind: OperandKind,
}

/// What a word is.
#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(std::sync::Arc<str>),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`, the name with its `$`.
    Variable(String, Vec<String>),
    Function(String),
    Pipe(Box<Pipe>),
    /// `(pipeline).a.b`, `function.a`
    Chain(Box<Operand>, Vec<String>),
}
