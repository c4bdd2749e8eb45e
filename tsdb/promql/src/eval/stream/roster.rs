//! Whose the series of a chain are, for those who choose among them.

use std::ops::Range;
use std::sync::Arc;

use model::Labels;
use model::metrics::{SeriesReader, SeriesSet};

use super::super::frame::{Series, without_metadata};
use super::{Source, Stream, WindowsSource};
use crate::QueryError;

/// Where the labels of the series of a chain are, for those who ask after it is done.
pub(crate) enum Roster {
    Set(Arc<dyn SeriesSet>, bool),
    List(Vec<(Labels, bool)>),
}

impl Roster {
    /// Labels of a series by its number, and whether its name is obsolete.
    pub(crate) fn get(&self, index: usize) -> Result<(Labels, bool), QueryError> {
        match self {
            Roster::Set(set, drop_name) => Ok((set.labels(index)?, *drop_name)),
            Roster::List(list) => Ok(list.get(index).cloned().unwrap_or_default()),
        }
    }
}
impl Stream<'_> {
    /// Where the labels will be.
    pub(crate) fn roster(&self, delayed_name_removal: bool) -> Roster {
        let drops = self.drops_name;
        match &self.source {
            Source::Newest(set, _) | Source::Windows(WindowsSource { set, .. }, ..) => {
                if delayed_name_removal || !drops {
                    Roster::Set(Arc::clone(set), drops)
                } else {
                    Roster::Set(Arc::new(Nameless(Arc::clone(set))), false)
                }
            }
            Source::Points(frame, ..) | Source::Frame(frame) => {
                let of = |s: &Series| match drops && !delayed_name_removal {
                    true => (without_metadata(&s.labels), false),
                    false => (s.labels.clone(), s.drop_name || drops),
                };
                Roster::List(frame.iter().map(of).collect())
            }
        }
    }
}
/// A set whose series have lost their names.
struct Nameless(Arc<dyn SeriesSet>);

impl SeriesSet for Nameless {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Result<Labels, model::StoreError> {
        Ok(without_metadata(&self.0.labels(index)?))
    }

    fn reader(&self, range: Range<usize>) -> Box<dyn SeriesReader + '_> {
        self.0.reader(range)
    }
}
