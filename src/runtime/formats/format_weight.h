// A weight matrix in a packed format, multiplied by the way that every format has: rows are dequantized to float32
// panel by panel, and the GEMM library does the product. What a format's own kernels are measured against.
#pragma once

#include <memory>
#include <string>

#include "runtime/formats/format.h"
#include "runtime/gemm/weight.h"

namespace dwubit {

class FormatWeight : public Weight {
public:
    // Buffers have been checked by check_packed() and must outlive this.
    static Result<FormatWeight> bind(const Format& format, const PackedView& packed);

    // "<format>_gemm_f32_ref"
    static std::string kernel_name(const Format& format);

private:
    using Weight::Weight;
    void multiply(const void* x, std::int64_t rows, std::int64_t step, std::int64_t first, std::int64_t columns,
                  float* y) const override;

    std::unique_ptr<FormatReader> reader_;
};

}  // namespace dwubit
