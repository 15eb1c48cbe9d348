// The contract of a transform: a linear map T of the inputs or outputs of a linear, orthogonal but for its factors
// (docs/add-a-transform.md). transforms.inc lists all; registry.cpp makes the array.
//
// A linear y = W x with a transform T_in of n = in features and T_out of m = out features stores W' in its format:
//
//   y = T_outT W' T_in x        so that W = T_outT W' T_in, and W' = T_out W T_inT where both are orthogonal
//
// Both sides use the same map: on the way in it is applied, on the way out its transpose is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/span.h"
#include "checkpoint/tensor_table.h"
#include "dwubit/result.h"
#include "json/json.h"
#include "runtime/cpu/isa.h"

namespace dwubit {

enum class Side { kIn, kOut };

// A buffer of a transform as it lies on disk, `<module>.<name>`: sign_in or sign_out, ... Counted as bits of
// transforms.
struct TransformField {
    std::string name;
    DType dtype = DType::kU8;
    Shape shape;
};

// A transform of one size with its buffers read, ready to be applied. Owns what it needs. Thread-safe.
class BoundTransform {
public:
    virtual ~BoundTransform() = default;

    std::int64_t size() const { return size_; }
    // Whether it changes nothing, so that callers can leave it out.
    virtual bool identity() const { return false; }
    // "rht_apply_f32_avx512"
    virtual std::string kernel() const = 0;

    // Each row of x [rows, size], float32 without gaps, becomes T row or TT row, in place. Every instruction set gives
    // the same bits.
    virtual void apply(std::int64_t rows, float* x) const = 0;
    virtual void apply_transposed(std::int64_t rows, float* x) const = 0;
    // The same in float64, by the same O(n log n) steps: T H TT is apply() to the rows of H, a transpose, and again.
    virtual void apply(std::int64_t rows, double* x) const = 0;
    virtual void apply_transposed(std::int64_t rows, double* x) const = 0;

    // The factors that T multiplies its input with before the orthogonal part, [size]; empty where there are none.
    virtual std::span<const float> factors() const { return {}; }

protected:
    explicit BoundTransform(std::int64_t size) : size_(size) {}

private:
    std::int64_t size_;
};

// T as a matrix [size, size], row-major: column j is T e_j.
std::vector<double> transform_matrix(const BoundTransform& transform);

// How far T is from orthogonal: the largest |TTT v - v| / |v| over seeded random v, by the float32 kernels in use and
// in float64. Factors count as their signs: trained ones, or ones that carry a scale, are not part of the rotation.
struct OrthogonalityError {
    double f32 = 0;
    double f64 = 0;
};
OrthogonalityError orthogonality_error(const BoundTransform& transform);

// One kernel of a transform, for the tables of the conformance test.
struct TransformKernel {
    const char* name;    // "hadamard_apply_f32_avx512"
    Isa isa;             // least level that runs it
    const char* device;  // "cpu", "cuda"
};

struct Transform {
    const char* id;  // "rht"
    // Normalises and checks the parameters for vectors of n; the message names the parameter, or the size and the
    // nearest sizes there are. Params are normalised from here on.
    Result<Json> (*check_params)(const Json& params, std::int64_t n);
    std::vector<TransformField> (*fields)(const Json& params, std::int64_t n, Side side);
    // `buffers`: one view for each of fields(), names, dtypes and shapes checked by check_transform_fields(). Contents
    // are checked here.
    Result<std::unique_ptr<BoundTransform>> (*bind)(const Json& params, std::int64_t n, Side side,
                                                    std::span<const TensorView> buffers);
    // For methods: the buffers of a transform with these factors, [n], or none of them. Exact, or an error that says
    // why.
    Result<std::vector<std::vector<std::byte>>> (*write)(const Json& params, std::int64_t n,
                                                         std::span<const float> factors);
    std::span<const TransformKernel> kernels;
    // Parameters that the conformance test runs, for vectors of n; empty where there are none for this size.
    std::vector<Json> (*test_params)(std::int64_t n);
};

// In the order of transforms.inc.
std::span<const Transform* const> transforms();
// NotFound with the nearest id as hint.
Result<const Transform*> find_transform(std::string_view id);

// Names, dtypes, shapes of `buffers` against fields(); messages name `where` and the field.
Result<void> check_transform_fields(const Transform& transform, const Json& params, std::int64_t n, Side side,
                                    std::span<const TensorView> buffers, const std::string& where);

// check_transform_fields(), then bind().
Result<std::unique_ptr<BoundTransform>> bind_transform(const Transform& transform, const Json& params, std::int64_t n,
                                                       Side side, std::span<const TensorView> buffers,
                                                       const std::string& where);

// A transform with these factors as a method makes it: parameters checked, factors written and read again. `factors`
// is empty for transforms that have none.
Result<std::unique_ptr<BoundTransform>> make_transform(const Transform& transform, const Json& params, std::int64_t n,
                                                       std::span<const float> factors);

// n signs +1 or -1, a function of (seed, stream): for methods. `stream` tells modules and sides apart.
std::vector<float> random_signs(std::uint64_t seed, std::uint64_t stream, std::int64_t n);

}  // namespace dwubit
