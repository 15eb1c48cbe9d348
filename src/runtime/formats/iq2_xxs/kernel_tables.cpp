#include <memory>

#include "ggml/layout.h"
#include "ggml/tables.h"
#include "runtime/formats/iq2_xxs/kernels.h"

namespace dwubit::iq2_xxs {
namespace {

std::unique_ptr<const KernelTables> make_tables() {
    auto tables = std::make_unique<KernelTables>();
    for (std::size_t p = 0; p < 256; ++p) {
        tables->words[p] = ggml::kIq2XxsGrid[p];
        for (std::size_t i = 0; i < 8; ++i) {
            tables->levels[p][i] = static_cast<std::int8_t>(ggml::kIq2Levels[ggml::kIq2XxsGrid[p] >> (2 * i) & 3u]);
        }
    }
    for (unsigned seven = 0; seven < 128; ++seven) {
        const unsigned signs = ggml::signs_of(seven);
        tables->parity[seven] = static_cast<std::uint8_t>(signs);
        for (unsigned i = 0; i < 8; ++i) tables->signs[seven][i] = (signs >> i & 1u) != 0 ? -1 : 1;
    }
    return tables;
}

}  // namespace

const KernelTables& kernel_tables() {
    static const std::unique_ptr<const KernelTables> tables = make_tables();
    return *tables;
}

}  // namespace dwubit::iq2_xxs
