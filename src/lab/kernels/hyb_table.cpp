#include "lab/kernels/hyb_table.h"

namespace dwubit {
namespace {

constexpr std::uint16_t kTable[1024] = {
#include "lab/kernels/hyb_table.inc"
};

}  // namespace

std::span<const std::uint16_t, 1024> hyb_table() {
    return kTable;
}

}  // namespace dwubit
