//! What a client of SSH may say, as bytes.

pub const DISCONNECT: u8 = 1;
pub const SERVICE_REQUEST: u8 = 5;
pub const SERVICE_ACCEPT: u8 = 6;
pub const KEXINIT: u8 = 20;
pub const NEWKEYS: u8 = 21;
pub const ECDH_INIT: u8 = 30;
pub const USERAUTH_REQUEST: u8 = 50;
pub const USERAUTH_FAILURE: u8 = 51;
pub const USERAUTH_SUCCESS: u8 = 52;
/// A key may be signed with; a question is asked.
pub const USERAUTH_MORE: u8 = 60;
pub const USERAUTH_ANSWER: u8 = 61;
pub const GLOBAL_REQUEST: u8 = 80;
pub const REQUEST_SUCCESS: u8 = 81;
pub const REQUEST_FAILURE: u8 = 82;
pub const CHANNEL_OPEN: u8 = 90;
pub const CHANNEL_CONFIRMED: u8 = 91;
pub const CHANNEL_REFUSED: u8 = 92;
pub const WINDOW_ADJUST: u8 = 93;
pub const CHANNEL_DATA: u8 = 94;
pub const CHANNEL_EOF: u8 = 96;
pub const CHANNEL_CLOSE: u8 = 97;
pub const CHANNEL_REQUEST: u8 = 98;
pub const CHANNEL_SUCCESS: u8 = 99;
pub const CHANNEL_FAILURE: u8 = 100;

/// The lists of KEXINIT, in their order.
pub type Lists = Vec<String>;

/// A request of the method `publickey`, without its signature.
pub fn public_key(user: &str, algorithm: &str, blob: &[u8], signed: bool) -> Vec<u8> {
    let mut request = userauth(user, "publickey");
    request.push(u8::from(signed));
    request.extend(string(algorithm.as_bytes()));
    request.extend(string(blob));
    request
}

/// A request of the method `password`.
pub fn password(user: &str, password: &str) -> Vec<u8> {
    let mut request = userauth(user, "password");
    request.push(0);
    request.extend(string(password.as_bytes()));
    request
}

/// A request of the method `keyboard-interactive`.
pub fn keyboard(user: &str) -> Vec<u8> {
    [
        userauth(user, "keyboard-interactive"),
        string(b""),
        string(b""),
    ]
    .concat()
}

/// The beginning of every request to log in.
pub fn userauth(user: &str, method: &str) -> Vec<u8> {
    let mut request = vec![USERAUTH_REQUEST];
    for text in [user, "ssh-connection", method] {
        request.extend(string(text.as_bytes()));
    }
    request
}

/// Asks for a session channel, which the client calls 0.
pub fn open_session() -> Vec<u8> {
    let mut request = vec![CHANNEL_OPEN];
    request.extend(string(b"session"));
    for number in [0_u32, 1 << 20, 1 << 15] {
        request.extend(number.to_be_bytes());
    }
    request
}

/// A request of a channel by the server's number, its own words behind.
pub fn channel_request(channel: u32, kind: &str, words: &[u8]) -> Vec<u8> {
    let mut request = vec![CHANNEL_REQUEST];
    request.extend(channel.to_be_bytes());
    request.extend(string(kind.as_bytes()));
    request.push(0);
    request.extend(words);
    request
}

pub fn kexinit(lists: &Lists) -> Vec<u8> {
    let mut packet = vec![KEXINIT];
    packet.extend([7; 16]);
    for list in lists {
        packet.extend(string(list.as_bytes()));
    }
    packet.extend([0; 5]);
    packet
}

/// With its length in front.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}
