"""Format uniform_group version 1 in plain Python, written from docs/formats/uniform_group.md: codes to bytes and to values."""
import struct


def stream(codes, bits):
    """Codes one after the other from the lowest bit of the first byte on"""
    number = 0
    for place, code in enumerate(codes):
        number |= code << (place * bits)
    return number.to_bytes((len(codes) * bits + 7) // 8, "little")


def groups(columns, params):
    return -(-columns // params["group"])


def pack(shape, params, codes, scales, zeros=None, perm=None):
    """{field: (dtype, shape, bytes)}; codes, scales and zeros are lists of rows"""
    rows, columns = shape
    bits, per_row = params["bits"], groups(columns, params)
    packed = [stream(row, bits) for row in codes]
    fields = {"codes": ("U8", (rows, len(packed[0])), b"".join(packed)),
              "scales": ("F16", (rows, per_row), b"".join(struct.pack("<e", x) for row in scales for x in row))}
    if zeros is not None:
        data = stream([zero for row in zeros for zero in row], bits)
        fields["zeros"] = ("U8", (len(data),), data)
    if perm is not None:
        fields["perm"] = ("U16", (columns,), struct.pack(f"<{columns}H", *perm))
    return fields


def values(shape, params, codes, scales, zeros=None, perm=None):
    """Rows of W with the columns in the model's order"""
    rows, columns = shape
    result = [[0.0] * columns for _ in range(rows)]
    for r in range(rows):
        for j in range(columns):
            g = j // params["group"]
            offset = zeros[r][g] if zeros is not None else (2 ** params["bits"] - 1) / 2
            result[r][perm[j] if perm is not None else j] = scales[r][g] * (codes[r][j] - offset)
    return result


def random_codes(generator, shape, params):
    """Arguments of pack() and values() after `params`; scales are halves of either sign, exact in F16"""
    rows, columns = shape
    limit, per_row = 2 ** params["bits"], groups(columns, params)

    def matrix(make, width):
        return [[make() for _ in range(width)] for _ in range(rows)]

    codes = matrix(lambda: generator.randrange(limit), columns)
    scales = matrix(lambda: generator.choice((-1, 1)) * generator.randint(1, 64) / 1024, per_row)
    zeros = matrix(lambda: generator.randrange(limit), per_row) if params["grid"] == "zero" else None
    perm = generator.sample(range(columns), columns) if params["perm"] else None
    return codes, scales, zeros, perm
