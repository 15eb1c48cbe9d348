"""Format trellis version 1 in plain Python, written from docs/formats/trellis.md: codes to bytes and to values."""
import struct


def float32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def float16(x):
    return struct.unpack("<e", struct.pack("<e", x))[0]


def half(bits):
    return struct.unpack("<e", struct.pack("<H", bits))[0]


def values_of_state(code, state, table):
    """The weights of a state before the scale: one, for hyb two"""
    if code == "1mad":
        total = sum(((34038481 * state + 76625530) % 2**32).to_bytes(4, "little"))
        return [float32((total - 510) / 147.800537109375)]
    if code == "mul1":
        total = sum((0x83DCD12D * state % 2**32).to_bytes(4, "little"))
        return [float32((1024 + total) * half(0x1EEE) + half(0xC931))]
    if code == "3inst":
        x = (89226354 * state + 64248484) % 2**32 & 0x8FFF8FFF ^ 0x3B603B60
        return [float16(half(x & 0xFFFF) + half(x >> 16))]
    hashed = state * (state + 1)
    first, second = table[hashed >> 6 & 511]
    return [-first if hashed >> 15 & 1 else first, second]


def place(code, bits, p):
    """Row and column of element p of a tile's sequence"""
    if code != "hyb" or bits == 1:
        return p // 16, p % 16
    b, d, c, a, e = p // 32, p // 8 % 4, p // 4 % 2, p // 2 % 2, p % 2
    return 8 * a + b, 8 * c + 2 * d + e


def stream(codes, step_bits):
    return "".join(format(code, f"0{step_bits}b") for code in codes)


def step_values(params):
    return 2 if params["code"] == "hyb" else 1


def pack(shape, params, codes, scale, table):
    """{field: (dtype, shape, bytes)}; codes is a list of bands of tiles"""
    bits = params["bits"]
    data = bytearray()
    for band in codes:
        for tile in band:
            line = stream(tile, bits * step_values(params))
            parts = [line[16 * bits * r:16 * bits * (r + 1)] for r in range(16)]
            for first in range(0, 16 * bits, 32):
                for part in parts:
                    piece = part[first:first + 32]
                    data += int(piece, 2).to_bytes(len(piece) // 8, "little")
    fields = {"codes": ("U8", (shape[0] // 16, shape[1] * 2 * bits), bytes(data)),
              "scales": ("F32", (1,), struct.pack("<f", scale))}
    if table:
        fields["codebook.0"] = ("F16", (512, 2), b"".join(struct.pack("<2e", *pair) for pair in table))
    return fields


def values(shape, params, codes, scale, table):
    """Rows of W"""
    step_bits = params["bits"] * step_values(params)
    result = [[0.0] * shape[1] for _ in range(shape[0])]
    for i, band in enumerate(codes):
        for j, tile in enumerate(band):
            line = stream(tile, step_bits)
            line += line[:16]
            sequence = []
            for t in range(len(tile)):
                sequence += values_of_state(params["code"], int(line[step_bits * t:step_bits * t + 16], 2), table)
            for p, value in enumerate(sequence):
                row, column = place(params["code"], params["bits"], p)
                result[16 * i + row][16 * j + column] = float32(value * scale)
    return result


def random_codes(generator, shape, params):
    """Arguments of pack() and values() after `params`"""
    steps = 256 // step_values(params)
    codes = [[[generator.randrange(2 ** (params["bits"] * step_values(params))) for _ in range(steps)]
              for _ in range(shape[1] // 16)] for _ in range(shape[0] // 16)]
    table = None
    if params["code"] == "hyb":
        table = [(float16(generator.gauss(0, 1)), float16(generator.gauss(0, 1))) for _ in range(512)]
    return codes, float32(generator.uniform(0.01, 0.1)), table
