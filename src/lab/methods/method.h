// The contract of a quantization method: values in, codes of a format out (docs/add-a-method.md). methods.inc lists
// all.
#pragma once

#include <ATen/ATen.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hessians/hessian_store.h"
#include "lab/blocks/used_transform.h"
#include "lab/methods/recipe.h"
#include "lab_api/lab_api.h"
#include "runtime/formats/format.h"
#include "runtime/model/config.h"

namespace dwubit::lab {

// What linears with one input share; H as collected, in the model's own basis.
struct SiteProblem {
    std::int64_t layer = 0;
    Site site = Site::kQkv;
    at::Tensor hessian;                  // [in, in] float64 on the device, symmetric; undefined without Hessians
    const ModelConfig* model = nullptr;  // for methods that treat layers or heads differently; nullptr: not known
};

// What a method computes once per site for all of its linears (a factorisation).
struct PreparedSite {
    virtual ~PreparedSite() = default;
    double damping = 0;  // multiple of mean(diag H) that was added before factorising
};

struct LinearProblem {
    std::string name;        // "model.layers.0.self_attn.q_proj"
    at::Tensor weight;       // [out, in] float32 on the device, finite
    std::uint64_t seed = 0;  // of this linear: depends on --seed and its place in the model
};

// The linear then computes out.TT values in.T x: `values` stand for W in the basis of its transforms.
struct LinearSolution {
    std::string format;  // id in formats.inc
    int version = 1;     // of that format
    Codes codes;
    at::Tensor values;  // [out, in] float32: what the codes stand for, exactly
    UsedTransform in = {};
    UsedTransform out = {};
    // Several linears stored as one, their rows below each other: the fused module's name, and which linears of the
    // site in that order. Empty: one linear.
    std::string fused = {};
    std::vector<std::size_t> parts = {};
    Json details = Json::object();  // of this method alone, for the report: {"scale": 0.9}
};

struct Method {
    const char* id;
    const char* paper;
    std::span<const char* const> formats;  // that it emits
    bool needs_hessians;
    const char* default_recipe;
    std::span<const OptionSpec> (*options)();
    std::span<const RecipeSpec> (*recipes)();
    // Throws a usage Failure for values that do not go together. nullptr: all do.
    void (*validate)(const Parameters& parameters);
    // nullptr: nothing to prepare.
    std::unique_ptr<PreparedSite> (*prepare)(const SiteProblem& site, const Parameters& parameters,
                                             LabContext& context);
    // All linears of a site, which a method may stack; solutions in their order, or one for those that it fuses.
    // `prepared` is this method's, nullptr where it prepares nothing. The same bytes for any number of threads: units
    // of work depend on shapes only.
    std::vector<LinearSolution> (*quantize)(const SiteProblem& site, const PreparedSite* prepared,
                                            std::span<const LinearProblem> linears, const Parameters& parameters,
                                            LabContext& context);
    // Throws a Failure that names the linear where the method has nothing for its shape; asked for the linears of each
    // site before a run begins. nullptr: every shape will do.
    void (*check_shapes)(std::span<const LinearShape> linears, const Parameters& parameters) = nullptr;
};

// In the order of methods.inc.
std::span<const Method* const> methods();
// Throws a usage Failure with the nearest id as hint.
const Method& find_method(std::string_view id);
// {"methods": [{id, paper, formats, needs, default_recipe, recipes}]}
Json methods_json();

}  // namespace dwubit::lab
