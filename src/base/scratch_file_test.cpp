#include "base/scratch_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "support/file_size_limit.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kBytes = (std::uint64_t{40} << 20) + 13;  // three blocks of the checksum, the last ragged

TEST(ScratchFile, KeepsWhatWasWritten) {
    const testing::TempFolder folder;
    ThreadPool one(1), three(3);
    std::string checksum;
    {
        ScratchFile file = ScratchFile::create(folder / "a", kBytes).value();
        EXPECT_EQ(file.size(), kBytes);
        for (std::uint64_t i = 0; i < kBytes; ++i) file.data()[i] = static_cast<std::byte>(i * i >> 7);
        checksum = file.checksum(one);
        EXPECT_EQ(checksum, file.checksum(three));
    }
    EXPECT_EQ(ScratchFile::open(folder / "a", kBytes - 1).error().kind, ErrorKind::kInvalidInput);
    EXPECT_EQ(ScratchFile::open(folder / "b", kBytes).error().kind, ErrorKind::kNotFound);
    ScratchFile again = ScratchFile::open(folder / "a", kBytes).value();
    EXPECT_EQ(again.data()[12345], static_cast<std::byte>(std::uint64_t{12345} * 12345 >> 7));
    EXPECT_EQ(again.checksum(three), checksum);
    for (const std::uint64_t place : {std::uint64_t{0}, kBytes / 2, kBytes - 1}) {
        again.data()[place] ^= std::byte{16};
        EXPECT_NE(again.checksum(three), checksum) << place;
        again.data()[place] ^= std::byte{16};
    }
    EXPECT_EQ(again.checksum(three), checksum);
}

TEST(ScratchFile, AFullDiskIsAnErrorThatLeavesNothing) {
    const testing::TempFolder folder;
    const auto file = [&] {
        const testing::FileSizeLimit full(1 << 20);
        return ScratchFile::create(folder / "a", kBytes);
    }();
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().kind, ErrorKind::kIo);
    EXPECT_NE(file.error().message.find("41 MiB"), std::string::npos) << file.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace dwubit
