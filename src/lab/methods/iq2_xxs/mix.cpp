#include "lab/methods/iq2_xxs/mix.h"

#include <string_view>

namespace dwubit::lab {
namespace {

std::string_view wanted_type(const MixPlace& place) {
    if (place.role == MixRole::kValue) return place.heads_per_kv_head >= 4 ? "Q4_K" : "Q2_K";
    if (place.role == MixRole::kDown && place.layer < place.layers / 8) return "Q2_K";
    return "IQ2_XXS";
}

// With blocks of 32 weights instead of 256.
std::string_view small_type(std::string_view type) {
    if (type == "Q4_K") return "Q5_0";
    return type == "Q2_K" ? "Q4_0" : "IQ4_NL";
}

}  // namespace

const BlockType* iq2_xxs_mix(const MixPlace& place, std::int64_t columns) {
    const std::string_view wanted = wanted_type(place);
    const BlockType* const type = find_block_type(columns % 256 == 0 ? wanted : small_type(wanted));
    return columns % type->weights == 0 ? type : nullptr;
}

}  // namespace dwubit::lab
