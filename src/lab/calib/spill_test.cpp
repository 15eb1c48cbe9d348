#include "lab/calib/spill.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "lab/failure.h"
#include "support/temp_folder.h"

namespace dwubit::lab {
namespace {

constexpr std::uint64_t kBytes = (std::uint64_t{40} << 20) + 13;  // three blocks of the checksum, the last ragged

TEST(SpillFile, KeepsWhatWasWritten) {
    const testing::TempFolder folder;
    ThreadPool one(1), three(3);
    std::string checksum;
    {
        SpillFile file = SpillFile::create(folder / "a", kBytes);
        EXPECT_EQ(file.size(), kBytes);
        for (std::uint64_t i = 0; i < kBytes; ++i) file.data()[i] = static_cast<std::byte>(i * i >> 7);
        checksum = file.checksum(one);
        EXPECT_EQ(checksum, file.checksum(three));
    }
    EXPECT_TRUE(SpillFile::exists(folder / "a", kBytes));
    EXPECT_FALSE(SpillFile::exists(folder / "a", kBytes - 1));
    EXPECT_FALSE(SpillFile::exists(folder / "b", kBytes));
    SpillFile again = SpillFile::open(folder / "a", kBytes);
    EXPECT_EQ(again.data()[12345], static_cast<std::byte>(std::uint64_t{12345} * 12345 >> 7));
    EXPECT_EQ(again.checksum(three), checksum);
    for (const std::uint64_t place : {std::uint64_t{0}, kBytes / 2, kBytes - 1}) {
        again.data()[place] ^= std::byte{16};
        EXPECT_NE(again.checksum(three), checksum) << place;
        again.data()[place] ^= std::byte{16};
    }
    EXPECT_EQ(again.checksum(three), checksum);
}

TEST(SpillFile, AFullDiskIsAnErrorThatLeavesNothing) {
    const testing::TempFolder folder;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    rlimit limit = before;
    limit.rlim_cur = 1 << 20;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    try {
        SpillFile::create(folder / "a", kBytes);
        ADD_FAILURE();
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.error().kind, ErrorKind::kIo);
        EXPECT_NE(failure.error().message.find("41 MiB"), std::string::npos) << failure.error().message;
    }
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace dwubit::lab
