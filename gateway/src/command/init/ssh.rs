//! The authorities of SSH, and a host key with a certificate (Ed25519, as OpenSSH keeps them).

use anyhow::Context;
use aws_lc_rs::rand;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::certificates::{SERVER_DAYS, names};

/// A private key and its public half, as files.
pub(super) struct Pair {
    pub(super) private: Zeroizing<String>,
    pub(super) public: String,
}

pub(super) struct Keys {
    pub(super) user_authority: Pair,
    pub(super) host_authority: Pair,
    pub(super) host: Pair,
    pub(super) host_certificate: String,
}

/// Makes all; `hosts` are further names or addresses of the gateway.
pub(super) fn make(hosts: &[String]) -> anyhow::Result<Keys> {
    let user_authority = generate("countersign user authority")?;
    let host_authority = generate("countersign host authority")?;
    let host = generate("countersign host")?;
    let certificate = certificate(&host, &host_authority, hosts).context("host certificate")?;
    Ok(Keys {
        user_authority: pair(&user_authority)?,
        host_authority: pair(&host_authority)?,
        host: pair(&host)?,
        host_certificate: certificate + "\n",
    })
}

fn generate(comment: &str) -> anyhow::Result<PrivateKey> {
    let mut seed = Zeroizing::new([0; 32]);
    random(seed.as_mut())?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    Ok(PrivateKey::new(pair, comment)?)
}

fn certificate(
    host: &PrivateKey,
    authority: &PrivateKey,
    hosts: &[String],
) -> anyhow::Result<String> {
    let (mut nonce, mut serial) = ([0; 32], [0; 8]);
    random(&mut nonce)?;
    random(&mut serial)?;
    let now = OffsetDateTime::now_utc();
    let seconds = |at: OffsetDateTime| at.unix_timestamp().unsigned_abs();
    let from = seconds(now - Duration::hours(1));
    let until = seconds(now + Duration::days(SERVER_DAYS));
    let key = host.public_key().key_data().clone();
    let mut builder = Builder::new(nonce, key, from, until)?;
    builder
        .serial(u64::from_be_bytes(serial))?
        .cert_type(CertType::Host)?
        .key_id("countersign")?
        .comment("countersign host")?;
    for name in names(hosts) {
        builder.valid_principal(name)?;
    }
    Ok(builder.sign(authority)?.to_openssh()?)
}

fn pair(key: &PrivateKey) -> anyhow::Result<Pair> {
    Ok(Pair {
        private: key.to_openssh(LineEnding::LF)?,
        public: key.public_key().to_openssh()? + "\n",
    })
}

fn random(bytes: &mut [u8]) -> anyhow::Result<()> {
    rand::fill(bytes).map_err(|_| anyhow::anyhow!("no randomness"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// What OpenSSH itself says.
    fn keygen(folder: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("ssh-keygen");
        let output = command
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}{complaint}");
        told
    }

    fn write(path: &Path, text: &str) {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    #[test]
    fn openssh_reads_what_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let keys = make(&["gate.example.com".to_owned(), "localhost".to_owned()]).unwrap();
        for (name, pair) in [
            ("user", &keys.user_authority),
            ("host", &keys.host_authority),
        ] {
            write(&folder.path().join(name), &pair.private);
            assert_eq!(
                keygen(folder.path(), &["-y", "-f", name]).trim(),
                pair.public.trim()
            );
        }
        assert_ne!(keys.user_authority.public, keys.host_authority.public);
        write(&folder.path().join("key-cert.pub"), &keys.host_certificate);
        write(&folder.path().join("key.pub"), &keys.host.public);
        let told = keygen(folder.path(), &["-L", "-f", "key-cert.pub"]);
        let fingerprint = |file| {
            let line = keygen(folder.path(), &["-l", "-f", file]);
            line.split(' ').nth(1).unwrap().to_owned()
        };
        for words in [
            "Type: ssh-ed25519-cert-v01@openssh.com host certificate".to_owned(),
            format!("Public key: ED25519-CERT {}", fingerprint("key.pub")),
            format!("Signing CA: ED25519 {}", fingerprint("host")),
            "Key ID: \"countersign\"".to_owned(),
            "Critical Options: (none)".to_owned(),
            "Extensions: (none)".to_owned(),
        ] {
            assert!(told.contains(&words), "{words}:\n{told}");
        }
        let (_, principals) = told.split_once("Principals:").unwrap();
        let (principals, _) = principals.split_once("Critical").unwrap();
        let principals: Vec<&str> = principals.split_whitespace().collect();
        assert_eq!(
            principals,
            ["localhost", "127.0.0.1", "::1", "gate.example.com"]
        );
    }
}
