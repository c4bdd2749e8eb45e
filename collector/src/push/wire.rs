//! A protobuf reader that walks a message in place: fields come out as borrowed slices and numbers, and what
//! the caller does not ask for is stepped over.
//!
//! For the two formats whose volume makes generated types costly (remote write, Loki's push), and for
//! counting the parts of an OTLP message before it is decoded. Format: <https://protobuf.dev/programming-guides/encoding/>.
//! Costs nothing but the pass; the depth of nesting is the caller's, who opens each level by hand.

/// Why bytes are not a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field reaches beyond the end.
    #[error("message ends within a field")]
    Truncated,
    /// A varint of more than ten bytes or 64 bits.
    #[error("varint is too long")]
    Varint,
    /// A field number of 0 or beyond 2^29-1, or a wire type that does not exist.
    #[error("invalid field key")]
    Key,
    /// A field is not of the wire type that its number demands.
    #[error("field {0} has an unexpected wire type")]
    Type(u32),
    /// Text that is not UTF-8.
    #[error("field {0} is not valid UTF-8")]
    Utf8(u32),
}

/// The content of one field, as far as the wire format tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// int32, int64, uint32, uint64, bool, enum; not zigzag decoded.
    Varint(u64),
    /// fixed64, sfixed64, double.
    Fixed64(u64),
    /// string, bytes, a nested message, packed numbers.
    Bytes(&'a [u8]),
    /// fixed32, sfixed32, float.
    Fixed32(u32),
}

/// A field: its number and its content.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// As in the `.proto` file.
    pub number: u32,
    /// Its content.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    /// The bytes of a `bytes` field or nested message.
    ///
    /// # Errors
    /// It is a number.
    pub fn bytes(&self) -> Result<&'a [u8], WireError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::Type(self.number)),
        }
    }

    /// The text of a `string` field.
    ///
    /// # Errors
    /// It is a number or not UTF-8.
    pub fn text(&self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8(self.number))
    }

    /// A nested message.
    ///
    /// # Errors
    /// It is a number.
    pub fn message(&self) -> Result<Message<'a>, WireError> {
        self.bytes().map(Message::new)
    }

    /// The value of an `int64` (or `int32`, `bool`, enum) field.
    ///
    /// # Errors
    /// It is not a varint.
    pub fn int64(&self) -> Result<i64, WireError> {
        match self.value {
            Value::Varint(bits) => Ok(bits.cast_signed()),
            _ => Err(WireError::Type(self.number)),
        }
    }

    /// The value of a `double` field, every NaN payload kept.
    ///
    /// # Errors
    /// It is not eight bytes wide.
    pub fn double(&self) -> Result<f64, WireError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(WireError::Type(self.number)),
        }
    }
}

/// The fields of one message, in order. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    rest: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads `bytes` as a message.
    pub fn new(bytes: &'a [u8]) -> Message<'a> {
        Message { rest: bytes }
    }

    /// How many bytes have not been read yet.
    #[inline]
    pub(super) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next byte: the key of a field whose number is below 16.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over the key of one byte that [`Message::peek`] gave, and gives the field's bytes; it is of wire type 2.
    pub(super) fn peeked_bytes(&mut self) -> Result<&'a [u8], WireError> {
        self.take(1)?;
        let len = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
        self.take(len)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// A varint where a field says that one follows.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        // Lengths and small numbers are one byte.
        if let Some((&byte, tail)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = tail;
            return Ok(u64::from(byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, tail) = self.rest.split_first().ok_or(WireError::Truncated)?;
            self.rest = tail;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit only.
            if shift == 63 && bits > 1 {
                return Err(WireError::Varint);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::Varint)
    }

    fn field(&mut self) -> Result<Field<'a>, WireError> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| WireError::Key)?;
        if number == 0 || number >= 1 << 29 {
            return Err(WireError::Key);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(array(self.take(8)?)?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(array(self.take(4)?)?)),
            _ => return Err(WireError::Key),
        };
        Ok(Field { number, value })
    }
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], WireError> {
    bytes.try_into().map_err(|_| WireError::Truncated)
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<Field<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Writes messages, for tests of the readers: the mirror of [`Message`].
#[cfg(test)]
pub(crate) mod write {
    /// A message under construction.
    #[derive(Debug, Default)]
    pub(crate) struct Writer(pub(crate) Vec<u8>);

    impl Writer {
        fn varint(&mut self, mut value: u64) {
            while value >= 0x80 {
                self.0.push(value as u8 | 0x80);
                value >>= 7;
            }
            self.0.push(value as u8);
        }

        pub(crate) fn bytes(&mut self, number: u32, bytes: &[u8]) -> &mut Writer {
            self.varint(u64::from(number << 3 | 2));
            self.varint(bytes.len() as u64);
            self.0.extend_from_slice(bytes);
            self
        }

        pub(crate) fn text(&mut self, number: u32, text: &str) -> &mut Writer {
            self.bytes(number, text.as_bytes())
        }

        pub(crate) fn nested(&mut self, number: u32, fill: impl FnOnce(&mut Writer)) -> &mut Writer {
            let mut inner = Writer::default();
            fill(&mut inner);
            self.bytes(number, &inner.0)
        }

        pub(crate) fn int64(&mut self, number: u32, value: i64) -> &mut Writer {
            self.varint(u64::from(number << 3));
            self.varint(value.cast_unsigned());
            self
        }

        pub(crate) fn double(&mut self, number: u32, value: f64) -> &mut Writer {
            self.varint(u64::from(number << 3 | 1));
            self.0.extend_from_slice(&value.to_bits().to_le_bytes());
            self
        }
    }
}

#[cfg(test)]
mod tests;
