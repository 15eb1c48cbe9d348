#include <fmt/format.h>

#include <optional>

#include "arguments.h"
#include "command.h"
#include "eval/run_perplexity.h"

namespace dwubit::cli {
namespace {

double figure(const Json& object, const char* key) {
    return object.at(key).get<double>();
}

std::string divergence_text(const Json& kl) {
    std::string text = fmt::format(
        "KL from {}: {:.4g} +/- {:.2g}  (median {:.3g}, p90 {:.3g}, p99 {:.3g}, p99.9 {:.3g}, max {:.3g})\n"
        "same top token {:.2f} %, noise floor {:.2g}\nKL by position:",
        kl.at("base").get<std::string>(), figure(kl, "mean"), figure(kl, "stderr"), figure(kl, "p50"),
        figure(kl, "p90"), figure(kl, "p99"), figure(kl, "p999"), figure(kl, "max"), 100 * figure(kl, "same_top1"),
        figure(kl, "noise_floor"));
    for (const Json& bucket : kl.at("by_position")) {
        text += fmt::format("  {}-{}: {:.4g}", bucket.at("from").get<std::int64_t>(),
                            bucket.at("to").get<std::int64_t>(), figure(bucket, "mean"));
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
        add_kv(app, kv_name_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        PerplexityRequest request{.model = model_,
                                  .data = data_,
                                  .field = field_,
                                  .options = {.window = window_},
                                  .add_bos = !no_bos_,
                                  .document_end = document_end_,
                                  .base = base_};
        DWUBIT_ASSIGN(request.options.convention, convention_from_name(convention_));
        if (limit_ > 0) request.options.limit = limit_;
        DWUBIT_ASSIGN(request.act, resolve_act(act_name_));
        DWUBIT_ASSIGN(request.kv, kv_type_from_name(kv_name_));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(Json result, run_perplexity(request, *pool, console.progress(),
                                                  [&](const std::string& line) { console.warn(line); }));
        console.print(
            (result["kl"].is_null() ? std::string() : divergence_text(result["kl"])) +
            fmt::format("perplexity {:.4f} +/- {:.4f}  ({} predictions, window {}, {}, {:.4f} bits per byte)\n"
                        "{:.1f} s, {:.0f} tokens/s\n",
                        figure(result, "perplexity"), figure(result, "stderr"),
                        result["predictions"].get<std::int64_t>(), window_, convention_,
                        figure(result, "bits_per_byte"), figure(result, "seconds"),
                        figure(result, "tokens_per_second")));
        return result;
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
    std::optional<std::filesystem::path> base_;
    std::string act_name_ = "auto";
    std::string kv_name_ = "f32";
};

}  // namespace

std::unique_ptr<Command> make_perplexity() {
    return std::make_unique<Perplexity>();
}

}  // namespace dwubit::cli
