#include "eval/shared_rows.h"

#include <algorithm>
#include <numeric>

namespace dwubit {

SharedRows share_rows(std::span<const ScoredText> texts) {
    std::vector<std::int64_t> order(texts.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return texts[static_cast<std::size_t>(a)].ids < texts[static_cast<std::size_t>(b)].ids;
    });

    SharedRows shared;
    std::vector<std::int64_t> path;  // the rows of the text at hand
    std::span<const TokenId> before;
    for (const std::int64_t index : order) {
        const ScoredText& text = texts[static_cast<std::size_t>(index)];
        const std::span<const TokenId> read = std::span(text.ids).first(text.ids.size() - 1);
        const auto differs = std::mismatch(read.begin(), read.end(), before.begin(), before.end()).first;
        path.resize(static_cast<std::size_t>(differs - read.begin()));
        for (std::size_t p = path.size(); p < read.size(); ++p) {
            path.push_back(static_cast<std::int64_t>(shared.ids.size()));
            shared.ids.push_back(read[p]);
            shared.positions.push_back(static_cast<std::int64_t>(p));
        }
        for (std::size_t p = read.size() - static_cast<std::size_t>(text.scored); p < read.size(); ++p) {
            shared.targets.push_back({path[p], index, text.ids[p + 1]});
        }
        shared.ends.push_back(static_cast<std::int64_t>(shared.ids.size()));
        shared.longest = std::max(shared.longest, static_cast<std::int64_t>(read.size()));
        shared.text_positions += static_cast<std::int64_t>(read.size());
        before = read;
    }
    std::stable_sort(shared.targets.begin(), shared.targets.end(),
                     [](const auto& a, const auto& b) { return a.row < b.row; });
    return shared;
}

}  // namespace dwubit
