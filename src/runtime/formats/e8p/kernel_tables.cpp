#include <bit>

#include "runtime/formats/e8p/kernels.h"
#include "runtime/formats/e8p/table.h"

namespace dwubit::e8p {
namespace {

KernelTables make_tables() {
    KernelTables made{};
    for (std::size_t a = 0; a < kRows; ++a) {
        const bool odd = table().odd[a] != 0;
        if (odd) made.odd[a / 8] = static_cast<std::uint8_t>(made.odd[a / 8] | 1U << (a % 8));
        const auto parity = static_cast<unsigned>(std::popcount(a)) % 2;
        for (std::size_t j = 0; j < kWidth; ++j) {
            const auto i = static_cast<std::size_t>(kCoordinate[j]);
            const int twice = +table().rows[a][i];
            made.words[a] = static_cast<std::uint16_t>(made.words[a] | static_cast<unsigned>(twice / 2) << (2 * j));
            made.rows[a][j] = static_cast<std::int8_t>(odd && i == kWidth - 1 ? -2 * twice : 2 * twice);
            made.signs[a][j] = ((a ^ parity) >> j & 1) != 0 ? -1 : 1;
            made.shifts[a][j] = parity != 0 ? -1 : 1;
            made.points[a][j] = e8_points()[a][i];
        }
    }
    return made;
}

}  // namespace

const KernelTables& kernel_tables() {
    static const KernelTables made = make_tables();
    return made;
}

}  // namespace dwubit::e8p
