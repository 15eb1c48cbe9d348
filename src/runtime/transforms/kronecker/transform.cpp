// Transform kronecker: as rht, with U the Kronecker product of Hadamard matrices of the given sizes, outermost first.
// 14336 = 28 x 512 is rht's own choice; 240 = 12 x 20 has another one.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "runtime/transforms/hadamard/orders.h"
#include "runtime/transforms/hadamard/product.h"
#include "runtime/transforms/parameters.h"

namespace dwubit {
namespace {

constexpr TransformKernel kKernels[] = {{"kronecker_apply_f32_ref", Isa::kRef, "cpu"},
                                        {"kronecker_apply_f32_avx2", Isa::kAvx2, "cpu"},
                                        {"kronecker_apply_f32_avx512", Isa::kAvx512, "cpu"}};
constexpr std::size_t kMaxFactors = 8;

std::string sign_of(const Json& params) {
    return params.at("sign").get<std::string>();
}

std::vector<std::int64_t> sizes_of(const Json& params) {
    return params.at("sizes").get<std::vector<std::int64_t>>();
}

Result<std::vector<std::int64_t>> read_sizes(const Fields& fields, std::int64_t n) {
    DWUBIT_ASSIGN(const Json* list, fields.array("sizes"));
    const auto expected = [&] {
        return fields.invalid("sizes", fmt::format("1 to {} whole numbers whose product is {}", kMaxFactors, n));
    };
    if (list->empty() || list->size() > kMaxFactors) return expected();
    std::vector<std::int64_t> sizes;
    std::int64_t product = 1;
    for (const Json& element : *list) {
        if (!element.is_number_integer()) return expected();
        // a number above the range reads as negative
        const auto size = element.get<std::int64_t>();
        if (size < 1 || size > n / product) return expected();
        product *= size;
        DWUBIT_TRY(require_hadamard_size(size).context("params: 'sizes'"));
        sizes.push_back(size);
    }
    if (product != n) return expected();
    return sizes;
}

Result<Json> check_params(const Json& params, std::int64_t n) {
    DWUBIT_TRY(check_transform_size(n));
    DWUBIT_TRY(refuse_other_params(params, {"sizes", "sign"}));
    const Fields fields(params, "params");
    DWUBIT_ASSIGN(std::string sign, read_sign(params, "f16", true));
    DWUBIT_ASSIGN(const std::vector<std::int64_t> sizes, read_sizes(fields, n));
    return Json{{"sizes", sizes}, {"sign", std::move(sign)}};
}

std::vector<TransformField> fields(const Json& params, std::int64_t n, Side side) {
    return sign_fields(sign_of(params), n, side);
}

Result<std::unique_ptr<BoundTransform>> bind(const Json& params, std::int64_t n, Side /*side*/,
                                             std::span<const TensorView> buffers) {
    std::vector<float> factors;
    if (!buffers.empty()) {
        DWUBIT_ASSIGN(factors, read_factors(sign_of(params), n, buffers.front()));
    }
    return make_hadamard_product({"kronecker", n, sizes_of(params)}, std::move(factors));
}

Result<std::vector<std::vector<std::byte>>> write(const Json& params, std::int64_t n, std::span<const float> factors) {
    return write_factors(sign_of(params), n, factors);
}

std::vector<Json> test_params(std::int64_t n) {
    std::vector<Json> list;
    if (hadamard_size(n)) list.push_back({{"sizes", {n}}, {"sign", "none"}});
    for (const std::int64_t outer : {2, 4, 12, 28, 36}) {
        if (n % outer != 0 || !hadamard_size(n / outer)) continue;
        list.push_back({{"sizes", {outer, n / outer}}, {"sign", "bit"}});
        list.push_back({{"sizes", {n / outer, outer}}, {"sign", "f16"}});
    }
    return list;
}

}  // namespace

const Transform& kronecker_transform() {
    static const Transform transform = {.id = "kronecker",
                                        .check_params = check_params,
                                        .fields = fields,
                                        .bind = bind,
                                        .write = write,
                                        .kernels = kKernels,
                                        .test_params = test_params};
    return transform;
}

}  // namespace dwubit
