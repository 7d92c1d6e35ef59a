//! The words of policy that decoding speaks in.

pub use gate::words::{
    Action, Attributes, Effect, Operation, Operations, Resource, Span, Value,
};
