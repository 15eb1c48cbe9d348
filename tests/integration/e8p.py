"""Format e8p version 1 in plain Python, written from docs/formats/e8p.md: codes to bytes and to values."""
import itertools
import struct

LONG_ROWS = """31113333 13113333 11313333 11133333 33313311 33313131 33311331 33313113 33311313 33311133 33133311 33133131
33131331 33133113 33131313 33131133 31333311 31333131 31331331 31333113 31331313 13331133 13333311 13333131 13331331 13333113
13331313 11331333 33113331""".split()
# twice the absolute values
ROWS = [row for row in itertools.product((1, 3, 5), repeat=8) if sum(v * v for v in row) <= 40]
ROWS += [tuple(int(digit) for digit in row) for row in LONG_ROWS]
SIGN_BIT = (0, 4, 1, 5, 2, 6, 3, 7)


def short_points():
    """Twice the 256 points of the second stage at 3 bits"""
    whole = [p for p in itertools.product((-2, 0, 2), repeat=8) if sum(v * v for v in p) <= 8 and sum(p) % 4 == 0]
    halves = [p for p in itertools.product((-1, 1), repeat=8) if sum(p) % 4 == 0]
    long = [tuple(sign * (i == j) for i in range(8)) for sign in (4, -4) for j in range(8)]
    return whole + halves + long[:-1]


SHORT_POINTS = short_points()


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def point(code):
    """The eight values of a code of E8P"""
    row, signs = ROWS[code >> 8], code & 255
    parity = bin(signs).count("1") % 2
    result = []
    for i in range(8):
        value = row[i] / 2
        if (signs ^ parity) >> SIGN_BIT[i] & 1:
            value = -value
        if i == 7 and sum(row) // 2 % 2 == 1:
            value = -value
        result.append(value + (-0.25 if parity else 0.25))
    return result


def blocks(columns):
    return -(-columns // 8)


def pack(shape, params, codes, scale):
    """{field: (dtype, shape, bytes)}; codes is a list of rows"""
    bits, count = params["bits"], blocks(shape[1])
    data = bytearray()
    for row in codes:
        for first in range(0, count, 32):
            for plane in range(bits):
                data += bytes(code >> 8 * (bits - 1 - plane) & 255 for code in row[first:first + 32])
    return {"codes": ("U8", (shape[0], count * bits), bytes(data)), "scales": ("F32", (1,), struct.pack("<f", scale))}


def values(shape, params, codes, scale):
    """Rows of W; each operation rounded to float32"""
    result = []
    for row in codes:
        line = []
        for code in row:
            if params["bits"] == 2:
                line += [float32(scale * p) for p in point(code)]
                continue
            factor = float32(1 / params["residual"])
            if params["bits"] == 3:
                first, second = point(code >> 8), [v / 2 for v in SHORT_POINTS[code & 255]]
            else:
                first, second = point(code >> 16), point(code & 65535)
            line += [float32(scale * float32(p + float32(q * factor))) for p, q in zip(first, second)]
        result.append(line[:shape[1]])
    return result


def random_codes(generator, shape, params):
    """Arguments of pack() and values() after `params`"""
    codes = [[generator.randrange(2 ** (8 * params["bits"])) for _ in range(blocks(shape[1]))] for _ in range(shape[0])]
    return codes, float32(generator.uniform(0.01, 0.1))
