// KL divergence of a kind of activations to float32; README.md has the rules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <vector>

#include "corpus/corpus.h"
#include "eval/model_text.h"
#include "json/json.h"
#include "runtime/model/model.h"

namespace dwubit {
namespace {

constexpr std::int64_t kWindow = 1024;

// Logits of a window, [tokens, vocab].
Result<std::vector<float>> window_logits(const Model& model, std::span<const TokenId> ids, std::size_t step,
                                         KvCache& cache, ThreadPool& pool) {
    const std::int64_t vocab = model.config().vocab;
    std::vector<float> logits(ids.size() * static_cast<std::size_t>(vocab));
    cache.truncate(0);
    for (std::size_t first = 0; first < ids.size(); first += step) {
        const auto sink = [&](std::int64_t row, std::span<const float> values) {
            std::copy(values.begin(), values.end(), logits.begin() + (static_cast<std::int64_t>(first) + row) * vocab);
        };
        const std::span<const TokenId> some = ids.subspan(first, std::min(step, ids.size() - first));
        DWUBIT_TRY(model.forward(some, cache, LogitRows::kAll, sink, pool));
    }
    return logits;
}

double log_sum_exp(std::span<const float> x) {
    double sum = 0;
    for (const float v : x) sum += std::exp(static_cast<double>(v));
    return std::log(sum);
}

double kl_divergence(std::span<const float> p, std::span<const float> q) {
    const double total_p = log_sum_exp(p);
    const double total_q = log_sum_exp(q);
    double kl = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
        const double log_p = p[i] - total_p;
        kl += std::exp(log_p) * (log_p - (q[i] - total_q));
    }
    return kl;
}

Result<Json> run(const std::string& path, const std::string& data, const std::string& act_text, std::int64_t windows,
                 std::size_t step) {
    ThreadPool pool(0);
    DWUBIT_ASSIGN(const ActType act, act_from_name(act_text));
    DWUBIT_ASSIGN(const Model base, Model::load(path, ActType::kF32, pool));
    DWUBIT_ASSIGN(const Model other, Model::load(path, act, pool));
    DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(base.directory()));
    DWUBIT_ASSIGN(const auto document_end, resolve_document_end(tokenizer, std::nullopt, std::nullopt));
    DWUBIT_ASSIGN(const TokenStream stream, read_token_stream(data, "text", tokenizer, {true, document_end}));
    DWUBIT_ASSIGN(KvCache cache, KvCache::create(base.config(), kWindow));
    const auto vocab = static_cast<std::size_t>(base.config().vocab);
    double sum = 0;
    std::int64_t positions = 0;
    for (std::int64_t w = 0; w < windows; ++w) {
        const auto first = static_cast<std::size_t>(w * kWindow);
        if (first + kWindow > stream.ids.size()) break;
        const std::span<const TokenId> ids(stream.ids.data() + first, kWindow);
        DWUBIT_ASSIGN(const auto p, window_logits(base, ids, kWindow, cache, pool));
        DWUBIT_ASSIGN(const auto q, window_logits(other, ids, step, cache, pool));
        for (std::size_t r = 0; r < ids.size(); ++r, ++positions) {
            sum += kl_divergence(std::span(p).subspan(r * vocab, vocab), std::span(q).subspan(r * vocab, vocab));
        }
    }
    const KernelInfo& kernel = other.layers().front().q.kernel();
    return Json{{"act", act_name(act)}, {"kernel", kernel.name},  {"prompt_kernel", kernel.prompt_name},
                {"step", step},         {"positions", positions}, {"mean_kl", sum / static_cast<double>(positions)}};
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("KL divergence of activations to float32", "bench_act");
    std::string model;
    std::string data;
    std::string act = "bf16";
    std::int64_t windows = 20;
    std::size_t step = 1024;
    app.add_option("model", model, "model folder")->required();
    app.add_option("--data", data, "corpus")->required();
    app.add_option("--act", act, "f32|bf16|int8x2|int8");
    app.add_option("--step", step, "tokens at a time")->check(CLI::Range(1, 1024));
    app.add_option("--windows", windows, "of 1024 tokens")->check(CLI::Range(1, 1 << 20));
    CLI11_PARSE(app, argc, argv);
    const auto result = dwubit::run(model, data, act, windows, step);
    if (!result.ok()) {
        fmt::print(stderr, "bench_act: {}\n", result.error().message);
        return 1;
    }
    fmt::print("{}\n", dwubit::dump_json(*result));
    return 0;
}
