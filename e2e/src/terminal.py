# Runs a program in a terminal of its own: what it shows goes to standard output, and each line of standard input is a
# JSON array, ["type", TEXT] or ["size", ROWS, COLUMNS]. Ends as the program does.
import fcntl, json, os, pty, select, struct, sys, termios


def size(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


program, terminal = pty.fork()
if program == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
size(30, 100)
said, sources = b"", [terminal, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        came = os.read(0, 65536)
        if not came:
            sources.remove(0)
        said += came
        *lines, said = said.split(b"\n")
        for line in lines:
            what, *about = json.loads(line)
            os.write(terminal, about[0].encode()) if what == "type" else size(*about)
    if terminal in ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:
            shown = b""
        if not shown:
            break
        while shown:
            shown = shown[os.write(1, shown) :]
_, status = os.waitpid(program, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
