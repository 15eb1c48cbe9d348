#include "base/output_folder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/atomic_file.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

const RunIdentity kRun = {{"command", "calibrate"}, {"model", std::string(64, 'a')}, {"length", "1024"}};

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

void put(const fs::path& path, const char* text = "x") {
    std::ofstream(path) << text;
}

// What a process killed after writing "a" leaves at out.partial.
void leave_remains(const fs::path& out, const RunIdentity& identity = kRun) {
    auto folder = OutputFolder::open(out, identity, false);
    ASSERT_TRUE(folder.ok());
    put(folder->partial() / "a");
    folder->keep();
}

TEST(OutputFolder, AppearsWholeAtTheEnd) {
    const testing::TempFolder temp;
    {
        auto folder = OutputFolder::open(temp / "x/y/out/", kRun, false);
        ASSERT_TRUE(folder.ok()) << folder.error().message;
        EXPECT_FALSE(folder->resumed());
        EXPECT_EQ(folder->path(), temp / "x/y/out");
        put(folder->partial() / "a");
        EXPECT_FALSE(fs::exists(temp / "x/y/out"));
        ASSERT_TRUE(folder->finish().ok());
    }
    EXPECT_EQ(entries(temp / "x/y"), 1u);
    EXPECT_EQ(entries(temp / "x/y/out"), 1u);  // no identity file
    EXPECT_EQ(read_file(temp / "x/y/out/a").value(), "x");
}

TEST(OutputFolder, LeavesNothingWithoutFinish) {
    const testing::TempFolder temp;
    {
        auto folder = OutputFolder::open(temp / "x/y/out", kRun, false);
        ASSERT_TRUE(folder.ok());
        put(folder->partial() / "a");
        OutputFolder moved = std::move(*folder);
        EXPECT_TRUE(fs::exists(moved.partial()));
    }
    EXPECT_EQ(entries(temp.path()), 0u);
}

TEST(OutputFolder, RemainsAreContinuedByTheSameRun) {
    const testing::TempFolder temp;
    leave_remains(temp / "x/out");
    temp.write("x/out.partial/sub/b.tmp-12-0", "half a file");
    EXPECT_TRUE(fs::exists(temp / "x/out.partial/a"));
    for (const bool overwrite : {false, true}) {
        auto again = OutputFolder::open(temp / "x/out", kRun, overwrite);
        ASSERT_TRUE(again.ok()) << again.error().message;
        EXPECT_TRUE(again->resumed());
        EXPECT_TRUE(fs::exists(again->partial() / "a"));
        EXPECT_TRUE(fs::is_empty(again->partial() / "sub"));
        again->keep_if_resumable(make_error(ErrorKind::kIo, "full"));
    }
    {
        auto again = OutputFolder::open(temp / "x/out", kRun, false);
        ASSERT_TRUE(again.ok());
        again->keep_if_resumable(make_error(ErrorKind::kInvalidInput, "broken"));
    }
    EXPECT_FALSE(fs::exists(temp / "x/out.partial"));
}

TEST(OutputFolder, AnyValueIsOneLineOfTheIdentity) {
    const testing::TempFolder temp;
    const RunIdentity run = {{"command", "x"}, {"text", "a\nmodel b"}, {"empty", ""}};
    leave_remains(temp / "out", run);
    EXPECT_TRUE(OutputFolder::open(temp / "out", run, false)->resumed());
    leave_remains(temp / "two", run);
    EXPECT_FALSE(OutputFolder::open(temp / "two", {{"command", "x"}, {"text", "a"}, {"model", "b"}}, false).ok());
}

TEST(OutputFolder, NothingWrittenIsNothingToKeep) {
    const testing::TempFolder temp;
    {
        auto folder = OutputFolder::open(temp / "x/out", kRun, false);
        ASSERT_TRUE(folder.ok());
        folder->keep();
    }
    EXPECT_EQ(entries(temp.path()), 0u);
}

TEST(OutputFolder, RemainsOfAnotherRunAreNamedAndKept) {
    const testing::TempFolder temp;
    leave_remains(temp / "out");
    const auto refused = [&](const RunIdentity& identity) {
        auto other = OutputFolder::open(temp / "out", identity, false);
        EXPECT_FALSE(other.ok());
        EXPECT_EQ(other.error().kind, ErrorKind::kUsage);
        EXPECT_NE(other.error().hint.find("--overwrite"), std::string::npos);
        EXPECT_TRUE(fs::exists(temp / "out.partial/a"));
        return other.error().message;
    };
    RunIdentity other = kRun;
    other[1].second = std::string(64, 'b');
    EXPECT_NE(refused(other).find("model was aaaaaaaaaaaa..., is bbbbbbbbbbbb..."), std::string::npos);
    other = kRun;
    other[2].second = "2048";
    EXPECT_NE(refused(other).find("length was '1024', is '2048'"), std::string::npos);
    other.pop_back();
    EXPECT_NE(refused(other).find("length was '1024', is nothing"), std::string::npos);

    auto taken = OutputFolder::open(temp / "out", other, true);
    ASSERT_TRUE(taken.ok()) << taken.error().message;
    EXPECT_FALSE(taken->resumed());
    EXPECT_FALSE(fs::exists(temp / "out.partial/a"));
}

TEST(OutputFolder, AForeignFolderAtPartialIsLeftAlone) {
    const testing::TempFolder temp;
    temp.write("out.partial/letter.txt", "dear");
    temp.write("file.partial", "dear");
    for (const bool overwrite : {false, true}) {
        EXPECT_EQ(OutputFolder::open(temp / "out", kRun, overwrite).error().kind, ErrorKind::kUsage);
        EXPECT_EQ(OutputFolder::open(temp / "file", kRun, overwrite).error().kind, ErrorKind::kUsage);
    }
    EXPECT_TRUE(fs::exists(temp / "out.partial/letter.txt"));
    EXPECT_TRUE(fs::exists(temp / "file.partial"));
    // An empty one can be anybody's: a process killed before it wrote its identity.
    fs::create_directory(temp / "empty.partial");
    EXPECT_TRUE(OutputFolder::open(temp / "empty", kRun, false).ok());
}

TEST(OutputFolder, WhatExistsIsRefusedUnlessOverwritten) {
    const testing::TempFolder temp;
    temp.write("out/old", "old");
    temp.write("file", "old");
    fs::create_directory_symlink(temp / "out", temp / "link");
    EXPECT_EQ(OutputFolder::open(temp / "out", kRun, false).error().kind, ErrorKind::kUsage);
    EXPECT_EQ(OutputFolder::open(temp / "out/", kRun, false).error().kind, ErrorKind::kUsage);
    for (const char* name : {"file", "link"}) {
        EXPECT_EQ(OutputFolder::open(temp / name, kRun, false).error().kind, ErrorKind::kUsage);
        EXPECT_EQ(OutputFolder::open(temp / name, kRun, true).error().kind, ErrorKind::kUsage);
    }
    {
        auto failed = OutputFolder::open(temp / "out", kRun, true);
        ASSERT_TRUE(failed.ok());
        put(failed->partial() / "new");
    }
    EXPECT_TRUE(fs::exists(temp / "out/old"));
    auto folder = OutputFolder::open(temp / "out", kRun, true);
    ASSERT_TRUE(folder.ok());
    put(folder->partial() / "new");
    ASSERT_TRUE(folder->finish().ok());
    EXPECT_FALSE(fs::exists(temp / "out/old"));
    EXPECT_TRUE(fs::exists(temp / "out/new"));
    EXPECT_EQ(entries(temp.path()), 3u);
}

TEST(OutputFolder, PathsWithoutANameAreRefused) {
    for (const char* path : {"", ".", "..", "/", "./", "x/..", "x/."}) {
        const auto folder = OutputFolder::open(path, kRun, true);
        ASSERT_FALSE(folder.ok()) << path;
        EXPECT_EQ(folder.error().kind, ErrorKind::kUsage) << path;
    }
    const fs::path here = fs::current_path();
    EXPECT_EQ(OutputFolder::open(here, kRun, true).error().kind, ErrorKind::kUsage);
    EXPECT_EQ(OutputFolder::open(here.parent_path(), kRun, true).error().kind, ErrorKind::kUsage);
}

TEST(OutputFolder, UnwritableParentNamesIt) {
    const testing::TempFolder temp;
    temp.write("file", "x");
    const auto folder = OutputFolder::open(temp / "file/deep/out", kRun, false);
    ASSERT_FALSE(folder.ok());
    EXPECT_EQ(folder.error().kind, ErrorKind::kIo);
    EXPECT_NE(folder.error().message.find("file"), std::string::npos);
}

TEST(OutputFolder, AppearedMeanwhileIsNotReplaced) {
    const testing::TempFolder temp;
    {
        auto folder = OutputFolder::open(temp / "out", kRun, false);
        ASSERT_TRUE(folder.ok());
        put(folder->partial() / "new");
        temp.write("out/other", "other");
        EXPECT_FALSE(folder->finish().ok());
    }
    EXPECT_TRUE(fs::exists(temp / "out/other"));
    EXPECT_TRUE(fs::exists(temp / "out.partial/new"));
}

TEST(OutputFolder, ASecondProcessIsKeptOut) {
    const testing::TempFolder temp;
    auto folder = OutputFolder::open(temp / "out", kRun, false);
    ASSERT_TRUE(folder.ok());
    put(folder->partial() / "a");
    const pid_t child = ::fork();
    if (child == 0) {
        const auto second = OutputFolder::open(temp / "out", kRun, true);
        const bool right = !second.ok() && second.error().kind == ErrorKind::kUsage &&
                           second.error().message.find("another process") != std::string::npos;
        ::_exit(right ? 0 : 1);
    }
    int status = 1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(fs::exists(temp / "out.partial/a"));
    ASSERT_TRUE(folder->finish().ok());
}

}  // namespace
}  // namespace dwubit
