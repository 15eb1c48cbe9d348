#include "ggml/iq2_search_inl.h"

namespace dwubit::ggml {

DWUBIT_IQ2_SEARCH(iq2_search_f32_avx2) {
    search_row(table, row, blocks, importance, weighting, out);
}

DWUBIT_IQ2_ROUND(iq2_round_f32_avx2) {
    round_eights(table, target, weights, scales, rows, value, codes);
}

}  // namespace dwubit::ggml
