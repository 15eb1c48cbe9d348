#include "runtime/cpu/isa.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/check.h"
#include "base/error.h"

namespace dwubit {
namespace {

#if defined(__x86_64__)
struct CpuidLeaf {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidLeaf cpuid(unsigned leaf, unsigned subleaf) {
    CpuidLeaf r;
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

bool bit(unsigned word, int position) {
    return ((word >> position) & 1u) != 0;
}

// The register state that the operating system saves (XCR0).
std::uint64_t enabled_state() {
    unsigned low = 0;
    unsigned high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (std::uint64_t{high} << 32) | low;
}
#endif

Error bad_request(std::string_view request, std::string_view part) {
    return errorf(ErrorKind::kUsage, "DWUBIT_ISA={}: unknown part '{}'", request, part)
        .with_hint("DWUBIT_ISA=ref|avx2|avx512[,-amx][,-bf16][,-vnni][,-vbmi]");
}

}  // namespace

std::string_view isa_name(Isa isa) {
    switch (isa) {
        case Isa::kRef:
            return "ref";
        case Isa::kAvx2:
            return "avx2";
        case Isa::kAvx512:
            return "avx512";
    }
    return "ref";
}

std::string to_string(const CpuIsa& isa) {
    std::string extras;
    if (isa.avx512_vnni) extras += "vnni";
    if (isa.avx512_vbmi) extras += extras.empty() ? "vbmi" : ", vbmi";
    if (isa.avx512_bf16) extras += extras.empty() ? "bf16" : ", bf16";
    if (isa.amx_bf16) extras += extras.empty() ? "amx" : ", amx";
    return extras.empty() ? std::string(isa_name(isa.isa)) : fmt::format("{} ({})", isa_name(isa.isa), extras);
}

bool runs_on(const CpuIsa& isa, Isa level, unsigned needs) {
    return level <= isa.isa && ((needs & kNeedsVnni) == 0 || isa.avx512_vnni) &&
           ((needs & kNeedsVbmi) == 0 || isa.avx512_vbmi) && ((needs & kNeedsBf16) == 0 || isa.avx512_bf16);
}

std::string isa_suffix(Isa level, unsigned needs) {
    std::string suffix(isa_name(level));
    if ((needs & kNeedsVnni) != 0) suffix += "_vnni";
    if ((needs & kNeedsVbmi) != 0) suffix += "_vbmi";
    if ((needs & kNeedsBf16) != 0) suffix += "_bf16";
    return suffix;
}

CpuIsa detect_cpu_isa() {
    CpuIsa found;
#if defined(__x86_64__)
    const CpuidLeaf leaf1 = cpuid(1, 0);
    const CpuidLeaf leaf7 = cpuid(7, 0);
    if (!bit(leaf1.ecx, 27)) return found;  // OSXSAVE
    const std::uint64_t state = enabled_state();
    const bool ymm = (state & 0x6) == 0x6;
    const bool zmm = (state & 0xe6) == 0xe6;
    const bool tiles = (state & 0x60000) == 0x60000;
    const bool fma_f16c_avx = bit(leaf1.ecx, 12) && bit(leaf1.ecx, 29) && bit(leaf1.ecx, 28);
    if (!(ymm && fma_f16c_avx && bit(leaf7.ebx, 5))) return found;
    found.isa = Isa::kAvx2;
    const bool avx512 = bit(leaf7.ebx, 16) && bit(leaf7.ebx, 17) && bit(leaf7.ebx, 30) && bit(leaf7.ebx, 31);
    if (!(zmm && avx512)) return found;
    found.isa = Isa::kAvx512;
    found.avx512_vnni = bit(leaf7.ecx, 11);
    found.avx512_vbmi = bit(leaf7.ecx, 1);
    found.avx512_bf16 = bit(cpuid(7, 1).eax, 5);
    found.amx_bf16 = tiles && bit(leaf7.edx, 24) && bit(leaf7.edx, 22);
#endif
    return found;
}

Result<CpuIsa> select_isa(std::string_view request, const CpuIsa& available) {
    CpuIsa chosen = available;
    std::string_view rest = request;
    for (bool first = true; !rest.empty(); first = false) {
        const std::size_t comma = rest.find(',');
        const std::string_view part = rest.substr(0, comma);
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        if (first && part == "ref") {
            chosen.isa = Isa::kRef;
        } else if (first && part == "avx2") {
            chosen.isa = Isa::kAvx2;
        } else if (first && part == "avx512") {
            chosen.isa = Isa::kAvx512;
        } else if (part == "-amx") {
            chosen.amx_bf16 = false;
        } else if (part == "-bf16") {
            chosen.avx512_bf16 = chosen.amx_bf16 = false;
        } else if (part == "-vnni") {
            chosen.avx512_vnni = false;
        } else if (part == "-vbmi") {
            chosen.avx512_vbmi = false;
        } else {
            return bad_request(request, part);
        }
    }
    if (chosen.isa > available.isa) {
        return errorf(ErrorKind::kUnsupported, "DWUBIT_ISA={}: this processor has {}", request,
                      isa_name(available.isa));
    }
    if (chosen.isa < Isa::kAvx512) return CpuIsa{.isa = chosen.isa};
    return chosen;
}

const Result<CpuIsa>& process_isa() {
    static const Result<CpuIsa> selection = [] {
        const char* request = std::getenv("DWUBIT_ISA");
        return select_isa(request == nullptr ? "" : request, detect_cpu_isa());
    }();
    return selection;
}

const CpuIsa& active_isa() {
    DWUBIT_CHECK(process_isa().ok());
    return process_isa().value();
}

std::string cpu_name() {
#if defined(__x86_64__)
    if (cpuid(0x80000000u, 0).eax >= 0x80000004u) {
        char brand[49] = {};
        for (unsigned i = 0; i < 3; ++i) {
            const CpuidLeaf leaf = cpuid(0x80000002u + i, 0);
            std::memcpy(brand + 16 * i, &leaf, 16);
        }
        std::string_view name(brand);
        while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
        return std::string(name);
    }
#endif
    return "unknown";
}

}  // namespace dwubit
