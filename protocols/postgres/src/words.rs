//! The words of policy that decoding speaks in.

pub use policy::operation::{
    Action, Attributes, Effect, Operation, Operations, Resource, Span, Value,
};
