//! The words of policy that decoding speaks in.

pub(crate) use policy::operation::{
    Action, Attributes, Effect, Operation, Operations, Resource, Span, Value,
};
