// Running one method in its tests.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/blocks/distortion.h"
#include "lab/failure.h"
#include "lab/methods/method.h"

namespace dwubit::lab::testing {

using Settings = std::vector<std::pair<std::string, std::string>>;

inline Parameters parameters_of(const Method& method, std::string_view recipe, const Settings& settings = {}) {
    Parameters resolved = resolve_parameters(method.id, method.options(), method.recipes(), recipe, settings);
    if (method.validate != nullptr) method.validate(resolved);
    return resolved;
}

// The linears of layer 3, site up.
inline std::vector<LinearSolution> solve(const Method& method, const at::Tensor& hessian,
                                         const std::vector<LinearProblem>& linears, const Parameters& parameters,
                                         std::uint64_t seed = 7) {
    ThreadPool pool(2);
    LabContext context{pool, no_progress(), "cpu", seed, [](std::string) {}};
    const SiteProblem site = {3, Site::kUp, hessian};
    const auto prepared = method.prepare(site, parameters, context);
    return method.quantize(site, prepared.get(), linears, parameters, context);
}

// In the model's basis.
inline double relative_proxy(const LinearProblem& linear, const LinearSolution& solution, const at::Tensor& hessian) {
    ThreadPool pool(1);
    const at::Tensor weight = model_basis(solution.values, solution.in, solution.out, pool);
    return measure_distortion(linear.weight, weight, hessian).relative_proxy;
}

inline std::string refusal(const std::function<void()>& body) {
    try {
        body();
    } catch (const Failure& failure) {
        std::string text = failure.error().message + "; " + failure.error().hint;
        for (const std::string& context : failure.error().context) text += "; " + context;
        return text;
    }
    return "nothing was refused";
}

}  // namespace dwubit::lab::testing
