#include "lab/blocks/trellis_quantizer.h"

#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "lab/failure.h"
#include "lab/kernels/e8p_search.h"
#include "lab/kernels/viterbi.h"
#include "lab/torch_compat.h"
#include "runtime/cpu/isa.h"

namespace dwubit::lab {

TrellisQuantizer::TrellisQuantizer(TrellisCode code, int bits, std::span<const std::uint16_t> table, at::Device device)
    : bits_(bits), step_(trellis_step_values(code)), device_(device) {
    DWUBIT_CHECK(bits >= 1 && bits <= 4);
    if (!device.is_cpu() && !has_cuda_kernels()) {
        throw Failure(errorf(ErrorKind::kUnsupported, "--device {}: this build has no CUDA kernels", device.str())
                          .with_hint("configure it with -DDWUBIT_CUDA=ON, or --device cpu"));
    }
    const std::vector<float> values = trellis_values(code, table);
    double sum = 0;
    for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
    rms_ = std::sqrt(sum / static_cast<double>(values.size()));
    values_ = at::empty({step_, kTrellisStates}, at::kFloat);
    std::copy(values.begin(), values.end(), values_.data_ptr<float>());
    values_ = values_.to(device);
    const auto order = trellis_order(code, bits);
    bool row_by_row = true;
    for (std::size_t p = 0; p < order.size(); ++p) row_by_row = row_by_row && order[p] == p;
    if (row_by_row) return;
    order_ = at::empty({kTrellisTileSize}, at::kLong);
    std::copy(order.begin(), order.end(), order_.data_ptr<std::int64_t>());
    inverse_ = at::argsort(order_).to(device);
    order_ = order_.to(device);
}

at::Tensor TrellisQuantizer::encode(const at::Tensor& x) const {
    const ViterbiTrellis trellis = {bits_, step_, values_.data_ptr<float>()};
    const std::int64_t tiles = x.size(0);
    const at::Tensor states = at::empty({tiles, kTrellisTileSize / step_}, x.options().dtype(at::kShort));
    auto* const to = reinterpret_cast<std::uint16_t*>(states.data_ptr<std::int16_t>());
    if (device_.is_cpu()) {
        viterbi_encode(active_isa().isa)(trellis, x.data_ptr<float>(), tiles, to);
    } else {
        const auto bytes = static_cast<std::int64_t>(viterbi_workspace_bytes(bits_, step_));
        const at::Tensor workspace = at::empty({bytes}, x.options().dtype(at::kByte));
        const char* const error =
            viterbi_encode_cuda(trellis, x.data_ptr<float>(), tiles, to, workspace.data_ptr(), current_stream(device_));
        if (error != nullptr) fail(ErrorKind::kInternal, "encoding a trellis on the GPU failed: {}", error);
    }
    return states.to(at::kInt).bitwise_and_(kTrellisStates - 1);
}

void TrellisQuantizer::quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const {
    const c10::DeviceGuard guard(device_);
    const std::int64_t rows = target.size(1);
    DWUBIT_CHECK(target.size(0) == kTrellisTile && rows % kTrellisTile == 0);
    const std::int64_t tiles = rows / kTrellisTile;
    // [column, tile, row] -> [tile, row, column] -> the sequence
    at::Tensor x = target.reshape({kTrellisTile, tiles, kTrellisTile}).permute({1, 2, 0});
    x = x.reshape({tiles, kTrellisTileSize}).contiguous();
    if (order_.defined()) x = x.index_select(1, order_);
    const at::Tensor states = encode(x);
    at::Tensor found = values_.index_select(1, states.view(-1)).t().reshape({tiles, kTrellisTileSize});
    if (order_.defined()) found = found.index_select(1, inverse_);
    value.view({kTrellisTile, tiles, kTrellisTile})
        .copy_(found.view({tiles, kTrellisTile, kTrellisTile}).permute({2, 0, 1}));
    const at::Tensor fresh = states.bitwise_right_shift(16 - bits_ * step_).to(at::kByte);
    const at::Tensor words = fresh.view(at::kInt).view({rows, code_words()});
    codes.copy_(words.t());
}

at::Tensor trellis_tiles(const at::Tensor& codes) {
    const std::int64_t blocks = codes.size(0);
    const std::int64_t words = codes.size(1);
    const std::int64_t tiles = codes.size(2) / kTrellisTile;
    const at::Tensor rows = codes.permute({2, 0, 1}).cpu();  // [rows, blocks, words]
    const at::Tensor by_tile = rows.reshape({tiles, kTrellisTile, blocks, words}).permute({0, 2, 1, 3}).contiguous();
    return by_tile.view({tiles, blocks, kTrellisTile * words}).view(at::kByte);
}

}  // namespace dwubit::lab
