//! The template language of Go's `text/template` and `html/template`, as alerting rules and notifications use it.
//!
//! A [`Template`] is parsed once and executed many times; a [`TemplateSet`] holds templates that name each
//! other. Data is a tree of dynamic [`Value`]s, which can answer to method names through [`Object`]. Functions
//! beyond the language's own come from the caller ([`Functions`]). Nothing here does I/O by itself, and
//! execution is bounded in depth, steps, output and the nesting of what it
//! builds, so a template cannot take the process down.
//!
//! Source: the documentation of Go's packages `text/template`, `html/template`, `fmt` and `time`. Absent keys of
//! a map behave as under Go's option `missingkey=zero`, which both Prometheus and Alertmanager set.

mod ast;
mod bounded;
mod builtins;
mod error;
mod exec;
mod format;
mod functions;
mod html;
mod lex;
mod number;
mod parse;
mod time;
mod unquote;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use bounded::{join, replace_all};
pub(crate) use builtins::query_escape;
pub use error::TemplateError;
pub use format::{print_value, sprintf};
pub use functions::{FuncError, FuncResult, Function, Functions};
pub use number::{format_float, format_general};
pub use time::{ZERO_TIME_MS, format_duration, format_time};
pub use value::{Map, Object, Value};

/// How what an action prints enters the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// As it is: `text/template`.
    Text,
    /// Escaped for the place in the HTML where it lands: `html/template`.
    Html,
}

/// A parsed text: its own body and what it defines. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Template(Arc<Body>);

/// The body of a template or of a `define` in it, with what is needed to say where something failed.
#[derive(Debug)]
pub(crate) struct Body {
    name: String,
    text: Arc<str>,
    nodes: Vec<ast::Node>,
    defines: BTreeMap<String, Arc<Body>>,
}

impl Template {
    /// Parses `text`. Whether the functions it calls exist shows only when it is executed.
    ///
    /// # Errors
    /// The first thing that is not template syntax.
    pub fn parse(name: &str, text: &str) -> Result<Template, TemplateError> {
        Self::parse_with(name, text, None, &[])
    }

    /// Parses `text`; calls must be of the language's functions or of `functions`, and `variables` (names with
    /// their `$`) are visible, to be supplied to [`Template::execute`] in this order.
    ///
    /// # Errors
    /// The first thing that is not template syntax, or a function or variable that does not exist.
    pub fn parse_with(
        name: &str,
        text: &str,
        functions: Option<&Functions>,
        variables: &[&str],
    ) -> Result<Template, TemplateError> {
        let parsed = parse::parse(name, text, functions, variables)?;
        let text: Arc<str> = Arc::from(text);
        let mut defines = BTreeMap::new();
        for (defined, nodes) in parsed.defines {
            // An empty definition never takes the place of one that says something, as in Go.
            if defines.contains_key(&defined) && is_blank(&nodes) {
                continue;
            }
            let body = Body {
                name: name.to_owned(),
                text: text.clone(),
                nodes,
                defines: BTreeMap::new(),
            };
            defines.insert(defined, Arc::new(body));
        }
        Ok(Template(Arc::new(Body {
            name: name.to_owned(),
            text,
            nodes: parsed.body,
            defines,
        })))
    }

    /// The name it was parsed under.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Executes it on `data` (the dot and `$`), `variables` being name (with `$`) and value.
    ///
    /// # Errors
    /// Something was asked of a value that it does not have, a function failed, or a bound was reached.
    pub fn execute(
        &self,
        mode: Mode,
        data: &Value,
        functions: &Functions,
        variables: &[(&str, Value)],
    ) -> Result<String, TemplateError> {
        exec::execute(&self.0, None, functions, mode, data, variables)
    }
}

fn is_blank(nodes: &[ast::Node]) -> bool {
    nodes
        .iter()
        .all(|node| matches!(node, ast::Node::Text(text) if text.trim().is_empty()))
}

/// Templates that can name each other, and the functions they call.
#[derive(Debug, Clone, Default)]
pub struct TemplateSet {
    functions: Arc<Functions>,
    bodies: BTreeMap<String, Arc<Body>>,
}

impl TemplateSet {
    /// A set without templates.
    pub fn new(functions: Functions) -> Self {
        TemplateSet {
            functions: Arc::new(functions),
            bodies: BTreeMap::new(),
        }
    }

    /// Adds a text under its name, and all that it defines. What comes later replaces what came earlier.
    ///
    /// # Errors
    /// As [`Template::parse_with`] over the set's functions.
    pub fn add(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        let template = Template::parse_with(name, text, Some(&self.functions), &[])?;
        for (defined, body) in &template.0.defines {
            if !(self.bodies.contains_key(defined) && is_blank(&body.nodes)) {
                self.bodies.insert(defined.clone(), body.clone());
            }
        }
        self.bodies.insert(name.to_owned(), template.0);
        Ok(())
    }

    /// Whether there is a template of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.bodies.contains_key(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.bodies.keys().map(String::as_str)
    }

    /// The functions of the set.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Executes the template `name`.
    ///
    /// # Errors
    /// There is no such template, or as [`Template::execute`].
    pub fn execute(&self, name: &str, mode: Mode, data: &Value) -> Result<String, TemplateError> {
        let Some(body) = self.bodies.get(name) else {
            let message = format!("template \"{name}\" not defined");
            return Err(TemplateError {
                name: name.to_owned(),
                line: 1,
                col: 1,
                message,
            });
        };
        exec::execute(body, Some(&self.bodies), &self.functions, mode, data, &[])
    }

    /// Parses and executes a text that may name the set's templates, as the fields of a receiver do.
    ///
    /// # Errors
    /// As [`Template::parse_with`] and [`Template::execute`].
    pub fn render(&self, text: &str, mode: Mode, data: &Value) -> Result<String, TemplateError> {
        let template = Template::parse_with("", text, Some(&self.functions), &[])?;
        exec::execute(&template.0, Some(&self.bodies), &self.functions, mode, data, &[])
    }
}

#[cfg(test)]
mod tests;
