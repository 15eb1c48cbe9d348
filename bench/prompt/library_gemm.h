// The linears of a model as single library calls on the library's own threads: what the rate is compared with.
#pragma once

#include <memory>
#include <vector>

#include "runtime/model/linear.h"

namespace dwubit::bench {

class LibraryGemm {
public:
    // Weights in the library's packed order, one matrix per linear.
    LibraryGemm(const std::vector<const Linear*>& linears, std::int64_t rows, ActType act, int threads);
    ~LibraryGemm();

    bool available() const { return state_ != nullptr; }  // false without oneDNN
    void run();                                           // all linears once, in order

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace dwubit::bench
