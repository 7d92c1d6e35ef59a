//! OpenSSH's programs, rsync and git, straight and through the gateway by each way of naming the target: byte for byte
//! the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::LazyLock;

use e2e::compared::{Row, compare};
use e2e::lasting::Lasting;
use e2e::routes::{Route, Routes, THROUGH};

static LASTING: LazyLock<Lasting> =
    LazyLock::new(|| Lasting::with_ssh(&["ssh_clients.cedar"]).unwrap());
static ROUTES: LazyLock<Routes> = LazyLock::new(|| {
    let ground = LASTING.ground.as_ref().unwrap();
    Routes::prepare(ground, &LASTING.stand, "ada").unwrap()
});

fn same(name: &str, through: &[Route], rows: &[Row<'_>]) {
    let yard = LASTING.ground.as_ref().unwrap().yard(name).unwrap();
    compare(&ROUTES, &yard, through, rows).unwrap();
}

const fn row(name: &'static str, script: &'static str) -> Row<'static> {
    Row { name, script }
}

const SSH: &[Row<'static>] = &[
    row("status", "$SSH $TO 'exit 7'"),
    row("streams", "$SSH $TO 'echo out; echo err >&2; exit 3'"),
    row("no terminal", "$SSH -T $TO 'tty; echo $TERM'"),
    row(
        "a shell without a terminal",
        "printf 'echo in; echo err >&2; exit 4\\n' | $SSH -T $TO",
    ),
    row("a terminal", "$SSH -tt $TO 'tty | tr -d 0-9; echo $TERM; exit 5'"),
    row(
        "typed input",
        "printf 'hello\\n' | $SSH -tt $TO 'read x; echo got $x'",
    ),
    row(
        "a terminal's size and modes",
        "script -qec \"stty rows 33 cols 77 -echoctl ixany; $SSH -t $TO 'stty size; stty -a'\" /dev/null | tr -d '\\000'",
    ),
    row("input to its end", "printf 'b\\na\\n' | $SSH $TO sort"),
    row("input is closed at once", "$SSH -n $TO 'cat; echo over'"),
    row(
        "early input",
        "$SSH $TO 'sleep 0.3; cat' <some/random | cksum",
    ),
    row(
        "input that nobody reads",
        "$SSH $TO 'exec 0<&-; echo closed; sleep 0.2; echo more' <some/random",
    ),
    row("endless input", "yes | $SSH $TO 'head -n 2; echo over'"),
    row(
        "output is closed before the end",
        "$SSH $TO 'echo out; exec 1>&-; sleep 0.2; echo err >&2; exit 6'",
    ),
    row(
        "the reader goes",
        "$SSH $TO 'seq 100000; exit 0' | head -n 1",
    ),
    row("an ending by TERM", "$SSH $TO 'kill -TERM $$'"),
    row("an ending by KILL", "$SSH $TO 'kill -KILL $$'"),
    row("an ending by SEGV", "$SSH -v $TO 'kill -SEGV $$' 2>&1 | grep -a exit-"),
    row("eight bits", "$SSH $TO cat <some/bytes"),
    row(
        "eight bits in a terminal",
        "$SSH -tt $TO 'stty -opost; printf \"\\377\\376\\033[1m\\000x\"'",
    ),
    row(
        "a command that is not UTF-8",
        "$SSH $TO \"printf %s '$(printf 'a\\377b')'\"",
    ),
    row("no such program", "$SSH $TO no-such-program"),
    row("an empty line", "$SSH $TO ''"),
    row(
        "variables",
        "LC_NAME=xx GIT_PROTOCOL='a b' $SSH -o SendEnv='LC_* GIT_PROTOCOL' $TO 'echo $LC_NAME, $GIT_PROTOCOL'",
    ),
    row(
        "keys are agreed on anew",
        "head -c 5000000 /dev/zero | $SSH -o RekeyLimit=1M $TO 'cat; cat $PWD/dev/null /dev/null' | cksum",
    ),
    row(
        "keys are agreed on anew while it flows down",
        "$SSH -o RekeyLimit=1M $TO 'head -c 5000000 /dev/zero' | cksum",
    ),
    row("compression", "$SSH -C $TO cat <some/random | cksum"),
    row(
        "sixteen at once on one connection",
        "$SSH -fNM -S ctl $TO
         for n in $(seq 16); do
             { $SSH -S ctl $TO \"cat; echo $n >&2; exit $n\" <some/random >out$n 2>err$n; echo $? >>err$n; } &
         done; wait; cat out* | cksum; cat err*
         $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "thirty in turn on one connection",
        "$SSH -fNM -S ctl $TO
         for n in $(seq 30); do $SSH -S ctl $TO \"cat >/dev/null; echo over; exit $n\" <some/random; echo $?; done
         $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "siblings of which one is killed",
        "$SSH -fNM -S ctl $TO
         $SSH -S ctl $TO 'echo begun; sleep 60' >began & until grep -s begun began; do sleep 0.05; done; kill $!; wait
         $SSH -S ctl $TO 'echo on'; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "nothing but a connection",
        "$SSH -fN -M -S ctl $TO; echo $?; $SSH -S ctl -O check $TO 2>/dev/null; echo $?
         $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "a tunnel on standard streams",
        "printf 'SSH-2.0-none\\r\\n' | $SSH -W 127.0.0.1:$BYSTANDER_PORT $TO | head -n 1",
    ),
    row(
        "a tunnel",
        "$SSH -fNM -S ctl -L $FREE:127.0.0.1:$BYSTANDER_PORT $TO
         curl -s --http0.9 http://127.0.0.1:$FREE/ | head -n 1; $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "tunnels to where a proxy is told",
        "$SSH -fNM -S ctl -D $FREE $TO
         curl -s --http0.9 -x socks5h://127.0.0.1:$FREE http://127.0.0.1:$BYSTANDER_PORT/ | head -n 1
         $SSH -S ctl -O exit $TO; rm -f ctl",
    ),
    row(
        "a tunnel to nowhere",
        "$SSH -W 127.0.0.1:1 $TO 2>&1 | grep -o 'open failed: connect failed'",
    ),
];

const SCP: &[Row<'static>] = &[
    row("up", "$SCP -rp some $TO:$HERE/there"),
    row("down", "$SCP -rp $TO:$HERE/some here"),
    row("old up", "$SCP -O -rp some $TO:$HERE/there"),
    row("old down", "$SCP -O -rp $TO:$HERE/some here"),
    row(
        "old, one file over another",
        "echo old >there; $SCP -O some/random $TO:$HERE/there; $SCP -O $TO:$HERE/there back",
    ),
    row(
        "from there to there",
        "$SCP -3 $TO:$HERE/some/random $TO:$HERE/copy",
    ),
    row(
        "none",
        "$SCP $TO:$HERE/none . ; echo $?; $SCP some/text $TO:$HERE/no/such; echo $?",
    ),
    row(
        "old, none",
        "$SCP -O $TO:$HERE/none . ; echo $?; $SCP -O some/text $TO:$HERE/no/such; echo $?",
    ),
    row("compressed", "$SCP -C some/random $TO:$HERE/there"),
    row("patterns", "mkdir got; $SCP \"$TO:$HERE/some/[te]*\" got"),
    row(
        "named by the home folder",
        "$SCP $TO:none/such . ; $SCP -O $TO:none/such .",
    ),
];

const SFTP: &[Row<'static>] = &[
    row(
        "a batch",
        "cat >batch <<END
put some/random there
get there back
put -p some/text kept
get -p kept again
mkdir folder
put -R some folder
rename there folder/moved
ln -s folder link
ln folder/moved hard
chmod 640 folder/moved
cd folder
pwd
rm moved
-rm none
-get none
-mkdir below/none/none
lcd some
ls -n some/below
df
END
         sed -i \"1i cd $HERE\" batch
         $SFTP -b batch $TO 2>&1 | grep -v '%'; rm batch",
    ),
    row("64 deep", "printf 'put some/random %s/there\\nget %s/there back\\n' $HERE $HERE | $SFTP -q -R 64 -b - $TO"),
    row("small pieces", "printf 'put some/random %s/there\\nget %s/there back\\n' $HERE $HERE | $SFTP -q -R 64 -B 1000 -b - $TO"),
    row("one by one", "printf 'put some/random %s/there\\nget %s/there back\\n' $HERE $HERE | $SFTP -q -R 1 -b - $TO"),
    row("pieces of 200 KiB", "printf 'put some/random %s/there\\nget %s/there back\\n' $HERE $HERE | $SFTP -q -B 204800 -b - $TO"),
    row(
        "goes on where it broke off",
        "head -c 100000 some/random >there; cp there back
         printf 'reput some/random %s/there\\nreget %s/some/random back\\n' $HERE $HERE | $SFTP -q -b - $TO",
    ),
    row("copies there", "printf 'copy %s/some/random %s/there\\n' $HERE $HERE | $SFTP -q -b - $TO"),
    row("stops at an error", "printf 'get %s/none\\nmkdir %s/never\\n' $HERE $HERE | $SFTP -q -b - $TO; echo $?"),
    row("flushes", "printf 'put -f some/random %s/there\\n' $HERE | $SFTP -q -b - $TO"),
    row("names that are not UTF-8", "printf 'ls -1 %s/some\\n' $HERE | $SFTP -q -b - $TO"),
    row("a server that is named", "printf 'ls -1 %s/some/below\\n' $HERE | $SFTP -q -s sftp -b - $TO"),
];

const RSYNC: &[Row<'static>] = &[
    row("up", "rsync -a -e \"$SSH\" some/ $TO:$HERE/there/"),
    row("down", "rsync -a -e \"$SSH\" $TO:$HERE/some/ here/"),
    row(
        "up and deleting",
        "cp -a some there; touch there/gone there/below/gone; echo longer >>there/random
         rsync -a --delete -e \"$SSH\" some/ $TO:$HERE/there/",
    ),
    row(
        "down and deleting",
        "cp -a some here; touch here/gone; rsync -a --delete -e \"$SSH\" $TO:$HERE/some/ here/",
    ),
    row(
        "compressed, with sums",
        "rsync -acz -e \"$SSH\" some/ $TO:$HERE/there/",
    ),
    row(
        "one that has changed",
        "cp some/random there; echo more >>some/random; rsync -e \"$SSH\" some/random $TO:$HERE/there",
    ),
    row("told", "rsync -ai -e \"$SSH\" some/ $TO:$HERE/there/"),
    row(
        "none",
        "rsync -a -e \"$SSH\" $TO:$HERE/none/ here/; echo $?",
    ),
];

const GIT: &[Row<'static>] = &[row(
    "clone, push, fetch",
    "export GIT_SSH_COMMAND=\"$SSH\" GIT_CONFIG_GLOBAL=$HERE/config GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
     printf '[user]\\nname = ada\\nemail = ada@example.org\\n[init]\\ndefaultBranch = main\\n' >config
     git init -q --bare there.git
     git clone -q $TO:$HERE/there.git one; cp some/random some/text one; cd one
     git add .; git commit -qm one; git push -q origin HEAD:main; git log --format=%H
     for n in $(seq 30); do echo $n >$n; git add .; git commit -qm $n; done
     git push -q origin HEAD:main; git tag t; git push -q --tags; cd ..
     git clone -q $TO:$HERE/there.git two; cd two; git log --format=%H | head -n 1; git tag; cd ..
     cd one; git commit -q --allow-empty -m last; git push -q; cd ../two; git fetch -q; git rev-parse origin/main
     GIT_TRACE_PACKET=1 git -c protocol.version=2 ls-remote origin 2>&1 | grep -ac 'version 2'
     git -c protocol.version=0 ls-remote origin
     git fetch -q --depth 1 origin; git push -q origin :refs/tags/t; git ls-remote --tags origin
     git push -q origin HEAD:refs/heads/main --force; echo $?
     git archive --remote=$TO:$HERE/there.git main | cksum
     user=$(printf %s \"$USERNAME\" | sed 's/@/%40/; s/#/%23/')
     git ls-remote ssh://$user@${TO##*@}$HERE/there.git
     git ls-remote $TO:$HERE/none.git; echo $?
     cd ..; rm -rf one two there.git config",
)];

#[test]
fn ssh_is_the_same() {
    same("a", &THROUGH, SSH);
}

#[test]
fn scp_is_the_same() {
    same("b", &[Route::Target, Route::Login, Route::Jump], SCP);
    // scp itself does not take such a user name for what it fetches
    let hash = row(
        "up",
        "$SCP -rp some $TO:$HERE/there; $SCP -Orp some $TO:$HERE/old",
    );
    same("f", &[Route::Hash], &[hash]);
}

#[test]
fn sftp_is_the_same() {
    same("c", &THROUGH, SFTP);
}

#[test]
fn rsync_is_the_same() {
    same("d", &THROUGH, RSYNC);
}

#[test]
fn git_is_the_same() {
    same("e", &THROUGH, GIT);
}
