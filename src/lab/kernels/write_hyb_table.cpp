// Trains the table of HYB and writes it as hyb_table.inc has it:
//
//   build/dev/src/lab/kernels/write_hyb_table > src/lab/kernels/hyb_table.inc
#include <fmt/format.h>

#include <cstdio>

#include "lab/kernels/hyb_training.h"

int main() {
    const dwubit::HybTraining training = dwubit::train_hyb_table();
    fmt::print(stderr, "{} rounds, mean squared distance {:.7f} per number\n", training.rounds, training.distortion);
    fmt::print("// f16 pairs, by write_hyb_table (hyb_training.h says how)\n");
    constexpr std::size_t kPerLine = 14;
    for (std::size_t i = 0; i < training.table.size(); ++i) {
        const bool last = i + 1 == training.table.size() || (i + 1) % kPerLine == 0;
        fmt::print("0x{:04x},{}", training.table[i], last ? "\n" : " ");
    }
    return 0;
}
