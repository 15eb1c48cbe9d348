// The contract of a packed format: a format owns its bytes in both directions and the kernels that read them
// (docs/add-a-format.md). formats.inc lists all; registry.cpp makes the array.
//
// Two forms of a quantized weight matrix W [out, in]:
//   Codes         one element per code, as a method produces them; no layout
//   PackedTensor  the bytes on disk and in memory
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/span.h"
#include "checkpoint/tensor_table.h"
#include "dwubit/result.h"
#include "json/json.h"
#include "runtime/cpu/isa.h"
#include "runtime/gemm/act_type.h"

namespace dwubit {

// One array of Codes or one buffer of a PackedTensor. Names are from the fixed list of the dwubit directory:
// codes scales zeros codebook.<k> sign_in sign_out perm angles.
struct FieldSpec {
    std::string name;
    DType dtype = DType::kU8;
    Shape shape;
    std::uint64_t limit = 0;  // integers: values are below it; 0 = the dtype's range. For Codes only.
    // What the bits of this buffer are counted as: "codes", "scales", "codebook" or "transform".
    std::string_view kind = "codes";
};

struct Field {
    std::string name;
    DType dtype = DType::kU8;
    Shape shape;
    std::vector<std::byte> bytes;  // row-major, little-endian

    // The elements; sizeof(T) must be the dtype's size.
    template <class T>
    std::span<T> as() {
        return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
    }
    template <class T>
    std::span<const T> as() const {
        return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
    }
};

// A zeroed field as `spec` says.
Field make_field(const FieldSpec& spec);

struct Codes {
    Shape shape;  // [out, in]
    Json params;  // of the format, as Format::check_params returned them
    std::vector<Field> fields;

    Field* find(std::string_view name);
    const Field* find(std::string_view name) const;
};

struct PackedTensor {
    std::string format;
    int version = 0;
    Shape shape;
    Json params;
    std::vector<Field> buffers;
};

// A PackedTensor whose buffers lie elsewhere (a mapped file).
struct PackedView {
    Shape shape;
    Json params;
    std::vector<TensorView> buffers;  // name = the field's

    const TensorView* find(std::string_view name) const;
};
PackedView view_of(const PackedTensor& packed);

// A packed matrix ready to be read by kernels. Views the buffers, which must outlive it. Thread-safe.
class FormatReader {
public:
    virtual ~FormatReader() = default;
    // Rows [first, first + count) of W in float32, [count, in], columns in the model's order. By the reference path.
    virtual void dequantize(std::int64_t first, std::int64_t count, float* out) const = 0;
    // What the format's own kernels read: a struct of the format, which lives as long as the reader. nullptr if it has
    // no kernels of its own.
    virtual const void* matrix() const { return nullptr; }
};

// A row of a format's kernel table (docs/add-a-kernel.md): what a kernel does, what it needs, and its functions. Their
// first argument is FormatReader::matrix(). Kernels validate nothing; `supports` has been asked.
struct FormatKernel {
    const char* name;    // "<id>_<op>_<activations>_<isa>", "uniform_group_gemv_int8x2_avx512_vnni"
    const char* op;      // "dequantize", "gemv", "gemm"
    Isa isa;             // least level that runs it
    const char* device;  // "cpu", "cuda"
    ActType act = ActType::kF32;
    unsigned needs = kNeedsNothing;  // IsaNeeds beside the level
    // Empty if it takes matrices of these (normalised) parameters, else what it does not take. nullptr: takes all.
    std::string (*unsupported)(const Json& params, const Shape& shape) = nullptr;

    // op "gemv": y[r, j] = x[r] . W[first + j] for rows <= kMaxRows and j < columns; y: [rows, columns] without gaps.
    // x is read in an order of the kernel's own, which `arrange` makes of one row [in] of floats; rows follow each
    // other at arranged_bytes(), a multiple of 64, and start at 64. A row's result must not depend on the other rows.
    static constexpr std::int64_t kMaxRows = 8;
    std::size_t (*arranged_bytes)(const void* matrix) = nullptr;
    void (*arrange)(const void* matrix, const float* x, void* out) = nullptr;
    void (*product)(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) = nullptr;

    // op "dequantize", and op "gemm", which dequantizes panels for the dense product: rows [first, first + count) of W,
    // [count, in], columns in the model's order, in float32 (kF32) or as bf16 bits (kBf16). nullptr: the reader's.
    void (*dequantize)(const void* matrix, std::int64_t first, std::int64_t count, void* out) = nullptr;
};

struct Format {
    const char* id;  // "uniform_group"
    int version;
    std::span<const int> bits;  // bit widths of its codes
    // Normalises and checks the parameters for a matrix of this shape; the message names the parameter and its range.
    Result<Json> (*check_params)(const Json& params, const Shape& shape);
    // Params are normalised from here on.
    std::vector<FieldSpec> (*code_fields)(const Json& params, const Shape& shape);
    std::vector<FieldSpec> (*buffers)(const Json& params, const Shape& shape);
    // Fields as code_fields() says; a code at or above its limit is InvalidInput.
    Result<PackedTensor> (*pack)(const Codes& codes);
    // The inverse of pack(). Buffers have been checked by check_packed().
    Result<Codes> (*unpack)(const PackedView& packed);
    Result<std::unique_ptr<FormatReader>> (*bind)(const PackedView& packed);
    std::span<const FormatKernel> kernels;  // of those with the same op and activations the best first
    // Parameters that the conformance tests run, for a matrix of this shape (odd sizes included).
    std::vector<Json> (*test_params)(const Shape& shape);
};

// In the order of formats.inc.
std::span<const Format* const> formats();
// NotFound with the nearest id as hint; Unsupported where the version is newer than this build's.
Result<const Format*> find_format(std::string_view id, int version);

// The kernel of an op for matrices of these parameters on `isa`: the first row of the table that can run; nullptr if
// none can. `why_not` (may be nullptr) becomes what the last row that does not fit lacks, empty if there is no such
// row.
const FormatKernel* find_kernel(const Format& format, std::string_view op, ActType act, const Json& params,
                                const Shape& shape, const CpuIsa& isa, std::string* why_not = nullptr);

// For implementations of a format. A shape [out, in] with at least one and at most 2^48 weights.
Result<void> check_matrix(const Shape& shape);
// The parameters, and the fields against code_fields() and their limits; returns the parameters normalised.
Result<Json> check_codes(const Format& format, const Codes& codes);

// Names, dtypes and shapes of the buffers against Format::buffers(), and the parameters; messages name `where` and the
// field. After it, bind() and unpack() never read outside, whatever the bytes are; they refuse contents that make no
// sense (a scale that is not finite, a `perm` that is no permutation).
Result<void> check_packed(const Format& format, const PackedView& packed, const std::string& where);

// Bits per weight of a matrix in this format, by kind; `total` counts every byte of every buffer.
struct BitCount {
    double codes = 0;
    double scales = 0;
    double codebook = 0;
    double transform = 0;
    double total = 0;
};
BitCount count_bits(const Format& format, const Json& params, const Shape& shape);

}  // namespace dwubit
