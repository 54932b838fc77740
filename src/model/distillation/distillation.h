// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/denoiser/loss.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// A student learns to reach in a few Euler steps what its teacher, a model of the same architecture, reaches by many
// small ones along the probability-flow ODE from the same noise. The student's levels are those of its sampler, which
// is sampled with them afterwards.
//
// As in progressive distillation (Salimans & Ho 2022, §3) a step of the student is to land where the teacher's small
// steps do. Unlike there, all levels are learnt together, from x as sampling meets it: pure noise (or noise on the
// regression) at the first, where the student's own step before led at the others. So an early step's error is set
// right by the later ones, and no picture is needed but the references.

struct DistillConfig {
  std::string teacher;             // folder of a run or a bundle
  std::int64_t teacher_steps = 8;  // the teacher's, for one of the student's
  double guidance = 1;             // of the teacher; the student gives the guided pictures without
  void bind(Fields& f);
};

// Noise levels: the student's, as noise_schedule() has them, and the teacher's between them.
struct DistillSchedule {
  NoiseSchedule student;
  std::vector<std::vector<double>> teacher;  // [i] from student.sigmas[i] to student.sigmas[i + 1], both included
};
// By Karras's formula with the sampler's ρ; the last ones pass the model's own lowest level before 0.
DistillSchedule distill_schedule(const ModelConfig& model, const SamplerConfig& student, std::int64_t teacher_steps);

// With about as many steps as the teacher makes for its student: for its pictures of the same noise.
SamplerConfig teacher_sampler(const ModelConfig& model, const SamplerConfig& student, const DistillConfig& config);

// Why the sampler's levels suit no student, with what to set instead; else empty.
std::string unfit_for_student(const ModelConfig& model, const SamplerConfig& student);

// The teacher's x at each of the student's levels after the first, where it is `x`, by DPM-Solver++(2M): in few steps
// it comes nearer than Heun's method.
std::vector<at::Tensor> teacher_points(at::Tensor x, const DistillSchedule& schedule, const DenoiseFunction& teacher);

// The D whose Euler step from x at σ arrives at `point` at the next level: Salimans & Ho 2022, appendix G, with α = 1.
at::Tensor denoised_to_reach(const at::Tensor& point, const at::Tensor& x, double sigma, double next);

// A trained denoiser that only answers: no gradient reaches it.
class Teacher {
 public:
  Teacher(const Denoiser& denoiser, const SamplerConfig& student, const DistillConfig& config);

  struct Path {
    at::Tensor regression;           // [ΣT,C,h,w] D(σ_max), where sampling begins with it; else undefined
    std::vector<at::Tensor> points;  // [ΣT·M,C,h,w] as teacher_points
  };
  // From `noise` [ΣT·M,C,h,w], with the conditions that the student has.
  Path path(const Batch& batch, const Arrangement& arrangement, const at::Tensor& noise) const;
  const DistillSchedule& schedule() const { return schedule_; }
  const Denoiser& denoiser() const { return denoiser_; }

 private:
  Denoiser denoiser_;
  DistillSchedule schedule_;
  double guidance_;
};

// Σ λ(σ)·w·ρ(D − D̃) over all of the student's levels, D̃ the D that reaches the teacher's point; of the options draws,
// foreground_weight and huber count. Random draws as in training_loss.
TrainingLoss distillation_loss(const Denoiser& student, const Teacher& teacher, const Batch& batch,
                               const LossOptions& options, std::uint64_t seed);

// What a training step minimises: with a teacher distillation_loss, else training_loss.
TrainingLoss loss_of_step(const Denoiser& denoiser, const Teacher* teacher, const Batch& batch,
                          const LossOptions& options, std::uint64_t seed, const PerceptualDistance& perceptual = {});

}  // namespace spinfill
