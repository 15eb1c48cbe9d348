#include "study/outputs.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/sha256.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

class Outputs : public ::testing::Test {
protected:
    Outputs() : journal_(std::move(Journal::none()).value()) {
        write(folder_.path() / "models/a/w.bin", "weights");
        write(folder_.path() / "models/a/sub/x", "x");
        write(folder_.path() / "models/a/dwubit-run.json", "times");
        write(folder_.path() / "r.json", "{}");
    }

    testing::TempFolder folder_;
    Journal journal_;
};

TEST_F(Outputs, ListsFilesOfFoldersWithHashesSorted) {
    const auto list = list_outputs(folder_.path(), {"r.json", "models/a"}, journal_);
    ASSERT_TRUE(list.ok()) << list.error().message;
    const Json expected = Json::array({{{"path", "models/a/sub/x"}, {"bytes", 1}, {"sha256", sha256_hex("x")}},
                                       {{"path", "models/a/w.bin"}, {"bytes", 7}, {"sha256", sha256_hex("weights")}},
                                       {{"path", "r.json"}, {"bytes", 2}, {"sha256", sha256_hex("{}")}}});
    EXPECT_EQ(*list, expected);
    EXPECT_FALSE(list_outputs(folder_.path(), {"none"}, journal_).ok());
}

TEST_F(Outputs, HoldUntilAByteChangesOrAFileGoes) {
    const Json list = list_outputs(folder_.path(), {"models/a"}, journal_).value();
    EXPECT_TRUE(outputs_hold(folder_.path(), list, journal_).value());
    write(folder_.path() / "models/a/dwubit-run.json", "other times");
    EXPECT_TRUE(outputs_hold(folder_.path(), list, journal_).value());
    // Same size: seen by its hash, since the time changed.
    fs::remove(folder_.path() / "models/a/w.bin");
    write(folder_.path() / "models/a/w.bin", "weightz");
    EXPECT_FALSE(outputs_hold(folder_.path(), list, journal_).value());
    fs::remove(folder_.path() / "models/a/w.bin");
    EXPECT_FALSE(outputs_hold(folder_.path(), list, journal_).value());
    EXPECT_FALSE(outputs_hold(folder_.path(), Json(), journal_).value());
}

TEST_F(Outputs, AreRemovedWithAllThatIsInThem) {
    ASSERT_TRUE(remove_outputs(folder_.path(), {"models/a", "r.json", "none"}).ok());
    EXPECT_FALSE(fs::exists(folder_.path() / "models/a"));
    EXPECT_FALSE(fs::exists(folder_.path() / "r.json"));
}

}  // namespace
}  // namespace dwubit
