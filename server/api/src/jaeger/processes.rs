//! The processes of a trace under short numbers. A span costs a look by address; its process is hashed and compared
//! only the first time that address is seen.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;

use model::spans::{Process, TagValue};

/// Processes numbered from 1 in the order of their first span.
#[derive(Default)]
pub(super) struct Processes<'a> {
    all: Vec<&'a Process>,
    by_address: HashMap<*const Process, usize>,
    by_content: HashMap<Content<'a>, usize>,
}

impl<'a> Processes<'a> {
    /// The number of a process, which is that of any other of the same content.
    pub(super) fn number(&mut self, process: &'a Arc<Process>) -> usize {
        let address = Arc::as_ptr(process);
        if let Some(number) = self.by_address.get(&address) {
            return *number;
        }
        let all = &mut self.all;
        let number = *self.by_content.entry(Content(process)).or_insert_with(|| {
            all.push(process);
            all.len()
        });
        self.by_address.insert(address, number);
        number
    }

    /// In the order of their numbers.
    pub(super) fn all(&self) -> &[&'a Process] {
        &self.all
    }
}

/// A process compared by what it says; floats by their bits, so that NaN is itself.
struct Content<'a>(&'a Process);

impl PartialEq for Content<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (self.0, other.0);
        let mut pairs = one.tags.iter().zip(&two.tags);
        one.service == two.service
            && one.tags.len() == two.tags.len()
            && pairs.all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
    }
}

impl Eq for Content<'_> {}

fn same(one: &TagValue, two: &TagValue) -> bool {
    match (one, two) {
        (TagValue::Float64(one), TagValue::Float64(two)) => one.to_bits() == two.to_bits(),
        _ => one == two,
    }
}

impl Hash for Content<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.service.hash(hasher);
        for tag in &self.0.tags {
            tag.key.hash(hasher);
            discriminant(&tag.value).hash(hasher);
            match &tag.value {
                TagValue::String(text) => text.hash(hasher),
                TagValue::Bool(yes) => yes.hash(hasher),
                TagValue::Int64(number) => number.hash(hasher),
                TagValue::Float64(number) => number.to_bits().hash(hasher),
                TagValue::Binary(bytes) => bytes.hash(hasher),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::spans::Tag;

    use super::*;

    fn process(service: &str, value: TagValue) -> Arc<Process> {
        let key = "k".to_owned();
        Arc::new(Process {
            service: service.to_owned(),
            tags: vec![Tag { key, value }],
        })
    }

    #[test]
    fn processes_of_the_same_content_have_one_number() {
        let nan = TagValue::Float64(f64::NAN);
        let given = [
            (process("a", TagValue::Int64(1)), 1),
            (process("a", TagValue::Int64(2)), 2),
            (process("a", TagValue::String("1".into())), 3),
            (process("a", TagValue::Int64(1)), 1),
            (process("b", nan.clone()), 4),
            (process("b", nan), 4),
        ];
        let mut processes = Processes::default();
        for (process, number) in &given {
            assert_eq!(processes.number(process), *number);
        }
        assert_eq!(processes.all().len(), 4);
    }

    #[test]
    fn many_processes_of_a_trace_are_numbered_without_comparing_each_with_each() {
        let given: Vec<_> = (0..100_000).map(|i| process("a", TagValue::Int64(i))).collect();
        let mut processes = Processes::default();
        for (i, process) in given.iter().enumerate() {
            assert_eq!(processes.number(process), i + 1);
        }
    }
}
