// IQ2_XXS with everything searched: every point of the grid, signs together with it, the levels that the decoder has,
// scales as they are stored. The same bytes at every instruction set. Fixed-width types only: the *_avx* files include
// it.
//
// With a = |x|, point p and scale s a block of eight costs sum w (a - s g)^2 = const - 2 s A + s^2 B, where
// A[p] = sum w a g[p] and B[p] = sum w g[p]^2 do not depend on s. Where the number of minus signs is odd one sign must
// be wrong, and the cheapest makes A[p] smaller by 2 min w a g[p]. So all 256 points are tried for any scale by one
// multiplication and one addition each.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dwubit::ggml {

struct Iq2SearchTable {
    alignas(64) float level[8][256];   // g: coordinate i of point p, 8, 25 or 43
    alignas(64) float square[8][256];  // g^2
};

const Iq2SearchTable& iq2_search_table();

// How a weight's importance becomes the weight of its squared error.
enum class Iq2Weighting { kReference, kImportance };  // times sqrt(variance + x^2), as llama.cpp does; as it is

// One row, as BlockType::encode has it.
void encode_iq2_xxs_exhaustive(const float* row, std::int64_t blocks, const float* importance, Iq2Weighting weighting,
                               std::byte* out);

// Eights of one column block, one per row, each to the point and signs of least weighted error for the row's scale,
// which is d (code + 1/2) / 4.
//   target  [8, rows]: coordinate i of row r at i * rows + r
//   weights [8], none negative
//   scales  [rows]
//   value   [8, rows]: as the decoder has it, to the bit
//   codes   [rows]: the point, and above it the seven signs
void round_iq2_eights(const float* target, const float* weights, const float* scales, std::int64_t rows, float* value,
                      std::int32_t* codes);

#define DWUBIT_IQ2_ROUND(name)                                                                             \
    void name(const Iq2SearchTable& table, const float* target, const float* weights, const float* scales, \
              std::int64_t rows, float* value, std::int32_t* codes)
DWUBIT_IQ2_ROUND(iq2_round_f32_ref);
DWUBIT_IQ2_ROUND(iq2_round_f32_avx2);
DWUBIT_IQ2_ROUND(iq2_round_f32_avx512);

#define DWUBIT_IQ2_SEARCH(name)                                                                            \
    void name(const Iq2SearchTable& table, const float* row, std::int64_t blocks, const float* importance, \
              Iq2Weighting weighting, std::byte* out)
DWUBIT_IQ2_SEARCH(iq2_search_f32_ref);
DWUBIT_IQ2_SEARCH(iq2_search_f32_avx2);
DWUBIT_IQ2_SEARCH(iq2_search_f32_avx512);

}  // namespace dwubit::ggml
