// Hessians as QuIP# and QTIP save them: one torch.save file per layer and site, `{layer}_{site}.pt`.
//
//   flatH   F32 [n (n + 1) / 2]   lower triangle row by row; centred (H - mu muT) where there is a mu
//   mu      F32 [n]               mean of the inputs; QTIP's files have none
//   n, ct   integers
#pragma once

#include <filesystem>

#include "base/log.h"
#include "checkpoint/pt.h"
#include "hessians/hessian_store.h"

namespace dwubit {

// One file as an uncentred Hessian, checked. `mean` says whether it had a mu (else mu is zero).
struct QuipHessian {
    Hessian hessian;
    bool mean = false;
};
Result<QuipHessian> read_quip_hessian(const PtFile& file, const std::string& where);

struct QuipImport {
    std::int64_t files = 0;
    std::int64_t without_mean = 0;
};

// Every `{layer}_{site}.pt` of `from` into a store at `folder`, whose fingerprint is `fingerprint` with settings
// {"source": "quip"}: model and corpus of such files are unknown unless the caller knows them.
Result<QuipImport> import_quip(const std::filesystem::path& from, const std::filesystem::path& folder,
                               HessianFingerprint fingerprint, ProgressSink& progress = no_progress());

// Every Hessian of the store as a centred file in `folder`. Unsupported above 4 GiB a file.
Result<void> export_quip(const HessianStore& store, const std::filesystem::path& folder,
                         ProgressSink& progress = no_progress());

}  // namespace dwubit
