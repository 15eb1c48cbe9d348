#include "lab/pipeline/layer_range.h"

#include <gtest/gtest.h>

#include "lab/failure.h"

namespace dwubit::lab {
namespace {

TEST(LayerRange, NamesLayersAndRanges) {
    EXPECT_EQ(parse_layers("0,3-5", 7), (std::vector<bool>{true, false, false, true, true, true, false}));
    EXPECT_EQ(parse_layers("6", 7), (std::vector<bool>{false, false, false, false, false, false, true}));
    EXPECT_EQ(parse_layers(std::nullopt, 2), (std::vector<bool>{true, true}));
}

TEST(LayerRange, RefusesWhatIsNone) {
    for (const char* text : {"", "7", "0-7", "3-2", "a", "1,", ",1", "1--2", "-1", "1-", "0,0", "0-2,1", "+1", "1 "}) {
        EXPECT_THROW(parse_layers(text, 7), Failure) << text;
    }
}

}  // namespace
}  // namespace dwubit::lab
