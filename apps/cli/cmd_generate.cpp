#include <algorithm>
#include <utility>

#include "arguments.h"
#include "base/error.h"
#include "command.h"
#include "runtime/engine/answer_text.h"
#include "runtime/engine/generate.h"
#include "sampling_flags.h"

namespace dwubit::cli {
namespace {

class Generate final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("-p,--prompt", text_, "the prompt");
        app.add_option("-f,--file", file_, "a file with the prompt");
        add_integer(app, "-n,--n-predict", max_tokens_, 0, kNoLimit, "new tokens at most");
        add_integer(app, "-c,--ctx-size", context_, 0, kNoLimit, "context size, 0 = prompt + new tokens");
        app.add_flag("--no-bos", no_bos_, "without the tokens that the tokenizer puts around a text");
        app.add_flag("--ignore-eos", ignore_eos_, "go on after an end token");
        sampling_.declare(app);
        add_act(app, act_name_);
        add_kv(app, kv_name_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        DWUBIT_ASSIGN(const std::string prompt, read_prompt(text_, file_));
        DWUBIT_TRY(sampling_.check());
        DWUBIT_ASSIGN(const ActType act, resolve_act(act_name_));
        DWUBIT_ASSIGN(const KvType kv, kv_type_from_name(kv_name_));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(model_));
        DWUBIT_ASSIGN(const Model model, Model::load(model_, act, *pool, console.progress()));
        check_vocabulary(tokenizer, model.config(), console);

        DWUBIT_ASSIGN(const std::vector<TokenId> ids, tokenizer.encode(prompt, !no_bos_));
        DWUBIT_ASSIGN(const std::int64_t room, plan_context(static_cast<std::int64_t>(ids.size()), model, console));
        // At most the context, which any int64 may be: nothing may be added to it here.
        const std::int64_t capacity = std::max<std::int64_t>(1, static_cast<std::int64_t>(ids.size()) + room);
        DWUBIT_ASSIGN(KvCache cache, KvCache::create(model.config(), capacity, kv));
        GenerateOptions options;
        options.max_tokens = room;
        if (!ignore_eos_) options.eos_ids = model.config().eos_ids;
        options.sampler = sampling_.sampler;
        options.sampler.seed = static_cast<std::uint64_t>(common.seed);

        DWUBIT_ASSIGN(AnswerText answer, AnswerText::create(tokenizer, ids, sampling_.stops));
        std::string text;
        bool started = false;
        const auto emit = [&](const std::string& piece) {
            if (!std::exchange(started, true)) console.print(prompt);  // nothing is printed before a refusal
            console.print(piece);
            text += piece;
        };
        Result<void> decoded;
        const auto on_token = [&](TokenId id) {
            Result<std::string> piece = answer.push(id);
            if (!piece.ok()) {
                decoded = std::move(piece).error();
                return false;
            }
            emit(*piece);
            return !answer.stopped();
        };
        DWUBIT_ASSIGN(Generation generation, generate(model, ids, cache, options, on_token, *pool));
        DWUBIT_TRY(std::move(decoded));
        emit(answer.finish());
        if (answer.stopped()) generation.reason = StopReason::kStop;
        console.print("\n");
        return result(generation, options.sampler, std::move(text), ids.size());
    }

private:
    // New tokens that the context has room for.
    Result<std::int64_t> plan_context(std::int64_t prompt, const Model& model, Console& console) const {
        const std::int64_t trained = model.config().max_positions;
        const std::int64_t limit = context_ > 0 ? context_ : std::max(trained, prompt);
        if (prompt > limit) {
            return errorf(ErrorKind::kInvalidInput, "the prompt has {} tokens, the context {}", prompt, limit)
                .with_hint("a larger -c, or a shorter prompt");
        }
        const std::int64_t room = std::min(max_tokens_, limit - prompt);
        if (room < max_tokens_) {
            console.warn(fmt::format("the context of {} leaves room for {} new tokens of the {} asked for", limit, room,
                                     max_tokens_));
        }
        if (prompt + room > trained) {
            console.warn(
                fmt::format("{} positions are more than the {} the model was made for", prompt + room, trained));
        }
        return room;
    }

    static Json result(const Generation& g, const SamplerOptions& sampler, std::string text,
                       std::size_t prompt_tokens) {
        const auto rate = [](double tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0.0; };
        return Json{{"text", std::move(text)},
                    {"ids", g.ids},
                    {"prompt_tokens", prompt_tokens},
                    {"generated_tokens", g.ids.size()},
                    {"stop_reason", stop_reason_name(g.reason)},
                    {"sampler", sampler_json(sampler)},
                    {"prompt_tokens_per_second", rate(static_cast<double>(prompt_tokens), g.prompt_seconds)},
                    {"decode_tokens_per_second", rate(static_cast<double>(g.decode_passes), g.decode_seconds)}};
    }

    std::filesystem::path model_;
    std::optional<std::string> text_;
    std::optional<std::filesystem::path> file_;
    std::int64_t max_tokens_ = 128;
    std::int64_t context_ = 0;
    bool no_bos_ = false;
    bool ignore_eos_ = false;
    SamplingFlags sampling_;
    std::string act_name_ = "auto";
    std::string kv_name_ = "f32";
};

}  // namespace

std::unique_ptr<Command> make_generate() {
    return std::make_unique<Generate>();
}

}  // namespace dwubit::cli
