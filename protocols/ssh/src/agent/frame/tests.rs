use super::*;

fn string(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&length, text].concat()
}

fn framed(parts: &[&[u8]]) -> Bytes {
    string(&parts.concat()).into()
}

fn login(method: &[u8]) -> Vec<u8> {
    [
        string(b"session"),
        vec![USERAUTH_REQUEST],
        string(b"git"),
        string(b"ssh-connection"),
        string(method),
        vec![1],
        string(b"ssh-ed25519"),
        string(b"key"),
    ]
    .concat()
}

fn signed(data: &[u8]) -> Signs {
    let frame = framed(&[&[SIGN_REQUEST], &string(b"key"), &string(data), &[0; 4]]);
    match asks(&frame) {
        Asks::Signature(signature) => signature.signs,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_signed_is_told() {
    let onwards = Signs::Login {
        user: "git".into(),
        service: "ssh-connection".into(),
    };
    assert_eq!(signed(&login(b"publickey")), onwards);
    assert_eq!(
        signed(&login(b"publickey-hostbound-v00@openssh.com")),
        onwards
    );
    let file = [b"SSHSIG".to_vec(), string(b"git"), string(b"")].concat();
    let namespace = "git".into();
    assert_eq!(signed(&file), Signs::File { namespace });
    assert_eq!(signed(&login(b"password")), Signs::Other);
    assert_eq!(signed(b""), Signs::Other);
}

#[test]
fn a_key_is_told_by_its_fingerprint() {
    let frame = framed(&[&[SIGN_REQUEST], &string(b"key"), &string(b""), &[0; 4]]);
    let Asks::Signature(signature) = asks(&frame) else {
        panic!("no signature");
    };
    assert!(signature.key.starts_with("SHA256:"), "{}", signature.key);
    assert_eq!(signature.key.len(), "SHA256:".len() + 43);
}

#[test]
fn only_lists_signatures_and_bindings_pass() {
    assert_eq!(asks(&framed(&[&[REQUEST_IDENTITIES]])), Asks::Harmless);
    let binding = framed(&[&[EXTENSION], &string(BINDING), b"..."]);
    assert_eq!(asks(&binding), Asks::Harmless);
    let other = framed(&[&[EXTENSION], &string(b"x@example.com")]);
    assert!(matches!(asks(&other), Asks::Refused(_)));
    let truncated = framed(&[&[SIGN_REQUEST], &string(b"key"), &[0, 0, 9]]);
    assert!(matches!(asks(&truncated), Asks::Refused(_)));
    for kind in (0..=255).filter(|kind| ![11, 13, 27].contains(kind)) {
        let frame = framed(&[&[kind], &string(b"key")]);
        assert!(matches!(asks(&frame), Asks::Refused(_)), "{kind}");
    }
}

#[test]
fn frames_are_cut_whole_and_capped() {
    let frame = framed(&[&[REQUEST_IDENTITIES]]);
    let mut buffer = BytesMut::new();
    for byte in &frame {
        assert_eq!(cut(&mut buffer), Ok(None));
        buffer.extend_from_slice(&[*byte]);
    }
    assert_eq!(cut(&mut buffer), Ok(Some(frame)));
    for length in [0_u32, 256 * 1024 + 1, u32::MAX] {
        let mut buffer = BytesMut::from(&length.to_be_bytes()[..]);
        assert_eq!(cut(&mut buffer), Err(TooLong), "{length}");
    }
}
