#include "runtime/cpu/memory_speed.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

// No figure can be expected of a machine, but what is physical can.
TEST(MemorySpeed, IsPositiveAndBelowAnyMemory) {
    ThreadPool pool(2);
    const auto speed = measure_memory_speed(std::size_t{4} << 20, pool);
    ASSERT_TRUE(speed.ok());
    EXPECT_GT(speed->copy, 0.01);
    EXPECT_GT(speed->read, 0.01);
    EXPECT_LT(speed->copy, 1e5);
    EXPECT_LT(speed->read, 1e5);
}

}  // namespace
}  // namespace dwubit
