//! Walks the tree and writes the output. Bounded in depth, steps and output.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ast::{Branch, Command, Node, Operand, OperandKind, Pipe};
use super::bounded::{bounded, is_nested};
use super::html::Output;
use super::time::{duration_method, time_method};
use super::{Body, FuncError, FuncResult, Functions, Mode, TemplateError, Value, builtins};

/// How deeply control structures, templates and parentheses may be inside one another while executing.
const MAX_DEPTH: usize = 200;
/// How many actions and pieces of text one execution may walk through.
const MAX_STEPS: usize = 1_000_000;
/// How many bytes one execution may write.
const MAX_OUTPUT: usize = 8 << 20;
/// How many lists and maps one execution may build around nested ones: a chain of them is freed link by link, each
/// on the stack of the one before.
const MAX_NESTINGS: usize = 2_000;

type Result<T> = std::result::Result<T, TemplateError>;

/// Executes `body`. Names resolve in its own definitions first, then in `set`.
pub(super) fn execute(
    body: &Body,
    set: Option<&BTreeMap<String, Arc<Body>>>,
    functions: &Functions,
    mode: Mode,
    data: &Value,
    variables: &[(&str, Value)],
) -> Result<String> {
    let mut exec = Exec {
        own: &body.defines,
        set,
        functions,
        mode,
        out: Output::new(mode),
        steps: 0,
        depth: 0,
        nestings: 0,
    };
    let mut frame = Frame::new(body, data);
    frame
        .variables
        .extend(variables.iter().map(|(name, value)| (*name, value.clone())));
    exec.walk(&mut frame, data, &body.nodes)?;
    Ok(exec.out.finish())
}

struct Exec<'a> {
    own: &'a BTreeMap<String, Arc<Body>>,
    set: Option<&'a BTreeMap<String, Arc<Body>>>,
    functions: &'a Functions,
    mode: Mode,
    out: Output,
    steps: usize,
    depth: usize,
    nestings: usize,
}

/// The body being executed and the variables visible in it.
struct Frame<'a> {
    body: &'a Body,
    variables: Vec<(&'a str, Value)>,
}

impl<'a> Frame<'a> {
    fn new(body: &'a Body, data: &Value) -> Self {
        Frame {
            body,
            variables: vec![("$", data.clone())],
        }
    }

    fn error<T>(&self, at: usize, message: impl Into<String>) -> Result<T> {
        Err(TemplateError::at(&self.body.name, &self.body.text, at, message))
    }

    fn variable(&mut self, name: &str) -> Option<&mut Value> {
        self.variables
            .iter_mut()
            .rev()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// Declares or assigns.
    fn set(&mut self, pipe: &'a Pipe, name: &'a str, value: Value) -> Result<()> {
        if !pipe.assigns {
            self.variables.push((name, value));
            return Ok(());
        }
        match self.variable(name) {
            Some(variable) => *variable = value,
            None => return self.error(pipe.at, format!("undefined variable: {name}")),
        }
        Ok(())
    }
}

/// What a walk asks of the loop around it.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> Exec<'a> {
    fn deeper(&mut self, frame: &Frame<'_>, at: usize) -> Result<()> {
        self.depth += 1;
        match self.depth > MAX_DEPTH {
            true => frame.error(at, format!("execution exceeds the depth of {MAX_DEPTH}")),
            false => Ok(()),
        }
    }

    fn walk(&mut self, frame: &mut Frame<'a>, dot: &Value, nodes: &'a [Node]) -> Result<Flow> {
        for node in nodes {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return frame.error(0, format!("execution exceeds {MAX_STEPS} steps"));
            }
            let flow = match node {
                Node::Text(text) => {
                    self.out.literal(text);
                    Flow::Next
                }
                Node::Action(pipe) => {
                    let value = self.pipeline(frame, dot, pipe)?;
                    if pipe.variables.is_empty()
                        && let Err(why) = self.out.value(&value)
                    {
                        return frame.error(pipe.at, why);
                    }
                    Flow::Next
                }
                Node::If(branch) => self.branch(frame, dot, branch, false)?,
                Node::With(branch) => self.branch(frame, dot, branch, true)?,
                Node::Range(branch) => self.range(frame, dot, branch)?,
                Node::Template { at, name, data } => {
                    self.template(frame, dot, *at, name, data.as_ref())?;
                    Flow::Next
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if self.out.len() > MAX_OUTPUT {
                return frame.error(0, format!("output exceeds {MAX_OUTPUT} bytes"));
            }
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, frame: &mut Frame<'a>, dot: &Value, branch: &'a Branch, with: bool) -> Result<Flow> {
        self.deeper(frame, branch.at)?;
        let visible = frame.variables.len();
        let value = self.pipeline(frame, dot, &branch.pipe)?;
        let flow = match (value.is_true(), with) {
            (true, true) => self.walk(frame, &value, &branch.then),
            (true, false) => self.walk(frame, dot, &branch.then),
            (false, _) => self.walk(frame, dot, &branch.otherwise),
        };
        frame.variables.truncate(visible);
        self.depth -= 1;
        flow
    }

    fn range(&mut self, frame: &mut Frame<'a>, dot: &Value, branch: &'a Branch) -> Result<Flow> {
        self.deeper(frame, branch.at)?;
        let visible = frame.variables.len();
        let value = self.commands(frame, dot, &branch.pipe)?;
        let mut any = false;
        let mut once = |exec: &mut Self, frame: &mut Frame<'a>, key: Value, item: &Value| {
            any = true;
            exec.iteration(frame, branch, key, item)
        };
        match value.resolved() {
            Value::Nil if matches!(value, Value::Nil) => {}
            Value::List(items) => {
                for (i, item) in (0_i64..).zip(items.iter()) {
                    if once(self, frame, Value::Int(i), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, item) in &map.entries {
                    if once(self, frame, Value::string(key), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Int(count) => {
                for i in 0..count {
                    if once(self, frame, Value::Int(i), &Value::Int(i))? == Flow::Break {
                        break;
                    }
                }
            }
            _ => return frame.error(branch.pipe.at, format!("range can't iterate over {value}")),
        }
        frame.variables.truncate(visible);
        let flow = if any {
            Ok(Flow::Next)
        } else {
            self.walk(frame, dot, &branch.otherwise)
        };
        frame.variables.truncate(visible);
        self.depth -= 1;
        flow
    }

    fn iteration(
        &mut self,
        frame: &mut Frame<'a>,
        branch: &'a Branch,
        key: Value,
        item: &Value,
    ) -> Result<Flow> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return frame.error(branch.at, format!("execution exceeds {MAX_STEPS} steps"));
        }
        let visible = frame.variables.len();
        match branch.pipe.variables.as_slice() {
            [] => {}
            [one] => frame.set(&branch.pipe, one, item.clone())?,
            [first, second, ..] => {
                frame.set(&branch.pipe, first, key)?;
                frame.set(&branch.pipe, second, item.clone())?;
            }
        }
        let flow = self.walk(frame, item, &branch.then)?;
        frame.variables.truncate(visible);
        Ok(flow)
    }

    fn template(
        &mut self,
        frame: &mut Frame<'a>,
        dot: &Value,
        at: usize,
        name: &str,
        data: Option<&'a Pipe>,
    ) -> Result<()> {
        let data = match data {
            Some(pipe) => self.pipeline(frame, dot, pipe)?,
            None => Value::Nil,
        };
        self.named(frame, at, name, &data)
    }

    /// Executes another template into the output.
    fn named(&mut self, frame: &Frame<'a>, at: usize, name: &str, data: &Value) -> Result<()> {
        let Some(body) = self.own.get(name).or_else(|| self.set?.get(name)) else {
            return frame.error(at, format!("template \"{name}\" not defined"));
        };
        self.deeper(frame, at)?;
        self.walk(&mut Frame::new(body, data), data, &body.nodes)?;
        self.depth -= 1;
        Ok(())
    }

    /// The value of a pipeline, after declaring or assigning its variable.
    fn pipeline(&mut self, frame: &mut Frame<'a>, dot: &Value, pipe: &'a Pipe) -> Result<Value> {
        let value = self.commands(frame, dot, pipe)?;
        for name in &pipe.variables {
            frame.set(pipe, name, value.clone())?;
        }
        Ok(value)
    }

    fn commands(&mut self, frame: &mut Frame<'a>, dot: &Value, pipe: &'a Pipe) -> Result<Value> {
        self.deeper(frame, pipe.at)?;
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(frame, dot, command, value)?);
        }
        self.depth -= 1;
        Ok(value.unwrap_or_default())
    }

    /// `last` is the value of the command before, which comes behind the other arguments.
    fn command(
        &mut self,
        frame: &mut Frame<'a>,
        dot: &Value,
        command: &'a Command,
        last: Option<Value>,
    ) -> Result<Value> {
        let at = command.head.at;
        let (receiver, fields) = match &command.head.kind {
            OperandKind::Function(name) => return self.function(frame, dot, at, name, &command.args, last),
            OperandKind::Field(fields) => (dot.clone(), fields),
            OperandKind::Variable(name, fields) if !fields.is_empty() => {
                (self.variable(frame, at, name)?, fields)
            }
            OperandKind::Chain(head, fields) => (self.operand(frame, dot, head)?, fields),
            OperandKind::Nil => return frame.error(at, "nil is not a command"),
            _ if !command.args.is_empty() || last.is_some() => {
                return frame.error(at, "can't give argument to non-function");
            }
            _ => return self.operand(frame, dot, &command.head),
        };
        let mut args = Vec::with_capacity(command.args.len() + 1);
        for arg in &command.args {
            args.push(self.operand(frame, dot, arg)?);
        }
        args.extend(last);
        self.fields(frame, at, receiver, fields, &args)
    }

    fn variable(&self, frame: &mut Frame<'a>, at: usize, name: &str) -> Result<Value> {
        match frame.variable(name) {
            Some(value) => Ok(value.clone()),
            None => frame.error(at, format!("undefined variable: {name}")),
        }
    }

    /// The value of an operand that takes no arguments.
    fn operand(&mut self, frame: &mut Frame<'a>, dot: &Value, operand: &'a Operand) -> Result<Value> {
        let at = operand.at;
        match &operand.kind {
            OperandKind::Dot => Ok(dot.clone()),
            OperandKind::Nil => Ok(Value::Nil),
            OperandKind::Bool(b) => Ok(Value::Bool(*b)),
            OperandKind::Int(i) => Ok(Value::Int(*i)),
            OperandKind::Float(x) => Ok(Value::Float(*x)),
            OperandKind::String(text) => Ok(Value::String(text.clone())),
            OperandKind::Field(fields) => self.fields(frame, at, dot.clone(), fields, &[]),
            OperandKind::Variable(name, fields) => {
                let value = self.variable(frame, at, name)?;
                self.fields(frame, at, value, fields, &[])
            }
            OperandKind::Function(name) => self.function(frame, dot, at, name, &[], None),
            OperandKind::Pipe(pipe) => self.pipeline(frame, dot, pipe),
            OperandKind::Chain(head, fields) => {
                let value = self.operand(frame, dot, head)?;
                self.fields(frame, at, value, fields, &[])
            }
        }
    }

    fn fields(
        &self,
        frame: &Frame<'a>,
        at: usize,
        receiver: Value,
        fields: &[String],
        args: &[Value],
    ) -> Result<Value> {
        let mut value = receiver;
        for (i, name) in fields.iter().enumerate() {
            let args = if i + 1 == fields.len() { args } else { &[] };
            value = field(&value, name, args).or_else(|why| frame.error(at, why.0))?;
        }
        Ok(value)
    }

    fn function(
        &mut self,
        frame: &mut Frame<'a>,
        dot: &Value,
        at: usize,
        name: &str,
        args: &'a [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        // A caller's function takes the place of the language's own.
        let own = self.functions.get(name).cloned();
        if own.is_none() && matches!(name, "and" | "or") {
            return self.short_circuit(frame, dot, at, name == "or", args, last);
        }
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in args {
            values.push(self.operand(frame, dot, arg)?);
        }
        values.extend(last);
        let goes_into = match name {
            "list" | "dict" | "args" => values.as_slice(),
            "append" => values.get(1..).unwrap_or_default(),
            _ => &[],
        };
        if goes_into.iter().any(is_nested) {
            self.nestings += 1;
            if self.nestings > MAX_NESTINGS {
                return frame.error(at, format!("execution nests more than {MAX_NESTINGS} values"));
            }
        }
        let result = match own {
            Some(function) => function(&values),
            None if name == "tmpl" => return self.tmpl(frame, at, &values),
            None => builtins::call(name, &values, self.mode)
                .unwrap_or_else(|| Err(FuncError(format!("function \"{name}\" not defined")))),
        };
        result
            .and_then(bounded)
            .or_else(|why| frame.error(at, format!("error calling {name}: {why}")))
    }

    /// `and` and `or` give the first argument that decides, and evaluate none behind it.
    fn short_circuit(
        &mut self,
        frame: &mut Frame<'a>,
        dot: &Value,
        at: usize,
        until: bool,
        args: &'a [Operand],
        last: Option<Value>,
    ) -> Result<Value> {
        let mut value = None;
        for arg in args {
            let this = self.operand(frame, dot, arg)?;
            if this.is_true() == until {
                return Ok(this);
            }
            value = Some(this);
        }
        match last.or(value) {
            Some(value) => Ok(value),
            None => frame.error(at, "wrong number of args: want at least 1 got 0"),
        }
    }

    /// Prometheus' `tmpl "name" data`: a template by a computed name, as a value.
    fn tmpl(&mut self, frame: &Frame<'a>, at: usize, args: &[Value]) -> Result<Value> {
        let (name, data) = match args {
            [name, data] => (name, data),
            _ => {
                return frame.error(
                    at,
                    format!("wrong number of args for tmpl: want 2 got {}", args.len()),
                );
            }
        };
        let Some(name) = name.as_str() else {
            return frame.error(at, builtins::wrong_type(name, "string").0);
        };
        let outer = std::mem::replace(&mut self.out, Output::new(self.mode));
        let result = self.named(frame, at, name, data);
        let inner = std::mem::replace(&mut self.out, outer).finish();
        result.map(|()| Value::Html(inner.into()))
    }
}

/// `value.name`, called with `args` where it is a method.
fn field(value: &Value, name: &str, args: &[Value]) -> FuncResult {
    let called = match value {
        Value::Object(object) => object.method(name, args),
        Value::Time(at) => time_method(at, name, args),
        Value::Duration(ns) => duration_method(*ns, name),
        _ => None,
    };
    if let Some(result) = called {
        return result.map_err(|why| FuncError(format!("error calling {name}: {why}")));
    }
    let found = match value {
        Value::Object(object) => object.field(name).or_else(|| match object.underlying() {
            Value::Map(map) => Some(map.get(name).clone()),
            _ => None,
        }),
        Value::Map(map) => Some(map.get(name).clone()),
        Value::Nil => Some(Value::Nil),
        _ => None,
    };
    match found {
        Some(_) if !args.is_empty() => Err(FuncError(format!("{name} is not a method but has arguments"))),
        Some(found) => Ok(found),
        None => Err(FuncError(format!(
            "can't evaluate field {name} in type {}",
            value.type_name()
        ))),
    }
}
