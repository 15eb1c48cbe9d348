#include "runtime/engine/answer_text.h"

#include <utility>

namespace dwubit {

Result<AnswerText> AnswerText::create(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                                      std::vector<std::string> stops) {
    AnswerText result(tokenizer, std::move(stops));
    std::size_t shown = 0;
    for (const TokenId id : prompt) {
        DWUBIT_ASSIGN(const std::string piece, result.decoder_.push(id));
        shown += piece.size();
    }
    DWUBIT_ASSIGN(const std::string text, tokenizer.decode(prompt, true));
    if (shown < text.size()) result.pending_ = text.substr(shown);
    return result;
}

Result<std::string> AnswerText::push(TokenId id) {
    DWUBIT_ASSIGN(std::string piece, decoder_.push(id));
    return stops_.push(without_prompt(std::move(piece)));
}

std::string AnswerText::finish() {
    std::string text = stops_.push(without_prompt(decoder_.finish()));
    return text + stops_.finish();
}

// A run of bytes comes out in one piece. Where the prompt ends within a character, that character is the answer's.
std::string AnswerText::without_prompt(std::string piece) {
    if (piece.empty() || pending_.empty()) return piece;
    if (piece.compare(0, pending_.size(), pending_) == 0) piece.erase(0, pending_.size());
    pending_.clear();
    return piece;
}

}  // namespace dwubit
