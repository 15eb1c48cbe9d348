// The kernels of one instruction set, and the set in use.
#pragma once

#include "runtime/cpu/isa.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

struct OpTable {
    Isa isa;
    RmsNormKernel rms_norm;
    RopeKernel rope;
    SoftmaxBlockKernel softmax_block;
    LogSumExpKernel log_sum_exp;
    SwigluKernel swiglu;
    AddKernel add;
    ToBf16Kernel to_bf16;
    DotRowsKernel dot_rows;
    AddRowsKernel add_rows;
    FromHalfKernel from_bf16;
    FromHalfKernel from_f16;
    ToF16Kernel to_f16;
    FromInt8Kernel from_int8;
    ToInt8Kernel to_int8;
    ArgmaxKernel argmax;
};

const OpTable& op_table(Isa isa);

// op_table(active_isa().isa), with the rows that an attribute of the processor (AVX512-BF16) improves
const OpTable& active_ops();

}  // namespace dwubit
