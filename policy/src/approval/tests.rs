//! Every sequence of up to seven events, so that no order of them has two ends.

use super::*;

const EVENTS: [Event; 6] = [
    Event::Granted,
    Event::Refused,
    Event::Expired,
    Event::Withdrawn,
    Event::Consumed,
    Event::Grew,
];

/// Calls `see` with each sequence of exactly `length` events.
fn each_sequence(length: u32, see: &mut dyn FnMut(&[Event])) {
    for mut number in 0..6_usize.pow(length) {
        let sequence: Vec<Event> = (0..length)
            .map(|_| {
                let event = EVENTS[number % 6];
                number /= 6;
                event
            })
            .collect();
        see(&sequence);
    }
}

#[test]
fn every_order_of_events_has_at_most_one_end() {
    let mut released = 0;
    for length in 0..=7 {
        each_sequence(length, &mut |sequence| {
            let mut state = State::Asked;
            let mut ends = 0;
            let mut refused = false;
            let mut granted = false;
            for event in sequence {
                let Some(next) = transition(state, *event) else {
                    continue;
                };
                assert!(
                    !state.is_final(),
                    "{state:?} is final, yet {event:?} led to {next:?}"
                );
                ends += u32::from(next.is_final());
                refused |= *event == Event::Refused;
                granted = match event {
                    Event::Granted => true,
                    Event::Grew => false,
                    _ => granted,
                };
                if next == State::Used {
                    assert!(granted, "released without a grant after {sequence:?}");
                    assert!(!refused, "released after a refusal in {sequence:?}");
                    released += 1;
                }
                state = next;
            }
            assert!(ends <= 1 && (ends == 1) == state.is_final(), "{sequence:?}");
        });
    }
    assert!(released > 1000, "{released} releases were looked at");
}

#[test]
fn a_refusal_ends_every_open_question_first() {
    for state in [State::Asked, State::Granted] {
        assert_eq!(transition(state, Event::Refused), Some(State::Refused));
    }
    for event in EVENTS {
        assert_eq!(transition(State::Refused, event), None);
    }
}

#[test]
fn what_grew_needs_a_new_grant() {
    assert_eq!(transition(State::Granted, Event::Grew), Some(State::Asked));
    assert_eq!(transition(State::Asked, Event::Consumed), None);
}

#[test]
fn states_are_kept_as_words() {
    assert_eq!(
        serde_json::to_string(&State::Withdrawn).unwrap(),
        "\"withdrawn\""
    );
    assert_eq!(
        serde_json::from_str::<Event>("\"grew\"").unwrap(),
        Event::Grew
    );
}
