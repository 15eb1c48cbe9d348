#include "runtime/engine/stop_strings.h"

#include <algorithm>

namespace dwubit {

std::string StopStrings::push(std::string_view piece) {
    if (stopped_) return {};
    text_.append(piece);
    std::size_t begin = 0;
    std::size_t end = std::string::npos;
    for (const std::string& stop : strings_) {
        const std::size_t at = text_.find(stop);
        if (at == std::string::npos) continue;
        const std::size_t stop_end = at + stop.size();
        if (stop_end > end || (stop_end == end && at > begin)) continue;
        begin = at;
        end = stop_end;
    }
    stopped_ = end != std::string::npos;
    const std::size_t certain = stopped_ ? begin : text_.size() - held_bytes();
    std::string out = text_.substr(0, certain);
    text_.erase(0, certain);
    if (stopped_) text_.clear();
    return out;
}

std::string StopStrings::finish() {
    return std::exchange(text_, {});
}

std::size_t StopStrings::held_bytes() const {
    std::size_t held = 0;
    for (const std::string& stop : strings_) {
        for (std::size_t size = std::min(stop.size() - 1, text_.size()); size > held; --size) {
            if (text_.ends_with(std::string_view(stop).substr(0, size))) held = size;
        }
    }
    return held;
}

}  // namespace dwubit
