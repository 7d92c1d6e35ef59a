//! The one encoding of a field: integers big-endian, lengths before contents, one valid form for every value.

use policy::operation::Effect;

use crate::error::Error;

/// What is left of the bytes being decoded.
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(Error::Malformed("too short"))?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self
            .0
            .split_first_chunk()
            .ok_or(Error::Malformed("too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    /// All must have been read, else two encodings of one value would be valid.
    pub(crate) fn end(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Malformed("bytes after the last field"))
        }
    }
}

pub(crate) trait Field: Sized {
    fn put(&self, output: &mut Vec<u8>);
    fn take(input: &mut Input<'_>) -> Result<Self, Error>;
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self, output: &mut Vec<u8>) {
        output.extend_from_slice(self);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        input.array()
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Field for $integer {
            fn put(&self, output: &mut Vec<u8>) {
                output.extend_from_slice(&self.to_be_bytes());
            }
            fn take(input: &mut Input<'_>) -> Result<Self, Error> {
                input.array().map(Self::from_be_bytes)
            }
        }
    )*};
}
integers!(u8, u32, u64);

impl Field for bool {
    fn put(&self, output: &mut Vec<u8>) {
        u8::from(*self).put(output);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Error::Malformed("a flag that is neither 0 nor 1")),
        }
    }
}

/// Lengths are bounded by `frame::PAYLOAD`, far below `u32::MAX`; a longer one saturates and cannot be framed.
pub(crate) fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Field for String {
    fn put(&self, output: &mut Vec<u8>) {
        length(self.len()).put(output);
        output.extend_from_slice(self.as_bytes());
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let count = u32::take(input)? as usize;
        let text = std::str::from_utf8(input.bytes(count)?)
            .map_err(|_| Error::Malformed("text that is not UTF-8"))?;
        Ok(text.to_owned())
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, output: &mut Vec<u8>) {
        self.is_some().put(output);
        if let Some(value) = self {
            value.put(output);
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        if bool::take(input)? {
            T::take(input).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// A list; not `Vec` itself, so that no list of bytes is encoded by mistake.
impl<T: Field> Field for Vec<T> {
    fn put(&self, output: &mut Vec<u8>) {
        length(self.len()).put(output);
        for value in self {
            value.put(output);
        }
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        let count = u32::take(input)? as usize;
        // every element takes a byte at least: a false count must not allocate
        if count > input.0.len() {
            return Err(Error::Malformed("a count larger than what follows"));
        }
        (0..count).map(|_| T::take(input)).collect()
    }
}

impl Field for Effect {
    fn put(&self, output: &mut Vec<u8>) {
        let code: u8 = match self {
            Effect::Read => 1,
            Effect::Write => 2,
            Effect::Admin => 3,
            Effect::Unknown => 4,
        };
        code.put(output);
    }
    fn take(input: &mut Input<'_>) -> Result<Self, Error> {
        match u8::take(input)? {
            1 => Ok(Effect::Read),
            2 => Ok(Effect::Write),
            3 => Ok(Effect::Admin),
            4 => Ok(Effect::Unknown),
            _ => Err(Error::Malformed("an effect that does not exist")),
        }
    }
}

/// Encodes a struct field by field, in the order given.
macro_rules! fields {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::field::Field for $type {
            fn put(&self, output: &mut Vec<u8>) {
                $($crate::field::Field::put(&self.$field, output);)*
            }
            fn take(input: &mut $crate::field::Input<'_>) -> Result<Self, $crate::error::Error> {
                Ok(Self { $($field: $crate::field::Field::take(input)?),* })
            }
        }
    };
}
pub(crate) use fields;

/// An enum without contents: one byte each, and its word for people and programs.
macro_rules! codes {
    ($(#[$note:meta])* $visibility:vis enum $type:ident { $($(#[$remark:meta])* $variant:ident = $code:literal $word:literal),* $(,)? }) => {
        $(#[$note])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $visibility enum $type { $($(#[$remark])* $variant),* }
        impl $type {
            /// The word used in exports.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl $crate::field::Field for $type {
            fn put(&self, output: &mut Vec<u8>) {
                output.push(match self { $(Self::$variant => $code),* });
            }
            fn take(input: &mut $crate::field::Input<'_>) -> Result<Self, $crate::error::Error> {
                match u8::take(input)? {
                    $($code => Ok(Self::$variant),)*
                    _ => Err($crate::error::Error::Malformed(concat!("a code that does not exist: ", stringify!($type)))),
                }
            }
        }
    };
}
pub(crate) use codes;
