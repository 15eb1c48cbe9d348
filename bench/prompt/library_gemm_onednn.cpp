#include <omp.h>

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

}  // namespace

struct LibraryGemm::State {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    std::map<std::pair<std::int64_t, std::int64_t>, Call> calls;  // by (in, out)
    std::vector<Call*> order;
    int threads = 1;
};

LibraryGemm::LibraryGemm(const std::vector<const Linear*>& linears, std::int64_t rows, ActType act, int threads)
    : state_(std::make_unique<State>()) {
    state_->threads = threads;
    omp_set_num_threads(threads);
    const auto type = act == ActType::kBf16 ? Memory::data_type::bf16 : Memory::data_type::f32;
    for (const Linear* linear : linears) {
        const std::pair shape(linear->in_features(), linear->out_features());
        auto found = state_->calls.find(shape);
        if (found == state_->calls.end()) {
            const Memory::desc x({rows, shape.first}, type, Memory::format_tag::ab);
            const Memory::desc w({shape.first, shape.second}, type, Memory::format_tag::any);
            const Memory::desc y({rows, shape.second}, Memory::data_type::f32, Memory::format_tag::ab);
            const dnnl::matmul::primitive_desc description({x, w, y}, state_->engine);
            Call call{dnnl::matmul(description), Memory(x, state_->engine),
                      Memory(description.weights_desc(), state_->engine), Memory(y, state_->engine)};
            found = state_->calls.emplace(shape, std::move(call)).first;
        }
        state_->order.push_back(&found->second);
    }
}

LibraryGemm::~LibraryGemm() = default;

void LibraryGemm::run() {
    omp_set_num_threads(state_->threads);
    for (Call* call : state_->order) {
        call->primitive.execute(state_->stream,
                                {{DNNL_ARG_SRC, call->x}, {DNNL_ARG_WEIGHTS, call->w}, {DNNL_ARG_DST, call->y}});
    }
    state_->stream.wait();
}

}  // namespace dwubit::bench
