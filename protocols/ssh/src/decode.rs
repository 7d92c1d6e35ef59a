//! Placeholder of the decoder until it is merged.
pub struct Command(pub String);
pub fn command(bytes: &[u8]) -> Command {
    Command(String::from_utf8_lossy(bytes).into_owned())
}
