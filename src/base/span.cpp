#include "base/span.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dwubit {

std::string to_string(const Shape& shape) {
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool element_count(const Shape& shape, std::int64_t* count) {
    std::int64_t product = 1;
    bool zero = false;
    for (const std::int64_t extent : shape) {
        if (extent < 0) return false;
        if (extent == 0) {
            zero = true;
        } else if (__builtin_mul_overflow(product, extent, &product)) {
            return false;
        }
    }
    *count = zero ? 0 : product;
    return true;
}

}  // namespace dwubit
