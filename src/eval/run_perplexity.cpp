#include "eval/run_perplexity.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <numbers>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "corpus/corpus.h"
#include "eval/divergence.h"
#include "eval/model_text.h"
#include "runtime/model/model.h"
#include "runtime/model/open_model.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {
namespace {

Json divergence_json(const DivergenceResult& kl, const std::filesystem::path& base) {
    Json by_position = Json::array();
    for (const PositionBucket& bucket : kl.by_position) {
        by_position.push_back(
            {{"from", bucket.from}, {"to", bucket.to}, {"predictions", bucket.predictions}, {"mean", bucket.mean}});
    }
    return Json{{"base", base.string()},
                {"mean", kl.mean},
                {"stderr", kl.stderr_},
                {"p50", kl.p50},
                {"p90", kl.p90},
                {"p99", kl.p99},
                {"p999", kl.p999},
                {"max", kl.max},
                {"same_top1", kl.same_top1},
                {"noise_floor", kl.noise_floor},
                {"by_position", std::move(by_position)}};
}

bool is_model_itself(const PerplexityRequest& request) {
    std::error_code ignored;
    return std::filesystem::equivalent(*request.base, request.model, ignored);
}

// The text is the same tokens to both: the tokenizers are one file; or, as a GGUF file's is no tokenizer.json and still
// that of the model it was made from, they make the same ids of it.
Result<void> check_base_tokenizer(const PerplexityRequest& request, const Tokenizer& base, const Tokenizer& tokenizer,
                                  const PackingOptions& packing, const TokenStream& stream) {
    if (base.sha256() == tokenizer.sha256()) return {};
    if (is_gguf_file(request.model) || is_gguf_file(*request.base)) {
        DWUBIT_ASSIGN(const TokenStream of_base, read_token_stream(request.data, request.field, base, packing));
        if (of_base.ids == stream.ids) return {};
    }
    return errorf(ErrorKind::kInvalidInput, "--kl-base: the tokenizer.json of {} is not that of {}",
                  request.base->string(), request.model.string())
        .with_hint("models are compared on the same tokens; the base is the model that MODEL was made from");
}

// The base; nothing where there is none, or where it is the model itself.
Result<std::optional<Model>> load_base(const PerplexityRequest& request, const Model& model, const Tokenizer& tokenizer,
                                       const PackingOptions& packing, const TokenStream& stream, ThreadPool& pool,
                                       ProgressSink& progress) {
    if (!request.base) return std::optional<Model>();
    auto directory = open_model_files(*request.base);
    if (!directory.ok()) return std::move(directory).context("--kl-base").error();
    auto base_tokenizer = load_tokenizer(*directory);
    if (!base_tokenizer.ok()) return std::move(base_tokenizer).context("--kl-base").error();
    DWUBIT_TRY(check_base_tokenizer(request, *base_tokenizer, tokenizer, packing, stream));
    if (is_model_itself(request)) return std::optional<Model>();
    auto base = Model::load(std::move(*directory), model.act(), pool, progress);
    if (!base.ok()) return std::move(base).context("--kl-base").error();
    if (base->config().vocab != model.config().vocab) {
        return errorf(ErrorKind::kInvalidInput, "--kl-base: {} has a vocabulary of {}, {} has one of {}",
                      request.base->string(), base->config().vocab, request.model.string(), model.config().vocab);
    }
    return std::optional<Model>(std::move(*base));
}

struct Measured {
    PerplexityResult perplexity;
    std::optional<DivergenceResult> kl;
};

// `base`: the model itself where it is its own base; nullptr where there is none.
Result<Measured> measure(const Model& model, const Model* base, std::span<const TokenId> stream,
                         const PerplexityOptions& options, KvType kv, std::int64_t longest, ThreadPool& pool,
                         ProgressSink& progress) {
    DWUBIT_ASSIGN(ModelLogitSource source, ModelLogitSource::create(model, longest, pool, kv));
    Measured measured;
    if (base == nullptr) {
        DWUBIT_ASSIGN(measured.perplexity, measure_perplexity(source, stream, options, progress));
        return measured;
    }
    DWUBIT_ASSIGN(ModelLogitSource base_source, ModelLogitSource::create(*base, longest, pool));
    DWUBIT_ASSIGN(ModelLogitSource base_again, ModelLogitSource::create(*base, longest, pool));
    DWUBIT_ASSIGN(Comparison comparison,
                  measure_divergence(source, base_source, base_again, stream, options, progress));
    measured.perplexity = comparison.perplexity;
    measured.kl = std::move(comparison.divergence);
    return measured;
}

}  // namespace

Result<Json> run_perplexity(const PerplexityRequest& request, ThreadPool& pool, ProgressSink& progress,
                            const std::function<void(std::string)>& warn) {
    const PerplexityOptions& options = request.options;
    DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(request.model));
    DWUBIT_ASSIGN(const Model model, Model::load(request.model, request.act, pool, progress));
    if (const auto warning = vocabulary_warning(tokenizer, model.config())) warn(*warning);
    const auto& eos = model.config().eos_ids;
    PackingOptions packing{.add_bos = request.add_bos, .document_end = {}};
    DWUBIT_ASSIGN(packing.document_end,
                  resolve_document_end(tokenizer, request.document_end,
                                       eos.empty() ? std::nullopt : std::optional<TokenId>(eos.front())));
    DWUBIT_ASSIGN(const TokenStream stream, read_token_stream(request.data, request.field, tokenizer, packing));
    DWUBIT_ASSIGN(const std::optional<Model> other,
                  load_base(request, model, tokenizer, packing, stream, pool, progress));
    const Model* base = other ? &*other : request.base ? &model : nullptr;
    DWUBIT_ASSIGN(const auto windows, plan_windows(static_cast<std::int64_t>(stream.ids.size()), options));
    const std::int64_t longest = windows.front().count;
    if (longest > model.config().max_positions) {
        warn(fmt::format("windows of {} tokens are longer than the {} the model was made for", longest,
                         model.config().max_positions));
    }
    const auto start = std::chrono::steady_clock::now();
    DWUBIT_ASSIGN(const Measured measured,
                  measure(model, base, stream.ids, options, request.kv, longest, pool, progress));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const PerplexityResult& result = measured.perplexity;
    DWUBIT_ASSIGN(const std::int64_t bytes, text_bytes_until(stream, tokenizer, result.stream_end));
    // Nats of the whole range at the mean of the scored tokens: with 'carry' that is exactly their sum.
    const double bits = result.nll * static_cast<double>(result.stream_end - 1) / std::numbers::ln2;
    return Json{{"perplexity", result.perplexity},
                {"nll", result.nll},
                {"stderr", result.stderr_},
                {"predictions", result.predictions},
                {"windows", result.windows},
                {"bits_per_byte", bytes > 0 ? bits / static_cast<double>(bytes) : NAN},
                {"window", options.window},
                {"convention", convention_name(options.convention)},
                {"add_bos", packing.add_bos},
                {"doc_end", packing.document_end ? Json(*packing.document_end) : Json()},
                {"documents", stream.documents.size()},
                {"corpus_sha256", stream.sha256},
                {"kl", measured.kl ? divergence_json(*measured.kl, *request.base) : Json()},
                {"act", act_name(request.act)},
                {"kv", kv_type_name(request.kv)},
                {"kernel", model.head().kernel().name},
                {"threads", pool.size()},
                {"seconds", seconds},
                {"tokens_per_second", static_cast<double>(result.tokens_read) / seconds}};
}

}  // namespace dwubit
