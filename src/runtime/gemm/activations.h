// The input of linears: a row-major matrix in the forms that the products of its readers want.
#pragma once

#include <cstdint>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {

class Activations {
public:
    // Room for rows x cols in the forms asked for, not initialised; at least one of them.
    //
    // `blocked`: products run on blocks of exactly kBlockRows rows, the last filled up with zero rows, so that what
    // comes out for a row does not depend on how many rows there are or where it stands among them: libraries choose
    // another order of sums for other numbers of rows.
    void prepare(std::int64_t rows, std::int64_t cols, bool f32, bool bf16, bool blocked = false);
    static constexpr std::int64_t kBlockRows = 64;

    // Elements [first, first + n) of a row, rounded for the bf16 form. Different elements may be written by several
    // threads at once.
    void write(std::int64_t row, std::int64_t first, const float* x, std::int64_t n);

    std::int64_t rows() const { return rows_; }
    std::int64_t cols() const { return cols_; }
    bool blocked() const { return blocked_; }
    // Another number after every prepare(), in the whole process: what was derived from these elements is good as long
    // as it stays.
    std::uint64_t generation() const { return generation_; }
    // Row `row` and those after it, [rows - row, cols] without gaps: float or bf16 bits.
    const void* data(GemmType type, std::int64_t row) const;

private:
    std::int64_t rows_ = 0;
    std::int64_t cols_ = 0;
    bool blocked_ = false;
    std::uint64_t generation_ = 0;
    bool has_f32_ = false;
    bool has_bf16_ = false;
    AlignedBuffer<float> f32_;
    AlignedBuffer<std::uint16_t> bf16_;
};

}  // namespace dwubit
