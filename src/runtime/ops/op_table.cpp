#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

constexpr OpTable kTables[] = {
    {Isa::kRef, rms_norm_f32_ref, rope_f32_ref, softmax_block_f32_ref, log_sum_exp_f32_ref, swiglu_f32_ref, add_f32_ref,
     to_bf16_f32_ref, dot_rows_f32_ref, add_rows_f32_ref, from_bf16_f32_ref, from_f16_f32_ref, to_f16_f32_ref,
     from_int8_f32_ref, to_int8_f32_ref, argmax_f32_ref},
    {Isa::kAvx2, rms_norm_f32_avx2, rope_f32_avx2, softmax_block_f32_avx2, log_sum_exp_f32_avx2, swiglu_f32_avx2,
     add_f32_avx2, to_bf16_f32_avx2, dot_rows_f32_avx2, add_rows_f32_avx2, from_bf16_f32_avx2, from_f16_f32_avx2,
     to_f16_f32_avx2, from_int8_f32_avx2, to_int8_f32_avx2, argmax_f32_avx2},
    {Isa::kAvx512, rms_norm_f32_avx512, rope_f32_avx512, softmax_block_f32_avx512, log_sum_exp_f32_avx512,
     swiglu_f32_avx512, add_f32_avx512, to_bf16_f32_avx512, dot_rows_f32_avx512, add_rows_f32_avx512,
     from_bf16_f32_avx512, from_f16_f32_avx512, to_f16_f32_avx512, from_int8_f32_avx512, to_int8_f32_avx512,
     argmax_f32_avx512},
};

}  // namespace

const OpTable& op_table(Isa isa) {
    return kTables[static_cast<int>(isa)];
}

const OpTable& active_ops() {
    static const OpTable table = [] {
        OpTable chosen = op_table(active_isa().isa);
        if (active_isa().avx512_bf16) chosen.to_bf16 = to_bf16_f32_avx512_bf16;
        return chosen;
    }();
    return table;
}

}  // namespace dwubit
