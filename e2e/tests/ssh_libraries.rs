//! paramiko, asyncssh, curl's libssh2 and Ansible, straight and through the gateway: the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::compared::{Row, compare};
use e2e::lasting::Lasting;
use e2e::routes::{Route, Routes, THROUGH, WITHOUT_JUMP};
use e2e::ssh::{Ground, Lenient};

static LASTING: LazyLock<Lasting<Lenient>> =
    LazyLock::new(|| Lasting::beside(&["ssh_clients.cedar"]).unwrap());
static ROUTES: LazyLock<Routes> =
    LazyLock::new(|| Routes::prepare(ground(), &LASTING.stand, "ada").unwrap());

fn ground() -> &'static Ground {
    &LASTING.ground.as_ref().unwrap().0
}

fn same(name: &str, through: &[Route], rows: &[Row<'_>]) {
    let yard = ground().yard(name).unwrap();
    compare(&ROUTES, &yard, through, rows).unwrap();
}

const fn row<'a>(name: &'a str, script: &'a str) -> Row<'a> {
    Row { name, script }
}

const CURL: &[Row<'static>] = &[
    row(
        "up by SFTP",
        "$CURL -u \"$USERNAME:\" -T some/random sftp://127.0.0.1:$SERVER_PORT$HERE/there; echo $?",
    ),
    row(
        "down by SFTP",
        "$CURL -u \"$USERNAME:\" sftp://127.0.0.1:$SERVER_PORT$HERE/some/random | cksum",
    ),
    row(
        "a part of it",
        "$CURL -u \"$USERNAME:\" -r 1000-2999 sftp://127.0.0.1:$SERVER_PORT$HERE/some/random | cksum",
    ),
    row(
        "names",
        "$CURL -u \"$USERNAME:\" -l sftp://127.0.0.1:$SERVER_PORT$HERE/some/below/ | sort",
    ),
    row(
        "none",
        "$CURL -u \"$USERNAME:\" sftp://127.0.0.1:$SERVER_PORT$HERE/none; echo $?",
    ),
    row(
        "changes",
        "$CURL -u \"$USERNAME:\" -l -Q \"mkdir $HERE/folder\" -Q \"rename $HERE/some/text $HERE/folder/moved\" \\
         -Q \"chmod 604 $HERE/folder/moved\" -Q \"rm $HERE/some/empty\" sftp://127.0.0.1:$SERVER_PORT$HERE/folder/ | sort",
    ),
    row(
        "up by scp",
        "$CURL -u \"$USERNAME:\" -T some/random scp://127.0.0.1:$SERVER_PORT$HERE/there; echo $?",
    ),
    row(
        "down by scp",
        "$CURL -u \"$USERNAME:\" scp://127.0.0.1:$SERVER_PORT$HERE/some/random | cksum",
    ),
];

/// What a play needs: OpenSSH's options, an inventory of one host, folders of its own.
const SETTING: &str = r#"
export ANSIBLE_SSH_ARGS="-o ControlMaster=auto -o ControlPersist=30 ${SSH#ssh }" ANSIBLE_SSH_CONTROL_PATH_DIR=$HERE/cp
export ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_DEPRECATION_WARNINGS=False
export ANSIBLE_LOCAL_TEMP=$HERE/local ANSIBLE_REMOTE_TEMP=$HERE/remote
echo "there ansible_host=${TO##*@} ansible_user='$USERNAME' ansible_python_interpreter=/usr/bin/python3" >hosts
root=$([ "$(id -u)" = 0 ] && echo yes || echo no)
leave() {
    for socket in cp/*; do ssh -o ControlPath=$socket -O exit none 2>/dev/null; done
    rm -rf cp local remote hosts .ansible
}
trap leave EXIT"#;

#[test]
fn ansible_is_the_same() {
    let play = |pipelining: &str| {
        format!(
            "{SETTING}\nANSIBLE_PIPELINING={pipelining} \
             ansible-playbook -i hosts -e here=$HERE -e root=$root \"$CLIENTS/play.yaml\"; echo $?"
        )
    };
    same(
        "s",
        &[Route::Jump],
        &[
            row("as files", &play("False")),
            row("on its input", &play("True")),
        ],
    );
    let ping = format!("{SETTING}\nansible -i hosts there -m ping; echo $?");
    same("t", &WITHOUT_JUMP, &[row("ping", &ping)]);
}

#[test]
fn paramiko_is_the_same() {
    let script = "/usr/bin/python3 $CLIENTS/with_paramiko.py";
    same("p", &THROUGH, &[row("paramiko", script)]);
}

#[test]
fn asyncssh_is_the_same() {
    let script = "/usr/bin/python3 $CLIENTS/with_asyncssh.py";
    same("q", &THROUGH, &[row("asyncssh", script)]);
}

#[test]
fn libssh2_is_the_same() {
    same("r", &WITHOUT_JUMP, CURL);
}
