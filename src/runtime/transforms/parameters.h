// What the parameters of several transforms have in common: the dtype of factors, refusals.
#pragma once

#include <initializer_list>

#include "runtime/transforms/transform.h"

namespace dwubit {

// Sizes that any transform may have: 1 to 2^24.
Result<void> check_transform_size(std::int64_t n);
// `params` is an object without members but these.
Result<void> refuse_other_params(const Json& params, std::initializer_list<const char*> known);
// Of a transform that has none.
Result<void> refuse_factors(std::string_view id, std::span<const float> factors);

// Member "sign": how the factors are stored, "bit" (+1 and -1, one bit each: 1 is -1), "f16" or "f32". `fallback`: what
// an absent member means; nullptr: it has to be there. "none" (no factors) where `may_be_none`.
Result<std::string> read_sign(const Json& params, const char* fallback, bool may_be_none = false);
// sign_in or sign_out, [n] in the dtype of `sign`; nothing for "none".
std::vector<TransformField> sign_fields(const std::string& sign, std::int64_t n, Side side);
// The factors in that buffer; an error where one is not finite.
Result<std::vector<float>> read_factors(const std::string& sign, std::int64_t n, const TensorView& buffer);
// The inverse; an error where a factor is not exactly what the dtype holds.
Result<std::vector<std::vector<std::byte>>> write_factors(const std::string& sign, std::int64_t n,
                                                          std::span<const float> factors);

}  // namespace dwubit
