// Hadamard matrices: square, of +1 and -1, with A AT = n I.
//
// Those of QuIP#'s and QTIP's checkpoints, order by order entry for entry (they stem from Sloane's collection), and by
// the same constructions orders that fill the gaps between them. No tables: closed forms.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

// A square matrix of +1 and -1, row-major.
struct SignMatrix {
    int order = 0;
    std::vector<std::int8_t> entries;

    std::int8_t at(int row, int column) const {
        return entries[static_cast<std::size_t>(row) * static_cast<std::size_t>(order) +
                       static_cast<std::size_t>(column)];
    }
};

// The matrix of this order, which is a multiple of 4 and no power of two; nothing where this build has none. Shared by
// all callers, made once.
const SignMatrix* hadamard_matrix(int order);

// The largest order that hadamard_matrix() has.
inline constexpr int kMaxHadamardOrder = 512;

// n = order * 2^log2: the Hadamard matrix of n is that of the order (x) Sylvester's. Order 1: a power of two.
struct HadamardSize {
    int order = 1;
    int log2 = 0;
};

// The smallest order that does; nothing where there is none. For every size that QuIP# has a transform for it is
// QuIP#'s.
std::optional<HadamardSize> hadamard_size(std::int64_t n);
// The same with an error that names the size and the nearest ones.
Result<HadamardSize> require_hadamard_size(std::int64_t n);

}  // namespace dwubit
