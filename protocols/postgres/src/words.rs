//! The words of policy that decoding speaks in.

pub(crate) use gate::words::{
    Action, Attributes, Effect, Hiding, Operation, Operations, Resource, Span, Value,
};
