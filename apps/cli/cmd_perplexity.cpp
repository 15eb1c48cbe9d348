#include <chrono>
#include <cmath>
#include <numbers>

#include "arguments.h"
#include "base/error.h"
#include "command.h"
#include "corpus/corpus.h"
#include "eval/perplexity.h"

namespace dwubit::cli {
namespace {

class Perplexity final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--data", data_, "a corpus: .jsonl or .txt, also .gz or .zst")->required();
        app.add_option("--field", field_, "member of a .jsonl line that has the text")->capture_default_str();
        add_integer(app, "--window", window_, 1, kNoLimit, "tokens read at a time");
        app.add_option("--convention", convention_, "carry|inside: what is scored at the borders of windows")
            ->capture_default_str();
        add_integer(app, "--limit", limit_, 0, kNoLimit, "windows at most, 0 = all");
        app.add_flag("--no-bos", no_bos_, "documents without BOS");
        app.add_option("--doc-end", document_end_, "ID|TOKEN|none after each document; default </s>, else the EOS");
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
        DWUBIT_ASSIGN(ModelLogitSource source, ModelLogitSource::create(model, windows.front().count, *pool));
        const auto start = std::chrono::steady_clock::now();
        DWUBIT_ASSIGN(const PerplexityResult result,
                      measure_perplexity(source, stream.ids, options, console.progress()));
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        DWUBIT_ASSIGN(const std::int64_t bytes, text_bytes_until(stream, tokenizer, result.stream_end));
        // Nats of the whole range at the mean of the scored tokens: with 'carry' that is exactly their sum.
        const double bits = result.nll * static_cast<double>(result.stream_end - 1) / std::numbers::ln2;
        const double bits_per_byte = bytes > 0 ? bits / static_cast<double>(bytes) : NAN;

        console.print(
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
                    {"kl", nullptr},  // of a comparison with a base model
                    {"act", act_name(act)},
                    {"kernel", model.head().kernel().name},
                    {"threads", pool->size()},
                    {"seconds", seconds},
                    {"tokens_per_second", static_cast<double>(result.tokens_read) / seconds}};
    }

private:
    std::filesystem::path model_;
    std::filesystem::path data_;
    std::string field_ = "text";
    std::int64_t window_ = 1024;
    std::string convention_ = "carry";
    std::int64_t limit_ = 0;
    bool no_bos_ = false;
    std::optional<std::string> document_end_;
    std::string act_name_ = "auto";
};

}  // namespace

std::unique_ptr<Command> make_perplexity() {
    return std::make_unique<Perplexity>();
}

}  // namespace dwubit::cli
