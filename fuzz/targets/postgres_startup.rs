//! First packets and what they ask for: exact, within the list, and nothing unencrypted survives a wish for encryption.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use protocol_postgres::login::parameters::{Login, SETTINGS};
use protocol_postgres::wire::frame::Limits;
use protocol_postgres::wire::startup::{First, next_first};

fuzz_target!(|data: &[u8]| {
    let mut buffer = BytesMut::from(data);
    let first = next_first(&mut buffer, &Limits::default());
    let left = buffer.len();
    match first {
        Ok(None) => assert_eq!(left, data.len()),
        Ok(Some(First::SslRequest | First::GssencRequest)) => assert!(left == 0 && data.len() == 8),
        Ok(Some(First::CancelRequest(cancel))) => {
            assert!(left == 0 && (4..=256).contains(&cancel.key.len()))
        }
        Ok(Some(First::Startup(startup))) => {
            assert_eq!(
                data.len() - left,
                u32::from_be_bytes(data[..4].try_into().expect("four bytes")) as usize
            );
            if let Ok(login) = Login::read(&startup) {
                assert!(!login.user.is_empty() && !login.target.is_empty());
                assert!(
                    login
                        .settings
                        .iter()
                        .all(|(name, _)| SETTINGS.contains(name))
                );
                assert!(matches!(
                    login.setting("client_encoding"),
                    None | Some("UTF8" | "SQL_ASCII")
                ));
            }
        }
        Ok(Some(First::DirectTls | First::Unsupported { .. })) | Err(_) => {}
    }
});
