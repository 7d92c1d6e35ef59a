# A server of SSH that lets one account in, by its password and nothing else, and runs what it is asked to. It tells what
# came on its standard output, and no password.
import asyncio
import sys
import warnings

warnings.simplefilter("ignore")

import asyncssh  # noqa: E402

port, host_key, login = int(sys.argv[1]), sys.argv[2], sys.argv[3]
password = open(sys.argv[4]).read().rstrip("\n")


class Door(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, given):
        right = (username, given) == (login, password)
        print("the right password" if right else "a wrong password", "of", username, flush=True)
        return right


async def run(process):
    pipe = asyncio.subprocess.PIPE
    ran = await asyncio.create_subprocess_shell(
        process.command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    out, err = await ran.communicate()
    process.stdout.write(out)
    process.stderr.write(err)
    process.exit(ran.returncode)


async def main():
    await asyncssh.listen(
        "127.0.0.1", port, server_host_keys=[host_key], server_factory=Door, process_factory=run, encoding=None
    )
    print("it listens", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
