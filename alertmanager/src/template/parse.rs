//! Tokens to tree, by recursive descent. Variables and, where a table is given, functions must exist.

use std::sync::Arc;

use super::ast::{Branch, Command, Node, Operand, OperandKind, Pipe};
use super::lex::{Kind, Token, lex};
use super::{Functions, TemplateError, builtins, number};

/// How deeply control structures and parentheses may nest.
const MAX_NESTING: usize = 100;

/// What a text defines: its own body and the `define`s and `block`s within.
pub(super) struct Parsed {
    pub(super) body: Vec<Node>,
    pub(super) defines: Vec<(String, Vec<Node>)>,
}

/// Parses a text. `variables` are names, with `$`, that execution will supply; `functions` is the table against
/// which calls are checked.
pub(super) fn parse(
    name: &str,
    text: &str,
    functions: Option<&Functions>,
    variables: &[&str],
) -> Result<Parsed> {
    let tokens = lex(name, text)?;
    let mut visible = vec!["$".to_owned()];
    visible.extend(variables.iter().map(|v| (*v).to_owned()));
    let mut parser = Parser {
        name,
        text,
        tokens,
        next: 0,
        variables: visible,
        functions,
        defines: Vec::new(),
        depth: 0,
        loops: 0,
    };
    let (body, end) = parser.list(true)?;
    match end {
        ListEnd::Eof => Ok(Parsed {
            body,
            defines: parser.defines,
        }),
        ListEnd::End(at) => parser.error(at, "unexpected {{end}}"),
        ListEnd::Else(at) => parser.error(at, "unexpected {{else}}"),
    }
}

/// By what a list of nodes ended, and where.
enum ListEnd {
    Eof,
    End(usize),
    Else(usize),
}

#[derive(Clone, Copy, PartialEq)]
enum Control {
    If,
    With,
    Range,
}

impl Control {
    fn word(self) -> &'static str {
        match self {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        }
    }

    fn node(self, branch: Branch) -> Node {
        match self {
            Control::If => Node::If(branch),
            Control::With => Node::With(branch),
            Control::Range => Node::Range(branch),
        }
    }
}

struct Parser<'a> {
    name: &'a str,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    next: usize,
    variables: Vec<String>,
    functions: Option<&'a Functions>,
    defines: Vec<(String, Vec<Node>)>,
    depth: usize,
    loops: usize,
}

type Result<T> = std::result::Result<T, TemplateError>;

impl<'a> Parser<'a> {
    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(TemplateError::at(self.name, self.text, at, message))
    }

    /// The kind of the token `ahead` of the next one.
    fn look(&self, ahead: usize) -> &Kind<'a> {
        self.tokens.get(self.next + ahead).map_or(&Kind::End, |t| &t.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |t| t.at)
    }

    fn spaced(&self) -> bool {
        self.tokens.get(self.next).is_some_and(|t| t.spaced)
    }

    fn unexpected<T>(&self, context: &str) -> Result<T> {
        let shown = match self.look(0) {
            Kind::End => "EOF".to_owned(),
            Kind::Close => "\"}}\"".to_owned(),
            Kind::Word(w) => format!("<{w}>"),
            Kind::Field(f) => format!("<.{f}>"),
            Kind::Variable(v) | Kind::Number(v) => format!("\"{v}\""),
            Kind::String(s) => format!("{s:?}"),
            Kind::Char(c) => format!("{c:?}"),
            Kind::Text(t) => format!("{t:?}"),
            Kind::Open => "\"{{\"".to_owned(),
            Kind::Dot => "<.>".to_owned(),
            Kind::Pipe => "\"|\"".to_owned(),
            Kind::LeftParen => "\"(\"".to_owned(),
            Kind::RightParen => "\")\"".to_owned(),
            Kind::Declare => "\":=\"".to_owned(),
            Kind::Assign => "\"=\"".to_owned(),
            Kind::Comma => "\",\"".to_owned(),
        };
        self.error(self.at(), format!("unexpected {shown} in {context}"))
    }

    fn close(&mut self, context: &str) -> Result<()> {
        if *self.look(0) != Kind::Close {
            return self.unexpected(context);
        }
        self.next += 1;
        Ok(())
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_NESTING {
            return self.error(self.at(), format!("nesting exceeds the limit of {MAX_NESTING}"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Nodes up to an `end`, an `else` or the end of the text; the ending action's keyword is consumed.
    fn list(&mut self, top: bool) -> Result<(Vec<Node>, ListEnd)> {
        let mut nodes = Vec::new();
        loop {
            let at = self.at();
            match self.look(0).clone() {
                Kind::End => return Ok((nodes, ListEnd::Eof)),
                Kind::Text(text) => {
                    self.next += 1;
                    nodes.push(Node::Text(text.into()));
                    continue;
                }
                _ => self.next += 1,
            }
            match *self.look(0) {
                Kind::Word("end") => {
                    self.next += 1;
                    self.close("end")?;
                    return Ok((nodes, ListEnd::End(at)));
                }
                Kind::Word("else") => {
                    self.next += 1;
                    return Ok((nodes, ListEnd::Else(at)));
                }
                Kind::Word("define") if top => self.define(at)?,
                Kind::Word("define") => return self.unexpected("command"),
                _ => nodes.push(self.nested(|p| p.action(at))?),
            }
        }
    }

    /// An action that stays in the list; `{{` is consumed.
    fn action(&mut self, at: usize) -> Result<Node> {
        let Kind::Word(word) = *self.look(0) else {
            return self.output();
        };
        let control = match word {
            "if" => Control::If,
            "with" => Control::With,
            "range" => Control::Range,
            "block" => return self.block(at),
            "template" => return self.template(at),
            "break" | "continue" => {
                // A function of that name would be reached only with arguments, as in Go.
                self.next += 1;
                if self.loops == 0 {
                    return self.error(at, format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                self.close(word)?;
                return Ok(if word == "break" {
                    Node::Break
                } else {
                    Node::Continue
                });
            }
            _ => return self.output(),
        };
        self.next += 1;
        self.control(control, at)
    }

    fn output(&mut self) -> Result<Node> {
        let pipe = self.pipeline("command", false)?;
        self.close("command")?;
        Ok(Node::Action(pipe))
    }

    /// `if`, `with` or `range` behind its keyword, through its `end`.
    fn control(&mut self, control: Control, at: usize) -> Result<Node> {
        let visible = self.variables.len();
        let pipe = self.pipeline(control.word(), control == Control::Range)?;
        self.close(control.word())?;
        self.loops += usize::from(control == Control::Range);
        let body = self.list(false);
        self.loops -= usize::from(control == Control::Range);
        let (then, end) = body?;
        let otherwise = match end {
            ListEnd::Eof => return self.error(self.text.len(), "unexpected EOF"),
            ListEnd::End(_) => Vec::new(),
            ListEnd::Else(else_at) => self.otherwise(control, else_at)?,
        };
        self.variables.truncate(visible);
        Ok(control.node(Branch {
            at,
            pipe,
            then,
            otherwise,
        }))
    }

    /// What stands behind `else`: a list, or a structure of the same kind that shares the `end`.
    fn otherwise(&mut self, control: Control, else_at: usize) -> Result<Vec<Node>> {
        if control != Control::Range && *self.look(0) == Kind::Word(control.word()) {
            self.next += 1;
            return Ok(vec![self.nested(|p| p.control(control, else_at))?]);
        }
        self.close("else")?;
        match self.list(false)? {
            (nodes, ListEnd::End(_)) => Ok(nodes),
            (_, ListEnd::Eof) => self.error(self.text.len(), "unexpected EOF"),
            (_, ListEnd::Else(at)) => self.error(at, "expected end; found {{else}}"),
        }
    }

    fn name_string(&mut self, context: &str) -> Result<String> {
        let Kind::String(name) = self.look(0).clone() else {
            return self.unexpected(context);
        };
        self.next += 1;
        Ok(name)
    }

    /// A body of its own, with no variable but `$`, up to its `end`.
    fn own_body(&mut self, at: usize, what: &str) -> Result<Vec<Node>> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let body = self.nested(|p| p.list(false))?;
        self.variables = outer;
        self.loops = loops;
        match body {
            (nodes, ListEnd::End(_)) => Ok(nodes),
            _ => self.error(at, format!("{what} has no {{{{end}}}}")),
        }
    }

    fn define(&mut self, at: usize) -> Result<()> {
        self.next += 1;
        let name = self.name_string("define clause")?;
        self.close("define clause")?;
        let body = self.own_body(at, "{{define}}")?;
        self.defines.push((name, body));
        Ok(())
    }

    fn block(&mut self, at: usize) -> Result<Node> {
        self.next += 1;
        let name = self.name_string("block clause")?;
        let data = self.pipeline("block clause", false)?;
        self.close("block clause")?;
        let body = self.own_body(at, "{{block}}")?;
        self.defines.push((name.clone(), body));
        Ok(Node::Template {
            at,
            name,
            data: Some(data),
        })
    }

    fn template(&mut self, at: usize) -> Result<Node> {
        self.next += 1;
        let name = self.name_string("template clause")?;
        let data = match self.look(0) {
            Kind::Close => None,
            _ => Some(self.pipeline("template clause", false)?),
        };
        self.close("template clause")?;
        Ok(Node::Template { at, name, data })
    }

    /// A pipeline up to, and without, `}}` or `)`.
    fn pipeline(&mut self, context: &str, range: bool) -> Result<Pipe> {
        let at = self.at();
        let (variables, assigns) = self.declaration(range)?;
        let mut commands = Vec::new();
        loop {
            match self.look(0) {
                Kind::Close | Kind::RightParen => break,
                _ => commands.push(self.command()?),
            }
            if *self.look(0) == Kind::Pipe {
                self.next += 1;
            }
        }
        if commands.is_empty() {
            return self.error(self.at(), format!("missing value for {context}"));
        }
        for (stage, command) in commands.iter().enumerate().skip(1) {
            use OperandKind::{Bool, Dot, Float, Int, Nil, String};
            if matches!(
                command.head.kind,
                Bool(_) | Dot | Nil | Int(_) | Float(_) | String(_)
            ) {
                let message = format!("non executable command in pipeline stage {}", stage + 1);
                return self.error(command.at, message);
            }
        }
        // A variable is not visible in the pipeline that declares it.
        if !assigns {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipe {
            at,
            variables,
            assigns,
            commands,
        })
    }

    /// `$x :=`, `$x =`, and in `range` also `$i, $x :=`.
    fn declaration(&mut self, range: bool) -> Result<(Vec<String>, bool)> {
        let Kind::Variable(first) = *self.look(0) else {
            return Ok((Vec::new(), false));
        };
        let (names, operator) = match (self.look(1), self.look(2), self.look(3)) {
            (op @ (Kind::Declare | Kind::Assign), ..) => (vec![first], op.clone()),
            (Kind::Comma, Kind::Variable(second), op @ (Kind::Declare | Kind::Assign)) if range => {
                (vec![first, *second], op.clone())
            }
            (Kind::Comma, ..) if !range => return self.error(self.at(), "too many declarations in command"),
            _ => return Ok((Vec::new(), false)),
        };
        let assigns = operator == Kind::Assign;
        for name in &names {
            if assigns && !self.variables.iter().any(|v| v == name) {
                return self.error(self.at(), format!("undefined variable \"{name}\""));
            }
        }
        self.next += names.len() * 2;
        Ok((names.into_iter().map(str::to_owned).collect(), assigns))
    }

    fn command(&mut self) -> Result<Command> {
        let at = self.at();
        let head = self.operand()?;
        let mut args = Vec::new();
        loop {
            match self.look(0) {
                Kind::Close | Kind::RightParen | Kind::Pipe => break,
                _ if self.spaced() => args.push(self.operand()?),
                _ => return self.unexpected("operand"),
            }
        }
        Ok(Command { at, head, args })
    }

    /// A term and the fields that hang on it without a space.
    fn operand(&mut self) -> Result<Operand> {
        let at = self.at();
        let kind = self.term()?;
        self.next += 1;
        let mut fields = Vec::new();
        while let Kind::Field(field) = *self.look(0) {
            if self.spaced() {
                break;
            }
            self.next += 1;
            fields.push(field.to_owned());
        }
        if fields.is_empty() {
            return Ok(Operand { at, kind });
        }
        let kind = match kind {
            OperandKind::Field(mut first) => {
                first.append(&mut fields);
                OperandKind::Field(first)
            }
            OperandKind::Variable(name, _) => OperandKind::Variable(name, fields),
            OperandKind::Function(_) | OperandKind::Pipe(_) => {
                OperandKind::Chain(Box::new(Operand { at, kind }), fields)
            }
            _ => return self.error(at, "unexpected . after term"),
        };
        Ok(Operand { at, kind })
    }

    /// The term at the next token; a parenthesis is consumed up to its end, of everything else nothing.
    fn term(&mut self) -> Result<OperandKind> {
        let at = self.at();
        Ok(match self.look(0).clone() {
            Kind::Word("nil") => OperandKind::Nil,
            Kind::Word("true") => OperandKind::Bool(true),
            Kind::Word("false") => OperandKind::Bool(false),
            Kind::Word("if" | "with" | "range" | "else" | "end" | "define" | "template" | "block") => {
                return self.unexpected("operand");
            }
            Kind::Word(name) => {
                let known = |table: &Functions| builtins::exists(name) || table.get(name).is_some();
                if self.functions.is_some_and(|table| !known(table)) {
                    return self.error(at, format!("function \"{name}\" not defined"));
                }
                OperandKind::Function(name.to_owned())
            }
            Kind::Dot => OperandKind::Dot,
            Kind::Field(name) => OperandKind::Field(vec![name.to_owned()]),
            Kind::Variable(name) => {
                if !self.variables.iter().any(|v| v == name) {
                    return self.error(at, format!("undefined variable \"{name}\""));
                }
                OperandKind::Variable(name.to_owned(), Vec::new())
            }
            Kind::Number(text) => match number::parse_literal(text) {
                Some(number) => number,
                None => return self.error(at, format!("bad number syntax: \"{text}\"")),
            },
            Kind::Char(c) => OperandKind::Int(i64::from(u32::from(c))),
            Kind::String(text) => OperandKind::String(Arc::from(text)),
            Kind::LeftParen => {
                self.next += 1;
                let pipe = self.nested(|p| p.pipeline("parenthesized pipeline", false))?;
                if *self.look(0) != Kind::RightParen {
                    return self.unexpected("parenthesized pipeline");
                }
                OperandKind::Pipe(Box::new(pipe))
            }
            _ => return self.unexpected("operand"),
        })
    }
}
