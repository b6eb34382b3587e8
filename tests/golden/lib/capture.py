# SPDX-License-Identifier: BSD-3-Clause
"""Capture files in the classic pcap format: lists of frames, as bytes, to and from disk."""
import struct

MAGIC_MICROSECONDS = 0xA1B2C3D4
MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
SNAP_LENGTH = 262144

FILE_HEADER = struct.Struct("<IHHiIII")
RECORD_HEADER = struct.Struct("<IIII")


def write(path, frames):
    with open(path, "wb") as file:
        file.write(FILE_HEADER.pack(MAGIC_MICROSECONDS, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET))
        pack = RECORD_HEADER.pack
        file.write(b"".join(pack(0, 0, len(frame), len(frame)) + frame for frame in frames))


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    magic, _, _, _, _, _, link = FILE_HEADER.unpack_from(data)
    if magic not in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS) or link != LINKTYPE_ETHERNET:
        raise ValueError(f"{path} is not a little-endian Ethernet capture")
    frames = []
    at = FILE_HEADER.size
    while at < len(data):
        _, _, captured, original = RECORD_HEADER.unpack_from(data, at)
        at += RECORD_HEADER.size
        if captured != original or at + captured > len(data):
            raise ValueError(f"{path}: frame {len(frames)} is cut short")
        frames.append(data[at : at + captured])
        at += captured
    return frames
