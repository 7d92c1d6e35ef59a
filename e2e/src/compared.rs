//! Runs the same script straight and through the gateway, each time in a folder of its own, and compares all that came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::ports;
use crate::process::output;
use crate::routes::{Route, Routes};

/// Of a script that hangs.
const WITHIN: &str = "120";
/// What a script says of its folder.
const FOLDER: &[u8] = b"HERE";
const THERE: &[u8] = b"THERE";
/// Times after this are those of the run itself.
const LONG_AGO: i64 = 1_600_000_000;
/// Of what is different, so much is shown, and so much of what comes before.
const SHOWN: usize = 1200;
const BEFORE: usize = 200;

/// What came of a script.
#[derive(PartialEq, Eq)]
struct Seen {
    status: Option<i32>,
    out: Vec<u8>,
    err: Vec<u8>,
    files: BTreeMap<PathBuf, Kept>,
}

/// A file or folder that a script left.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    mode: u32,
    /// Of files only: folders change theirs with what is put in.
    changed: Option<i64>,
    content: String,
}

/// A script of `sh`, and what it needs.
pub struct Row<'a> {
    pub name: &'a str,
    pub script: &'a str,
}

/// Runs each row on each route, all routes at once.
pub fn compare(
    routes: &Routes,
    yard: &Path,
    through: &[Route],
    rows: &[Row<'_>],
) -> anyhow::Result<()> {
    let mut different = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let folder = yard.join(number.to_string());
        let seen =
            on_all(routes, &folder, through, row.script).with_context(|| row.name.to_owned())?;
        let (_, direct) = seen.first().context("a direct one")?;
        for (route, other) in seen.iter().skip(1) {
            if other != direct {
                let difference = direct.difference(other);
                different.push(format!("{} by {route:?}: {difference}", row.name));
            }
        }
        // most of it is the same again and again
        std::fs::remove_dir_all(&folder)?;
    }
    ensure!(different.is_empty(), "{}", different.join("\n"));
    Ok(())
}

fn on_all(
    routes: &Routes,
    folder: &Path,
    through: &[Route],
    script: &str,
) -> anyhow::Result<Vec<(Route, Seen)>> {
    let all = std::iter::once(Route::Direct).chain(through.iter().copied());
    std::thread::scope(|scope| {
        let running: Vec<_> = all
            .map(|route| {
                (
                    route,
                    scope.spawn(move || run(routes, folder, route, script)),
                )
            })
            .collect();
        let ended = running.into_iter().map(|(route, thread)| {
            let seen = thread.join();
            let seen = seen.map_err(|_| anyhow::anyhow!("its thread ended"))?;
            Ok((route, seen.with_context(|| format!("by {route:?}"))?))
        });
        ended.collect()
    })
}

/// Runs a script on one route.
fn run(routes: &Routes, folder: &Path, route: Route, script: &str) -> anyhow::Result<Seen> {
    // names of one length: some programs print tables
    let here = folder.join((route as u8).to_string());
    stock(&here)?;
    let [free] = ports::free()?;
    let mut command = Command::new("timeout");
    command
        .args([WITHIN, "sh", "-c", script])
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("HOME", &here)
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .env("HERE", &here)
        .env("FREE", free.to_string())
        .env(
            "CLIENTS",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"),
        )
        .envs(routes.variables(route))
        .current_dir(&here)
        .stdin(Stdio::null());
    let ran = command.output().context("running `sh`")?;
    let mut files = BTreeMap::new();
    collect(&here, &here, &mut files)?;
    let destination = routes.destination(route);
    let neutral = |text: &[u8]| neutral(text, &here, &destination);
    Ok(Seen {
        status: ran.status.code(),
        out: neutral(&ran.stdout),
        err: neutral(&ran.stderr),
        files,
    })
}

/// The folder's name and the destination's are no part of what is compared.
fn neutral(text: &[u8], here: &Path, destination: &str) -> Vec<u8> {
    let text = replaced(text, here.as_os_str().as_bytes(), FOLDER);
    let text = replaced(&text, destination.as_bytes(), THERE);
    // some programs leave the user's name out
    let host = destination.rsplit('@').next().unwrap_or_default();
    replaced(&text, host.as_bytes(), THERE)
}

fn replaced(text: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        match rest.strip_prefix(what) {
            Some(after) => {
                made.extend_from_slice(by);
                rest = after;
            }
            None => {
                made.push(*first);
                rest = others;
            }
        }
    }
    made
}

/// Something to copy: names and contents of every kind, with times of long ago.
fn stock(here: &Path) -> anyhow::Result<()> {
    let some = here.join("some");
    std::fs::create_dir_all(some.join("below/deeper"))?;
    std::fs::create_dir_all(some.join("none"))?;
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let names: [(&[u8], &[u8]); 8] = [
        (b"text", b"a line\nand another\n"),
        (b"empty", b""),
        (b"bytes", &every),
        (b"random", &noise(300_000)),
        (b"not\xffutf8", b"x"),
        (b"with spaces and 'quotes' \"of both\" kinds", b"y"),
        (b"$HOME;`id`*?[a]", b"z"),
        (b"below/deeper/file", b"w"),
    ];
    for (name, content) in names {
        std::fs::write(some.join(OsStr::from_bytes(name)), content)?;
    }
    std::os::unix::fs::symlink("below/deeper/file", some.join("link"))?;
    let script =
        "chmod 600 some/text; chmod 755 some/empty; find some -exec touch -h -d @1580702706 {} +";
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(here);
    output(&mut command)?;
    Ok(())
}

/// Nothing that compresses or repeats, and the same each time.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u8::try_from(state >> 56).unwrap_or_default()
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Kept>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let about = std::fs::symlink_metadata(&path)?;
        let mut changed = None;
        let content = if about.is_dir() {
            collect(root, &path, files)?;
            String::new()
        } else if about.is_symlink() {
            std::fs::read_link(&path)?.display().to_string()
        } else if about.is_file() {
            changed = (about.mtime() < LONG_AGO).then_some(about.mtime());
            digest(&std::fs::read(&path)?)
        } else {
            "special".to_owned()
        };
        let kept = Kept {
            mode: about.mode(),
            changed,
            content,
        };
        files.insert(path.strip_prefix(root)?.to_owned(), kept);
    }
    Ok(())
}

/// The SHA-256 of some bytes.
fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Seen {
    /// What is not the same, in words.
    fn difference(&self, other: &Self) -> String {
        let mut words = Vec::new();
        if self.status != other.status {
            words.push(format!(
                "status {:?} became {:?}",
                self.status, other.status
            ));
        }
        for (name, mine, its) in [
            ("output", &self.out, &other.out),
            ("error", &self.err, &other.err),
        ] {
            if mine != its {
                let same = mine
                    .iter()
                    .zip(its.iter())
                    .take_while(|(one, other)| one == other);
                let from = same.count().saturating_sub(BEFORE);
                let (mine, its) = (shown(mine, from), shown(its, from));
                words.push(format!("{name} {mine} became {its}"));
            }
        }
        let paths: BTreeSet<&PathBuf> = self.files.keys().chain(other.files.keys()).collect();
        for path in paths {
            let (mine, its) = (self.files.get(path), other.files.get(path));
            if mine != its {
                words.push(format!("{} {mine:?} became {its:?}", path.display()));
            }
        }
        words.join("; ")
    }
}

fn shown(bytes: &[u8], from: usize) -> String {
    let bytes = bytes.get(from..).unwrap_or_default();
    let most = bytes.get(..SHOWN).unwrap_or(bytes);
    format!("\"{}\"", most.escape_ascii())
}
