#include "lab/blocks/e8p_quantizer.h"

#include <c10/core/DeviceGuard.h>

#include <cstring>

#include "base/check.h"
#include "lab/failure.h"
#include "lab/torch_compat.h"
#include "runtime/cpu/isa.h"
#include "runtime/formats/e8p/table.h"

namespace dwubit::lab {
namespace {

constexpr std::int64_t kWidth = 8;

const E8pSearchTable& e8p_table() {
    static const auto table = make_e8p_search_table(e8p::packed_table());
    return *table;
}

const E8SearchTable& e8_table() {
    static const auto table = make_e8_search_table(e8p::e8_points());
    return *table;
}

template <class Table>
at::Tensor bytes_on(const Table& table, at::Device device) {
    at::Tensor bytes = at::empty({static_cast<std::int64_t>(sizeof(Table))}, at::kByte);
    std::memcpy(bytes.data_ptr(), &table, sizeof(Table));
    return bytes.to(device);
}

template <class Table>
const Table* table_at(const at::Tensor& bytes) {
    return static_cast<const Table*>(bytes.data_ptr());
}

void check_launch(const char* error) {
    if (error != nullptr) fail(ErrorKind::kInternal, "the search of the E8P codebook on the GPU failed: {}", error);
}

}  // namespace

E8pQuantizer::E8pQuantizer(int bits, double residual, at::Device device)
    : bits_(bits),
      residual_(static_cast<float>(residual)),
      inverse_(bits == 2 ? 0.0f : static_cast<float>(1 / residual)),
      device_(device) {
    DWUBIT_CHECK(bits >= 2 && bits <= 4);
    if (device.is_cpu()) return;
    if (!has_cuda_kernels()) {
        throw Failure(errorf(ErrorKind::kUnsupported, "--device {}: this build has no CUDA kernels", device.str())
                          .with_hint("configure it with -DDWUBIT_CUDA=ON, or --device cpu"));
    }
    e8p_ = bytes_on(e8p_table(), device);
    if (bits == 3) e8_ = bytes_on(e8_table(), device);
}

void E8pQuantizer::search_e8p(const at::Tensor& x, at::Tensor& value, at::Tensor& codes) const {
    const std::int64_t rows = x.size(1);
    if (device_.is_cpu()) {
        e8p_search(active_isa().isa)(e8p_table(), x.data_ptr<float>(), rows, rows, codes.data_ptr<std::int32_t>(),
                                     value.data_ptr<float>(), rows);
        return;
    }
    check_launch(e8p_search_f32_cuda(table_at<E8pSearchTable>(e8p_), x.data_ptr<float>(), rows, rows,
                                     codes.data_ptr<std::int32_t>(), value.data_ptr<float>(), rows,
                                     current_stream(device_)));
}

void E8pQuantizer::search_e8(const at::Tensor& x, at::Tensor& value, at::Tensor& codes) const {
    const std::int64_t rows = x.size(1);
    if (device_.is_cpu()) {
        e8_search(active_isa().isa)(e8_table(), x.data_ptr<float>(), rows, rows, codes.data_ptr<std::int32_t>(),
                                    value.data_ptr<float>(), rows);
        return;
    }
    check_launch(e8_search_f32_cuda(table_at<E8SearchTable>(e8_), x.data_ptr<float>(), rows, rows,
                                    codes.data_ptr<std::int32_t>(), value.data_ptr<float>(), rows,
                                    current_stream(device_)));
}

void E8pQuantizer::quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const {
    const c10::DeviceGuard guard(device_);
    const std::int64_t columns = target.size(0);
    at::Tensor x = target.contiguous();
    at::Tensor point = value;
    if (columns < kWidth) {  // columns that the matrix does not have are 0, and nobody reads what becomes of them
        x = at::constant_pad_nd(x, {0, 0, 0, kWidth - columns});
        point = at::empty_like(x);
    }
    DWUBIT_CHECK(point.is_contiguous() && codes.is_contiguous());
    at::Tensor first = codes.select(0, 0);
    search_e8p(x, point, first);
    if (bits_ > 2) {
        const at::Tensor rest = (x - point) * residual_;
        at::Tensor finer = at::empty_like(x);
        at::Tensor second = codes.select(0, 1);
        if (bits_ == 3) {
            search_e8(rest, finer, second);
        } else {
            search_e8p(rest, finer, second);
        }
        point.add_(finer.mul_(inverse_));
    }
    if (columns < kWidth) value.copy_(point.slice(0, 0, columns));
}

}  // namespace dwubit::lab
