//! Command lines whose meaning readers have got wrong.

pub fn commands() -> Vec<(&'static str, Vec<u8>)> {
    let texts = [
        ("list", "ls; rm -rf /tmp/x"),
        ("substitution", "echo $(rm x)"),
        ("backquotes", "echo `rm x`"),
        ("newline", "ls\nrm x"),
        ("shell-in-shell", "bash -c 'sh -c \"rm x\"'"),
        ("payload", "echo cm0geA== | base64 -d | sh"),
        ("comment", "ls # rm\nrm x"),
        ("comment-in-word", "ls a#b; rm x"),
        ("document", "cat <<EOF\n$(rm x)\nEOF\n"),
        ("document-cut", "cat <<EOF\nEO\\\nF\nrm x\nEOF\n"),
        ("document-unnamed", "cat <<<<<\"\"\"\"; "),
        ("document-after-blanks", "echo $(cat <<  a ) "),
        ("document-escaped", "cat \\<<<\"\" "),
        ("document-substituted", "cat <<a$(\"\" "),
        ("document-expanded", "cat <<a${\"\" "),
        ("document-computed", "cat <<a$[  b "),
        ("document-assigned", "x=1 <<EOF$(\"\" "),
        ("ansi", "echo \\$'a\\'; rm x; echo 'b'"),
        ("braces", "{rm,-rf,x}"),
        ("function", "ls() { rm x; }; ls"),
        ("arithmetic", "echo $((1+$(rm x)))"),
        ("process", "diff <(ls) >(rm x)"),
        ("case", "case $1 in (a) rm x;; *) ls;; esac"),
        ("loop", "for i in 1 2; do rm $i; done"),
        ("test", "[[ -f x && $(rm y) ]]"),
        ("redirection", "ls >/etc/passwd 2>&1 <&3"),
        ("network", "cat </dev/tcp/10.0.0.1/22"),
        ("sudo", "sudo -u '#-1' env LD_PRELOAD=x.so ls"),
        ("find", "find /tmp -name x -exec sh -c 'rm \"$1\"' _ {} \\;"),
        ("rsync", "rsync --server --sender -logDtpre.iLsfxCIvu . /x"),
        ("scp", "scp -r -t -- /tmp"),
        ("git", "git-upload-pack '/srv/app.git'"),
        ("tilde", "cat ~99999999999999999999999/x ~+3 ~-"),
        ("number", "ls 9999999999>x"),
        ("unterminated", "echo \"a"),
        ("open-brackets", "(((((((((((((((("),
        ("open-expression", "[[ x =~ (((((((((((((((( ]]"),
        (
            "open-cases",
            "case a in b) case a in b) case a in b) case a in b) case a in b) case a in b) ",
        ),
        (
            "hidden-blocks",
            "sh -c i\\f\\ i\\f\\ i\\f\\ i\\f\\ i\\f\\ i\\f",
        ),
        ("empty", ""),
    ];
    texts
        .map(|(name, text)| (name, text.as_bytes().to_vec()))
        .to_vec()
}
