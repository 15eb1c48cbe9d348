// The codebook of format e8p as a block quantizer: eight columns, each row on its own.
#pragma once

#include <memory>

#include "lab/blocks/ldlq.h"
#include "lab/kernels/e8p_search.h"

namespace dwubit::lab {

// 2 bits: the nearest point p of E8P; codes [1, rows]. 3 and 4 bits: p + q / residual, q the point of the second stage
// that is nearest to (x - p) residual, chosen after p; codes [2, rows].
class E8pQuantizer final : public BlockQuantizer {
public:
    // Throws Failure where the device has no kernel in this build.
    E8pQuantizer(int bits, double residual, at::Device device);

    std::int64_t columns() const override { return 8; }
    std::int64_t code_words() const override { return bits_ == 2 ? 1 : 2; }
    void quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const override;

private:
    void search_e8p(const at::Tensor& x, at::Tensor& value, at::Tensor& codes) const;
    void search_e8(const at::Tensor& x, at::Tensor& value, at::Tensor& codes) const;

    int bits_;
    float residual_;
    float inverse_;  // as the format has it
    at::Device device_;
    at::Tensor e8p_;  // the search table as bytes, on a device that is not the CPU
    at::Tensor e8_;
};

}  // namespace dwubit::lab
