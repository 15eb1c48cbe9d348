#include <omp.h>

#include <cstring>
#include <dnnl.hpp>
#include <map>

#include "bench/prompt/library_gemm.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/op_table.h"

namespace dwubit::bench {
namespace {

using Memory = dnnl::memory;

struct Call {
    dnnl::matmul primitive;
    Memory x, w, y;
};

using Shape = std::pair<std::int64_t, std::int64_t>;  // in, out

}  // namespace

struct LibraryGemm::State {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<Shape, Call> shapes;  // primitive, input and output are shared by linears of one shape
    std::vector<Call> calls;       // one per linear, each with weights of its own: a pass streams them all
    int threads = 1;
};

LibraryGemm::LibraryGemm(const std::vector<const Linear*>& linears, std::int64_t rows, ActType act, int threads)
    : state_(std::make_unique<State>()) {
    state_->threads = threads;
    omp_set_num_threads(threads);
    const auto type = act == ActType::kBf16 ? Memory::data_type::bf16 : Memory::data_type::f32;
    const auto filled = [&](const Memory::desc& description) {
        Memory memory(description, state_->engine);
        // Bytes 0x3c: about 0.012 in both types, neither zero nor denormal.
        std::memset(memory.get_data_handle(), 0x3c, description.get_size());
        return memory;
    };
    for (const Linear* linear : linears) {
        const Shape shape(linear->in_features(), linear->out_features());
        auto found = state_->shapes.find(shape);
        if (found == state_->shapes.end()) {
            const Memory::desc x({rows, shape.first}, type, Memory::format_tag::ab);
            const Memory::desc w({shape.first, shape.second}, type, Memory::format_tag::any);
            const Memory::desc y({rows, shape.second}, Memory::data_type::f32, Memory::format_tag::ab);
            const dnnl::matmul::primitive_desc description({x, w, y}, state_->engine);
            Call call{dnnl::matmul(description), filled(x), filled(description.weights_desc()), filled(y)};
            found = state_->shapes.emplace(shape, std::move(call)).first;
        }
        Call call = found->second;
        call.w = filled(call.w.get_desc());
        state_->calls.push_back(std::move(call));
    }
}

LibraryGemm::~LibraryGemm() = default;

void LibraryGemm::run() {
    omp_set_num_threads(state_->threads);
    for (Call& call : state_->calls) {
        call.primitive.execute(state_->stream,
                               {{DNNL_ARG_SRC, call.x}, {DNNL_ARG_WEIGHTS, call.w}, {DNNL_ARG_DST, call.y}});
    }
    state_->stream.wait();
}

}  // namespace dwubit::bench
