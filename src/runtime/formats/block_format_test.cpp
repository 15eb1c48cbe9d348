// What formats of ggml's blocks refuse.
#include <gtest/gtest.h>

#include "runtime/formats/format.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

TEST(BlockFormats, RefuseColumnsThatAreNoMultipleOfABlock) {
    const Format& large = *find_format("iq2_xxs", 1).value();
    EXPECT_TRUE(large.check_params(Json::object(), {3, 512}).ok());
    const auto refused = large.check_params(Json::object(), {3, 576});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message, "format iq2_xxs needs a multiple of 256 columns; the matrix has 576");
    EXPECT_EQ(refused.error().hint, "q4_0, iq4_nl and q8_0 take multiples of 32");
    for (const char* id : {"q4_0", "q5_0", "q8_0", "iq4_nl"}) {
        const Format& small = *find_format(id, 1).value();
        EXPECT_TRUE(small.check_params(Json::object(), {3, 576}).ok()) << id;
        EXPECT_FALSE(small.check_params(Json::object(), {3, 100}).ok()) << id;
    }
}

TEST(BlockFormats, RefuseAScaleThatIsNotFinite) {
    const Shape shape{2, 512};
    const Format& format = *find_format("q2_k", 1).value();
    PackedTensor packed = format.pack(testing::random_codes(format, Json::object(), shape, 1)).value();
    // the minima's scale of the second block of the second row: 82 bytes into it
    packed.buffers[0].bytes[3 * 84 + 82] = std::byte{0x00};
    packed.buffers[0].bytes[3 * 84 + 83] = std::byte{0x7c};
    const auto bound = format.bind(view_of(packed));
    ASSERT_FALSE(bound.ok());
    EXPECT_EQ(bound.error().message, "field 'scales': block 1 of row 1 has a scale that is not finite");
}

}  // namespace
}  // namespace dwubit
