"""What asyncssh sees: commands, terminals, files, tunnels, several at a time. Prints it, so that two runs can be compared."""

import asyncio
import hashlib
import os
import warnings

warnings.simplefilter("ignore")

import asyncssh  # noqa: E402

here = os.environ["HERE"]
options = {
    "client_keys": [os.environ["KEY"]],
    "known_hosts": os.environ["KNOWN"],
    "agent_path": None,
    "config": None,
    "login_timeout": 30,
}


def digest(data):
    return hashlib.sha256(data).hexdigest()


async def entered():
    port = int(os.environ["SERVER_PORT"])
    if not os.environ["JUMP"]:
        return await asyncssh.connect("127.0.0.1", port, username=os.environ["USERNAME"], **options)
    gateway = await asyncssh.connect("127.0.0.1", port, username=os.environ["JUMP"], **options)
    return await asyncssh.connect("box", 22, username=os.environ["USERNAME"], tunnel=gateway, **options)


async def main():
    content = open("some/random", "rb").read()
    async with await entered() as client:
        ran = await client.run("cat; echo err >&2; exit 5", input=content, encoding=None)
        print("exec", digest(ran.stdout), ran.stderr, ran.exit_status, ran.exit_signal)
        ran = await client.run("kill -TERM $$")
        print("signal", ran.exit_status, ran.exit_signal)

        terminal = await client.create_process("read x; stty size; echo got $x", term_type="xterm", term_size=(90, 40))
        terminal.change_terminal_size(100, 50)
        terminal.stdin.write("word\n")
        out, err = await terminal.communicate()
        print("terminal", repr(out), repr(err), terminal.exit_status)

        several = await asyncio.gather(
            *(client.run(f"cat; exit {number}", input=content, encoding=None) for number in range(20))
        )
        print("several", [(digest(one.stdout), one.exit_status) for one in several])

        sleeper = await client.create_process("trap 'echo told; exit 3' USR1; echo ready; while :; do sleep 0.05; done")
        await sleeper.stdout.readline()
        sleeper.send_signal("USR1")
        print("told", await sleeper.stdout.read(), (await sleeper.wait()).exit_status)

        async with client.start_sftp_client() as files:
            await files.put("some", f"{here}/there", recurse=True, preserve=True)
            await files.get(f"{here}/there", "back", recurse=True, preserve=True)
            await files.mkdir(f"{here}/folder")
            await files.rename(f"{here}/there/text", f"{here}/folder/moved")
            await files.posix_rename(f"{here}/there/empty", f"{here}/folder/empty")
            await files.link(f"{here}/folder/moved", f"{here}/folder/hard")
            await files.chmod(f"{here}/folder/moved", 0o604)
            print("path", await files.realpath(f"{here}/folder/../some"))
            print("room", (await files.statvfs(here)).namemax)
            for wrong in (files.open(f"{here}/none"), files.rmdir(f"{here}/some"), files.remove(f"{here}/none")):
                try:
                    await wrong
                    print("no error")
                except asyncssh.SFTPError as error:
                    print("error", error.code)
        await asyncssh.scp("some/random", (client, f"{here}/by-scp"), preserve=True)
        await asyncssh.scp((client, f"{here}/by-scp"), "scp-back", preserve=True)

        listener = await client.forward_local_port("127.0.0.1", 0, "127.0.0.1", int(os.environ["BYSTANDER_PORT"]))
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.get_port())
        print("tunnel", (await reader.readline())[:8])
        writer.close()
        listener.close()


asyncio.run(main())
