// llama.cpp's IQ2_XXS (Kawrakow, ggml): blocks of a GGUF file, the importance of each input from the diagonal of H, the
// mix of types as llama.cpp chooses it. README.md has the rules and where this differs.
#include <algorithm>
#include <cctype>

#include "ggml/iq2_search.h"
#include "lab/blocks/damping.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/failure.h"
#include "lab/methods/iq2_xxs/iq2_feedback.h"
#include "lab/methods/iq2_xxs/mix.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"iq2_xxs", "q2_k", "q4_k", "q5_0", "q4_0", "iq4_nl"};
constexpr int kFormatVersion = 1;

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = {
        choice_option(
            "search", {"feedback", "exhaustive", "reference"},
            "IQ2_XXS blocks: errors fed back by the whole Hessian; points, signs and scales together; or byte "
            "for byte as llama.cpp finds them"),
        choice_option("weights", {"reference", "importance"},
                      "of errors in the search: importance of the input times sqrt(variance + w^2), as llama.cpp has "
                      "it, or the importance alone"),
        integer_option("sweeps", 10, 0, 100, "search=feedback: sweeps of coordinate descent after the first pass"),
        number_option("damping", 0.01, 0, 1, "search=feedback: multiple of mean(diag H) added to the diagonal")};
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {
        {"feedback", {}}, {"exhaustive", {{"search", "exhaustive"}}}, {"llama.cpp", {{"search", "reference"}}}};
    return kRecipes;
}

// Linears of a site come in the model's order.
MixRole role_of(Site site, std::size_t place) {
    constexpr MixRole kQkv[] = {MixRole::kQuery, MixRole::kKey, MixRole::kValue};
    switch (site) {
        case Site::kQkv:
            return kQkv[std::min<std::size_t>(place, 2)];
        case Site::kO:
            return MixRole::kOutput;
        case Site::kUp:
            return place == 0 ? MixRole::kGate : MixRole::kUp;
        case Site::kDown:
            return MixRole::kDown;
    }
    return MixRole::kGate;
}

const BlockType& type_of(const SiteProblem& site, std::size_t place, std::int64_t columns) {
    MixPlace mix = {role_of(site.site, place), site.layer, 1, 1};
    if (site.model != nullptr) {
        mix.layers = site.model->layers;
        mix.heads_per_kv_head = site.model->heads / site.model->kv_heads;
    }
    return *iq2_xxs_mix(mix, columns);  // check_shapes() has seen the columns
}

void check_shapes(std::span<const LinearShape> linears, const Parameters&) {
    for (const LinearShape& linear : linears) {
        if (iq2_xxs_mix({}, linear.in) != nullptr) continue;
        throw Failure(errorf(ErrorKind::kInvalidInput, "{} has {} inputs: ggml's blocks need a multiple of 32",
                             linear.module, linear.in)
                          .with_hint("gptq takes any number"));
    }
}

// The mean square of each input. Where nothing came in all are alike, as llama.cpp takes tensors without counts.
std::vector<float> importance_of(const at::Tensor& hessian) {
    const at::Tensor diagonal = hessian.diagonal().to(at::kFloat).cpu().contiguous();
    const std::span<const float> values = to_span<float>(diagonal);
    std::vector<float> importance(values.begin(), values.end());
    const bool dead = std::all_of(importance.begin(), importance.end(), [](float x) { return x == 0; });
    if (dead) std::fill(importance.begin(), importance.end(), 1.0f);
    return importance;
}

struct Prepared final : PreparedSite {
    std::vector<float> importance;
    // For the search: no input counts for nothing, so that weights of dead ones are rounded like all others.
    std::vector<float> floored;
    BlockFeedback feedback;  // search=feedback; on the CPU
};

std::unique_ptr<PreparedSite> prepare(const SiteProblem& site, const Parameters& parameters, LabContext&) {
    constexpr double kLeast = 1e-4;  // of the mean
    const std::string where = fmt::format("layer {}, site {}", site.layer, site_name(site.site));
    check_hessian(site.hessian, where);
    auto prepared = std::make_unique<Prepared>();
    prepared->importance = importance_of(site.hessian);
    double sum = 0;
    for (const float x : prepared->importance) sum += x;
    const auto least = static_cast<float>(kLeast * sum / static_cast<double>(prepared->importance.size()));
    for (const float x : prepared->importance) prepared->floored.push_back(std::max(x, least));
    if (parameters.choice("search") != "feedback" || site.hessian.size(0) % 256 != 0) return prepared;
    prepared->feedback =
        make_block_feedback(site.hessian.to(at::kCPU, at::kDouble, /*non_blocking=*/false, /*copy=*/true),
                            kIq2FeedbackBlock, parameters.number("damping"), /*sweeps=*/true, where);
    prepared->damping = prepared->feedback.damping;
    return prepared;
}

class Encoder {
public:
    Encoder(const Prepared& prepared, const Parameters& parameters)
        : prepared_(prepared),
          search_(parameters.choice("search")),
          weighting_(parameters.choice("weights") == "importance" ? ggml::Iq2Weighting::kImportance
                                                                  : ggml::Iq2Weighting::kReference),
          sweeps_(static_cast<int>(parameters.integer("sweeps"))) {}

    // weight: [rows, in] on the CPU; out: its rows of blocks.
    void encode(const BlockType& type, const at::Tensor& weight, std::span<std::byte> out) const {
        const std::int64_t columns = weight.size(1);
        const std::int64_t blocks = columns / type.weights;
        const bool searched = type.needs_importance && search_ != "reference";
        for (std::int64_t r = 0; r < weight.size(0); ++r) {
            const float* const row = weight.data_ptr<float>() + r * columns;
            std::byte* const to = out.data() + r * blocks * type.bytes;
            if (searched) {
                ggml::encode_iq2_xxs_exhaustive(row, blocks, prepared_.floored.data(), weighting_, to);
            } else {
                type.encode(row, blocks, prepared_.importance.data(), to);
            }
        }
        if (searched && search_ == "feedback") {
            feed_back_iq2(weight, prepared_.feedback, prepared_.floored, sweeps_, out);
        }
    }

private:
    const Prepared& prepared_;
    std::string search_;
    ggml::Iq2Weighting weighting_;
    int sweeps_;
};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

LinearSolution quantize_one(const Encoder& encoder, const BlockType& type, const LinearProblem& problem,
                            LabContext& context) {
    const at::Tensor weight = problem.weight.cpu().contiguous();
    const std::int64_t rows = weight.size(0);
    const std::int64_t columns = weight.size(1);
    const std::int64_t blocks = columns / type.weights;
    const std::int64_t row_bytes = blocks * type.bytes;
    std::vector<std::byte> bytes(static_cast<std::size_t>(rows * row_bytes));
    at::Tensor values = at::empty_like(weight);
    float* const to = values.data_ptr<float>();
    parallel_rows(rows, at::kCPU, context.pool, [&](std::int64_t first, std::int64_t count) {
        const auto some = std::span(bytes).subspan(static_cast<std::size_t>(first * row_bytes),
                                                   static_cast<std::size_t>(count * row_bytes));
        encoder.encode(type, weight.slice(0, first, first + count), some);
        type.decode(some.data(), count * blocks, to + first * columns);
    });
    const std::string format = lower(type.name);
    const PackedView view = {
        {rows, columns}, Json::object(), {{"codes", DType::kU8, {rows, row_bytes}, bytes, problem.name}}};
    Codes codes = unwrap(unwrap(find_format(format, kFormatVersion))->unpack(view));
    return {format, kFormatVersion, std::move(codes), values.to(problem.weight.device())};
}

std::vector<LinearSolution> quantize(const SiteProblem& site, const PreparedSite* prepared,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const Encoder encoder(static_cast<const Prepared&>(*prepared), parameters);
    std::vector<LinearSolution> solutions;
    for (std::size_t i = 0; i < linears.size(); ++i) {
        const BlockType& type = type_of(site, i, linears[i].weight.size(1));
        solutions.push_back(quantize_one(encoder, type, linears[i], context));
    }
    return solutions;
}

}  // namespace

extern const Method method_iq2_xxs;
const Method method_iq2_xxs = {"iq2_xxs",
                               "llama.cpp's IQ2_XXS and its mix of types, byte for byte or searched further",
                               kFormats,
                               /*needs_hessians=*/true,
                               "feedback",
                               options,
                               recipes,
                               /*validate=*/nullptr,
                               prepare,
                               quantize,
                               check_shapes};

}  // namespace dwubit::lab
