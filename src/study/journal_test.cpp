#include "study/journal.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_folder.h"

namespace dwubit {
namespace {

StepRecord done_record(const std::string& id) {
    StepRecord record{.id = id, .key = "k1", .state = StepState::kDone};
    record.outputs = Json::array({{{"path", "a"}, {"bytes", 3}, {"sha256", "00"}}});
    record.seconds = 1.25;
    record.finished = "2026-01-02T03:04:05Z";
    record.environment = {{"cpu", "x"}};
    return record;
}

TEST(Journal, KeepsStepsNotesAndHashes) {
    const testing::TempFolder folder;
    {
        auto journal = Journal::open(folder.path());
        ASSERT_TRUE(journal.ok()) << journal.error().message;
        ASSERT_TRUE(journal->put(done_record("calibrate")).ok());
        ASSERT_TRUE(journal->put({.id = "report", .key = "k2"}).ok());
        ASSERT_TRUE(journal->set_note("study", "zażółć").ok());
        ASSERT_TRUE(journal->set_hash("model m", "stamp 1", "abc").ok());
    }
    auto journal = Journal::open(folder.path());
    ASSERT_TRUE(journal.ok());
    const auto steps = journal->steps();
    ASSERT_TRUE(steps.ok());
    ASSERT_EQ(steps->size(), 2U);
    const StepRecord& step = steps->at("calibrate");
    EXPECT_EQ(step.key, "k1");
    EXPECT_EQ(step.state, StepState::kDone);
    EXPECT_EQ(step.outputs, done_record("calibrate").outputs);
    EXPECT_EQ(step.seconds, 1.25);
    EXPECT_EQ(step.environment.at("cpu"), "x");
    EXPECT_EQ(steps->at("report").state, StepState::kRunning);
    EXPECT_TRUE(steps->at("report").outputs.is_null());
    EXPECT_EQ(journal->note("study").value(), "zażółć");
    EXPECT_FALSE(journal->note("other").value());
    EXPECT_EQ(journal->hash("model m", "stamp 1").value(), "abc");
    EXPECT_FALSE(journal->hash("model m", "stamp 2").value());
}

TEST(Journal, PutReplaces) {
    const testing::TempFolder folder;
    auto journal = Journal::open(folder.path());
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE(journal->put(done_record("a")).ok());
    StepRecord failed{.id = "a", .key = "k3", .state = StepState::kFailed};
    failed.failed = Json{{"message", "no"}};
    ASSERT_TRUE(journal->put(failed).ok());
    const auto steps = journal->steps();
    EXPECT_EQ(steps->at("a").state, StepState::kFailed);
    EXPECT_EQ(steps->at("a").failed->at("message"), "no");
    EXPECT_TRUE(steps->at("a").outputs.is_null());
}

TEST(Journal, ReadsWhatAnotherProcessThatDiedHadWritten) {
    const testing::TempFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        auto journal = Journal::open(folder.path());
        const bool put = journal.ok() && journal->put(done_record("a")).ok();
        ::_exit(put ? 0 : 1);  // without closing
    }
    int status = 1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    auto reader = Journal::read(folder.path());
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ(reader->steps()->at("a").state, StepState::kDone);
    EXPECT_FALSE(reader->put(done_record("b")).ok());
    auto copy = Journal::copy(folder.path());
    ASSERT_TRUE(copy.ok()) << copy.error().message;
    EXPECT_TRUE(copy->put(done_record("b")).ok());
    EXPECT_EQ(copy->steps()->size(), 2U);
    EXPECT_EQ(Journal::open(folder.path())->steps()->size(), 1U);
}

TEST(Journal, DamagedAndNewerFilesAreRefused) {
    const testing::TempFolder folder;
    std::ofstream(folder.path() / "journal.sqlite") << std::string(5000, 'x');
    const auto damaged = Journal::open(folder.path());
    ASSERT_FALSE(damaged.ok());
    EXPECT_EQ(damaged.error().kind, ErrorKind::kInvalidInput);
    EXPECT_NE(damaged.error().message.find("journal.sqlite"), std::string::npos);
    EXPECT_FALSE(Journal::read(folder.path()).ok());

    // SQLite's header has the user version at byte 60, big-endian.
    const testing::TempFolder newer;
    ASSERT_TRUE(Journal::open(newer.path()).ok());
    std::fstream file(newer.path() / "journal.sqlite", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60).write("\0\0\0\x02", 4);
    file.close();
    for (const auto& journal : {Journal::open(newer.path()).ok(), Journal::read(newer.path()).ok()}) {
        EXPECT_FALSE(journal);
    }
    EXPECT_EQ(Journal::open(newer.path()).error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(Journal::read(newer.path() / "none").error().kind, ErrorKind::kNotFound);
}

TEST(Journal, OneProcessHoldsTheLock) {
    const testing::TempFolder folder;
    auto first = Journal::lock(folder.path(), false);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = Journal::lock(folder.path(), false);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::kUsage);
    EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos) << second.error().message;
    *first = nullptr;
    EXPECT_TRUE(Journal::lock(folder.path(), true).ok());
}

}  // namespace
}  // namespace dwubit
