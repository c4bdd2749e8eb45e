//! Where configuration comes from: a file, or what is embedded in the binary.

use std::path::{Path, PathBuf};

const EMBEDDED_CONFIG: &str = include_str!("../../default/masthead.yml");
const EMBEDDED_RULES: &str = include_str!("../../default/rules.yml");

/// Where configuration comes from. Read anew at every reload.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A file; the paths within it are relative to its folder.
    File(PathBuf),
    /// The embedded one, which scrapes this port of localhost.
    Embedded {
        /// The port of the main address.
        port: u16,
    },
}

impl Source {
    /// What messages call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Source::File(path) => path.display().to_string(),
            Source::Embedded { .. } => "embedded configuration".to_owned(),
        }
    }

    /// Its text.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn text(&self) -> std::io::Result<String> {
        match self {
            Source::File(path) => std::fs::read_to_string(path),
            Source::Embedded { port } => {
                Ok(EMBEDDED_CONFIG.replace("localhost:9090", &format!("localhost:{port}")))
            }
        }
    }

    /// Rules that come without a file: name and text.
    pub(crate) fn embedded_rules(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Source::File(_) => None,
            Source::Embedded { .. } => Some(("embedded rules.yml", EMBEDDED_RULES)),
        }
    }

    /// What relative paths are relative to.
    pub(crate) fn folder(&self) -> PathBuf {
        match self {
            Source::File(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
            Source::Embedded { .. } => PathBuf::new(),
        }
    }
}
