//! Thrift's compact protocol: varints, field numbers as differences, a bool within the head of its field.

use super::protocol::{Input, Kind, Protocol, ThriftError};

const PROTOCOL_ID: u8 = 0x82;
const VERSION: u8 = 1;

#[derive(Debug)]
pub(super) struct Compact<'a> {
    input: Input<'a>,
    /// The value of a bool whose field head has just been read.
    pending: Option<bool>,
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact {
            input: Input::new(bytes),
            pending: None,
        }
    }

    fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.input.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ThriftError::Length)
    }

    fn zigzag(&mut self) -> Result<i64, ThriftError> {
        let bits = self.varint()?;
        Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }

    fn length(&mut self) -> Result<usize, ThriftError> {
        let len = self.varint()?;
        i32::try_from(len)
            .ok()
            .and_then(|len| usize::try_from(len).ok())
            .ok_or(ThriftError::Length)
    }
}

fn kind(code: u8) -> Result<Kind, ThriftError> {
    Ok(match code {
        1 | 2 => Kind::Bool,
        3 => Kind::Byte,
        4 => Kind::I16,
        5 => Kind::I32,
        6 => Kind::I64,
        7 => Kind::Double,
        8 => Kind::Binary,
        9 => Kind::List,
        10 => Kind::Set,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        other => return Err(ThriftError::Type(other)),
    })
}

impl<'a> Protocol<'a> for Compact<'a> {
    fn input(&mut self) -> &mut Input<'a> {
        &mut self.input
    }

    fn message(&mut self) -> Result<&'a [u8], ThriftError> {
        let [id, version] = self.input.array()?;
        if id != PROTOCOL_ID || version & 0x1f != VERSION {
            return Err(ThriftError::Header);
        }
        self.varint()?;
        self.binary()
    }

    fn field(&mut self, last: i16) -> Result<Option<(i16, Kind)>, ThriftError> {
        self.pending = None;
        let head = self.input.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let code = head & 0x0f;
        let id = match head >> 4 {
            0 => self.i16()?,
            difference => last
                .checked_add(i16::from(difference))
                .ok_or(ThriftError::Length)?,
        };
        if let 1 | 2 = code {
            self.pending = Some(code == 1);
        }
        Ok(Some((id, kind(code)?)))
    }

    fn list_head(&mut self) -> Result<(Kind, usize), ThriftError> {
        let head = self.input.byte()?;
        let count = match head >> 4 {
            15 => self.length()?,
            short => usize::from(short),
        };
        let kind = if count == 0 {
            Kind::Struct
        } else {
            kind(head & 0x0f)?
        };
        Ok((kind, self.input.count(count)?))
    }

    fn map_head(&mut self) -> Result<(Kind, Kind, usize), ThriftError> {
        match self.length()? {
            0 => Ok((Kind::Struct, Kind::Struct, 0)),
            count => {
                let kinds = self.input.byte()?;
                Ok((kind(kinds >> 4)?, kind(kinds & 0x0f)?, self.input.count(count)?))
            }
        }
    }

    fn bool(&mut self) -> Result<bool, ThriftError> {
        match self.pending.take() {
            Some(value) => Ok(value),
            None => self.input.byte().map(|byte| byte == 1),
        }
    }

    fn i16(&mut self) -> Result<i16, ThriftError> {
        i16::try_from(self.zigzag()?).map_err(|_| ThriftError::Length)
    }

    fn i32(&mut self) -> Result<i32, ThriftError> {
        i32::try_from(self.zigzag()?).map_err(|_| ThriftError::Length)
    }

    fn i64(&mut self) -> Result<i64, ThriftError> {
        self.zigzag()
    }

    /// Little endian, as all implementations agreed on after the first had got it wrong.
    fn double(&mut self) -> Result<f64, ThriftError> {
        self.input.array().map(f64::from_le_bytes)
    }

    fn binary(&mut self) -> Result<&'a [u8], ThriftError> {
        let len = self.length()?;
        self.input.take(len)
    }
}
