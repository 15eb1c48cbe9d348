#include "runtime/engine/chat_session.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/error.h"
#include "runtime/engine/answer_text.h"

namespace dwubit {
namespace {

// The share of the context that is kept free for an answer, unless fewer tokens were asked for.
constexpr std::int64_t kAnswerShare = 4;

std::int64_t count(const std::vector<TokenId>& ids) {
    return static_cast<std::int64_t>(ids.size());
}

// Drops the oldest message after the system's and what follows it up to the next message of the user. False: only the
// last message would remain.
bool forget_oldest(std::vector<ChatMessage>& messages) {
    const auto is_user = [](const ChatMessage& message) { return message.role == "user"; };
    const auto first = messages.begin() + (messages.front().role == "system" ? 1 : 0);
    const auto next = first == messages.end() ? first : std::find_if(first + 1, messages.end(), is_user);
    if (next == messages.end()) return false;
    messages.erase(first, next);
    return true;
}

}  // namespace

ChatSession::ChatSession(const Model& model, const Tokenizer& tokenizer, ChatTemplate chat_template, ThreadPool& pool,
                         ChatOptions options, KvCache cache)
    : model_(&model),
      tokenizer_(&tokenizer),
      pool_(&pool),
      template_(std::move(chat_template)),
      options_(std::move(options)),
      cache_(std::move(cache)) {
    reset();
}

Result<ChatSession> ChatSession::create(const Model& model, const Tokenizer& tokenizer, ChatTemplate chat_template,
                                        ThreadPool& pool, ChatOptions options) {
    DWUBIT_ASSIGN(KvCache cache, KvCache::create(model.config(), options.context, options.kv));
    return ChatSession(model, tokenizer, std::move(chat_template), pool, std::move(options), std::move(cache));
}

void ChatSession::reset() {
    messages_.clear();
    if (options_.system) messages_.push_back({"system", *options_.system});
}

Result<ChatSession::Prompt> ChatSession::fit(std::vector<ChatMessage> messages) const {
    const std::time_t now = std::time(nullptr);
    const std::int64_t answer =
        std::min(options_.max_tokens, std::max<std::int64_t>(1, options_.context / kAnswerShare));
    const std::size_t before = messages.size();
    while (true) {
        DWUBIT_ASSIGN(const std::string text, template_.render(messages, now));
        DWUBIT_ASSIGN(std::vector<TokenId> ids, tokenizer_->encode(text, false));
        if (ids.empty()) return make_error(ErrorKind::kInvalidInput, "the chat template makes no text of the messages");
        const std::int64_t tokens = count(ids);
        const bool fits = tokens <= options_.context - answer;
        if (!fits && forget_oldest(messages)) continue;
        if (!fits && tokens >= options_.context) {
            return errorf(ErrorKind::kInvalidInput,
                          "the message has {} tokens with what the template adds, the context {}", tokens,
                          options_.context)
                .with_hint("a larger -c, or a shorter message");
        }
        const auto forgotten = static_cast<std::int64_t>(before - messages.size());
        return Prompt{std::move(messages), std::move(ids), forgotten};
    }
}

// Cuts the cache to what it shares with `ids`, the last of which is always evaluated: its logits are needed.
std::int64_t ChatSession::reuse(std::span<const TokenId> ids) {
    const std::size_t most = std::min(cached_.size(), ids.size() - 1);
    const auto end = std::mismatch(cached_.begin(), cached_.begin() + static_cast<std::ptrdiff_t>(most), ids.begin());
    cached_.erase(end.first, cached_.end());
    cache_.truncate(count(cached_));
    return count(cached_);
}

Result<ChatTurn> ChatSession::say(std::string text, const TextCallback& on_text, const GoOn& go_on) {
    std::vector<ChatMessage> asked = messages_;
    asked.push_back({"user", std::move(text)});
    DWUBIT_ASSIGN(Prompt prompt, fit(std::move(asked)));
    DWUBIT_ASSIGN(AnswerText answer_text, AnswerText::create(*tokenizer_, prompt.ids, options_.stops));
    ChatTurn turn;
    turn.prompt_tokens = count(prompt.ids);
    turn.forgotten = prompt.forgotten;
    turn.reused_tokens = reuse(prompt.ids);

    const std::span<const TokenId> ids = prompt.ids;
    const auto reused = static_cast<std::size_t>(turn.reused_tokens);
    GenerateOptions options;
    options.max_tokens = std::min(options_.max_tokens, options_.context - turn.prompt_tokens);
    options.eos_ids = options_.eos_ids;
    options.seen = ids.first(reused);
    options.sampler = options_.sampler;
    options.sampler.seed += turns_;

    std::string answer;
    const auto emit = [&](const std::string& piece) {
        answer += piece;
        if (!piece.empty()) on_text(piece);
    };
    Result<void> decoded;
    const auto on_token = [&](TokenId id) {
        Result<std::string> piece = answer_text.push(id);
        if (!piece.ok()) {
            decoded = std::move(piece.error());
            return false;
        }
        emit(*piece);
        return !answer_text.stopped() && go_on();
    };
    Result<Generation> generated = generate(*model_, ids.subspan(reused), cache_, options, on_token, *pool_);
    if (!generated.ok() || !decoded.ok()) {
        cached_.clear();
        cache_.truncate(0);
        return generated.ok() ? decoded.error() : generated.error();
    }
    emit(answer_text.finish());

    // The last new token is not in the cache, unless an end token was looked for behind it.
    cached_ = prompt.ids;
    cached_.insert(cached_.end(), generated->ids.begin(), generated->ids.end());
    cached_.resize(static_cast<std::size_t>(cache_.length()));
    turn.generated_tokens = count(generated->ids);
    turn.reason = answer_text.stopped() ? StopReason::kStop : generated->reason;
    turn.prompt_seconds = generated->prompt_seconds;
    turn.decode_seconds = generated->decode_seconds;
    turn.decode_passes = generated->decode_passes;
    messages_ = std::move(prompt.messages);
    messages_.push_back({"assistant", std::move(answer)});
    ++turns_;
    return turn;
}

}  // namespace dwubit
