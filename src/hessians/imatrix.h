// llama.cpp's importance matrix: the diagonal of H under each tensor's GGUF name. The older .dat is below; the GGUF
// form is in imatrix_gguf.h.
//
//   i32 entries
//   entries x { i32 length; char name[length]; i32 calls; i32 values; f32 value[values] }
//   i32 last chunk; i32 length; char dataset[length]            (both may be missing)
//
// value = calls x mean of the squared input; readers divide by calls. Little-endian. Linears with the same input have
// the same values: attn_q, attn_k, attn_v; ffn_gate, ffn_up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "hessians/hessian_store.h"

namespace dwubit {

struct ImatrixEntry {
    std::string name;           // "blk.0.attn_q.weight"
    std::int32_t calls = 0;     // >= 1
    std::vector<float> values;  // per input feature; finite, not negative
};

struct Imatrix {
    std::vector<ImatrixEntry> entries;
    std::int32_t chunks = 0;
    std::string dataset;
};

// Errors name entry and index: counts that pass the file, entries of one name, NaN, infinity, negative values, calls
// < 1. Either form.
Result<Imatrix> parse_imatrix(std::span<const std::byte> file, const std::string& name);
// The GGUF form where the name ends in .gguf, else .dat.
Result<void> write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix);

// The names of a site's linears: of layer 2 and qkv blk.2.attn_q.weight, blk.2.attn_k.weight, blk.2.attn_v.weight.
std::vector<std::string> imatrix_names(std::int64_t layer, Site site);

// Diagonals of all sites; a call is 512 rows, as many as llama.cpp's chunks have.
Result<Imatrix> imatrix_of(const HessianStore& store, ProgressSink& progress = no_progress());

// A store at `folder` whose Hessians are diagonal, mu zero, ct = calls, settings {"source": "imatrix", "dataset"}.
// Entries that are not of a site (output.weight) are left out; their number is returned. InvalidInput where linears of
// one site disagree.
Result<std::int64_t> import_imatrix(const Imatrix& imatrix, const std::filesystem::path& folder,
                                    HessianFingerprint fingerprint, ProgressSink& progress = no_progress());

}  // namespace dwubit
