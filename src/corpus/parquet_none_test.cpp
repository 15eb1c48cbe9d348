#include "corpus/parquet.h"

#include <gtest/gtest.h>

#include "corpus/corpus.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

TEST(Parquet, IsRefusedByABuildWithoutIt) {
    const dwubit::testing::TempFolder folder;
    ASSERT_FALSE(reads_parquet());
    int calls = 0;
    const auto result = for_each_document(folder.write("a.parquet", "PAR1PAR1"), "text", [&](std::string_view) {
        ++calls;
        return Result<void>();
    });
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(result.error().message.find("a.parquet: this build reads no Parquet"), std::string::npos);
    EXPECT_NE(result.error().hint.find("-DDWUBIT_PARQUET=ON"), std::string::npos);
    EXPECT_NE(result.error().hint.find(".jsonl"), std::string::npos);
    EXPECT_EQ(calls, 0);
}

TEST(Parquet, IsNotNamedAmongWhatIsRead) {
    const auto format = corpus_format("a.csv");
    ASSERT_FALSE(format.ok());
    EXPECT_EQ(format.error().hint.find("parquet"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
