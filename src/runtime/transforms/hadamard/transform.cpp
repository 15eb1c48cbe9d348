// Transform hadamard: T = UT, the Hadamard matrix of the whole size, without signs.
#include "runtime/transforms/hadamard/orders.h"
#include "runtime/transforms/hadamard/product.h"
#include "runtime/transforms/parameters.h"

namespace dwubit {
namespace {

constexpr TransformKernel kKernels[] = DWUBIT_HADAMARD_KERNELS("hadamard");

Result<Json> check_params(const Json& params, std::int64_t n) {
    DWUBIT_TRY(check_transform_size(n));
    DWUBIT_TRY(refuse_other_params(params, {}));
    DWUBIT_TRY(require_hadamard_size(n));
    return Json::object();
}

std::vector<TransformField> fields(const Json& /*params*/, std::int64_t /*n*/, Side /*side*/) {
    return {};
}

Result<std::unique_ptr<BoundTransform>> bind(const Json& /*params*/, std::int64_t n, Side /*side*/,
                                             std::span<const TensorView> /*buffers*/) {
    return make_hadamard_product({"hadamard", n, {n}}, {});
}

Result<std::vector<std::vector<std::byte>>> write(const Json& /*params*/, std::int64_t /*n*/,
                                                  std::span<const float> factors) {
    DWUBIT_TRY(refuse_factors("hadamard", factors));
    return std::vector<std::vector<std::byte>>();
}

std::vector<Json> test_params(std::int64_t n) {
    return hadamard_size(n) ? std::vector<Json>{Json::object()} : std::vector<Json>();
}

}  // namespace

const Transform& hadamard_transform() {
    static const Transform transform = {.id = "hadamard",
                                        .check_params = check_params,
                                        .fields = fields,
                                        .bind = bind,
                                        .write = write,
                                        .kernels = kKernels,
                                        .test_params = test_params};
    return transform;
}

}  // namespace dwubit
