// Texts to be scored as the rows of a tree in depth-first order (runtime/model/branch_pass.h): what texts have in
// common at their beginning occurs once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/request_tokens.h"

namespace dwubit {

struct SharedRows {
    // A row that predicts an id of a text.
    struct Target {
        std::int64_t row = 0;
        std::int64_t text = 0;
        TokenId id = 0;
    };

    std::vector<TokenId> ids;
    std::vector<std::int64_t> positions;
    std::vector<Target> targets;      // by row; those of one text in the order of its ids
    std::vector<std::int64_t> ends;   // one per text, ascending: the rows up to here hold so many texts entirely
    std::int64_t longest = 0;         // positions of the longest text
    std::int64_t text_positions = 0;  // of all texts, each alone
};

// The last id of a text is predicted, never read. The texts are taken in the order of their ids, so that nothing
// depends on the order given.
SharedRows share_rows(std::span<const ScoredText> texts);

}  // namespace dwubit
