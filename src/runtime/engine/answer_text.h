// The text of the tokens that follow a prompt.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "runtime/engine/stop_strings.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// What decoding prompt and answer together adds to the prompt's text (so the space in front of the first word stays),
// special tokens left out, in whole characters, up to a stop string.
class AnswerText {
public:
    // The tokenizer must outlive this. Error for an id outside the vocabulary.
    static Result<AnswerText> create(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                                     std::vector<std::string> stops);

    // The text that has become certain. An error changes nothing.
    Result<std::string> push(TokenId id);
    // What is pending. Call once, last.
    std::string finish();
    // A stop string has come: no text follows.
    bool stopped() const { return stops_.stopped(); }

private:
    AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stops)
        : decoder_(tokenizer, true), stops_(std::move(stops)) {}
    std::string without_prompt(std::string piece);

    StreamDecoder decoder_;
    StopStrings stops_;
    std::string pending_;  // text of the prompt that the decoder holds back until its run of bytes ends
};

}  // namespace dwubit
