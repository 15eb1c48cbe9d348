#include "support/orlik_golden.h"

#include <cstring>
#include <filesystem>
#include <string>

#include "base/atomic_file.h"
#include "base/error.h"
#include "json/json.h"

namespace dwubit::testing {
namespace {

constexpr std::int64_t kVocab = 4096;

// `values` are the sampled logits, log-sum-exp, maximum, argmax of row `t`.
OrlikRow make_row(std::int64_t t, std::int64_t sampled, const float* values) {
    OrlikRow row;
    for (std::int64_t j = 0; j < sampled; ++j) {
        row.columns.push_back(static_cast<std::int32_t>((173 * t + 1021 * j) % kVocab));
        row.logits.push_back(values[j]);
    }
    row.log_sum_exp = values[sampled];
    row.max = values[sampled + 1];
    row.argmax = static_cast<std::int32_t>(values[sampled + 2]);
    return row;
}

}  // namespace

Result<std::vector<OrlikWindow>> read_orlik_golden() {
    const std::filesystem::path folder = std::filesystem::path(DWUBIT_SOURCE_DIR) / "tests" / "golden" / "orlik";
    DWUBIT_ASSIGN(const Json json, read_json_file(folder / "logits.json"));
    DWUBIT_ASSIGN(const std::string bytes, read_file(folder / "logits.f32"));
    const std::int64_t sampled = json.at("sampled");
    const auto width = static_cast<std::size_t>(sampled) + 3;
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));

    std::vector<OrlikWindow> windows;
    std::size_t t = 0;
    for (const Json& ids : json.at("windows")) {
        OrlikWindow window{ids.get<std::vector<std::int32_t>>(), {}};
        if ((t + window.ids.size()) * width > values.size()) {
            return errorf(ErrorKind::kInvalidInput, "logits.f32 ends before window {}", windows.size());
        }
        for (std::size_t i = 0; i < window.ids.size(); ++i, ++t) {
            window.rows.push_back(make_row(static_cast<std::int64_t>(t), sampled, values.data() + t * width));
        }
        windows.push_back(std::move(window));
    }
    return windows;
}

}  // namespace dwubit::testing
