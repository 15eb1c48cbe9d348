// Golden logits of models/orlik (tests/oracle/orlik_logits.py): windows of token ids and, per position, a sample of
// the logits with what sums up the rest.
#pragma once

#include <cstdint>
#include <vector>

#include "dwubit/result.h"

namespace dwubit::testing {

struct OrlikRow {
    std::vector<std::int32_t> columns;  // vocabulary ids
    std::vector<float> logits;          // of those
    float log_sum_exp = 0;
    float max = 0;
    std::int32_t argmax = 0;
};

struct OrlikWindow {
    std::vector<std::int32_t> ids;
    std::vector<OrlikRow> rows;  // one per id; the window runs from position 0
};

Result<std::vector<OrlikWindow>> read_orlik_golden();

}  // namespace dwubit::testing
