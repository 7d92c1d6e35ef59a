//! What SSH adds to the API: the authority that signs people's certificates, and what a client must know of the gateway.

use std::ops::Range;
use std::path::Path;

use aws_lc_rs::rand;
use gate::Registry;
use policy::identity::Identity;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::{Algorithm, HashAlg, PrivateKey, PublicKey};

/// What a session may do by certificate; the gateway's policy decides whether it does. No `permit-user-rc`: nothing of a
/// client's own runs at the gateway.
const EXTENSIONS: [&str; 4] = [
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
];
/// The longest text that is read as a public key.
const LONGEST: usize = 8 * 1024;
/// A clock may be behind the gateway's by so much.
const BACKDATED: u64 = 60;

/// The authorities and the face of the gateway's SSH; without it the API signs nothing.
pub struct Ssh {
    user_authority: PrivateKey,
    host_authority: PublicKey,
    /// Ports that speak SSH.
    ports: Vec<u16>,
    targets: Registry,
}

#[derive(Debug, thiserror::Error)]
pub enum SshError {
    #[error("`{path}`: {cause}")]
    Unreadable { path: String, cause: ssh_key::Error },
    #[error("`{0}` is encrypted: the gateway could not ask for its passphrase")]
    Encrypted(String),
    #[error("`{0}` is no Ed25519 key: make one with `ssh-keygen -t ed25519`")]
    NotEd25519(String),
}

impl Ssh {
    /// Reads both authorities, private keys as OpenSSH writes them.
    pub fn load(
        user_authority: &Path,
        host_authority: &Path,
        ports: Vec<u16>,
        targets: Registry,
    ) -> Result<Self, SshError> {
        Ok(Self {
            user_authority: authority(user_authority)?,
            host_authority: authority(host_authority)?.public_key().clone(),
            ports,
            targets,
        })
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.ports.clone()
    }

    /// The names of the targets that speak SSH.
    pub(crate) fn targets(&self) -> Vec<String> {
        let all = self.targets.all();
        let ssh = all.iter().filter(|(_, one)| one.policy.protocol == "ssh");
        ssh.map(|(name, _)| name.clone()).collect()
    }

    /// Both as lines of OpenSSH without a comment: who signs people, who signs hosts.
    pub(crate) fn authorities(&self) -> ssh_key::Result<(String, String)> {
        let line = |key: &PublicKey| PublicKey::from(key.key_data().clone()).to_openssh();
        let user = line(self.user_authority.public_key())?;
        Ok((user, line(&self.host_authority)?))
    }

    /// A user's certificate in the name of `whom`, as OpenSSH keeps it. `valid` in Unix seconds.
    pub(crate) fn certify(
        &self,
        key: &PublicKey,
        whom: &Identity,
        serial: u64,
        valid: Range<u64>,
    ) -> ssh_key::Result<String> {
        let mut nonce = [0; 32];
        rand::fill(&mut nonce).map_err(|_| ssh_key::Error::Crypto)?;
        let from = valid.start.saturating_sub(BACKDATED);
        let mut builder = Builder::new(nonce, key.key_data().clone(), from, valid.end)?;
        builder
            .serial(serial)?
            .cert_type(CertType::User)?
            .key_id(whom.label())?
            .valid_principal(whom.name.as_str())?
            .comment(whom.name.as_str())?;
        for extension in EXTENSIONS {
            builder.extension(extension, "")?;
        }
        builder.sign(&self.user_authority)?.to_openssh()
    }
}

fn authority(path: &Path) -> Result<PrivateKey, SshError> {
    let name = path.display().to_string();
    let key = PrivateKey::read_openssh_file(path).map_err(|cause| SshError::Unreadable {
        path: name.clone(),
        cause,
    })?;
    if key.is_encrypted() {
        return Err(SshError::Encrypted(name));
    }
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(SshError::NotEd25519(name));
    }
    Ok(key)
}

/// A public key as OpenSSH writes it, of a kind that the gateway can verify; else why not.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, &'static str> {
    if text.contains("PRIVATE KEY") {
        return Err("this is a private key: send the `.pub` file beside it, and replace the key");
    }
    if text.len() > LONGEST || text.trim_end().contains(['\n', '\r']) {
        return Err("a public key is one line, such as `ssh-ed25519 AAAA... name`");
    }
    let key = PublicKey::from_openssh(text.trim());
    let key =
        key.map_err(|_| "this is no public key of OpenSSH's, such as `ssh-ed25519 AAAA...`")?;
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        // whether a security key was touched, the library does not tell
        _ => Err("keys of this kind are not taken: use ed25519 or ecdsa"),
    }
}

pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}
