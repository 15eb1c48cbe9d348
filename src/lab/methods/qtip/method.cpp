// QTIP (Tseng, Sun, Hou, De Sa: arXiv 2406.11235): weights are made incoherent by randomized Hadamard transforms on
// both sides, then rounded in tiles of 256 to paths through a trellis, each block of columns with the errors of the
// others fed back. README.md has the equations and where this differs.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/error.h"
#include "lab/blocks/incoherent.h"
#include "lab/blocks/trellis_quantizer.h"
#include "lab/failure.h"
#include "lab/kernels/hyb_table.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"
#include "runtime/formats/trellis/trellis.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"trellis"};
constexpr int kFormatVersion = 1;

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = [] {
        std::vector<OptionSpec> list = {
            integer_option("bits", 2, 1, 4, "bits per weight"),
            choice_option("code", {"mul1", "3inst", "1mad", "hyb"},
                          "what a state stands for: computed from it, or from a table of 512 pairs by a hash of it")};
        add_incoherent_options(list, {.search = false,
                                      .rho = 0.93,
                                      .rho_help = "scale=fixed: root mean square of the weights that the code sees, as "
                                                  "a multiple of the code's own"});
        return list;
    }();
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {{"mul1", {}},
                                                     {"3inst", {{"code", "3inst"}}},
                                                     {"1mad", {{"code", "1mad"}}},
                                                     {"hyb", {{"code", "hyb"}}},
                                                     {"fused", {{"fuse", "yes"}}},
                                                     {"released", {{"code", "hyb"}, {"rho", 0.9}}},
                                                     {"mul1-3bit", {{"bits", 3}}},
                                                     {"mul1-4bit", {{"bits", 4}}}};
    return kRecipes;
}

TrellisParams params_of(const Parameters& parameters) {
    return {unwrap(trellis_code_from_name(parameters.choice("code"))), static_cast<int>(parameters.integer("bits"))};
}

std::span<const std::uint16_t> table_of(TrellisCode code) {
    if (code != TrellisCode::kHyb) return {};
    return hyb_table();
}

void check_tiles(std::int64_t n, const std::string& what) {
    if (n % kTrellisTile == 0) return;
    fail(ErrorKind::kUnsupported, "{}: {} is no multiple of {}, the side of a trellis' tile", what, n, kTrellisTile);
}

void check_shapes(std::span<const LinearShape> linears, const Parameters& parameters) {
    for (const LinearShape& linear : linears) check_tiles(linear.in, fmt::format("inputs of {}", linear.module));
    for (const StoredShape& shape : stored_shapes(linears, parameters)) check_tiles(shape.rows, shape.outputs);
    check_incoherent_shapes(linears, parameters);
}

std::unique_ptr<PreparedSite> prepare(const SiteProblem& site, const Parameters& parameters, LabContext& context) {
    return prepare_incoherent(site, kTrellisTile, parameters, context);
}

Codes make_codes(const at::Tensor& words, std::int64_t columns, float scale, const TrellisParams& params) {
    const at::Tensor tiles = trellis_tiles(words);
    const Format& format = *unwrap(find_format(kFormats[0], kFormatVersion));
    Codes codes{{words.size(2), columns}, {}, {}};
    codes.params = unwrap(format.check_params(to_json(params), codes.shape));
    for (const FieldSpec& spec : format.code_fields(codes.params, codes.shape))
        codes.fields.push_back(make_field(spec));
    const std::span<const std::uint8_t> from = to_span<std::uint8_t>(tiles);
    const std::span<std::uint8_t> to = codes.find("codes")->as<std::uint8_t>();
    DWUBIT_CHECK(from.size() == to.size());
    std::copy(from.begin(), from.end(), to.begin());
    codes.find("scales")->as<float>()[0] = scale;
    if (const auto table = table_of(params.code); !table.empty()) {
        std::copy(table.begin(), table.end(), codes.find("codebook.0")->as<std::uint16_t>().begin());
    }
    return codes;
}

std::vector<LinearSolution> quantize(const SiteProblem& site, const PreparedSite* prepared,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const TrellisParams params = params_of(parameters);
    const TrellisQuantizer quantizer(params.code, params.bits, table_of(params.code), linears.front().weight.device());
    const auto codes = [&](const at::Tensor& words, std::int64_t columns, float scale) {
        return make_codes(words, columns, scale, params);
    };
    const IncoherentRounding rounding = {kFormats[0],     kFormatVersion,     quantizer, quantizer.rms(),
                                         {0.76, 1.04, 5}, /*sample_rows=*/64, codes};
    return quantize_incoherent(site, *prepared, linears, rounding, parameters, context);
}

}  // namespace

extern const Method method_qtip;
const Method method_qtip = {"qtip",
                            "arXiv 2406.11235",
                            kFormats,
                            /*needs_hessians=*/true,
                            "mul1",
                            options,
                            recipes,
                            nullptr,
                            prepare,
                            quantize,
                            check_shapes};

}  // namespace dwubit::lab
