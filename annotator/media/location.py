"""Where a photograph was taken, taken out of its file: everything else of the file stays as it is, bit for bit.

Places that say it: the GPS directory of EXIF, XMP packets, and IPTC blocks (city, country). What is taken out is
overwritten where it stands, so that no length and no offset in the file changes; maker's notes are left alone.
Sources: EXIF 2.32 (JEITA CP-3451), section 4.6; TIFF 6.0, section 2; JPEG (ITU T.81), annex B; PNG 1.3 with eXIf;
WebP container (RFC 9649); XMP part 3.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

GPS_DIRECTORY = 0x8825  # in the first directory of EXIF: where that of the GPS begins
# Of XMP: exif:GPSLatitude and its like, and the places of IPTC Core and Photoshop.
XMP_PLACE = re.compile(rb"GPS|Location|:City|:State|:Country|Iptc4xmp")
# Bytes of one value of each TIFF type, by its number.
TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
MOST_ENTRIES = 1000  # of a directory; a damaged count is not followed further

EXIF_MARK, XMP_MARK, IPTC_MARK = b"Exif\0\0", b"http://ns.adobe.com/x", b"Photoshop 3.0\0"
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"iTXt", b"tEXt", b"zTXt")


def without_location(content: bytes) -> bytes:
    """A JPEG, PNG or WebP file without the place where it was taken; the same bytes where it has none.

    A file that is not well-formed is left as it is from the fault on: it was decoded before, so that its pixels are in
    front of it.
    """
    changed = bytearray(content)
    if content.startswith(b"\xff\xd8"):
        _clear_jpeg(changed)
    elif content.startswith(PNG_SIGNATURE):
        return _without_location_png(content)
    elif content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        _clear_webp(changed)
    return bytes(changed)


def _clear_jpeg(file: bytearray) -> None:
    for marker, start, end in _jpeg_segments(file):
        body = bytes(file[start:end])
        if marker == 0xE1 and body.startswith(EXIF_MARK):
            _clear_gps(file, start + len(EXIF_MARK), end)
        elif marker == 0xE1 and body.startswith(XMP_MARK) and XMP_PLACE.search(body):
            # The mark and its NUL stay: a packet of blanks, which readers take for none.
            blank_from = start + body.find(b"\0") + 1
            file[blank_from:end] = b" " * (end - blank_from)
        elif marker == 0xED and body.startswith(IPTC_MARK):
            file[start + len(IPTC_MARK) : end] = bytes(end - start - len(IPTC_MARK))


def _jpeg_segments(file: bytearray) -> Iterator[tuple[int, int, int]]:
    """(marker, first byte, end) of each segment's content, of the pictures that follow the first one too."""
    at = 0
    while (at := file.find(b"\xff", at)) >= 0 and at + 1 < len(file):
        marker = file[at + 1]
        if marker in (0x00, 0xFF) or marker in WITHOUT_LENGTH or marker == EOI:
            at += 1 if marker == 0xFF else 2  # stuffed, a filler, or a mark without content
            continue
        if at + 4 > len(file):
            return
        length = int.from_bytes(file[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(file):
            return
        yield marker, at + 4, at + 2 + length
        # After SOS come the pixels, in which the search for the next mark goes on.
        at += 2 + length


def _without_location_png(content: bytes) -> bytes:
    kept = [PNG_SIGNATURE]
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            break
        body = bytearray(content[at + 8 : end - 4])
        if kind == b"eXIf":
            _clear_gps(body, 0, len(body))
            kept += [
                struct.pack(">I4s", length, kind),
                bytes(body),
                struct.pack(">I", zlib.crc32(kind + body)),
            ]
        elif not (kind in PNG_TEXTS and _may_tell_place(bytes(body))):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _may_tell_place(text: bytes) -> bool:
    """Of a text chunk: XMP, or a whole EXIF or IPTC block in hexadecimal, which ImageMagick writes."""
    keyword = text.partition(b"\0")[0]
    is_profile = keyword.startswith(b"Raw profile type") and not keyword.endswith((b"icc", b"icm"))
    return keyword == b"XML:com.adobe.xmp" or is_profile


def _clear_webp(file: bytearray) -> None:
    at = 12
    while at + 8 <= len(file):
        kind, length = struct.unpack_from("<4sI", file, at)
        start, end = at + 8, min(len(file), at + 8 + length)
        if kind == b"EXIF":
            _clear_gps(file, start + (len(EXIF_MARK) if file[start:end].startswith(EXIF_MARK) else 0), end)
        elif kind == b"XMP " and XMP_PLACE.search(file[start:end]):
            file[start:end] = b" " * (end - start)
        at = start + length + length % 2


def _clear_gps(file: bytearray, start: int, end: int) -> None:
    """Empties the GPS directory of a TIFF block, and takes its entry out of the first directory."""
    tiff = memoryview(file)[start:end]
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    entries = _entries(tiff, order, first)
    for place in entries:
        (tag,) = struct.unpack_from(f"{order}H", tiff, place)
        if tag == GPS_DIRECTORY:
            (directory,) = struct.unpack_from(f"{order}I", tiff, place + 8)
            _wipe(tiff, order, directory)
            # The entries behind it and the offset of the next directory move up; nothing else is counted from here.
            rest_end = min(len(tiff), first + 2 + 12 * len(entries) + 4)
            rest = bytes(tiff[place + 12 : rest_end])
            tiff[place : place + len(rest)] = rest
            tiff[place + len(rest) : rest_end] = bytes(rest_end - place - len(rest))
            struct.pack_into(f"{order}H", tiff, first, len(entries) - 1)
            return


def _wipe(tiff: memoryview, order: str, directory: int) -> None:
    """Overwrites a directory and the values that its entries point to with zeros."""
    entries = _entries(tiff, order, directory)
    for place in entries:
        kind, count, offset = struct.unpack_from(f"{order}HII", tiff, place + 2)
        size = TIFF_BYTES.get(kind, 1) * count
        if 4 < size <= len(tiff) - min(offset, len(tiff)):
            tiff[offset : offset + size] = bytes(size)
    end = min(len(tiff), directory + 2 + 12 * len(entries))
    if directory < end:
        tiff[directory:end] = bytes(end - directory)


def _entries(tiff: memoryview, order: str, directory: int) -> list[int]:
    """Where the entries of a directory begin; none where it lies outside of the block."""
    if not 8 <= directory <= len(tiff) - 2:
        return []
    (count,) = struct.unpack_from(f"{order}H", tiff, directory)
    fitting = (len(tiff) - directory - 2) // 12
    return [directory + 2 + 12 * k for k in range(min(count, fitting, MOST_ENTRIES))]
