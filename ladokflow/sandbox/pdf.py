"""PDF files as plain as can be: pages of text in one of the fonts that every reader has. The same text gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT, MARGIN, LEADING = 595, 842, 60, 16  # points, of an A4 page
LINES = (HEIGHT - 2 * MARGIN) // LEADING


def pdf(lines: Sequence[str], *, padding: int = 0) -> bytes:
    """The lines, on as many pages as they take. `padding`: so many bytes more, in an object that no page shows."""
    pages = [lines[start : start + LINES] for start in range(0, max(len(lines), 1), LINES)]
    first = 4  # after the catalogue, the list of pages and the font
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        contents = first + 2 * number + 1
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {contents} 0 R >>".encode()
        )
        objects.append(_stream(_text(page)))
    if padding:
        objects.append(_stream(b"\0" * padding))
    return _file(objects)


def _text(lines: Sequence[str]) -> bytes:
    shown = b" T* ".join(b"(" + _escaped(line) + b") Tj" for line in lines)
    return f"BT /F1 11 Tf {LEADING} TL {MARGIN} {HEIGHT - MARGIN} Td ".encode() + shown + b" ET"


def _escaped(line: str) -> bytes:
    encoded = line.encode("cp1252", "replace")
    return encoded.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _stream(content: bytes) -> bytes:
    return f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
    places, size = [], len(parts[0])
    for number, content in enumerate(objects, start=1):
        places.append(size)
        parts.append(f"{number} 0 obj\n".encode() + content + b"\nendobj\n")
        size += len(parts[-1])
    table = [f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n", *(f"{place:010} 00000 n \n" for place in places)]
    table.append(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{size}\n%%EOF\n")
    return b"".join([*parts, "".join(table).encode()])
