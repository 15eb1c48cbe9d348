"""Transforms in plain Python, written from docs/formats/transforms.md: their matrices, and how factors are stored."""
import math
import struct


def _character(x, p):
    """0, 1 for squares mod the prime p, else -1"""
    x %= p
    return 0 if x == 0 else 1 if any(root * root % p == x for root in range(1, p)) else -1


def paley_1(order):
    p = order - 1
    rows = [[1] + [-1] * p]
    for i in range(p):
        rows.append([1] + [1 if i == j else _character(i - j, p) for j in range(p)])
    return rows


def hadamard(n):
    """The Hadamard matrix of n = order * 2^k, for powers of two and the orders 12, 20, 60, whose matrices are Paley's first"""
    odd = n
    while odd % 2 == 0:
        odd //= 2
    order = 1 if odd == 1 else 4 * odd
    assert order in (1, 12, 20, 60), n
    inner = n // order
    outer = [[1]] if order == 1 else paley_1(order)
    return [[outer[i // inner][j // inner] * (-1) ** bin(i % inner & j % inner).count("1") for j in range(n)]
            for i in range(n)]


def rht(factors, block=None):
    """T of rht, or of block_rht: T[i][j] = U[j][i] * factors[j]"""
    n = len(factors)
    block = block or n
    u = hadamard(block)
    scale = 1 / math.sqrt(block)
    return [[u[j % block][i % block] * scale * factors[j] if i // block == j // block else 0.0 for j in range(n)]
            for i in range(n)]


def store(sign, factors):
    """(dtype, shape, bytes) of the buffer"""
    n = len(factors)
    if sign == "bit":
        bits = sum(1 << i for i, factor in enumerate(factors) if factor < 0)
        return "U8", ((n + 7) // 8,), bits.to_bytes((n + 7) // 8, "little")
    letter = {"f16": "e", "f32": "f"}[sign]
    return sign.upper(), (n,), struct.pack(f"<{n}{letter}", *factors)


def multiply(a, b):
    columns = list(zip(*b))
    return [[math.fsum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def transpose(a):
    return [list(column) for column in zip(*a)]
