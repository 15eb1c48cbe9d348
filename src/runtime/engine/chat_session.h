// A conversation with a model: its messages, and the KV cache of what they share from turn to turn.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/generate.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

struct ChatOptions {
    std::int64_t context = 0;     // positions of the KV cache
    KvType kv = KvType::kF32;     // and its type
    std::int64_t max_tokens = 0;  // of one answer, >= 1
    std::vector<TokenId> eos_ids;
    std::vector<std::string> stops;     // none empty
    SamplerOptions sampler = {};        // turn i, from 0, draws with seed + i
    std::optional<std::string> system;  // the first message of every conversation
};

struct ChatTurn {
    std::int64_t prompt_tokens = 0;     // of the whole conversation up to the answer
    std::int64_t reused_tokens = 0;     // of them in the cache already
    std::int64_t generated_tokens = 0;  // end token not counted
    std::int64_t forgotten = 0;         // oldest messages that the context had no room for
    StopReason reason = StopReason::kLength;
    double prompt_seconds = 0;
    double decode_seconds = 0;
    std::int64_t decode_passes = 0;
};

class ChatSession {
public:
    using TextCallback = std::function<void(std::string_view)>;  // a piece of the answer, whole characters
    using GoOn = std::function<bool()>;  // asked after each token; false ends the answer with kStop

    // Model, tokenizer and pool must outlive this. OutOfMemory names the cache's size.
    static Result<ChatSession> create(const Model& model, const Tokenizer& tokenizer, ChatTemplate chat_template,
                                      ThreadPool& pool, ChatOptions options);

    // Answers the user's `text`, and keeps both as messages. Where the context has no room for the conversation and a
    // part of itself for the answer, the oldest messages after the system's are forgotten, up to the next user's.
    // An error leaves the conversation as it was: a template that refuses it, a message longer than the context.
    Result<ChatTurn> say(std::string text, const TextCallback& on_text, const GoOn& go_on);

    // Begins a new conversation; the system's message stays.
    void reset();

    const std::vector<ChatMessage>& messages() const { return messages_; }

private:
    struct Prompt {
        std::vector<ChatMessage> messages;  // those that the context holds
        std::vector<TokenId> ids;
        std::int64_t forgotten = 0;
    };

    ChatSession(const Model& model, const Tokenizer& tokenizer, ChatTemplate chat_template, ThreadPool& pool,
                ChatOptions options, KvCache cache);
    Result<Prompt> fit(std::vector<ChatMessage> messages) const;
    std::int64_t reuse(std::span<const TokenId> ids);

    const Model* model_;
    const Tokenizer* tokenizer_;
    ThreadPool* pool_;
    ChatTemplate template_;
    ChatOptions options_;
    KvCache cache_;
    std::vector<TokenId> cached_;  // ids at the cache's positions
    std::vector<ChatMessage> messages_;
    std::uint64_t turns_ = 0;
};

}  // namespace dwubit
