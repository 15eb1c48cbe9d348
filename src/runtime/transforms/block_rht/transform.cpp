// Transform block_rht: rht of blocks of neighbours, each with the same matrix and its own factors. For sizes without a
// Hadamard matrix, and where mixing should stay local.
#include "base/error.h"
#include "runtime/transforms/hadamard/orders.h"
#include "runtime/transforms/hadamard/product.h"
#include "runtime/transforms/parameters.h"

namespace dwubit {
namespace {

constexpr TransformKernel kKernels[] = DWUBIT_HADAMARD_KERNELS("block_rht");

std::string sign_of(const Json& params) {
    return params.at("sign").get<std::string>();
}

bool fits(std::int64_t block, std::int64_t n) {
    return block >= 1 && n % block == 0 && hadamard_size(block).has_value();
}

Result<Json> check_params(const Json& params, std::int64_t n) {
    DWUBIT_TRY(check_transform_size(n));
    DWUBIT_TRY(refuse_other_params(params, {"block", "sign"}));
    const Fields fields(params, "params");
    DWUBIT_ASSIGN(std::string sign, read_sign(params, "f16"));
    DWUBIT_ASSIGN(const std::int64_t block, fields.integer("block", 1, n));
    if (!fits(block, n)) {
        std::string possible;
        for (std::int64_t size = 1; size <= n; ++size) {
            if (fits(size, n)) possible += (possible.empty() ? "" : ", ") + std::to_string(size);
        }
        return errorf(ErrorKind::kInvalidInput,
                      "params: 'block' must divide the size {} and have a Hadamard matrix, got {}", n, block)
            .with_hint("of this size: " + possible);
    }
    return Json{{"block", block}, {"sign", std::move(sign)}};
}

std::vector<TransformField> fields(const Json& params, std::int64_t n, Side side) {
    return sign_fields(sign_of(params), n, side);
}

Result<std::unique_ptr<BoundTransform>> bind(const Json& params, std::int64_t n, Side /*side*/,
                                             std::span<const TensorView> buffers) {
    DWUBIT_ASSIGN(std::vector<float> factors, read_factors(sign_of(params), n, buffers.front()));
    return make_hadamard_product({"block_rht", n, {params.at("block").get<std::int64_t>()}}, std::move(factors));
}

Result<std::vector<std::vector<std::byte>>> write(const Json& params, std::int64_t n, std::span<const float> factors) {
    return write_factors(sign_of(params), n, factors);
}

std::vector<Json> test_params(std::int64_t n) {
    std::vector<Json> list;
    for (const std::int64_t block : {1, 2, 12, 16, 36, 64, 128}) {
        if (fits(block, n)) list.push_back({{"block", block}, {"sign", block % 3 == 0 ? "f32" : "bit"}});
    }
    return list;
}

}  // namespace

const Transform& block_rht_transform() {
    static const Transform transform = {.id = "block_rht",
                                        .check_params = check_params,
                                        .fields = fields,
                                        .bind = bind,
                                        .write = write,
                                        .kernels = kKernels,
                                        .test_params = test_params};
    return transform;
}

}  // namespace dwubit
