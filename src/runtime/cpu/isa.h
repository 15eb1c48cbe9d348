// Which instruction set the kernels use: what the processor has, lowered by DWUBIT_ISA.
//
//   DWUBIT_ISA=ref|avx2|avx512[,-amx][,-bf16][,-vnni][,-vbmi]
//
// A forced level that the processor lacks is an error, not a fallback. This file's .cpp is the only reader of the
// variable.
#pragma once

#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

// avx2 includes FMA and F16C; avx512 is F, BW, DQ and VL.
enum class Isa { kRef, kAvx2, kAvx512 };

std::string_view isa_name(Isa isa);

struct CpuIsa {
    Isa isa = Isa::kRef;
    bool avx512_bf16 = false;  // dot products of bf16 pairs; only with kAvx512
    bool amx_bf16 = false;     // tiles; only with kAvx512
    bool avx512_vnni = false;  // dot products of bytes; only with kAvx512
    bool avx512_vbmi = false;  // byte permutes; only with kAvx512
};

// What a kernel needs beside its level, as bits of a row in a kernel table. Kernels' names end in them:
// "..._avx512_vnni".
enum IsaNeeds : unsigned { kNeedsNothing = 0, kNeedsVnni = 1, kNeedsVbmi = 2, kNeedsBf16 = 4 };

// Whether a kernel of this level and these needs runs on `isa`.
bool runs_on(const CpuIsa& isa, Isa level, unsigned needs);
// The ending of a kernel's name: "avx512_vnni_vbmi".
std::string isa_suffix(Isa level, unsigned needs);

// "avx512 (vnni, vbmi, bf16, amx)"
std::string to_string(const CpuIsa& isa);

CpuIsa detect_cpu_isa();

// `request` as DWUBIT_ISA takes it; empty = everything `available` has.
Result<CpuIsa> select_isa(std::string_view request, const CpuIsa& available);

// The selection of this process, made once. An invalid DWUBIT_ISA gives the error at every call.
const Result<CpuIsa>& process_isa();

// process_isa() for code that runs after the program has checked it; aborts on its error.
const CpuIsa& active_isa();

// The processor's name as the system states it ("Intel(R) Xeon(R) ...").
std::string cpu_name();

}  // namespace dwubit
