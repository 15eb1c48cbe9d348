#include "ggml/iq2_search.h"

#include <memory>

#include "ggml/tables.h"
#include "runtime/cpu/isa.h"

namespace dwubit::ggml {
namespace {

std::unique_ptr<const Iq2SearchTable> make_table() {
    auto table = std::make_unique<Iq2SearchTable>();
    for (std::size_t p = 0; p < kIq2XxsGrid.size(); ++p) {
        for (std::size_t i = 0; i < 8; ++i) {
            const auto level = static_cast<float>(kIq2Levels[kIq2XxsGrid[p] >> (2 * i) & 3u]);
            table->level[i][p] = level;
            table->square[i][p] = level * level;
        }
    }
    return table;
}

}  // namespace

const Iq2SearchTable& iq2_search_table() {
    static const std::unique_ptr<const Iq2SearchTable> table = make_table();
    return *table;
}

void encode_iq2_xxs_exhaustive(const float* row, std::int64_t blocks, const float* importance, Iq2Weighting weighting,
                               std::byte* out) {
    const Isa isa = active_isa().isa;
    const auto search = isa == Isa::kAvx512 ? iq2_search_f32_avx512
                        : isa == Isa::kAvx2 ? iq2_search_f32_avx2
                                            : iq2_search_f32_ref;
    search(iq2_search_table(), row, blocks, importance, weighting, out);
}

void round_iq2_eights(const float* target, const float* weights, const float* scales, std::int64_t rows, float* value,
                      std::int32_t* codes) {
    const Isa isa = active_isa().isa;
    const auto round = isa == Isa::kAvx512 ? iq2_round_f32_avx512
                       : isa == Isa::kAvx2 ? iq2_round_f32_avx2
                                           : iq2_round_f32_ref;
    round(iq2_search_table(), target, weights, scales, rows, value, codes);
}

}  // namespace dwubit::ggml
