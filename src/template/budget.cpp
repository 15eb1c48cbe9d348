#include "template/budget.h"

#include <fmt/format.h>

#include "template/value.h"

namespace dwubit::tmpl {

Result<void> Budget::items(std::uint64_t count) {
    if (count > limits_.work_bytes / sizeof(Value)) return too_many_bytes();
    DWUBIT_TRY(steps(count));
    return bytes(count * sizeof(Value));
}

Error Budget::too_many_steps() const {
    return make_error(ErrorKind::kInvalidInput, fmt::format("the template needs more than {} steps", limits_.steps));
}

Error Budget::too_many_bytes() const {
    return make_error(ErrorKind::kInvalidInput,
                      fmt::format("the template makes more than {} bytes of text and lists", limits_.work_bytes));
}

}  // namespace dwubit::tmpl
