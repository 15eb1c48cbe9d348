#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

class MappedFileTest : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::temp_directory_path() / ("dwubit-mapped-" + std::to_string(::getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path folder_;
};

TEST_F(MappedFileTest, ShowsTheBytesAndSurvivesAMove) {
    ASSERT_TRUE(write_file_atomically(folder_ / "f", "abc").ok());
    auto file = MappedFile::open(folder_ / "f");
    ASSERT_TRUE(file.ok());
    MappedFile moved = std::move(*file);
    ASSERT_EQ(moved.bytes().size(), 3u);
    EXPECT_EQ(moved.bytes()[1], std::byte{'b'});
    EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, EmptyFileIsAnEmptySpan) {
    ASSERT_TRUE(write_file_atomically(folder_ / "f", "").ok());
    EXPECT_TRUE(MappedFile::open(folder_ / "f")->bytes().empty());
}

TEST_F(MappedFileTest, RefusesWhatIsNotARegularFile) {
    EXPECT_EQ(MappedFile::open(folder_ / "none").error().kind, ErrorKind::kNotFound);
    EXPECT_EQ(MappedFile::open(folder_).error().kind, ErrorKind::kInvalidInput);
    ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
    EXPECT_EQ(MappedFile::open(folder_ / "fifo").error().kind, ErrorKind::kInvalidInput);
}

}  // namespace
}  // namespace dwubit
