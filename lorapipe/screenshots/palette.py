"""Pictures with a palette of 256 colours: a third of the size. The browser counts the colours, Python writes the file."""

import base64
import struct
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

PNG_BEGIN = b"\x89PNG\r\n\x1a\n"
INDEXED = (
    8,
    3,
    0,
    0,
    0,
)  # bits, kind of colour, and the only compression, filter and interlace that we write
# Keeps the 256 colours that occur most often and replaces each other one by the nearest of them, which is one of the many
# shades at the edge of a letter. Returns the palette and the number of the colour of each pixel, both as base64.
COUNT_COLOURS = """async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const {data} = context.getImageData(0, 0, image.width, image.height);
  const counts = new Map();
  const colours = new Uint32Array(data.length / 4);
  for (let at = 0; at < colours.length; at++) {
    const colour = (data[4 * at] << 16) | (data[4 * at + 1] << 8) | data[4 * at + 2];
    colours[at] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const kept = [...counts].sort((one, other) => other[1] - one[1] || one[0] - other[0]).slice(0, 256).map(([it]) => it);
  const places = new Map(kept.map((colour, place) => [colour, place]));
  const part = (colour, shift) => (colour >> shift) & 255;
  const nearest = (colour) => {
    let best = 0, least = Infinity;
    kept.forEach((other, place) => {
      const far = [16, 8, 0].reduce((sum, shift) => sum + (part(colour, shift) - part(other, shift)) ** 2, 0);
      if (far < least) { best = place; least = far; }
    });
    places.set(colour, best);
    return best;
  };
  const pixels = Uint8Array.from(colours, (colour) => places.get(colour) ?? nearest(colour));
  const palette = Uint8Array.from(kept.flatMap((colour) => [part(colour, 16), part(colour, 8), part(colour, 0)]));
  const encode = (bytes) => {
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  };
  return {width: image.width, height: image.height, palette: encode(palette), pixels: encode(pixels)};
}"""


def reduce_colours(png: bytes, empty_page: "Page") -> bytes:
    """The same picture with at most 256 colours. The page is a blank one, whose content policy allows the picture."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    found: dict[str, Any] = empty_page.evaluate(COUNT_COLOURS, source)
    palette, pixels = (base64.b64decode(found[name]) for name in ("palette", "pixels"))
    return write_png(found["width"], found["height"], palette=palette, pixels=pixels)


def write_png(width: int, height: int, *, palette: bytes, pixels: bytes) -> bytes:
    """A PNG file of pixels that are places in the palette, which has three bytes for each colour."""
    # A line begins with its filter. None is best for flat areas.
    lines = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, *INDEXED)
    parts = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return PNG_BEGIN + b"".join(_write_chunk(kind, body) for kind, body in parts)


def _write_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
