"""Reads Kith's segments in Python, to show that docs/format-segment.md is enough to write a second reader.

    pip install -r tests/python/requirements.txt
    python tests/python/segment.py

It opens every test vector of that page and stops at the first that does not agree. It knows nothing of the Rust code.
"""

import pathlib
import re
import struct

import zstandard
from blake3 import blake3
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as aead_open
from nacl.signing import SigningKey, VerifyKey

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def derive(context, key):
    return blake3(key, derive_key_context=context).digest()


def keyed(key, data):
    return blake3(data, key=key).digest()


def padme(length):
    exponent = max(length, 2).bit_length() - 1
    step = 1 << (exponent - (exponent.bit_length() - 1) - 1)
    return -(-length // step) * step


def cbor(data, at=0):
    """One canonical value and where the next begins."""
    major, small = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return {20: False, 21: True, 22: None}[small], at
    number = small
    if small >= 24:
        width = 1 << (small - 24)
        assert width <= 8, "a length that is not definite"
        number, at = int.from_bytes(data[at:at + width], "big"), at + width
        assert number >= (24 if width == 1 else 1 << (8 * width // 2)), "not the shortest form"
    if major == 0:
        return number, at
    if major in (2, 3):
        piece, at = bytes(data[at:at + number]), at + number
        assert at <= len(data), "cut short"
        return (piece if major == 2 else piece.decode()), at
    values = []
    for _ in range(number * (2 if major == 5 else 1)):
        value, at = cbor(data, at)
        values.append(value)
    if major == 4:
        return values, at
    assert major == 5, "not written by Kith"
    keys = values[::2]
    assert all(a < b for a, b in zip(keys, keys[1:])), "keys that do not rise"
    return dict(zip(keys, values[1::2])), at


def whole(data):
    value, end = cbor(data)
    assert end == len(data), "something follows"
    return value


def unpad(data):
    (length,) = struct.unpack(">I", data[:4])
    assert 4 + length <= len(data) and not any(data[4 + length:]), "wrong padding"
    return data[4:4 + length]


def verify(device, purpose, signed, signature):
    VerifyKey(device).verify(purpose + blake3(signed).digest(), signature)


def open_signed(data, head, context, root, purpose, author):
    """What stands sealed and signed behind a head that ends with a nonce: the map, and its bytes."""
    body = aead_open(data[head:], data[:head], data[head - 24:head], derive(context, root))
    assert len(body) == padme(len(body))
    frame = unpad(body[64:])
    assert 0 <= zstandard.frame_content_size(frame) <= 1024 * 1024, "a bomb"
    plain = zstandard.ZstdDecompressor().decompress(frame)
    text = whole(plain)
    verify(text[author], purpose, data[:head] + body[64:], body[:64])
    return text, plain


def open_segment(data, notebook_tag, root):
    """The header's number and the contents of a whole segment."""
    magic, suite, zeros, tag, key_id, log_tag, seq, length = struct.unpack(">4sB3s16s8s16sQI", data[:60])
    assert (magic, suite, zeros) == (b"KTS1", 1, bytes(3)), "a newer version, or no segment"
    assert tag == notebook_tag and seq >= 1 and len(data) == 84 + length <= 256 * 1024
    text, plain = open_signed(data, 84, "kith 2026 segment key", root, b"kith/seg/1", 1)
    assert log_tag == keyed(derive("kith 2026 name key", root), text[2])[:16]
    assert (seq == 1) == (text[3] == bytes(32))
    return key_id, seq, text, plain


def open_entry(data, notebook_tag, root):
    """The map of an entry of the roster, and its bytes with the signature."""
    assert data[:8] == b"KTR1\x01\0\0\0" and data[8:24] == notebook_tag
    entry = unpad(aead_open(data[56:], data[:56], data[32:56], derive("kith 2026 roster entry key", root)))
    said = whole(entry[:-64])
    verify(said[2], b"kith/ros/1", entry[:-64], entry[-64:])
    return said, entry


# The blocks of the page that hold a name and a value a line, by the heading they stand under.
page, blocks, heading = pathlib.Path(__file__).parents[2] / "docs" / "format-segment.md", {}, ""
for title, block in re.findall(r"^#+ ([^\n]*)$|^```text\n(.*?)```", page.read_text(), re.M | re.S):
    heading = title or heading
    pairs = (re.split(r"\s{2,}", line) for line in block.splitlines())
    blocks.setdefault(heading, {}).update(pair for pair in pairs if len(pair) == 2)
keys = {name: bytes.fromhex(value) for name, value in blocks["Keys"].items()}
tag, root = keys["notebook_tag"], keys["root K"]
assert tag == derive("kith 2026 notebook tag", keys["epoch entry"])[:16]
assert keys["check"] == derive("kith 2026 epoch check", derive("kith 2026 roster entry key", root))
assert keys["device"] == SigningKey(derive("kith 2026 device signing", keys["keys seed"])).verify_key.encode()
before = bytes(32)
for number, heading in enumerate(["First segment", "Second segment"], 1):
    block = blocks[heading]
    data = bytes.fromhex(block["segment"])
    key_id, seq, text, plain = open_segment(data, tag, root)
    assert (key_id, seq, text[3]) == (keys["key_id"], number, before)
    assert (text[1], text[2], plain.hex()) == (keys["device"], keys["log"], block["cbor"])
    before = blake3(data).digest()
    assert before.hex() == block["hash"] and f"/{seq:016x}-{before.hex()[:8]}-0.kiths" in block["name"]
    print(heading, text)
part, name = (blocks["Checkpoint"][key] for key in ("part", "name"))
part, tag_of_checkpoint = bytes.fromhex(part), keyed(derive("kith 2026 name key", root), b"checkpoint")[:16]
assert part[:32] == b"KTC1\x01\0\0\0" + tag + keys["key_id"]
told, _ = open_signed(part, 56, "kith 2026 checkpoint key", root, b"kith/chk/1", 0)
assert name == f"c/{tag_of_checkpoint.hex()}/{596_000:016x}-{blake3(part).hexdigest()[:8]}-1-1.kithc"
print("Checkpoint", told)
assert all(padme(int(a)) == int(b) for a, b in blocks["Segment"].items() if a.isdigit())
said, entry = open_entry(bytes.fromhex(blocks["Entry"]["r/ file"]), tag, root)
assert (entry.hex(), blake3(entry).hexdigest()) == (blocks["Entry"]["entry"], blocks["Entry"]["hash"])
print("Entry", said)
bits = "".join(f"{CROCKFORD.index(letter):05b}" for letter in blocks["Recovery key"]["text"][5:].replace("-", ""))
paper = int(bits, 2).to_bytes(35, "big")
assert paper[:32].hex() == blocks["Recovery key"]["seed"]
assert paper[32:] == derive("kith 2026 checksum KITH", paper[:32])[:3]
print("every vector agrees")
