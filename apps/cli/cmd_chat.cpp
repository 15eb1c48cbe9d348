// dwubit chat: a conversation in a terminal, or over a pipe with one message per line.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "arguments.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "interrupts.h"
#include "line_reader.h"
#include "runtime/engine/chat_session.h"
#include "sampling_flags.h"
#include "tokenizer/chat_template.h"

namespace dwubit::cli {
namespace {

// A context as large as long-context models allow would take gigabytes for its cache.
constexpr std::int64_t kDefaultContext = 8192;
constexpr const char* kBuiltIn = "chatml";

class Chat final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--system", system_, "a message that says how to answer");
        app.add_option("--chat-template", template_, "a file with a Jinja template, or 'chatml'; default: the model's");
        add_integer(app, "-n,--n-predict", max_tokens_, 1, kNoLimit, "new tokens of an answer at most");
        add_integer(app, "-c,--ctx-size", context_, 0, kNoLimit, "context size; 0 = the model's, at most 8192");
        sampling_.declare(app);
        add_act(app, act_name_);
        add_kv(app, kv_name_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        DWUBIT_TRY(sampling_.check());
        DWUBIT_ASSIGN(const ActType act, resolve_act(act_name_));
        DWUBIT_ASSIGN(const KvType kv, kv_type_from_name(kv_name_));
        if (system_) system_ = replace_invalid_utf8(*system_);
        DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(model_));
        DWUBIT_ASSIGN(const ChatConfig config, load_chat_config(model_));
        DWUBIT_ASSIGN(ChatTemplate chat_template, find_template(config));
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const Model model, Model::load(model_, act, *pool, console.progress()));
        check_vocabulary(tokenizer, model.config(), console);

        ChatOptions options;
        options.kv = kv;
        options.context = plan_context(model.config(), console);
        options.max_tokens = max_tokens_;
        options.system = system_;
        options.stops = sampling_.stops;
        options.sampler = sampling_.sampler;
        options.sampler.seed = static_cast<std::uint64_t>(common.seed);
        options.eos_ids = model.config().eos_ids;
        add_end_tokens(config, tokenizer, options);
        DWUBIT_ASSIGN(ChatSession session,
                      ChatSession::create(model, tokenizer, std::move(chat_template), *pool, std::move(options)));
        transcript_ = session.messages();
        DWUBIT_TRY(talk(session, console));
        SamplerOptions sampler = sampling_.sampler;
        sampler.seed = static_cast<std::uint64_t>(common.seed);
        return result(sampler);
    }

private:
    Result<ChatTemplate> find_template(const ChatConfig& config) const {
        if (template_ == kBuiltIn) return ChatTemplate::parse(kChatMl, config, "the chat template 'chatml'");
        if (template_) {
            DWUBIT_ASSIGN(const std::string text, read_file(*template_));
            return ChatTemplate::parse(text, config, *template_);
        }
        if (!config.chat_template) {
            return errorf(ErrorKind::kNotFound,
                          "{} has no chat template: neither chat_template.jinja nor a "
                          "'chat_template' in tokenizer_config.json (of a GGUF file: tokenizer.chat_template)",
                          model_.string())
                .with_hint("--chat-template FILE or chatml; for a model that only continues texts: dwubit generate");
        }
        return ChatTemplate::parse(*config.chat_template, config, config.where);
    }

    std::int64_t plan_context(const ModelConfig& config, Console& console) const {
        const std::int64_t most = config.full_attention_limit.value_or(kNoLimit);
        if (context_ == 0) return std::min({config.max_positions, most, kDefaultContext});
        if (context_ > config.max_positions) {
            console.warn(fmt::format("a context of {} is more than the {} positions the model was made for", context_,
                                     config.max_positions));
        }
        return context_;
    }

    // The tokenizer's end token ends an answer even where the model's config does not name it.
    void add_end_tokens(const ChatConfig& config, const Tokenizer& tokenizer, ChatOptions& options) const {
        std::vector<std::string> ends;
        if (const auto eos = config.special_token("eos_token")) ends.push_back(*eos);
        if (template_ == kBuiltIn) ends.emplace_back(kChatMlEnd);
        for (const std::string& end : ends) {
            const std::optional<TokenId> id = tokenizer.find(end);
            if (id) {
                options.eos_ids.push_back(*id);
            } else if (end == kChatMlEnd) {
                options.stops.push_back(end);
            }
        }
    }

    // Until the input ends, /exit, or SIGINT: the first one ends an answer, or what is being typed; the next, with no
    // message between them, ends the conversation.
    Result<void> talk(ChatSession& session, Console& console) {
        const bool terminal = ::isatty(STDIN_FILENO) == 1;
        DWUBIT_ASSIGN(const Interrupts interrupts, Interrupts::create());
        LineReader lines(interrupts.fd());
        if (terminal) console.print("/reset begins anew, /exit or Ctrl-D leaves, Ctrl-C stops an answer.\n");
        while (true) {
            if (terminal) console.print("\n> ");
            DWUBIT_ASSIGN(LineReader::Outcome input, lines.next());
            if (input.event == LineReader::Event::kInterrupted) {
                interrupts.take();
                if (interrupts.count() > 1) break;
                if (terminal) console.print("\n(Ctrl-C again leaves)");
                continue;
            }
            if (input.event == LineReader::Event::kEnd || input.line == "/exit") break;
            interrupts.forget();
            if (input.line == "/reset") {
                session.reset();
                transcript_ = session.messages();
                forgotten_ = 0;
                continue;
            }
            if (input.line.find_first_not_of(" \t") == std::string::npos) continue;
            const Result<void> answered = answer(session, replace_invalid_utf8(input.line), interrupts, console);
            if (answered.ok()) continue;
            if (!terminal) return answered.error();
            console.warn(answered.error().message);
        }
        if (terminal) console.print("\n");
        return {};
    }

    Result<void> answer(ChatSession& session, const std::string& message, const Interrupts& interrupts,
                        Console& console) {
        interrupts.set_deadly(true);
        Result<ChatTurn> turn = session.say(
            message, [&](std::string_view piece) { console.print(piece); }, [&] { return interrupts.count() == 0; });
        interrupts.set_deadly(false);
        interrupts.take();
        if (!turn.ok()) return turn.error();
        console.print("\n");
        transcript_.push_back({"user", message});
        transcript_.push_back(session.messages().back());
        if (turn->forgotten > 0) {
            forgotten_ += turn->forgotten;
            console.warn(fmt::format("the context is full: the oldest {} messages are forgotten", forgotten_));
        }
        turns_.push_back(*turn);
        return {};
    }

    Json result(const SamplerOptions& sampler) const {
        Json messages = Json::array();
        for (const ChatMessage& message : transcript_) {
            messages.push_back({{"role", message.role}, {"content", message.content}});
        }
        Json turns = Json::array();
        ChatTurn all;
        for (const ChatTurn& turn : turns_) {
            turns.push_back({{"prompt_tokens", turn.prompt_tokens},
                             {"reused_tokens", turn.reused_tokens},
                             {"generated_tokens", turn.generated_tokens},
                             {"stop_reason", stop_reason_name(turn.reason)}});
            all.prompt_tokens += turn.prompt_tokens;
            all.reused_tokens += turn.reused_tokens;
            all.generated_tokens += turn.generated_tokens;
            all.prompt_seconds += turn.prompt_seconds;
            all.decode_seconds += turn.decode_seconds;
            all.decode_passes += turn.decode_passes;
        }
        const auto rate = [](std::int64_t tokens, double seconds) {
            return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
        };
        return Json{{"messages", std::move(messages)},
                    {"turns", std::move(turns)},
                    {"prompt_tokens", all.prompt_tokens},
                    {"reused_tokens", all.reused_tokens},
                    {"generated_tokens", all.generated_tokens},
                    {"forgotten_messages", forgotten_},
                    {"sampler", sampler_json(sampler)},
                    {"prompt_tokens_per_second", rate(all.prompt_tokens - all.reused_tokens, all.prompt_seconds)},
                    {"decode_tokens_per_second", rate(all.decode_passes, all.decode_seconds)}};
    }

    std::filesystem::path model_;
    std::optional<std::string> system_;
    std::optional<std::string> template_;
    std::int64_t max_tokens_ = 1024;
    std::int64_t context_ = 0;
    SamplingFlags sampling_;
    std::string act_name_ = "auto";
    std::string kv_name_ = "f32";
    std::vector<ChatMessage> transcript_;  // since the last /reset, what is forgotten included
    std::vector<ChatTurn> turns_;
    std::int64_t forgotten_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_chat() {
    return std::make_unique<Chat>();
}

}  // namespace dwubit::cli
