// The golden files and the code that makes the same inputs again agree.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <span>
#include <string>

#include "base/sha256.h"
#include "support/orlik_golden.h"
#include "support/tiny_model.h"

namespace dwubit::testing {
namespace {

TEST(TinyModel, WeightsAreThoseOfTheOracle) {
    for (const std::string& name : tiny_model_names()) {
        const auto golden = read_tiny_golden(name);
        ASSERT_TRUE(golden.ok()) << golden.error().message;
        Sha256 hash;
        for (const TinyTensor& tensor : golden->tensors) {
            const auto values = tiny_tensor_values(tensor);
            hash.update(std::as_bytes(std::span(values)));
        }
        std::string hex;
        for (const std::uint8_t byte : hash.digest()) hex += fmt::format("{:02x}", byte);
        EXPECT_EQ(hex, golden->weights_sha256) << name;
    }
}

TEST(OrlikGolden, RowsAreConsistent) {
    const auto windows = read_orlik_golden();
    ASSERT_TRUE(windows.ok()) << windows.error().message;
    ASSERT_EQ(windows->size(), 4u);
    for (const OrlikWindow& window : *windows) {
        ASSERT_EQ(window.ids.size(), 512u);
        ASSERT_EQ(window.rows.size(), 512u);
        for (const OrlikRow& row : window.rows) {
            ASSERT_EQ(row.columns.size(), row.logits.size());
            // Equal where the prediction is certain (</s> then <s>): the rest is below half a unit of float32.
            EXPECT_LE(row.max, row.log_sum_exp);
            EXPECT_TRUE(row.argmax >= 0 && row.argmax < 4096);
            for (std::size_t j = 0; j < row.columns.size(); ++j) {
                EXPECT_LE(row.logits[j], row.max);
                EXPECT_EQ(row.columns[j] == row.argmax, row.logits[j] == row.max);
            }
        }
    }
}

}  // namespace
}  // namespace dwubit::testing
