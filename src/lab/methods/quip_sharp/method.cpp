// QuIP# (Tseng, Chee, Sun, Kuleshov, De Sa: arXiv 2402.04396): weights are made incoherent by randomized Hadamard
// transforms on both sides, then rounded eight at a time to the E8P codebook, each block with the errors of the others
// fed back. README.md has the equations and where this differs.
#include <algorithm>

#include "lab/blocks/e8p_quantizer.h"
#include "lab/blocks/incoherent.h"
#include "lab/failure.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"
#include "runtime/formats/e8p/e8p.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"e8p"};
constexpr int kFormatVersion = 1;
constexpr std::int64_t kBlock = 8;

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = [] {
        std::vector<OptionSpec> list = {
            integer_option("bits", 2, 2, 4,
                           "bits per weight: 2, or 3 and 4 by a second codebook for what the first left"),
            number_option("residual", 0, 0, 64, "3 and 4 bits: how much finer the second stage is; 0 = 2.04 and 3.45")};
        add_incoherent_options(
            list, {.rho_help = "scale=fixed: root mean square of the weights that the codebook sees", .sweeps = 10});
        return list;
    }();
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {{"e8p", {}},
                                                     {"fused", {{"fuse", "yes"}}},
                                                     {"released", {{"fuse", "yes"}, {"scale", "fixed"}}},
                                                     {"e8p-3bit", {{"bits", 3}}},
                                                     {"e8p-4bit", {{"bits", 4}}}};
    return kRecipes;
}

void validate(const Parameters& parameters) {
    const double residual = parameters.number("residual");
    if (residual == 0) return;
    if (parameters.integer("bits") == 2) fail(ErrorKind::kUsage, "--set residual={}: 2 bits have one stage", residual);
    if (residual < 1) fail(ErrorKind::kUsage, "--set residual={}: must be 0 (the default) or from 1 to 64", residual);
}

double residual_of(const Parameters& parameters) {
    const double asked = parameters.number("residual");
    return asked != 0 ? asked : E8pParams::default_residual(static_cast<int>(parameters.integer("bits")));
}

// codes: [blocks, words, rows] int32.
Codes make_codes(const at::Tensor& codes, std::int64_t columns, float scale, const Parameters& parameters) {
    const at::Tensor words = codes.permute({2, 0, 1}).cpu().contiguous();  // [rows, blocks, words]
    const std::span<const std::int32_t> from = to_span<std::int32_t>(words);
    const auto bits = static_cast<int>(parameters.integer("bits"));
    E8pParams params;
    params.bits = bits;
    params.residual = bits > 2 ? residual_of(parameters) : 0;
    const Format& format = *unwrap(find_format(kFormats[0], kFormatVersion));
    Codes result{{words.size(0), columns}, {}, {}};
    result.params = unwrap(format.check_params(to_json(params), result.shape));
    for (const FieldSpec& spec : format.code_fields(result.params, result.shape)) {
        result.fields.push_back(make_field(spec));
    }
    result.find("scales")->as<float>()[0] = scale;
    Field& field = *result.find("codes");
    if (bits == 2) {
        std::transform(from.begin(), from.end(), field.as<std::uint16_t>().begin(),
                       [](std::int32_t code) { return static_cast<std::uint16_t>(code); });
        return result;
    }
    const std::span<std::uint32_t> to = field.as<std::uint32_t>();
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = static_cast<std::uint32_t>(from[2 * i]) << (bits == 3 ? 8 : 16) |
                static_cast<std::uint32_t>(from[2 * i + 1]);
    }
    return result;
}

std::unique_ptr<PreparedSite> prepare(const SiteProblem& site, const Parameters& parameters, LabContext& context) {
    return prepare_incoherent(site, kBlock, parameters, context);
}

std::vector<LinearSolution> quantize(const SiteProblem& site, const PreparedSite* prepared,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const E8pQuantizer quantizer(static_cast<int>(parameters.integer("bits")), residual_of(parameters),
                                 linears.front().weight.device());
    const auto codes = [&](const at::Tensor& words, std::int64_t columns, float scale) {
        return make_codes(words, columns, scale, parameters);
    };
    const IncoherentRounding rounding = {kFormats[0],     kFormatVersion,      quantizer, /*unit=*/1,
                                         {0.75, 1.15, 9}, /*sample_rows=*/128, codes};
    return quantize_incoherent(site, *prepared, linears, rounding, parameters, context);
}

}  // namespace

extern const Method method_quip_sharp;
const Method method_quip_sharp = {"quip-sharp",
                                  "arXiv 2402.04396",
                                  kFormats,
                                  /*needs_hessians=*/true,
                                  "e8p",
                                  options,
                                  recipes,
                                  validate,
                                  prepare,
                                  quantize,
                                  check_incoherent_shapes};

}  // namespace dwubit::lab
