#include "runtime/cpu/aligned_buffer.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

TEST(AlignedBuffer, StartsAtACacheLineAndKeepsItsPlaceWhenLargeEnough) {
    AlignedBuffer<float> buffer;
    EXPECT_EQ(buffer.size(), 0u);
    for (const std::size_t size : {1u, 17u, 1000u}) {
        float* data = buffer.reserve(size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0u);
        EXPECT_EQ(buffer.reserve(size / 2), data);
        EXPECT_EQ(buffer.size(), size);
    }
}

}  // namespace
}  // namespace dwubit
