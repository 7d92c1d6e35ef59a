//! Kinds of bytes as tables, for what is asked of most bytes that pass.

pub(super) struct Kind([bool; 256]);

impl Kind {
    pub(super) const NONE: Self = Self([false; 256]);
    pub(super) const DIGITS: Self = Self::NONE.and_all(b'0', b'9');
    pub(super) const LETTERS_AND_DIGITS: Self =
        Self::DIGITS.and_all(b'a', b'z').and_all(b'A', b'Z');

    pub(super) const fn and(self, byte: u8) -> Self {
        self.and_all(byte, byte)
    }

    /// Both ends included.
    pub(super) const fn and_all(mut self, first: u8, last: u8) -> Self {
        let (_, from) = self.0.split_at_mut(first as usize);
        let (mut kind, _) = from.split_at_mut((last - first) as usize + 1);
        while let Some((byte, rest)) = kind.split_first_mut() {
            *byte = true;
            kind = rest;
        }
        self
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).is_some_and(|has| *has)
    }

    /// How many bytes of this kind a text begins with.
    pub(super) fn leading(&self, text: &[u8]) -> usize {
        text.iter().take_while(|byte| self.has(**byte)).count()
    }

    /// How many bytes of this kind a text ends with.
    pub(super) fn trailing(&self, text: &[u8]) -> usize {
        let bytes = text.iter().rev();
        bytes.take_while(|byte| self.has(**byte)).count()
    }
}
