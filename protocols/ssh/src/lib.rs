//! SSH: tells policy what each request of a channel asks for, as far as that can be told.
//!
//! `decode` reads command lines and SFTP packets without I/O; `words` says them in the words of policy.

pub mod decode;
pub mod words;
