// Transform rht, the randomized Hadamard transform: T = UT diag(f) with U of the whole size and f the factors, signs as
// QuIP# draws them and real numbers once they carry a scale or are trained.
#include "runtime/transforms/hadamard/orders.h"
#include "runtime/transforms/hadamard/product.h"
#include "runtime/transforms/parameters.h"

namespace dwubit {
namespace {

constexpr TransformKernel kKernels[] = DWUBIT_HADAMARD_KERNELS("rht");

// Of normalised parameters.
std::string sign_of(const Json& params) {
    return params.at("sign").get<std::string>();
}

Result<Json> check_params(const Json& params, std::int64_t n) {
    DWUBIT_TRY(check_transform_size(n));
    DWUBIT_TRY(refuse_other_params(params, {"sign"}));
    DWUBIT_ASSIGN(std::string sign, read_sign(params, "f16"));
    DWUBIT_TRY(require_hadamard_size(n));
    return Json{{"sign", std::move(sign)}};
}

std::vector<TransformField> fields(const Json& params, std::int64_t n, Side side) {
    return sign_fields(sign_of(params), n, side);
}

Result<std::unique_ptr<BoundTransform>> bind(const Json& params, std::int64_t n, Side /*side*/,
                                             std::span<const TensorView> buffers) {
    DWUBIT_ASSIGN(std::vector<float> factors, read_factors(sign_of(params), n, buffers.front()));
    return make_hadamard_product({"rht", n, {n}}, std::move(factors));
}

Result<std::vector<std::vector<std::byte>>> write(const Json& params, std::int64_t n, std::span<const float> factors) {
    return write_factors(sign_of(params), n, factors);
}

std::vector<Json> test_params(std::int64_t n) {
    if (!hadamard_size(n)) return {};
    return {{{"sign", "bit"}}, {{"sign", "f16"}}, {{"sign", "f32"}}};
}

}  // namespace

const Transform& rht_transform() {
    static const Transform transform = {.id = "rht",
                                        .check_params = check_params,
                                        .fields = fields,
                                        .bind = bind,
                                        .write = write,
                                        .kernels = kKernels,
                                        .test_params = test_params};
    return transform;
}

}  // namespace dwubit
