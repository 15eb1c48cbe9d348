#include "ggml/iq2_search_inl.h"

namespace dwubit::ggml {

DWUBIT_IQ2_SEARCH(iq2_search_f32_avx512) {
    search_row(table, row, blocks, importance, weighting, out);
}

}  // namespace dwubit::ggml
