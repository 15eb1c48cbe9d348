#include "runtime/cpu/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace dwubit {
namespace {

constexpr CpuIsa kFull{Isa::kAvx512, true, true, true, true};

TEST(Isa, EmptyRequestTakesAllThereIs) {
    const auto isa = select_isa("", kFull);
    ASSERT_TRUE(isa.ok());
    EXPECT_EQ(to_string(*isa), "avx512 (vnni, vbmi, bf16, amx)");
}

TEST(Isa, LevelsAndAttributesCanBeLowered) {
    EXPECT_EQ(to_string(*select_isa("avx512,-amx", kFull)), "avx512 (vnni, vbmi, bf16)");
    EXPECT_EQ(to_string(*select_isa("avx512,-bf16", kFull)), "avx512 (vnni, vbmi)");
    EXPECT_EQ(to_string(*select_isa("avx512,-vnni,-vbmi,-bf16", kFull)), "avx512");
    EXPECT_EQ(to_string(*select_isa("avx2", kFull)), "avx2");
    EXPECT_EQ(to_string(*select_isa("ref", kFull)), "ref");
}

TEST(Isa, KernelsRunWhereTheirLevelAndNeedsAre) {
    EXPECT_TRUE(runs_on(kFull, Isa::kAvx512, kNeedsVnni | kNeedsVbmi | kNeedsBf16));
    EXPECT_TRUE(runs_on(kFull, Isa::kAvx2, kNeedsNothing));
    EXPECT_FALSE(runs_on(*select_isa("avx512,-vnni", kFull), Isa::kAvx512, kNeedsVnni));
    EXPECT_FALSE(runs_on(*select_isa("avx512,-vbmi", kFull), Isa::kAvx512, kNeedsVnni | kNeedsVbmi));
    EXPECT_FALSE(runs_on(*select_isa("avx2", kFull), Isa::kAvx512, kNeedsNothing));
    EXPECT_EQ(isa_suffix(Isa::kAvx512, kNeedsVnni | kNeedsVbmi), "avx512_vnni_vbmi");
    EXPECT_EQ(isa_suffix(Isa::kRef, kNeedsNothing), "ref");
}

TEST(Isa, WhatTheProcessorLacksIsAnError) {
    const auto isa = select_isa("avx512", CpuIsa{.isa = Isa::kAvx2});
    ASSERT_FALSE(isa.ok());
    EXPECT_EQ(isa.error().kind, ErrorKind::kUnsupported);
    EXPECT_NE(isa.error().message.find("this processor has avx2"), std::string::npos);
}

TEST(Isa, UnknownPartsAreNamed) {
    for (const char* request : {"sse", "avx2,amx", "avx512,-vbmi9", "ref,avx2", ",avx2"}) {
        const auto isa = select_isa(request, kFull);
        ASSERT_FALSE(isa.ok()) << request;
        EXPECT_EQ(isa.error().kind, ErrorKind::kUsage);
        EXPECT_NE(isa.error().hint.find("ref|avx2|avx512"), std::string::npos);
    }
}

// Run by ctest once per level with DWUBIT_ISA set: the forced level is the one that is active.
TEST(Isa, ForcedLevelIsTheActiveOne) {
    const char* request = std::getenv("DWUBIT_ISA");
    const std::string expected = request == nullptr ? std::string(isa_name(detect_cpu_isa().isa)) : request;
    ASSERT_TRUE(process_isa().ok());
    EXPECT_EQ(isa_name(active_isa().isa), expected.substr(0, expected.find(',')));
}

}  // namespace
}  // namespace dwubit
