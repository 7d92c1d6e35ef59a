//! Programs that change files, processes or the system, and those that run whatever they are given.

use super::{Row, Rule};

pub(super) const PROGRAMS: &[Row] = &[
    (
        &[
            "mkdir", "touch", "cp", "mv", "ln", "chmod", "chown", "chgrp", "setfacl", "chattr", "truncate", "fallocate",
            "tee", "dd", "mktemp", "mkfifo", "kill", "pkill", "killall", "renice", "logger", "gzip", "gunzip", "bzip2",
            "bunzip2", "xz", "unxz", "zstd", "unzip", "restorecon", "chcon", "csplit", "write", "wall",
        ],
        Rule::Writes,
    ),
    (&["install"], Rule::WritesWithout(&["strip-program"])),
    (&["rm", "rmdir", "unlink", "shred"], Rule::Deletes),
    (
        &[
            "useradd", "userdel", "usermod", "adduser", "deluser", "groupadd", "groupdel", "groupmod", "addgroup",
            "delgroup", "gpasswd", "passwd", "chpasswd", "chage", "chsh", "chfn", "newusers", "vipw", "reboot",
            "shutdown", "poweroff", "halt", "init", "telinit", "umount", "losetup", "swapoff", "mkswap", "mkfs",
            "mkfs.ext4", "mkfs.xfs", "fsck", "tune2fs", "resize2fs", "fdisk", "sfdisk", "parted", "wipefs", "lvcreate",
            "lvextend", "lvremove", "vgcreate", "vgextend", "pvcreate", "mdadm", "cryptsetup", "iptables", "ip6tables",
            "nft", "iptables-restore", "iptables-save", "ipset", "modprobe", "insmod", "rmmod", "depmod", "setenforce",
            "setsebool", "semanage", "update-rc.d", "chkconfig", "ldconfig", "update-grub", "grub-install",
            "update-initramfs", "update-ca-certificates", "ntpdate", "hwclock", "setcap", "quotacheck", "tc",
            "ethtool", "ifup", "ifdown", "netplan", "sysctl-apply", "apt-key", "add-apt-repository", "dpkg-reconfigure",
            "update-alternatives", "a2ensite", "a2dissite", "a2enmod", "a2dismod", "exportfs", "visudo",
        ],
        Rule::Administers,
    ),
    (
        &[
            // run what they are told
            "eval", "source", ".", "exec", "trap", "alias", "unalias", "enable", "hash", "bind", "complete", "shopt",
            "fc", "history", "coproc", "parallel", "chroot", "nsenter", "unshare", "strace", "ltrace", "script",
            "taskset", "chrt", "start-stop-daemon", "systemd-run", "at", "batch", "expect", "gdb", "runcon", "pkexec",
            "run-parts", "setpriv", "capsh", "newgrp", "sg", "numactl", "firejail", "bwrap", "proot", "fakeroot",
            "dbus-run-session", "entr", "perf", "valgrind", "ld.so",
            // shells of another kind, and programs that hold one
            "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "login", "tmux", "screen", "byobu", "mc",
            "mosh-server", "socat", "nc", "ncat", "netcat", "sftp-server", "internal-sftp",
            "/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
            "/usr/libexec/sftp-server", "/usr/lib/sftp-server",
        ],
        Rule::Code,
    ),
];
