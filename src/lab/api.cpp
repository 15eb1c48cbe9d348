// The one entry point of libdwubit_lab.so. Exceptions end here.
#include "lab/failure.h"
#include "lab/methods/method.h"
#include "lab/pipeline/calibrate.h"
#include "lab/pipeline/quantize.h"
#include "lab/torch_compat.h"
#include "lab_api/lab_api.h"

namespace dwubit::lab {
namespace {

template <class Body>
auto guarded(const Body& body) -> Result<decltype(body())> {
    try {
        configure_torch();
        return body();
    } catch (...) {
        return current_error();
    }
}

void warn_of_slow_blas(const LabContext& context) {
    if (is_reference_blas()) {
        context.warn(fmt::format("libtorch runs on {}: expect it to be many times slower; install libopenblas0-pthread",
                                 blas_description()));
    }
}

Result<Json> api_calibrate(const CalibrateRequest& request, LabContext& context) {
    return guarded([&] {
        warn_of_slow_blas(context);
        return calibrate(request, context);
    });
}

Result<Json> api_quantize(const QuantizeRequest& request, LabContext& context) {
    return guarded([&] {
        warn_of_slow_blas(context);
        return quantize(request, context);
    });
}

Result<ResolvedOptions> api_resolve(const QuantizeRequest& request) {
    return guarded([&] { return resolve_options(request); });
}

Result<Json> api_methods() {
    return guarded([] { return methods_json(); });
}

Json api_describe() {
    return {{"torch", torch_version()}, {"blas", blas_description()}, {"cuda", built_with_cuda()}};
}

constexpr LabApi kApi = {kLabApiVersion, api_calibrate, api_quantize, api_resolve, api_methods, api_describe};

}  // namespace
}  // namespace dwubit::lab

extern "C" __attribute__((visibility("default"))) const dwubit::LabApi* dwubit_lab_api() {
    return &dwubit::lab::kApi;
}
