#include "runtime/transforms/parameters.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/float16.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::int64_t kMaxSize = std::int64_t{1} << 24;

bool is_negative(const TensorView& bits, std::size_t i) {
    return (std::to_integer<unsigned>(bits.bytes[i / 8]) >> (i % 8) & 1) != 0;
}

DType sign_dtype(const std::string& sign) {
    return sign == "bit" ? DType::kU8 : sign == "f16" ? DType::kF16 : DType::kF32;
}

// Whether it is stored as it is.
bool store(const std::string& sign, float value, std::size_t i, std::vector<std::byte>& bytes) {
    if (sign == "bit") {
        if (value < 0) bytes[i / 8] |= static_cast<std::byte>(1U << (i % 8));
        return std::abs(value) == 1;
    }
    if (sign == "f16") {
        const F16 half = to_f16(value);
        std::memcpy(bytes.data() + i * sizeof(half), &half, sizeof(half));
        return to_float(half) == value && std::isfinite(value);
    }
    std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
    return std::isfinite(value);
}

}  // namespace

Result<void> check_transform_size(std::int64_t n) {
    if (n >= 1 && n <= kMaxSize) return {};
    return errorf(ErrorKind::kInvalidInput, "a transform of {} features: expected 1 to {}", n, kMaxSize);
}

Result<void> refuse_other_params(const Json& params, std::initializer_list<const char*> known) {
    if (!params.is_object()) return make_error(ErrorKind::kInvalidInput, "params must be an object");
    std::string names;
    for (const char* name : known) names += (names.empty() ? "" : ", ") + std::string(name);
    for (const auto& [key, value] : params.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        return errorf(ErrorKind::kInvalidInput, "params: '{}' is not known", printable(key))
            .with_hint(names.empty() ? "there are none" : names);
    }
    return {};
}

Result<void> refuse_factors(std::string_view id, std::span<const float> factors) {
    if (factors.empty()) return {};
    return errorf(ErrorKind::kInvalidInput, "transform {} has no factors", id);
}

Result<std::string> read_sign(const Json& params, const char* fallback, bool may_be_none) {
    const Fields fields(params, "params");
    DWUBIT_ASSIGN(std::string sign,
                  fields.string("sign", fallback != nullptr ? std::optional<std::string>(fallback) : std::nullopt));
    if (sign == "bit" || sign == "f16" || sign == "f32" || (may_be_none && sign == "none")) return sign;
    return fields.invalid("sign",
                          may_be_none ? "\"bit\", \"f16\", \"f32\" or \"none\"" : "\"bit\", \"f16\" or \"f32\"");
}

std::vector<TransformField> sign_fields(const std::string& sign, std::int64_t n, Side side) {
    if (sign == "none") return {};
    return {{side == Side::kIn ? "sign_in" : "sign_out", sign_dtype(sign), {sign == "bit" ? (n + 7) / 8 : n}}};
}

Result<std::vector<float>> read_factors(const std::string& sign, std::int64_t n, const TensorView& buffer) {
    std::vector<float> factors(static_cast<std::size_t>(n));
    if (sign == "bit") {
        for (std::size_t i = 0; i < factors.size(); ++i) factors[i] = is_negative(buffer, i) ? -1.0f : 1.0f;
        return factors;
    }
    DWUBIT_TRY(read_as_f32(buffer, factors));
    const auto bad = std::find_if_not(factors.begin(), factors.end(), [](float x) { return std::isfinite(x); });
    if (bad == factors.end()) return factors;
    return errorf(ErrorKind::kInvalidInput, "field '{}' has a value that is not finite at element {}", buffer.name,
                  bad - factors.begin());
}

Result<std::vector<std::vector<std::byte>>> write_factors(const std::string& sign, std::int64_t n,
                                                          std::span<const float> factors) {
    std::vector<std::vector<std::byte>> buffers;
    if (sign == "none") {
        DWUBIT_TRY(refuse_factors("with sign \"none\"", factors));
        return buffers;
    }
    if (static_cast<std::int64_t>(factors.size()) != n) {
        return errorf(ErrorKind::kInvalidInput, "{} factors for {} features", factors.size(), n);
    }
    const auto size = static_cast<std::size_t>(n);
    std::vector<std::byte> bytes(sign == "bit" ? (size + 7) / 8 : size * dtype_size(sign_dtype(sign)));
    for (std::size_t i = 0; i < size; ++i) {
        if (store(sign, factors[i], i, bytes)) continue;
        return errorf(ErrorKind::kInvalidInput, "factor {} is {}, which sign \"{}\" does not hold exactly", i,
                      factors[i], sign);
    }
    buffers.push_back(std::move(bytes));
    return buffers;
}

}  // namespace dwubit
