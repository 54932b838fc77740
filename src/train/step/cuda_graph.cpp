// SPDX-License-Identifier: Apache-2.0
#include "train/step/cuda_graph.h"

#include "core/error.h"

#ifdef SPINFILL_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace spinfill {

#ifdef SPINFILL_CUDA

namespace {

struct Shared {
  c10::cuda::CUDAStream stream;  // nothing can be recorded on the default one
  c10::MempoolId_t pool;
};

class CudaGraph : public Recording {
 public:
  explicit CudaGraph(const Shared& shared) : shared_(shared) {}

  void record(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard device(shared_.stream.device_index());
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStreamGuard stream(shared_.stream);
    // The loader's threads may use the device meanwhile; that is not recorded.
    graph_.capture_begin(shared_.pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();
      } catch (const std::exception&) {  // the first error tells more
      }
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  Shared shared_;
  at::cuda::CUDAGraph graph_;
};

}  // namespace

MakeRecording cuda_graphs(c10::Device device) {
  if (!device.is_cuda()) fail_usage("train.cuda_graphs needs a GPU, but this run is on {}", device.str());
  const Shared shared{c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index()),
                      at::cuda::graph_pool_handle()};
  return [shared] { return std::make_unique<CudaGraph>(shared); };
}

#else

MakeRecording cuda_graphs(c10::Device device) {
  fail_usage("train.cuda_graphs needs a GPU and a build with -DSPINFILL_CUDA=ON; this run is on {}", device.str());
}

#endif

MakeRecording recording_of(const TrainConfig& train, c10::Device device) {
  return train.cuda_graphs ? cuda_graphs(device) : MakeRecording();
}

}  // namespace spinfill
