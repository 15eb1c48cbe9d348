#include "runtime/transforms/hadamard/product.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <type_traits>

#include <fmt/format.h>

#include "base/check.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/transforms/hadamard/kernels.h"
#include "runtime/transforms/hadamard/orders.h"

namespace dwubit {
namespace {

struct Kernels {
    Isa isa;
    ScaleKernel scale;
    FwhtKernel fwht;
    ButterflyKernel butterfly;
    MixKernel mix;
};

const Kernels& active_kernels() {
    static constexpr Kernels kAll[] = {
        {Isa::kRef, scale_f32_ref, fwht_f32_ref, butterfly_f32_ref, mix_f32_ref},
        {Isa::kAvx2, scale_f32_avx2, fwht_f32_avx2, butterfly_f32_avx2, mix_f32_avx2},
        {Isa::kAvx512, scale_f32_avx512, fwht_f32_avx512, butterfly_f32_avx512, mix_f32_avx512}};
    return kAll[static_cast<std::size_t>(active_isa().isa)];
}

// A matrix of orders.h and its transpose as floats, made once.
struct FloatMatrix {
    std::vector<float> rows;
    std::vector<float> transposed;
};

const FloatMatrix& float_matrix(int order) {
    static std::mutex mutex;
    static std::map<int, FloatMatrix> made;
    const std::lock_guard lock(mutex);
    FloatMatrix& matrix = made[order];
    if (!matrix.rows.empty()) return matrix;
    const SignMatrix* const signs = hadamard_matrix(order);
    DWUBIT_CHECK(signs != nullptr);
    for (int i = 0; i < order; ++i) {
        for (int j = 0; j < order; ++j) {
            matrix.rows.push_back(signs->at(i, j));
            matrix.transposed.push_back(signs->at(j, i));
        }
    }
    return matrix;
}

// One matrix of the product along one axis of a block, which is [outer, order, stride].
struct Step {
    std::int64_t order = 1;
    std::int64_t stride = 1;
    int log2 = 0;                         // of a Sylvester matrix; then `matrix` is nullptr
    const FloatMatrix* matrix = nullptr;  // else
};

template <class T>
void fwht(T* x, int log2) {
    if constexpr (std::is_same_v<T, float>) {
        active_kernels().fwht(x, log2);
    } else {
        fwht_f64_ref(x, log2);
    }
}

template <class T>
void butterfly(T* a, T* b, std::int64_t n) {
    if constexpr (std::is_same_v<T, float>) {
        active_kernels().butterfly(a, b, n);
    } else {
        butterfly_f64_ref(a, b, n);
    }
}

template <class T>
void mix(const std::vector<float>& matrix, const Step& step, const T* x, T* y) {
    const int order = static_cast<int>(step.order);
    if constexpr (std::is_same_v<T, float>) {
        active_kernels().mix(matrix.data(), order, x, step.stride, y);
    } else {
        mix_f64_ref(matrix.data(), order, x, step.stride, y);
    }
}

class Product : public BoundTransform {
public:
    Product(const HadamardPlan& plan, std::vector<float> factors)
        : BoundTransform(plan.size), id_(plan.id), factors_(std::move(factors)) {
        for (const std::int64_t order : plan.orders) block_ *= order;
        DWUBIT_CHECK(plan.size % block_ == 0);
        DWUBIT_CHECK(factors_.empty() || static_cast<std::int64_t>(factors_.size()) == plan.size);
        std::int64_t stride = block_;
        for (const std::int64_t order : plan.orders) {
            const auto size = hadamard_size(order);
            DWUBIT_CHECK(size.has_value());
            add_step(size->order, stride);
            add_step(std::int64_t{1} << size->log2, stride);
        }
        // Factor and normalisation are one multiplication.
        const double norm = 1 / std::sqrt(static_cast<double>(block_));
        scales_.resize(static_cast<std::size_t>(plan.size));
        for (std::size_t i = 0; i < scales_.size(); ++i) {
            scales_[i] = factors_.empty() ? norm : norm * double{factors_[i]};
        }
        scales_f32_.assign(scales_.begin(), scales_.end());
    }

    std::string kernel() const override { return fmt::format("{}_apply_f32_{}", id_, isa_name(active_kernels().isa)); }
    std::span<const float> factors() const override { return factors_; }

    void apply(std::int64_t rows, float* x) const override { run(rows, x, false); }
    void apply_transposed(std::int64_t rows, float* x) const override { run(rows, x, true); }
    void apply(std::int64_t rows, double* x) const override { run(rows, x, false); }
    void apply_transposed(std::int64_t rows, double* x) const override { run(rows, x, true); }

private:
    // Goes one axis further: `stride` becomes that of the axis.
    void add_step(std::int64_t order, std::int64_t& stride) {
        if (order == 1) return;
        stride /= order;
        Step step{order, stride, 0, nullptr};
        if ((order & (order - 1)) == 0) {
            while (std::int64_t{1} << step.log2 < order) ++step.log2;
        } else {
            step.matrix = &float_matrix(static_cast<int>(order));
        }
        steps_.push_back(step);
    }

    // T = UT diag(f), its transpose is diag(f) U.
    template <class T>
    void run(std::int64_t rows, T* x, bool transposed) const {
        for (std::int64_t r = 0; r < rows; ++r, x += size()) {
            if (!transposed) scale(x);
            for (std::int64_t at = 0; at < size(); at += block_) run_block(x + at, transposed);
            if (transposed) scale(x);
        }
    }

    void scale(float* x) const { active_kernels().scale(scales_f32_.data(), x, size()); }
    void scale(double* x) const {
        for (std::size_t i = 0; i < scales_.size(); ++i) x[i] *= scales_[i];
    }

    // The matrices commute, since each has its own axis: the innermost comes first.
    template <class T>
    void run_block(T* x, bool transposed) const {
        thread_local AlignedBuffer<T> room;
        for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
            const std::int64_t span = step->order * step->stride;
            for (T* part = x; part < x + block_; part += span) {
                if (step->matrix == nullptr) {
                    sylvester(*step, part);
                    continue;
                }
                T* const mixed = room.reserve(static_cast<std::size_t>(span));
                mix(transposed ? step->matrix->rows : step->matrix->transposed, *step, part, mixed);
                std::copy_n(mixed, span, part);
            }
        }
    }

    template <class T>
    static void sylvester(const Step& step, T* x) {
        if (step.stride == 1) return fwht(x, step.log2);
        for (std::int64_t half = 1; half < step.order; half *= 2) {
            const std::int64_t run = half * step.stride;
            for (std::int64_t i = 0; i < step.order * step.stride; i += 2 * run) butterfly(x + i, x + i + run, run);
        }
    }

    std::string id_;
    std::int64_t block_ = 1;
    std::vector<Step> steps_;  // outermost axis first
    std::vector<float> factors_;
    std::vector<double> scales_;
    std::vector<float> scales_f32_;
};

}  // namespace

std::unique_ptr<BoundTransform> make_hadamard_product(const HadamardPlan& plan, std::vector<float> factors) {
    return std::make_unique<Product>(plan, std::move(factors));
}

}  // namespace dwubit
