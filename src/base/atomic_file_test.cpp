#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/file_size_limit.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("dwubit-atomic-" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}));
    }

    fs::path folder_;
};

TEST_F(AtomicFileTest, WritesTheWholeFileAndMakesParents) {
    const auto path = folder_ / "a" / "b" / "c.txt";
    ASSERT_TRUE(write_file_atomically(path, "zażółć").ok());
    EXPECT_EQ(read_file(path).value(), "zażółć");
    EXPECT_EQ(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator{}), 1);
}

TEST_F(AtomicFileTest, LeavesNothingWithoutCommit) {
    {
        auto file = AtomicFile::create(folder_ / "x" / "y.bin");
        ASSERT_TRUE(file.ok());
        ASSERT_TRUE(file->write("half").ok());
    }
    EXPECT_EQ(entries(), 0u);
}

TEST_F(AtomicFileTest, KeepsTheOldFileUntilCommit) {
    const auto path = folder_ / "f";
    ASSERT_TRUE(write_file_atomically(path, "old").ok());
    auto file = AtomicFile::create(path);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write("new").ok());
    EXPECT_EQ(read_file(path).value(), "old");
    ASSERT_TRUE(file->commit().ok());
    EXPECT_EQ(read_file(path).value(), "new");
    EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFileTest, MovedFromFileDoesNotRemoveTheTemporary) {
    auto file = AtomicFile::create(folder_ / "f");
    ASSERT_TRUE(file.ok());
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.write("x").ok());
    ASSERT_TRUE(moved.commit().ok());
    EXPECT_EQ(entries(), 1u);
}

TEST_F(AtomicFileTest, FullDiskIsAnErrorAndLeavesNothing) {
    const auto result = [&] {
        const testing::FileSizeLimit full(4096);
        return write_file_atomically(folder_ / "big", std::string(10000, 'x'));
    }();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, ErrorKind::kIo);
    EXPECT_NE(result.error().message.find("big"), std::string::npos);
    EXPECT_EQ(entries(), 0u);
}

TEST_F(AtomicFileTest, UnwritablePlaceNamesTheFolder) {
    std::ofstream(folder_ / "file") << "x";
    const auto result = write_file_atomically(folder_ / "file" / "inside", "y");
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message.find("file"), std::string::npos);
}

TEST_F(AtomicFileTest, ReadFileKeepsToItsLimitAndNamesAMissingFile) {
    ASSERT_TRUE(write_file_atomically(folder_ / "f", "12345").ok());
    EXPECT_TRUE(read_file(folder_ / "f", 5).ok());
    EXPECT_EQ(read_file(folder_ / "f", 4).error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(read_file(folder_ / "none").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace dwubit
