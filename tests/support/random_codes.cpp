#include "support/random_codes.h"

#include <numeric>

#include "base/check.h"
#include "base/float16.h"
#include "base/philox.h"

namespace dwubit::testing {
namespace {

template <class T>
void fill_integers(Field& field, std::uint64_t limit, Philox& random) {
    if (limit == 0) limit = std::uint64_t{1} << (8 * sizeof(T));
    for (T& value : field.as<T>()) value = static_cast<T>(random.next_below(limit));
}

void fill_permutation(Field& field, Philox& random) {
    const auto perm = field.as<std::uint32_t>();
    std::iota(perm.begin(), perm.end(), 0U);
    for (std::size_t i = perm.size(); i > 1; --i) std::swap(perm[i - 1], perm[random.next_below(i)]);
}

}  // namespace

Codes random_codes(const Format& format, const Json& params, const Shape& shape, std::uint64_t seed) {
    Codes codes{shape, params, {}};
    Philox random(seed);
    for (const FieldSpec& spec : format.code_fields(params, shape)) {
        Field field = make_field(spec);
        if (spec.name == "perm") {
            fill_permutation(field, random);
        } else if (spec.dtype == DType::kU8) {
            fill_integers<std::uint8_t>(field, spec.limit, random);
        } else if (spec.dtype == DType::kU16) {
            fill_integers<std::uint16_t>(field, spec.limit, random);
        } else if (spec.dtype == DType::kU32) {
            fill_integers<std::uint32_t>(field, spec.limit, random);
        } else if (spec.dtype == DType::kF32) {
            for (float& value : field.as<float>()) value = random.next_normal();
        } else {
            DWUBIT_CHECK(spec.dtype == DType::kF16);
            for (F16& value : field.as<F16>()) value = to_f16(random.next_normal());
        }
        codes.fields.push_back(std::move(field));
    }
    return codes;
}

}  // namespace dwubit::testing
