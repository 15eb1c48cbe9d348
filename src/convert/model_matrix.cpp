#include "convert/model_matrix.h"

#include <algorithm>

namespace dwubit {
namespace {

constexpr std::int64_t kRows = 32;     // per unit of work
constexpr std::int64_t kColumns = 16;  // of a cache line of floats

// Each row r of w [rows, in] becomes TT r.
void undo_in(const BoundTransform& transform, std::int64_t rows, float* w) {
    thread_local std::vector<double> room;
    const std::int64_t in = transform.size();
    room.assign(w, w + rows * in);
    transform.apply_transposed(rows, room.data());
    for (std::int64_t i = 0; i < rows * in; ++i) w[i] = static_cast<float>(room[static_cast<std::size_t>(i)]);
}

// Columns [first, first + count) of w [out, in] become TT column.
void undo_out(const BoundTransform& transform, std::int64_t in, std::int64_t first, std::int64_t count, float* w) {
    thread_local std::vector<double> room;
    const std::int64_t out = transform.size();
    room.resize(static_cast<std::size_t>(count * out));
    const auto at = [&](std::int64_t c, std::int64_t r) -> double& {
        return room[static_cast<std::size_t>(c * out + r)];
    };
    for (std::int64_t r = 0; r < out; ++r) {
        for (std::int64_t c = 0; c < count; ++c) at(c, r) = w[r * in + first + c];
    }
    transform.apply_transposed(count, room.data());
    for (std::int64_t r = 0; r < out; ++r) {
        for (std::int64_t c = 0; c < count; ++c) w[r * in + first + c] = static_cast<float>(at(c, r));
    }
}

Result<std::unique_ptr<BoundTransform>> bind_side(const TensorTable& table, const LinearShape& linear,
                                                  const LinearFormat& packed, Side side, const std::string& where) {
    const LinearTransform& use = side == Side::kIn ? packed.in : packed.out;
    return bind_transform(*use.transform, use.params, side == Side::kIn ? linear.in : linear.out, side,
                          transform_view(table, linear, packed, side), where);
}

}  // namespace

bool has_transforms(const LinearFormat& packed) {
    const Transform* const none = find_transform("none").value();
    return packed.in.transform != none || packed.out.transform != none;
}

Result<std::vector<float>> model_matrix(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed,
                                        ThreadPool& pool, const std::string& where) {
    const PackedView view = packed_view(table, linear, packed);
    DWUBIT_TRY(check_packed(*packed.format, view, where));
    DWUBIT_ASSIGN(const auto reader, packed.format->bind(view).context(where));
    DWUBIT_ASSIGN(const auto in, bind_side(table, linear, packed, Side::kIn, where));
    DWUBIT_ASSIGN(const auto out, bind_side(table, linear, packed, Side::kOut, where));
    std::vector<float> w(static_cast<std::size_t>(linear.out * linear.in));
    pool.parallel_for((linear.out + kRows - 1) / kRows, [&](std::int64_t unit) {
        const std::int64_t first = unit * kRows;
        const std::int64_t count = std::min(kRows, linear.out - first);
        reader->dequantize(first, count, w.data() + first * linear.in);
        if (!in->identity()) undo_in(*in, count, w.data() + first * linear.in);
    });
    if (!out->identity()) {
        pool.parallel_for((linear.in + kColumns - 1) / kColumns, [&](std::int64_t unit) {
            const std::int64_t first = unit * kColumns;
            undo_out(*out, linear.in, first, std::min(kColumns, linear.in - first), w.data());
        });
    }
    return w;
}

}  // namespace dwubit
