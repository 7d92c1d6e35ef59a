#!/usr/bin/env python3
"""Verifies an audit log of Countersign; written from docs/audit-format.md alone, apart from the product's own verifier."""

import argparse
import hashlib
import os
import re
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HEAD = 20
TITLE = b"countersign audit checkpoint 1"


class Malformed(Exception):
    """A payload that is no encoding of anything."""


class Short(Exception):
    """The file ends within a block."""


class Bad(Exception):
    """The first bad entry."""

    def __init__(self, sequence, reason):
        super().__init__(reason)
        self.sequence = sequence


def sha256(data):
    return hashlib.sha256(data).digest()


def number(data):
    return int.from_bytes(data, "big")


def node(left, right):
    return sha256(b"\x01" + left + right)


def root_of(peaks):
    if not peaks:
        return sha256(b"")
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node(peak, found)
    return found


class Cursor:
    """Reads fields; section 4."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Malformed("too short")
        self.at += count
        return self.data[self.at - count : self.at]

    def u8(self):
        return self.take(1)[0]

    def u32(self):
        return number(self.take(4))

    def u64(self):
        return number(self.take(8))

    def identifier(self):
        return self.take(16)

    def digest(self):
        return self.take(32)

    def flag(self):
        return self.code(0, 1) == 1

    def code(self, first, last):
        value = self.u8()
        if not first <= value <= last:
            raise Malformed("a code that is not listed")
        return value

    def text(self):
        try:
            return self.take(self.u32()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("text that is not UTF-8") from error

    def list(self, read):
        count = self.u32()
        if count > len(self.data) - self.at:
            raise Malformed("a count larger than what follows")
        return [read() for _ in range(count)]

    def optional(self, read):
        return read() if self.flag() else None

    def end(self):
        if self.at != len(self.data):
            raise Malformed("bytes after the last field")


def operation(cursor):
    cursor.text()
    cursor.code(1, 4)
    cursor.text()
    cursor.text()


def tape(cursor):
    cursor.digest()
    cursor.u64()
    cursor.u64()


def texts(cursor, count):
    for _ in range(count):
        cursor.text()


def boot(cursor):
    cursor.identifier()
    texts(cursor, 2)
    cursor.u64()


def segment(cursor):
    opened = cursor.list(cursor.identifier)
    cursor.u64()
    return ("segment", opened)


def session_opened(cursor):
    cursor.identifier()
    cursor.text()
    cursor.optional(cursor.text)
    texts(cursor, 5)
    cursor.u64()


def decided(cursor):
    request = cursor.identifier()
    cursor.identifier()
    verdict = cursor.code(1, 3)
    cursor.text()
    cursor.optional(cursor.text)
    texts(cursor, 2)
    cursor.digest()
    cursor.list(lambda: operation(cursor))
    cursor.text()
    cursor.list(cursor.text)
    cursor.optional(cursor.text)
    texts(cursor, 2)
    cursor.u64()
    return ("decided", request, verdict)


def outcome(cursor):
    request = cursor.identifier()
    kind = cursor.code(1, 6)
    cursor.u64()
    cursor.u64()
    cursor.text()
    cursor.u64()
    return ("outcome", request, kind)


def approval(cursor):
    cursor.text()
    cursor.code(1, 9)
    cursor.identifier()
    cursor.text()
    cursor.digest()
    cursor.list(cursor.text)
    cursor.text()
    cursor.u64()


def session_closed(cursor):
    cursor.identifier()
    cursor.text()
    cursor.u64()
    cursor.optional(lambda: tape(cursor))
    cursor.u64()


def administration(cursor):
    texts(cursor, 3)
    cursor.flag()
    cursor.u64()


def reload(cursor):
    texts(cursor, 2)
    cursor.flag()
    cursor.u64()


KINDS = {
    1: boot,
    2: segment,
    3: session_opened,
    4: decided,
    5: outcome,
    6: approval,
    7: session_closed,
    8: administration,
    9: reload,
}


def decode(payload):
    cursor = Cursor(payload)
    read = KINDS.get(cursor.u8())
    if read is None:
        raise Malformed("a kind that is not listed")
    value = read(cursor)
    cursor.end()
    return value or ("other",)


class Key:
    """The public key; section 6."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.key = serialization.load_pem_public_key(file.read())
        if not isinstance(self.key, Ed25519PublicKey):
            raise SystemExit("not an Ed25519 key")
        raw = self.key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = sha256(raw)[:8]

    def signed(self, checkpoint):
        size, at, root, chain, key, signature = checkpoint
        statement = TITLE + b"\n" + key + size.to_bytes(8, "big") + at.to_bytes(8, "big") + root + chain
        if key != self.id:
            return False
        try:
            self.key.verify(signature, statement)
        except InvalidSignature:
            return False
        return True


def read_kept(path):
    """The text form of a checkpoint."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    names = [b"size", b"at", b"root", b"chain", b"key", b"signature"]
    if len(lines) != 8 or lines[0] != TITLE or lines[7] != b"":
        raise SystemExit("not a checkpoint")
    values = []
    for name, line in zip(names, lines[1:7]):
        found, _, value = line.partition(b" ")
        if found != name:
            raise SystemExit("not a checkpoint")
        values.append(int(value) if name in (b"size", b"at") else bytes.fromhex(value.decode()))
    return tuple(values)


def parts(folder, extension):
    pattern = re.compile(r"[0-9]{20}\." + extension)
    names = sorted(name for name in os.listdir(folder) if pattern.fullmatch(name))
    return [(int(name[:20]), os.path.join(folder, name)) for name in names]


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def true_head(magic, first, data):
    start = magic + first.to_bytes(8, "big")
    return data[:HEAD] == start + zlib.crc32(start).to_bytes(4, "big")


class Seals:
    """All good blocks; section 7, step 2."""

    def __init__(self, folder, key):
        self.blocks = []
        self.damage = False
        found = parts(folder, "seal")
        for index, (first, path) in enumerate(found):
            self.file(first, contents(path), index + 1 == len(found), key)
            if self.damage:
                break
        self.size = self.blocks[-1][2][0] if self.blocks else 0

    def file(self, first, data, last, key):
        if not true_head(b"CSSEALS1", first, data):
            self.damage = not (last and len(data) < HEAD)
            return
        at = HEAD
        while at < len(data):
            try:
                block, at = self.block(data, at)
            except Short:
                self.damage = not last
                return
            except Malformed:
                self.damage = True
                return
            if not self.good(block, key):
                self.damage = True
                return
            self.blocks.append(block)

    @staticmethod
    def block(data, at):
        head = data[at : at + 12]
        if len(head) >= 8 and zlib.crc32(head[:4]) != number(head[4:8]):
            raise Malformed("the length was changed")
        if len(head) < 12:
            raise Short()
        count = number(head[:4])
        payload = data[at + 12 : at + 12 + count]
        if len(payload) < count:
            raise Short()
        if zlib.crc32(payload) != number(head[8:12]):
            raise Malformed("the block was changed")
        cursor = Cursor(payload)
        chains = cursor.list(cursor.digest)
        peaks = cursor.list(cursor.digest)
        size, at_time = cursor.u64(), cursor.u64()
        root, chain = cursor.digest(), cursor.digest()
        key, signature = cursor.take(8), cursor.take(64)
        cursor.end()
        return (chains, peaks, (size, at_time, root, chain, key, signature)), at + 12 + count

    def good(self, block, key):
        chains, peaks, checkpoint = block
        before = self.blocks[-1][2][0] if self.blocks else 0
        size, root = checkpoint[0], checkpoint[2]
        return (
            size == before + len(chains)
            and len(peaks) == bin(size).count("1")
            and root_of(peaks) == root
            and key.signed(checkpoint)
        )

    def by_entry(self):
        """Sequence -> stored chain head, and size -> the blocks that end there."""
        heads, ends = {}, {}
        for chains, _, checkpoint in self.blocks:
            first = checkpoint[0] - len(chains) + 1
            for offset, chain in enumerate(chains):
                heads[first + offset] = chain
            ends.setdefault(checkpoint[0], []).append((first if chains else checkpoint[0], checkpoint))
        return heads, ends


class Log:
    """Entries, chain, tree and counts; section 7, steps 3 and 4."""

    def __init__(self, folder, key, kept):
        self.kept = kept
        self.seals = Seals(folder, key)
        self.heads, self.ends = self.seals.by_entry()
        self.size = 0
        self.chain = sha256(b"countersign audit chain 1")
        self.peaks = []
        self.torn = 0
        self.open = set()
        self.counts = dict.fromkeys(["decided", "allowed", "refused", "outcomes", "unknown"], 0)
        found = parts(folder, "log")
        for index, (first, path) in enumerate(found):
            if first != self.size + 1:
                raise Bad(self.size + 1, "the segment with it is missing")
            self.segment(first, contents(path), index + 1 == len(found))
        self.finish()

    def segment(self, first, data, last):
        if not true_head(b"CSAUDIT1", first, data):
            self.tear(len(data), last)
            return
        at = HEAD
        while at < len(data):
            payload, after = self.frame(data, at)
            if payload is None:
                self.tear(len(data) - at, last)
                return
            self.entry(payload)
            at = after

    def frame(self, data, at):
        head = data[at : at + 16]
        if len(head) < 16:
            return None, at
        count = number(head[:4])
        if not 1 <= count <= 1 << 20 or number(head[4:12]) != self.size + 1:
            return None, at
        payload = data[at + 16 : at + 16 + count]
        if len(payload) < count or zlib.crc32(head[:12] + payload) != number(head[12:16]):
            return None, at
        return payload, at + 16 + count

    def tear(self, count, last):
        if not last or self.size + 1 <= self.seals.size:
            raise Bad(self.size + 1, "it cannot be read")
        self.torn = count

    def entry(self, payload):
        self.size += 1
        leaf = sha256(b"\x00" + self.size.to_bytes(8, "big") + payload)
        self.chain = sha256(b"\x02" + self.chain + leaf)
        below = self.size - 1
        while below & 1:
            leaf = node(self.peaks.pop(), leaf)
            below >>= 1
        self.peaks.append(leaf)
        if self.heads.get(self.size, self.chain) != self.chain:
            raise Bad(self.size, "it is not the entry that was sealed")
        for first, checkpoint in self.ends.get(self.size, []):
            if not self.matches(checkpoint):
                raise Bad(first, "these are not the entries that were signed")
        if self.kept and self.kept[0] == self.size and not self.matches(self.kept):
            raise Bad(self.size, "the log is not what the kept checkpoint vouches for")
        try:
            self.count(decode(payload))
        except Malformed as error:
            raise Bad(self.size, str(error)) from error

    def matches(self, checkpoint):
        return checkpoint[3] == self.chain and checkpoint[2] == root_of(self.peaks)

    def count(self, entry):
        if entry[0] == "decided":
            self.counts["decided"] += 1
            if entry[2] != 1:
                self.counts["refused"] += 1
            elif entry[1] in self.open:
                raise Bad(self.size, "its request is open already")
            else:
                self.open.add(entry[1])
                self.counts["allowed"] += 1
        elif entry[0] == "outcome":
            self.counts["outcomes"] += 1
            self.counts["unknown"] += entry[2] == 4
            if entry[1] not in self.open:
                raise Bad(self.size, "its request is not open")
            self.open.remove(entry[1])
        elif entry[0] == "segment":
            if len(entry[1]) != len(self.open) or set(entry[1]) != self.open:
                raise Bad(self.size, "its list of open requests is not true")

    def finish(self):
        if self.size < self.seals.size:
            raise Bad(self.size + 1, "a checkpoint vouches for more entries")
        if self.seals.damage:
            raise Bad(self.seals.size + 1, "the checkpoint after it is damaged")
        if self.kept and self.kept[0] > self.size:
            raise Bad(self.size + 1, "the log was cut")
        if self.kept and self.kept[0] == 0:
            if self.kept[2] != sha256(b"") or self.kept[3] != sha256(b"countersign audit chain 1"):
                raise Bad(1, "the kept checkpoint is of another log")

    def figures(self):
        figures = {"entries": self.size, "sealed": self.seals.size, "checkpoints": len(self.seals.blocks)}
        figures["torn"] = self.torn
        figures.update(self.counts)
        figures["open"] = len(self.open)
        return " ".join(f"{name}={value}" for name, value in figures.items())


def verify(folder, key, since):
    kept = read_kept(since) if since else None
    if kept and not key.signed(kept):
        raise SystemExit("the kept checkpoint was signed by another key")
    try:
        return True, "good " + Log(folder, key, kept).figures(), ""
    except Bad as bad:
        return False, f"bad {bad.sequence}", str(bad)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--key", required=True, help="PEM file, BEGIN PUBLIC KEY")
    parser.add_argument("--since", help="a kept checkpoint in its text form")
    parser.add_argument("--batch", help="a file with `folder TAB checkpoint-or-dash` a line; one result a line, exit 0")
    arguments = parser.parse_args()
    key = Key(arguments.key)
    if arguments.batch:
        with open(arguments.batch, encoding="utf-8") as lines:
            for line in lines:
                folder, since = line.rstrip("\n").split("\t")
                print(verify(folder, key, None if since == "-" else since)[1])
        return 0
    if not arguments.folder:
        parser.error("a folder or --batch is needed")
    good, line, reason = verify(arguments.folder, key, arguments.since)
    print(f"{line} {reason}".rstrip())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
