#include "runtime/transforms/transform.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "base/philox.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kProbeSeed = 2;
constexpr int kProbes = 4;

template <class T>
double probe_error(const BoundTransform& transform, std::span<const double> probe) {
    const std::span<const float> factors = transform.factors();
    const auto factor = [&](std::size_t i) { return factors.empty() ? 1.0 : std::abs(double{factors[i]}); };
    std::vector<T> x(probe.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(factor(i) == 0 ? 0 : probe[i] / factor(i));
    transform.apply(1, x.data());
    transform.apply_transposed(1, x.data());
    double error = 0;
    double norm = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double difference = factor(i) == 0 ? 0 : static_cast<double>(x[i]) / factor(i) - probe[i];
        error += difference * difference;
        norm += probe[i] * probe[i];
    }
    return std::sqrt(error / norm);
}

}  // namespace

std::vector<double> transform_matrix(const BoundTransform& transform) {
    const auto n = static_cast<std::size_t>(transform.size());
    // Row j of T applied to the rows of the identity is T e_j, column j of T; TT does the rows themselves.
    std::vector<double> matrix(n * n);
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = 1;
    transform.apply_transposed(transform.size(), matrix.data());
    return matrix;
}

OrthogonalityError orthogonality_error(const BoundTransform& transform) {
    OrthogonalityError error;
    std::vector<double> probe(static_cast<std::size_t>(transform.size()));
    for (int i = 0; i < kProbes; ++i) {
        Philox random(kProbeSeed, static_cast<std::uint64_t>(i));
        for (double& value : probe) value = random.next_normal();
        error.f32 = std::max(error.f32, probe_error<float>(transform, probe));
        error.f64 = std::max(error.f64, probe_error<double>(transform, probe));
    }
    return error;
}

Result<void> check_transform_fields(const Transform& transform, const Json& params, std::int64_t n, Side side,
                                    std::span<const TensorView> buffers, const std::string& where) {
    const std::string place = fmt::format("{}, transform {}", where, transform.id);
    const std::vector<TransformField> fields = transform.fields(params, n, side);
    for (const TransformField& field : fields) {
        const auto found = std::find_if(buffers.begin(), buffers.end(),
                                        [&](const TensorView& view) { return view.name == field.name; });
        if (found == buffers.end()) {
            return errorf(ErrorKind::kInvalidInput, "field '{}' is missing", field.name).add_context(place);
        }
        std::int64_t count = 0;
        DWUBIT_CHECK(element_count(field.shape, &count));
        const auto bytes = static_cast<std::size_t>(count) * dtype_size(field.dtype);
        if (found->dtype == field.dtype && found->shape == field.shape && found->bytes.size() == bytes) continue;
        return errorf(ErrorKind::kInvalidInput, "field '{}' is {} {} in {} bytes, expected {} {}", field.name,
                      dtype_name(found->dtype), printable(to_string(found->shape)), found->bytes.size(),
                      dtype_name(field.dtype), to_string(field.shape))
            .add_context(place);
    }
    if (buffers.size() == fields.size()) return {};
    return errorf(ErrorKind::kInvalidInput, "{} fields where there are {}", buffers.size(), fields.size())
        .add_context(place);
}

Result<std::unique_ptr<BoundTransform>> bind_transform(const Transform& transform, const Json& params, std::int64_t n,
                                                       Side side, std::span<const TensorView> buffers,
                                                       const std::string& where) {
    DWUBIT_TRY(check_transform_fields(transform, params, n, side, buffers, where));
    return transform.bind(params, n, side, buffers).context(fmt::format("{}, transform {}", where, transform.id));
}

Result<std::unique_ptr<BoundTransform>> make_transform(const Transform& transform, const Json& params, std::int64_t n,
                                                       std::span<const float> factors) {
    DWUBIT_ASSIGN(const Json checked, transform.check_params(params, n));
    DWUBIT_ASSIGN(const auto bytes, transform.write(checked, n, factors));
    const std::vector<TransformField> fields = transform.fields(checked, n, Side::kIn);
    DWUBIT_CHECK(fields.size() == bytes.size());
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        views.push_back({fields[i].name, fields[i].dtype, fields[i].shape, bytes[i], "memory"});
    }
    return transform.bind(checked, n, Side::kIn, views);
}

std::vector<float> random_signs(std::uint64_t seed, std::uint64_t stream, std::int64_t n) {
    constexpr int kBits = 32;
    Philox random(seed, stream);
    std::vector<float> signs(static_cast<std::size_t>(n));
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < signs.size(); ++i, bits >>= 1) {
        if (i % kBits == 0) bits = random.next_u32();
        signs[i] = (bits & 1) != 0 ? -1.0f : 1.0f;
    }
    return signs;
}

}  // namespace dwubit
