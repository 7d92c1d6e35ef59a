//! A row of a screen, and what stands on it from moment to moment.

/// A row as a terminal without a right margin shows it; written apart from what is tested.
#[derive(Default)]
pub(crate) struct Row {
    letters: Vec<char>,
    cursor: usize,
    /// A letter came last.
    printed: bool,
}

impl Row {
    fn print(&mut self, letter: char) {
        if self.letters.len() <= self.cursor {
            self.letters.resize(self.cursor + 1, ' ');
        }
        self.letters[self.cursor] = letter;
        self.cursor += 1;
        self.printed = true;
    }

    fn order(&mut self, count: usize, order: char) {
        let (at, end) = (self.cursor, self.letters.len());
        match order {
            'C' => self.cursor += count.max(1),
            'D' => self.cursor = at.saturating_sub(count.max(1)),
            'G' => self.cursor = count.max(1) - 1,
            'K' if count == 0 => self.letters.truncate(at),
            'K' if count == 1 => self.letters[..at.min(end)].fill(' '),
            'K' => self.letters.fill(' '),
            'X' => self.letters[at.min(end)..(at + count.max(1)).min(end)].fill(' '),
            'P' => drop(
                self.letters
                    .drain(at.min(end)..(at + count.max(1)).min(end)),
            ),
            '@' if at < end => drop(self.letters.splice(at..at, vec![' '; count.max(1)])),
            'b' if self.printed => {
                let last = self.letters[at - 1];
                (0..count.max(1)).for_each(|_| self.print(last));
            }
            _ => {}
        }
    }

    /// The row before and after all that is no letter, and in the end.
    pub(crate) fn states(text: &str) -> Vec<String> {
        let (mut row, mut states) = (Self::default(), Vec::new());
        let mut rest = text.chars();
        let mut show = |row: &Self| states.push(row.letters.iter().collect());
        while let Some(letter) = rest.next() {
            let (mut count, mut order) = (0, letter);
            if letter == '\x1b' {
                for part in rest.by_ref().skip(1) {
                    order = part;
                    match part.to_digit(10) {
                        Some(digit) => count = 10 * count + digit as usize,
                        None => break,
                    }
                }
            }
            // letters, colours and repetitions go on with what is being printed
            let moves = letter.is_control() && !matches!(order, 'm' | 'b');
            if moves {
                show(&row);
                row.printed = false;
            }
            match letter {
                '\x1b' => row.order(count, order),
                '\x08' => row.cursor = row.cursor.saturating_sub(1),
                '\r' => row.cursor = 0,
                '\n' => row = Self::default(),
                letter => row.print(letter),
            }
            if moves {
                show(&row);
            }
        }
        show(&row);
        states
    }
}
