// Transform none: T = I.
#include "base/error.h"
#include "base/text.h"
#include "runtime/transforms/parameters.h"

namespace dwubit {
namespace {

constexpr TransformKernel kKernels[] = {{"none_apply_f32_ref", Isa::kRef, "cpu"}};

class Identity : public BoundTransform {
public:
    using BoundTransform::BoundTransform;
    explicit Identity(std::int64_t n) : BoundTransform(n) {}
    bool identity() const override { return true; }
    std::string kernel() const override { return kKernels[0].name; }
    void apply(std::int64_t /*rows*/, float* /*x*/) const override {}
    void apply_transposed(std::int64_t /*rows*/, float* /*x*/) const override {}
    void apply(std::int64_t /*rows*/, double* /*x*/) const override {}
    void apply_transposed(std::int64_t /*rows*/, double* /*x*/) const override {}
};

Result<Json> check_params(const Json& params, std::int64_t n) {
    DWUBIT_TRY(check_transform_size(n));
    DWUBIT_TRY(refuse_other_params(params, {}));
    return Json::object();
}

std::vector<TransformField> fields(const Json& /*params*/, std::int64_t /*n*/, Side /*side*/) {
    return {};
}

Result<std::unique_ptr<BoundTransform>> bind(const Json& /*params*/, std::int64_t n, Side /*side*/,
                                             std::span<const TensorView> /*buffers*/) {
    return std::unique_ptr<BoundTransform>(std::make_unique<Identity>(n));
}

Result<std::vector<std::vector<std::byte>>> write(const Json& /*params*/, std::int64_t /*n*/,
                                                  std::span<const float> factors) {
    DWUBIT_TRY(refuse_factors("none", factors));
    return std::vector<std::vector<std::byte>>();
}

std::vector<Json> test_params(std::int64_t /*n*/) {
    return {Json::object()};
}

}  // namespace

const Transform& none_transform() {
    static const Transform transform = {.id = "none",
                                        .check_params = check_params,
                                        .fields = fields,
                                        .bind = bind,
                                        .write = write,
                                        .kernels = kKernels,
                                        .test_params = test_params};
    return transform;
}

}  // namespace dwubit
