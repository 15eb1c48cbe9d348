#include "base/span.h"

#include <gtest/gtest.h>

#include <vector>

namespace dwubit {
namespace {

TEST(Shape, CountsElementsAndSeesOverflow) {
    std::int64_t count = -1;
    EXPECT_TRUE(element_count({}, &count));
    EXPECT_EQ(count, 1);
    EXPECT_TRUE(element_count({3, 0, 5}, &count));
    EXPECT_EQ(count, 0);
    EXPECT_TRUE(element_count({4096, 512}, &count));
    EXPECT_EQ(count, 2097152);
    EXPECT_FALSE(element_count({-1}, &count));
    EXPECT_FALSE(element_count({std::int64_t{1} << 40, std::int64_t{1} << 40}, &count));
    EXPECT_FALSE(element_count({0, std::int64_t{1} << 40, std::int64_t{1} << 40}, &count));
    EXPECT_EQ(to_string(Shape{4096, 512}), "[4096, 512]");
}

TEST(MatrixView, RowsKeepTheStride) {
    std::vector<float> data(12);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(i);
    const MatrixView<float> view(data.data(), 3, 2, 4);
    EXPECT_EQ(view(2, 1), 9.0f);
    EXPECT_EQ(view.row(1)[0], 4.0f);
    const MatrixView<const float> part = view.row_range(1, 2);
    EXPECT_EQ(part(1, 0), 8.0f);
    EXPECT_DEATH(view.row_range(2, 2), "internal check failed");
}

}  // namespace
}  // namespace dwubit
