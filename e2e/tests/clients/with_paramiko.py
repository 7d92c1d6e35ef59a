"""What paramiko sees: commands, terminals, files, tunnels. Prints it, so that two runs can be compared."""

import hashlib
import logging
import os

import paramiko

here = os.environ["HERE"]
logging.disable(logging.CRITICAL)


def connect(address, user, through=None):
    client = paramiko.SSHClient()
    keys = client.get_host_keys()
    # the target behind a jump shows the gateway's own key
    for line in open(os.environ["KNOWN"]):
        words = line.split()
        if not words[0].startswith("@"):
            name = "[box]:22" if through else words[0]
            key = paramiko.hostkeys.HostKeyEntry.from_line(" ".join([name, *words[1:3]])).key
            keys.add("box" if through else name, key.get_name(), key)
    client.connect(
        *address,
        username=user,
        key_filename=os.environ["KEY"],
        allow_agent=False,
        look_for_keys=False,
        sock=through,
        timeout=30,
        banner_timeout=30,
        auth_timeout=30,
    )
    return client


def entered():
    address = ("127.0.0.1", int(os.environ["SERVER_PORT"]))
    if not os.environ["JUMP"]:
        return connect(address, os.environ["USERNAME"]), None
    gateway = connect(address, os.environ["JUMP"])
    inner = gateway.get_transport().open_channel("direct-tcpip", ("box", 22), ("127.0.0.1", 0))
    return connect(("box", 22), os.environ["USERNAME"], inner), gateway


def digest(data):
    return hashlib.sha256(data).hexdigest()


client, outer = entered()
stdin, out, err = client.exec_command("cat; echo err >&2; exit 5")
with open("some/random", "rb") as content:
    stdin.write(content.read())
stdin.channel.shutdown_write()
print("exec", digest(out.read()), err.read(), out.channel.recv_exit_status())

channel = client.get_transport().open_session()
channel.get_pty("xterm", 90, 40)
channel.exec_command("read x; stty size; echo got $x")
channel.resize_pty(100, 50)
channel.send(b"word\n")
data = b""
while piece := channel.recv(1000):
    data += piece
print("terminal", data, channel.recv_exit_status())

channel = client.get_transport().open_session()
channel.exec_command("kill -TERM $$")
print("signal", channel.recv(10), channel.recv_exit_status())

stdin, out, err = client.exec_command("echo out; exec >&- 2>&-; cat >/dev/null; exit 4")
# who waits for the end of output before it ends its input hears of it
print("output is over", out.read(), err.read())
stdin.channel.shutdown_write()
print("then the program", out.channel.recv_exit_status())

files = client.open_sftp()
files.put("some/random", f"{here}/there")
files.get(f"{here}/there", "back")
with files.open(f"{here}/made", "wb") as made:
    made.set_pipelined(True)
    for number in range(200):
        made.write(b"%d\n" % number * 50)
with files.open(f"{here}/some/random", "rb") as read:
    read.prefetch()
    print("prefetched", digest(read.read()))
    print("pieces", [digest(bytes(piece)) for piece in read.readv([(0, 100), (299000, 1000), (5, 70000)])])
files.mkdir(f"{here}/folder", 0o750)
files.rename(f"{here}/made", f"{here}/folder/moved")
files.posix_rename(f"{here}/there", f"{here}/folder/there")
files.chmod(f"{here}/folder/moved", 0o604)
files.truncate(f"{here}/folder/moved", 77)
files.symlink("moved", f"{here}/folder/link")
print("link", files.readlink(f"{here}/folder/link"), files.normalize(f"{here}/folder/../some"))
print("list", sorted(name for name in files.listdir(f"{here}/some/below")))
for wrong in (lambda: files.open(f"{here}/none"), lambda: files.rmdir(f"{here}/some"), lambda: files.remove(f"{here}/none")):
    try:
        wrong()
        print("no error")
    except OSError as error:
        print("error", type(error).__name__, error.errno)
files.close()

tunnel = client.get_transport().open_channel(
    "direct-tcpip", ("127.0.0.1", int(os.environ["BYSTANDER_PORT"])), ("127.0.0.1", 0)
)
print("tunnel", tunnel.recv(8))
try:
    client.get_transport().open_channel("direct-tcpip", ("127.0.0.1", 1), ("127.0.0.1", 0))
    print("tunnel to nowhere")
except paramiko.ChannelException as error:
    print("no tunnel", error.code)
client.get_transport().renegotiate_keys()
print("anew", client.exec_command("echo on")[1].read())
client.close()
if outer:
    outer.close()
