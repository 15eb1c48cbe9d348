// What one rendering may still spend. Whoever makes or walks a value pays first, so that no template, however it is
// built, takes more time or memory than the limits say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "template/template.h"

namespace dwubit::tmpl {

class Budget {
public:
    explicit Budget(const TemplateLimits& limits) : limits_(limits) {}

    Result<void> steps(std::uint64_t count) {
        if (count > limits_.steps - steps_) return too_many_steps();
        steps_ += count;
        return {};
    }
    // Reading `bytes` of text.
    Result<void> scan(std::uint64_t bytes) { return steps(bytes / 32); }
    // Making a string, or items of a list, of this size.
    Result<void> bytes(std::uint64_t count) {
        if (count > limits_.work_bytes - bytes_) return too_many_bytes();
        bytes_ += count;
        return {};
    }
    Result<void> items(std::uint64_t count);

    const TemplateLimits& limits() const { return limits_; }

private:
    Error too_many_steps() const;
    Error too_many_bytes() const;

    TemplateLimits limits_;
    std::uint64_t steps_ = 0;
    std::uint64_t bytes_ = 0;
};

// A string that grows on a budget.
class PaidText {
public:
    explicit PaidText(Budget& budget) : budget_(budget) {}

    Result<void> add(std::string_view text) {
        DWUBIT_TRY(budget_.bytes(text.size()));
        text_ += text;
        return {};
    }
    std::string take() { return std::move(text_); }

private:
    Budget& budget_;
    std::string text_;
};

}  // namespace dwubit::tmpl
