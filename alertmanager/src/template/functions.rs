//! The functions a template can call beyond the language's own, supplied by whoever executes it.

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Value;

/// Why a function or method gave no value; execution ends with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FuncError(pub String);

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        FuncError(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        FuncError(message.to_owned())
    }
}

/// What a function or method gives.
pub type FuncResult = Result<Value, FuncError>;

/// A function of a template. It checks the number and kinds of its arguments itself.
pub type Function = Arc<dyn Fn(&[Value]) -> FuncResult + Send + Sync>;

/// A table of functions, which can stand on another one: what does not change from one execution to the next is
/// built once and shared below.
#[derive(Clone, Default)]
pub struct Functions {
    own: FxHashMap<&'static str, Function>,
    base: Option<Arc<Functions>>,
}

impl Functions {
    /// An empty table.
    pub fn new() -> Self {
        Functions::default()
    }

    /// An empty table over `base`.
    pub fn over(base: Arc<Functions>) -> Self {
        Functions {
            own: FxHashMap::default(),
            base: Some(base),
        }
    }

    /// Adds a function, in front of any other of that name.
    pub fn add(
        &mut self,
        name: &'static str,
        function: impl Fn(&[Value]) -> FuncResult + Send + Sync + 'static,
    ) -> &mut Self {
        self.own.insert(name, Arc::new(function));
        self
    }

    /// The function called `name`.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.own.get(name).or_else(|| self.base.as_ref()?.get(name))
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Functions")
            .field("own", &self.own.keys())
            .field("base", &self.base)
            .finish()
    }
}
