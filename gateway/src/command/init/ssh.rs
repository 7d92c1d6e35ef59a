//! The authorities of SSH, and a host key (Ed25519, as OpenSSH keeps them); host certificates are made in memory.

use aws_lc_rs::rand;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};
use zeroize::Zeroizing;

/// A private key and its public half, as files.
pub(super) struct Pair {
    pub(super) private: Zeroizing<String>,
    pub(super) public: String,
}

pub(super) struct Keys {
    pub(super) user_authority: Pair,
    pub(super) host_authority: Pair,
    /// Signs the gateway's own certificates for targets.
    pub(super) target_authority: Pair,
    pub(super) host: Pair,
}

pub(super) fn make() -> anyhow::Result<Keys> {
    Ok(Keys {
        user_authority: pair(&generate("countersign user authority")?)?,
        host_authority: pair(&generate("countersign host authority")?)?,
        target_authority: pair(&generate("countersign target authority")?)?,
        host: pair(&generate("countersign host")?)?,
    })
}

fn generate(comment: &str) -> anyhow::Result<PrivateKey> {
    let mut seed = Zeroizing::new([0; 32]);
    random(seed.as_mut())?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    Ok(PrivateKey::new(pair, comment)?)
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
        let keys = make().unwrap();
        let all = [
            ("user", &keys.user_authority),
            ("host", &keys.host_authority),
            ("target", &keys.target_authority),
            ("key", &keys.host),
        ];
        for (name, pair) in all {
            write(&folder.path().join(name), &pair.private);
            assert_eq!(
                keygen(folder.path(), &["-y", "-f", name]).trim(),
                pair.public.trim()
            );
        }
        let different: std::collections::BTreeSet<_> =
            all.iter().map(|(_, pair)| &pair.public).collect();
        assert_eq!(different.len(), all.len());
    }
}
