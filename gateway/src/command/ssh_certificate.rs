//! `countersign ssh-certificate`: has the gateway sign a short-lived certificate in one's own name.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use ssh_key::{Certificate, PublicKey};

use crate::cli::SshCertificate;
use crate::client::Client;
use crate::command::user_key::public_key;
use crate::output::{Printer, visible};

pub(super) fn run(arguments: &SshCertificate, printer: &Printer) -> anyhow::Result<ExitCode> {
    let key = public_key(&arguments.file)?;
    let seconds = seconds(&arguments.valid)?;
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => beside(&arguments.file)?,
    };
    let body = json!({ "key": key.to_openssh()?, "valid_seconds": seconds });
    let issued = Client::from_environment()?.post("/v1/me/ssh-certificates", &body)?;
    let text = |name| issued.get(name).and_then(Value::as_str).unwrap_or_default();
    let certificate = checked(text("certificate"), &key)?;
    replace(&out, &certificate)?;
    let words = format!(
        "wrote {}: {} until {}, serial {}",
        out.display(),
        visible(text("key_id")),
        visible(text("valid_until")),
        visible(text("serial")),
    );
    let answer = json!({
        "file": out,
        "serial": text("serial"),
        "key_id": text("key_id"),
        "principal": text("principal"),
        "valid_until": text("valid_until"),
    });
    printer.say(&answer, &words)?;
    Ok(ExitCode::SUCCESS)
}

/// The certificate's line, if it is one for this very key.
fn checked(line: &str, key: &PublicKey) -> anyhow::Result<String> {
    let certificate = Certificate::from_openssh(line).context("the gateway's certificate")?;
    ensure!(
        certificate.public_key() == key.key_data(),
        "the gateway signed another key than it was sent"
    );
    Ok(certificate.to_openssh()? + "\n")
}

/// Where OpenSSH looks for it: `id_ed25519-cert.pub` beside `id_ed25519.pub`.
fn beside(file: &Path) -> anyhow::Result<PathBuf> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.and_then(|name| name.strip_suffix(".pub"));
    let name = name.with_context(|| {
        let file = file.display();
        format!("{file} does not end in `.pub`: say with --out where the certificate goes")
    })?;
    Ok(file.with_file_name(format!("{name}-cert.pub")))
}

/// At once, for a client may read it meanwhile.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, path))
        .with_context(|| format!("writing {}", path.display()))
}

/// `8h`, `30m`, `90s`; a day at most.
fn seconds(text: &str) -> anyhow::Result<u32> {
    let hint = "such as `8h` or `30m`, a day at most";
    let split = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(split.unwrap_or(text.len()));
    let factor: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => bail!("`{}` is no length of time, {hint}", visible(text)),
    };
    let number: Option<u32> = number.parse().ok();
    let seconds = number.and_then(|number| number.checked_mul(factor));
    match seconds {
        Some(seconds @ 1..=86_400) => Ok(seconds),
        _ => bail!("`{}` is not possible, {hint}", visible(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, expected) in [("8h", 28_800), ("30m", 1800), ("90s", 90), ("1d", 86_400)] {
            assert_eq!(seconds(text).unwrap(), expected);
        }
        for text in [
            "",
            "8",
            "h",
            "0h",
            "25h",
            "2d",
            "-1h",
            "1h30m",
            "99999999999h",
            "8 h",
        ] {
            seconds(text).unwrap_err();
        }
    }

    #[test]
    fn the_certificate_stands_where_openssh_looks() {
        let path = beside(Path::new("/home/ada/.ssh/id_ed25519.pub")).unwrap();
        assert_eq!(path, Path::new("/home/ada/.ssh/id_ed25519-cert.pub"));
        beside(Path::new("id_ed25519")).unwrap_err();
    }
}
