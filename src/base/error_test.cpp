#include "base/error.h"

#include <gtest/gtest.h>

#include <memory>

namespace dwubit {
namespace {

Result<int> half(int x) {
    if (x % 2 != 0) return errorf(ErrorKind::kInvalidInput, "{} is odd", x);
    return x / 2;
}

Result<int> quarter(int x) {
    DWUBIT_ASSIGN(const int h, half(x).context("first half"));
    return half(h).context("second half");
}

Result<void> check_even(int x) {
    DWUBIT_TRY(half(x));
    return {};
}

TEST(Result, CarriesTheValue) {
    EXPECT_EQ(quarter(12).value(), 3);
    EXPECT_TRUE(check_even(2).ok());
}

TEST(Result, CarriesTheErrorWithItsContextInnermostFirst) {
    const auto result = quarter(6).context("outside");
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().message, "3 is odd");
    EXPECT_EQ(result.error().context, (std::vector<std::string>{"second half", "outside"}));
    EXPECT_FALSE(check_even(1).ok());
}

TEST(Result, MovesValuesThatCannotBeCopied) {
    Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
    const auto value = std::move(result).value();
    EXPECT_EQ(*value, 7);
}

TEST(Error, SystemErrorTellsMissingFromRefused) {
    errno = ENOENT;
    EXPECT_EQ(system_error("cannot open", "a").kind, ErrorKind::kNotFound);
    errno = EACCES;
    const Error error = system_error("cannot open", "a/b");
    EXPECT_EQ(error.kind, ErrorKind::kIo);
    EXPECT_EQ(error.message, "cannot open a/b: Permission denied");
}

TEST(Error, EveryKindHasItsName) {
    EXPECT_EQ(error_kind_name(ErrorKind::kUsage), "usage");
    EXPECT_EQ(error_kind_name(ErrorKind::kInvalidInput), "invalid_input");
    EXPECT_EQ(error_kind_name(ErrorKind::kInternal), "internal");
}

}  // namespace
}  // namespace dwubit
