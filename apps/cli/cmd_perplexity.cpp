#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>

#include "arguments.h"
#include "base/error.h"
#include "command.h"
#include "corpus/corpus.h"
#include "eval/divergence.h"

namespace dwubit::cli {
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

std::string divergence_text(const DivergenceResult& kl, const std::filesystem::path& base) {
    std::string text = fmt::format(
        "KL from {}: {:.4g} +/- {:.2g}  (median {:.3g}, p90 {:.3g}, p99 {:.3g}, p99.9 {:.3g}, max {:.3g})\n"
        "same top token {:.2f} %, noise floor {:.2g}\nKL by position:",
        base.string(), kl.mean, kl.stderr_, kl.p50, kl.p90, kl.p99, kl.p999, kl.max, 100 * kl.same_top1,
        kl.noise_floor);
    for (const PositionBucket& bucket : kl.by_position) {
        text += fmt::format("  {}-{}: {:.4g}", bucket.from, bucket.to, bucket.mean);
    }
    return text + "\n";
}

class Perplexity final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--data", data_, "a corpus: .jsonl or .txt, also .gz or .zst")->required();
        add_field(app, field_);
        add_integer(app, "--window", window_, 1, kNoLimit, "tokens read at a time");
        app.add_option("--convention", convention_, "carry|inside: what is scored at the borders of windows")
            ->capture_default_str();
        add_integer(app, "--limit", limit_, 0, kNoLimit, "windows at most, 0 = all");
        app.add_flag("--no-bos", no_bos_, "documents without BOS");
        app.add_option("--doc-end", document_end_, "ID|TOKEN|none after each document; default </s>, else the EOS");
        app.add_option("--kl-base", base_, "model folder to compare with: KL(BASE || MODEL) per prediction");
        add_act(app, act_name_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        PerplexityOptions options{.window = window_};
        DWUBIT_ASSIGN(options.convention, convention_from_name(convention_));
        if (limit_ > 0) options.limit = limit_;
        DWUBIT_ASSIGN(const ActType act, resolve_act(act_name_));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(model_));
        DWUBIT_ASSIGN(const Model model, Model::load(model_, act, *pool, console.progress()));
        check_vocabulary(tokenizer, model.config(), console);
        DWUBIT_ASSIGN(const std::optional<Model> base, load_base(model, tokenizer, *pool, console));

        const auto& eos = model.config().eos_ids;
        PackingOptions packing{.add_bos = !no_bos_, .document_end = {}};
        DWUBIT_ASSIGN(packing.document_end,
                      resolve_document_end(tokenizer, document_end_,
                                           eos.empty() ? std::nullopt : std::optional<TokenId>(eos.front())));
        DWUBIT_ASSIGN(const TokenStream stream, read_token_stream(data_, field_, tokenizer, packing));
        const auto tokens = static_cast<std::int64_t>(stream.ids.size());
        DWUBIT_ASSIGN(const auto windows, plan_windows(tokens, options));
        if (windows.front().count > model.config().max_positions) {
            console.warn(fmt::format("windows of {} tokens are longer than the {} the model was made for",
                                     windows.front().count, model.config().max_positions));
        }
        const auto start = std::chrono::steady_clock::now();
        DWUBIT_ASSIGN(const Measured measured,
                      measure(model, base ? &*base : nullptr, stream.ids, options, *pool, console));
        const PerplexityResult& result = measured.perplexity;
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        DWUBIT_ASSIGN(const std::int64_t bytes, text_bytes_until(stream, tokenizer, result.stream_end));
        // Nats of the whole range at the mean of the scored tokens: with 'carry' that is exactly their sum.
        const double bits = result.nll * static_cast<double>(result.stream_end - 1) / std::numbers::ln2;
        const double bits_per_byte = bytes > 0 ? bits / static_cast<double>(bytes) : NAN;

        console.print(
            (measured.kl ? divergence_text(*measured.kl, *base_) : std::string()) +
            fmt::format("perplexity {:.4f} +/- {:.4f}  ({} predictions, window {}, {}, {:.4f} bits per byte)\n"
                        "{:.1f} s, {:.0f} tokens/s\n",
                        result.perplexity, result.stderr_, result.predictions, window_, convention_, bits_per_byte,
                        seconds, static_cast<double>(result.tokens_read) / seconds));
        return Json{{"perplexity", result.perplexity},
                    {"nll", result.nll},
                    {"stderr", result.stderr_},
                    {"predictions", result.predictions},
                    {"windows", result.windows},
                    {"bits_per_byte", bits_per_byte},
                    {"window", window_},
                    {"convention", convention_},
                    {"add_bos", packing.add_bos},
                    {"doc_end", packing.document_end ? Json(*packing.document_end) : Json()},
                    {"documents", stream.documents.size()},
                    {"corpus_sha256", stream.sha256},
                    {"kl", measured.kl ? divergence_json(*measured.kl, *base_) : Json()},
                    {"act", act_name(act)},
                    {"kernel", model.head().kernel().name},
                    {"threads", pool->size()},
                    {"seconds", seconds},
                    {"tokens_per_second", static_cast<double>(result.tokens_read) / seconds}};
    }

private:
    struct Measured {
        PerplexityResult perplexity;
        std::optional<DivergenceResult> kl;
    };

    // The model of --kl-base; nothing where there is none, or where it is the model itself.
    Result<std::optional<Model>> load_base(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool,
                                           Console& console) const {
        if (!base_) return std::optional<Model>();
        auto base_tokenizer = load_tokenizer(*base_);
        if (!base_tokenizer.ok()) return std::move(base_tokenizer).context("--kl-base").error();
        if (base_tokenizer->sha256() != tokenizer.sha256()) {
            return errorf(ErrorKind::kInvalidInput, "--kl-base: the tokenizer.json of {} is not that of {}",
                          base_->string(), model_.string())
                .with_hint("models are compared on the same tokens; the base is the model that MODEL was made from");
        }
        if (is_model_itself()) return std::optional<Model>();
        auto base = Model::load(*base_, model.act(), pool, console.progress());
        if (!base.ok()) return std::move(base).context("--kl-base").error();
        if (base->config().vocab != model.config().vocab) {
            return errorf(ErrorKind::kInvalidInput, "--kl-base: {} has a vocabulary of {}, {} has one of {}",
                          base_->string(), base->config().vocab, model_.string(), model.config().vocab);
        }
        return std::optional<Model>(std::move(*base));
    }

    bool is_model_itself() const {
        std::error_code ignored;
        return std::filesystem::equivalent(*base_, model_, ignored);
    }

    // `other_base`: the loaded base where it is another model.
    Result<Measured> measure(const Model& model, const Model* other_base, std::span<const TokenId> stream,
                             const PerplexityOptions& options, ThreadPool& pool, Console& console) const {
        DWUBIT_ASSIGN(const auto windows, plan_windows(static_cast<std::int64_t>(stream.size()), options));
        const std::int64_t longest = windows.front().count;
        DWUBIT_ASSIGN(ModelLogitSource source, ModelLogitSource::create(model, longest, pool));
        Measured measured;
        if (!base_) {
            DWUBIT_ASSIGN(measured.perplexity, measure_perplexity(source, stream, options, console.progress()));
            return measured;
        }
        const Model& base = other_base != nullptr ? *other_base : model;
        DWUBIT_ASSIGN(ModelLogitSource base_source, ModelLogitSource::create(base, longest, pool));
        DWUBIT_ASSIGN(ModelLogitSource base_again, ModelLogitSource::create(base, longest, pool));
        DWUBIT_ASSIGN(Comparison comparison,
                      measure_divergence(source, base_source, base_again, stream, options, console.progress()));
        measured.perplexity = comparison.perplexity;
        measured.kl = std::move(comparison.divergence);
        return measured;
    }

    std::filesystem::path model_;
    std::filesystem::path data_;
    std::string field_ = "text";
    std::int64_t window_ = 1024;
    std::string convention_ = "carry";
    std::int64_t limit_ = 0;
    bool no_bos_ = false;
    std::optional<std::string> document_end_;
    std::optional<std::filesystem::path> base_;
    std::string act_name_ = "auto";
};

}  // namespace

std::unique_ptr<Command> make_perplexity() {
    return std::make_unique<Perplexity>();
}

}  // namespace dwubit::cli
