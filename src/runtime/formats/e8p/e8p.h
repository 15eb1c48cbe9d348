// Format e8p: a code of 16 bits is a point of a lattice in eight dimensions, one scale for the matrix; at 3 and 4 bits
// a second code says what the first left. docs/formats/e8p.md
//
//   2 bits   value = scale * p                  p = decode(code)
//   3, 4     value = scale * (p + q / residual)   q the second code's point: of E8 at 3 bits, of E8P again at 4
#pragma once

#include "runtime/formats/format.h"

namespace dwubit {

struct E8pParams {
    int bits = 2;
    double residual = 0;  // 3 and 4 bits: by how much the second stage is finer

    // What QuIP#'s released models use.
    static double default_residual(int bits) { return bits == 3 ? 2.04 : 3.45; }
};

Json to_json(const E8pParams& params);
Result<E8pParams> e8p_params(const Json& params, const Shape& shape);

const Format& e8p_format();

}  // namespace dwubit
